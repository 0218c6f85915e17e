"""Nights made ill on purpose: which recover, and what a healthy night's ladder does (nothing).

python bench/sick.py               about three minutes; keeps each night's result in --work
python bench/sick.py --report      writes bench/results/sick.md
"""

import json
import math
import random
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import nights

sys.path.insert(0, str(nights.ROOT))  # the ills are those of the tests

from tests.training import tiny
from tests.training.sickness import (
    Ill,
    Sick,
    broken_weight,
    longer,
    louder,
    meet,
    no_loss,
    one_gradient,
)

from overnight.training import lineage, methods
from overnight.training.batches import Corpus
from overnight.training.render import Encoded
from overnight.training.session import Material
from overnight.values.ledger import Evaluated, Stepped, Stopped
from overnight.values.troubles import Clipped, Dropped, Rewound

HORIZON = 60
RATE = 2e-3
ROWS = 120
EACH = 2
"""Nights of each illness, at steps of their own."""
CLEAN = 5
CANDIDATE = replace(tiny.CANDIDATE, max_length=64, max_grad_norm=100.0)
KINDS: tuple[str, ...] = (
    "loss not finite, once",
    "a gradient infinite, twice",
    "loss not finite, three in a row",
    "a weight infinite",
    "gradient x 10,000, once",
    "gradient x 30, three in a row",
    "loss and gradient x 10, five in a row",
    "loss not finite for ever",
)


def ills(kind: str, at: int) -> tuple[dict[int, Ill], Ill | None]:
    """What befalls which attempt."""
    found: dict[str, tuple[dict[int, Ill], Ill | None]] = {
        KINDS[0]: ({at: no_loss}, None),
        KINDS[1]: ({at: one_gradient, at + 3: one_gradient}, None),
        KINDS[2]: (dict.fromkeys(range(at, at + 3), no_loss), None),
        KINDS[3]: ({at: broken_weight}, None),
        KINDS[4]: ({at: longer(1e4)}, None),
        KINDS[5]: (dict.fromkeys(range(at, at + 3), longer(30.0)), None),
        KINDS[6]: (dict.fromkeys(range(at, at + 5), louder(10.0)), None),
        KINDS[7]: ({at: no_loss}, no_loss),
    }
    return found.get(kind, ({}, None))


def rows(data: Path) -> Corpus:
    """Questions and answers of gsm8k in the small model's tokens; the answers are learnt."""
    import numpy as np
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(data / "stories260K" / "hf")
    lines = (data / "gsm8k" / "train.jsonl").read_text("utf-8").splitlines()[:ROWS]
    pieces = [[tokenizer(one[part])["input_ids"] for part in ("question", "answer")]
              for one in map(json.loads, lines)]  # fmt: skip
    learn = [np.arange(len(q) + len(a)) >= len(q) // 2 for q, a in pieces]
    lengths = [len(q) + len(a) for q, a in pieces]
    return Corpus.cut(Encoded(
        tokens=np.asarray([token for q, a in pieces for token in q + a], dtype=np.int32),
        learn=np.concatenate(learn), chat_template="none",
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
    ), CANDIDATE.max_length)  # fmt: skip


def night(data: Path, corpus: Corpus, kind: str, seed: int) -> dict[str, Any]:
    """One night, and what it told."""
    import numpy as np

    candidate = replace(CANDIDATE, seed=seed)
    material = Material(corpus, np.arange(ROWS - 40), pad_id=1)
    base = str(data / "stories260K" / "hf")
    session = Sick(methods.load_base(base, candidate), candidate, material)
    at = random.Random(f"{kind} {seed}").randrange(30, HORIZON - 8)
    session.ills, session.always = ills(kind, at)
    with tempfile.TemporaryDirectory() as folder:
        met = meet(Path(folder), session, horizon=HORIZON, rate=RATE)
        met.keeper.held_out = {
            "select": range(ROWS - 40, ROWS - 20),
            "test": range(ROWS - 20, ROWS),
        }
        met.live()
        best = lineage.newest_promoted(Path(folder), met.night.entries)
        if met.kinds(Stopped)[-1].reason == "health" and best.path is not None:
            session.restore(best.path)  # what is published
        return {
            "kind": kind, "seed": seed, "at": at, "loss": met.loss(),
            "before": met.kinds(Evaluated)[0].loss.loss,
            "steps": len({step.step for step in met.kinds(Stepped)}),
            "dropped": len(met.kinds(Dropped)), "clipped": len(met.kinds(Clipped)),
            "rewound": len(met.kinds(Rewound)), "stopped": met.kinds(Stopped)[-1].reason,
            "finite": session.finite(), "promoted": best.step,
        }  # fmt: skip


def row_of(kind: str, those: list[dict[str, Any]], clean: Mapping[int, float]) -> str:
    """One line of the table."""
    worse = [one["loss"] - clean[one["seed"]] for one in those]
    usable = sum(one["finite"] and math.isfinite(one["loss"]) for one in those)
    whole = sum(one["steps"] == HORIZON for one in those)
    counts = " | ".join(
        f"{min(one[what] for one in those)} to {max(one[what] for one in those)}"
        for what in ("dropped", "clipped", "rewound")
    )
    return (f"| {kind} | {len(those)} | {usable} | {whole} | {counts} | "
            f"{min(worse):+.3f} to {max(worse):+.3f} |")  # fmt: skip


def report(found: list[dict[str, Any]]) -> None:
    """Everything into one file."""
    clean = {one["seed"]: one["loss"] for one in found if one["kind"] == "none"}
    healthy = [one for one in found if one["kind"] == "none"]
    touched = sum(bool(one["dropped"] + one["clipped"] + one["rewound"]) for one in healthy)
    ill = [one for one in found if one["kind"] != "none"]
    lines = [
        "# Nights made ill on purpose", "", nights.machine(), "",
        f"The real 260k-parameter Llama, {ROWS} rows of gsm8k, {HORIZON} steps, a save and a look "
        "at every tenth; the illness comes at a random step from the 30th on. "
        f"{len(ill)} nights made ill; left with a usable model: "
        f"{sum(one['finite'] and math.isfinite(one['loss']) for one in ill)}. {len(healthy)} "
        f"nights left alone; the ladder touched {touched} of them.", "",
        "`loss`: held out at the end (or of what is published, where it gave up), beside the same "
        "night left alone, whose loss falls by "
        f"{min(one['before'] - one['loss'] for one in healthy):.2f} nats or more.", "",
        "| illness | nights | usable at the end | all steps done | dropped | clipped | rewound | "
        "loss beside the healthy night's |", "|---|---|---|---|---|---|---|---|",
        *(row_of(kind, [one for one in ill if one["kind"] == kind], clean) for kind in KINDS),
        "", "Repeat: `python bench/sick.py && python bench/sick.py --report`",
    ]  # fmt: skip
    (nights.RESULTS / "sick.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Runs what is missing; writes the table."""
    asked = nights.arguments("nights made ill on purpose")
    asked.work.mkdir(parents=True, exist_ok=True)
    file = asked.work / "sick.jsonl"
    if asked.report:
        return report(list(nights.remembered(file)))
    corpus = rows(asked.data)
    done = {(one["kind"], one["seed"]) for one in nights.remembered(file)}
    wanted = [("none", seed) for seed in range(CLEAN)]
    wanted += [(kind, seed) for kind in KINDS for seed in range(EACH)]
    for kind, seed in wanted:
        if (kind, seed) not in done:
            nights.remember(file, night(asked.data, corpus, kind, seed))
    return None


if __name__ == "__main__":
    main()
