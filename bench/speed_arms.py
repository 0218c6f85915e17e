"""One arm of bench/speed.py in a process of its own: python bench/speed_arms.py SPEC.

In: a spec (arm, model, rows, method, precision, threads). Out: one line of JSON: tokens and seconds
of each step, peak memory. Never: another arm's settings; each trains as its users run it.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import speed_work as work

if TYPE_CHECKING:
    from overnight.training.session import Material
    from overnight.values.plan import Candidate

ROWS = 8
"""Of a step: TRL's per_device_train_batch_size; blocks are four to a step."""
BLOCKS = 4
RATE = 1e-4
Steps = list[tuple[float, int, int, list[int]]]
"""Of each step: when it ended, its tokens and learnt tokens, the lengths of its rows."""


def rows_per_step(spec: dict[str, Any]) -> int:
    """The same for all arms."""
    return BLOCKS if spec["data"] == "blocks" else ROWS


def candidate(spec: dict[str, Any]) -> "Candidate":
    """What a plan would hold: no more is asked for than the other arms do."""
    from overnight.values.plan import Candidate

    return Candidate(
        method=spec["method"], per_device_train_batch_size=rows_per_step(spec),
        gradient_accumulation_steps=1, max_length=work.MAX_LENGTH, learning_rate=RATE,
        precision=spec["precision"], gradient_checkpointing=False)  # fmt: skip


def material(rows: list[work.Row]) -> "Material":
    """The rows as a session takes them."""
    import numpy as np

    from overnight.training.batches import Corpus
    from overnight.training.render import Encoded
    from overnight.training.session import Material

    tokens = np.array([token for row in rows for token in row.ids], dtype=np.int32)
    learn = np.array([label != work.IGNORED for row in rows for label in row.labels])
    ends = np.cumsum([0, *(len(row.ids) for row in rows)])
    encoded = Encoded(tokens=tokens, learn=learn, offsets=ends, chat_template="none")
    return Material(Corpus.cut(encoded, work.MAX_LENGTH), np.arange(len(rows)), pad_id=1)


def overnight(spec: dict[str, Any], rows: list[work.Row]) -> Steps:
    """Our own step, as a night takes it."""
    from overnight.training import methods
    from overnight.training.session import Session

    wanted = candidate(spec)
    session = Session(methods.load_base(spec["model"], wanted), wanted, material(rows))
    steps: Steps = []
    for held in session.order.epoch(0):
        taken = session.step(RATE)
        lengths = session.corpus.lengths[held].tolist()
        steps.append((time.perf_counter(), taken.tokens, taken.learnt_tokens, lengths))
    return steps


class Counted:
    """A collator that counts what it hands out."""

    def __init__(self, collate: Callable[[Any], Any]) -> None:
        self._collate = collate
        self.held: list[tuple[int, int, list[int]]] = []

    def __call__(self, rows: Any) -> Any:
        """The batch, as the trainer's own collator makes it."""
        # A pack says where its rows begin.
        packed = [row.get("seq_lengths") or [len(row["input_ids"])] for row in rows]
        lengths = [int(length) for row in packed for length in row]
        learnt = sum(int(label) != work.IGNORED for row in rows for label in row["labels"])
        self.held.append((sum(lengths), learnt, lengths))
        return self._collate(rows)


def trl(spec: dict[str, Any], rows: list[work.Row]) -> Steps:
    """SFTTrainer with its defaults; `packing` where the spec asks, of as many tokens a step."""
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    settings: dict[str, Any] = {"per_device_train_batch_size": rows_per_step(spec)}
    if spec["arm"] == "trl packed":
        tokens = sum(len(row.ids) for row in rows) * rows_per_step(spec) / len(rows)
        settings = {
            "packing": True,
            "per_device_train_batch_size": max(round(tokens / work.MAX_LENGTH), 1),
        }
    ended: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        """When each step ended."""

        def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            """After every optimizer step."""
            ended.append(time.perf_counter())

    trainer = SFTTrainer(
        model=spec["model"],
        args=SFTConfig(output_dir=spec["out"], bf16=spec["precision"] == "bf16", use_cpu=True,
                       report_to="none", disable_tqdm=True, save_strategy="no", num_train_epochs=1,
                       **settings),
        train_dataset=Dataset.from_dict({"input_ids": [row.ids for row in rows],
                                         "labels": [row.labels for row in rows]}),
        processing_class=AutoTokenizer.from_pretrained(spec["model"]),
        peft_config=LoraConfig(**work.LORA) if spec["method"] == "lora" else None,
        callbacks=[Clock()])  # fmt: skip
    counted = trainer.data_collator = Counted(trainer.data_collator)
    trainer.train()
    return [(at, *held) for at, held in zip(ended, counted.held, strict=False)]


def _batches(rows: list[work.Row], size: int) -> Iterator[tuple[dict[str, Any], list[work.Row]]]:
    """Padded batches in the rows' own order, as a collator makes them."""
    import torch

    for at in range(0, len(rows), size):
        some = rows[at : at + size]
        width = max(len(row.ids) for row in some)
        ids = [row.ids + [1] * (width - len(row.ids)) for row in some]
        labels = [row.labels + [work.IGNORED] * (width - len(row.ids)) for row in some]
        mask = [[1] * len(row.ids) + [0] * (width - len(row.ids)) for row in some]
        batch = {"input_ids": ids, "labels": labels, "attention_mask": mask}
        yield {name: torch.tensor(value) for name, value in batch.items()}, some


def plain(spec: dict[str, Any], rows: list[work.Row]) -> Steps:
    """A hand loop of transformers: padded batches, autocast, clipping, AdamW."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(spec["model"], dtype=torch.float32)
    if spec["method"] == "lora":
        model = get_peft_model(model, LoraConfig(**work.LORA))
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=RATE)
    model.train()
    steps: Steps = []
    for batch, held in _batches(rows, rows_per_step(spec)):
        with torch.autocast("cpu", torch.bfloat16, enabled=spec["precision"] == "bf16"):
            loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        lengths = [len(row.ids) for row in held]
        learnt = sum(row.learnt for row in held)
        steps.append((time.perf_counter(), sum(lengths), learnt, lengths))
    return steps


def peak(spec: dict[str, Any], side: int = 2048, seconds: float = 2.0) -> float:
    """Operations a second of square products in this precision: the best."""
    import torch

    kind = torch.bfloat16 if spec["precision"] == "bf16" else torch.float32
    matrix = torch.randn(side, side).to(kind)
    best, until = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        begun = time.perf_counter()
        matrix @ matrix
        best = max(best, 2.0 * side**3 / (time.perf_counter() - begun))
    return best


ARMS = {"overnight": overnight, "trl": trl, "trl packed": trl, "plain": plain}


def main() -> None:
    """Trains once through the rows, and tells."""
    spec = json.loads(sys.argv[1])
    import torch

    torch.set_num_threads(spec["threads"])
    found: dict[str, Any] = {}
    if spec["arm"] == "peak":
        found["peak"] = peak(spec)
    else:
        import resource

        pieces = work.tokenizer(Path(spec["tokenizer"]), Path(spec["source"]))
        rows = work.rows(Path(spec["source"]), spec["data"], pieces, spec["rows"])
        found["steps"] = ARMS[spec["arm"]](spec, rows)
        found["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    Path(spec["result"]).write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
