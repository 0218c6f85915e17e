"""The same save, killed at the same calls, in a stock `transformers.Trainer`: the comparison.

In: the same base model and texts. Out: a scene as tests/faults/scenes.py has them. Never: changes
what the Trainer does; only the moment before its save is caught.
"""

import hashlib
from pathlib import Path
from typing import Any

from tests.faults.killing import Gate
from tests.faults.live import END, EVERY, RATE
from tests.faults.scenes import Scene

DONE = 42
"""Exit status of a child that has saved and rotated, and has no more to do."""


class Stock(Scene):
    """The third save of `Trainer.train()` with save_total_limit=2; the first one is deleted."""

    def trainer(self, folder: Path, *, gate: Gate | None = None) -> Any:
        """A Trainer as its documentation has it; with a gate it waits before the third save."""
        import os

        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments

        torch.manual_seed(1)
        tokenizer = AutoTokenizer.from_pretrained(self.base)
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        rows = [tokenizer(text, truncation=True, max_length=64)["input_ids"] for text in self.texts]
        model = AutoModelForCausalLM.from_pretrained(self.base, dtype=torch.float32)
        if self.candidate.method == "lora":
            from peft import LoraConfig, get_peft_model

            model = get_peft_model(model, LoraConfig(
                r=4, lora_alpha=8, lora_dropout=0.2, target_modules="all-linear"))  # fmt: skip

        class Gated(Trainer):
            def _save_checkpoint(self, *words: Any, **more: Any) -> Any:
                last = gate is not None and self.state.global_step == 3 * EVERY
                if last:
                    gate()
                found = super()._save_checkpoint(*words, **more)
                return os._exit(DONE) if last else found

        arguments = TrainingArguments(
            output_dir=str(folder), max_steps=END, save_steps=EVERY, save_total_limit=2,
            per_device_train_batch_size=2, gradient_accumulation_steps=2, learning_rate=RATE,
            report_to=[], use_cpu=True, disable_tqdm=True, logging_steps=1000, seed=42,
        )  # fmt: skip
        return Gated(model=model, args=arguments, train_dataset=_Rows(rows),
                     data_collator=_Padded(tokenizer.pad_token_id))  # fmt: skip

    def prepare(self, folder: Path) -> None:
        from transformers import TrainerCallback

        class Until(TrainerCallback):
            def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
                control.should_training_stop = state.global_step >= 2 * EVERY

        trainer = self.trainer(folder)
        trainer.add_callback(Until())
        trainer.train()

    def act(self, folder: Path, gate: Gate) -> None:
        self.trainer(folder, gate=gate).train(
            resume_from_checkpoint=str(folder / f"checkpoint-{2 * EVERY}")
        )

    def undisturbed(self, folder: Path) -> dict[str, Any]:
        return {"end": self._resumed(folder)}

    def check(self, folder: Path) -> dict[str, Any]:
        try:
            end = self._resumed(folder)
        except Exception as error:
            return {"wrong": f"bricked: {type(error).__name__}: {str(error)[:80]}"}
        return {"wrong": "" if end == self.truth["end"] else "wrong weights at the end"}

    def _resumed(self, folder: Path) -> str:
        trainer = self.trainer(folder)
        trainer.train(resume_from_checkpoint=True)
        found = hashlib.sha256()
        for name, tensor in sorted(trainer.model.state_dict().items()):
            found.update(name.encode() + tensor.contiguous().numpy().tobytes())
        return found.hexdigest()[:16]


class _Rows:
    """Rows of token numbers as a map-style data set."""

    def __init__(self, rows: list[list[int]]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, at: int) -> dict[str, list[int]]:
        return {"input_ids": self._rows[at]}


class _Padded:
    """Rows to one length; what fills up is not learnt."""

    def __init__(self, pad: int) -> None:
        self._pad = pad

    def __call__(self, rows: list[dict[str, list[int]]]) -> dict[str, Any]:
        import torch

        longest = max(len(row["input_ids"]) for row in rows)
        ids = torch.full((len(rows), longest), self._pad)
        labels = torch.full((len(rows), longest), -100)
        for at, row in enumerate(rows):
            ids[at, : len(row["input_ids"])] = torch.tensor(row["input_ids"])
            labels[at, : len(row["input_ids"])] = torch.tensor(row["input_ids"])
        return {"input_ids": ids, "labels": labels, "attention_mask": (labels != -100).long()}
