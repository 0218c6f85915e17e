"""The neutral judge: python at_deadline_judge.py SPEC OUT; transformers and peft, none of our code.

In: a base, artefacts with the newest first, rows in tokens. Out: summed losses of every row in
fp32 for the first artefact that can be read, and why those before it could not. Never: trains.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BATCH_TOKENS = 8192
"""Padding included: a batch's logits stay under 200 MB at 4,096 pieces."""


class Unreadable(Exception):
    """An artefact that a user could not load either."""


def load(path: Path, base: Path) -> Any:
    """The model of an artefact, fp32, in evaluation mode.

    Raises:
        Unreadable: it cannot be loaded, or weights are missing in it.
    """
    try:
        adapter = (path / "adapter_config.json").exists()
        model = _adapted(path, base) if adapter else _whole(path)
    except Unreadable:
        raise
    except Exception as error:  # whatever a torn file makes the libraries say
        raise Unreadable(f"{path.name}: {type(error).__name__}: {error}"[:300]) from error
    return model.float().eval()


def _whole(path: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    model, told = AutoModelForCausalLM.from_pretrained(
        path, dtype=torch.float32, output_loading_info=True
    )
    lacking = [*told["missing_keys"], *told["mismatched_keys"]]
    if lacking:
        raise Unreadable(f"{path.name}: {len(lacking)} weights are missing or of another shape")
    return model


def _adapted(path: Path, base: Path) -> Any:
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import safe_open

    model = PeftModel.from_pretrained(_whole(base), path)
    with safe_open(path / "adapter_model.safetensors", "pt") as file:
        there = set(file.keys())
    lacking = set(get_peft_model_state_dict(model)) - there
    if lacking:
        raise Unreadable(f"{path.name}: {len(lacking)} weights of the adapter are missing")
    return model


def batches(lengths: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Rows of like length together, at most `BATCH_TOKENS` of them padded."""
    order = np.argsort(-lengths, kind="stable")
    at = 0
    while at < len(order):
        rows = max(1, BATCH_TOKENS // int(lengths[order[at]]))
        yield order[at : at + rows]
        at += rows


def row_sums(model: Any, rows: dict[str, NDArray[Any]]) -> list[float]:
    """Summed negative log-likelihood (nats) of every row's learnt tokens."""
    import torch

    tokens, learn, offsets = rows["tokens"], rows["learn"], rows["offsets"]
    lengths = np.diff(offsets)
    sums = np.zeros(len(lengths))
    with torch.no_grad():
        for some in batches(lengths):
            width = int(lengths[some].max())
            ids = np.zeros((len(some), width), dtype=np.int64)
            labels = np.full((len(some), width), -100, dtype=np.int64)
            mask = np.zeros((len(some), width), dtype=np.int64)
            for place, row in enumerate(some):
                here = slice(offsets[row], offsets[row + 1])
                ids[place, : lengths[row]] = tokens[here]
                mask[place, : lengths[row]] = 1
                labels[place, : lengths[row]] = np.where(learn[here], tokens[here], -100)
            sums[some] = _losses(model, ids, mask, labels)
    return [float(one) for one in sums]


def _losses(model: Any, ids: Any, mask: Any, labels: Any) -> NDArray[np.float64]:
    """Of a padded batch, row by row."""
    import torch

    ids, mask, labels = (torch.from_numpy(one) for one in (ids, mask, labels))
    logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1]
    wanted = labels[:, 1:]
    learnt = wanted != -100
    losses = torch.nn.functional.cross_entropy(logits[learnt], wanted[learnt], reduction="none")
    sums = torch.zeros(len(ids), dtype=torch.float64)
    found: NDArray[np.float64] = sums.index_add(0, learnt.nonzero()[:, 0], losses.double()).numpy()
    return found


def judge(spec: dict[str, Any]) -> dict[str, Any]:
    """What of the artefacts counts, and its row losses."""
    with np.load(spec["rows"]) as file:
        rows = {name: file[name] for name in ("tokens", "learn", "offsets")}
    passed_over = []
    for name in spec["artefacts"]:
        try:
            model = load(Path(name), Path(spec["base"]))
        except Unreadable as error:
            passed_over.append(str(error))
            continue
        return {"artefact": name, "passed_over": passed_over, "sums": row_sums(model, rows),
                "parameters": sum(one.numel() for one in model.parameters())}  # fmt: skip
    return {"artefact": None, "passed_over": passed_over, "sums": None}


def main() -> None:
    """Reads the spec, writes the verdict."""
    spec = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    Path(sys.argv[2]).write_text(json.dumps(judge(spec)), "utf-8")


if __name__ == "__main__":
    main()
