"""Trainers as people have them, with models of two layers and a clock that the test moves."""

from pathlib import Path
from typing import Any

import torch
from tests.fakes import FakeClock
from tests.training import small_tokenizer
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    LlamaConfig,
    LlamaForCausalLM,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.utils import logging

from overnight import DeadlineCallback

ROWS = [{"input_ids": [1, *((n * k) % 60 + 3 for k in range(1, 7)), 2]} for n in range(32)]
LABELLED = [row | {"labels": row["input_ids"]} for row in ROWS]
PLAIN: dict[str, Any] = {
    "per_device_train_batch_size": 4, "num_train_epochs": 1000, "save_strategy": "no",
    "logging_steps": 1, "learning_rate": 1e-2, "report_to": "none", "use_cpu": True,
    "disable_tqdm": True, "dataloader_pin_memory": False, "per_device_eval_batch_size": 8,
}  # fmt: skip


class Takes(TrainerCallback):  # type: ignore[misc]
    """Moves the clock as steps, saves and evaluations would; stands before the callback."""

    def __init__(self, clock: FakeClock, *, step: float = 1.0, save: float = 0.5,
                 look: float = 2.0, micro: float = 0.0) -> None:  # fmt: skip
        self.clock, self.step, self.save, self.look, self.micro = clock, step, save, look, micro
        self.order: list[tuple[str, int]] = []

    def on_substep_end(self, args: Any, state: Any, control: Any, **live: Any) -> None:
        self.clock.advance(self.micro)

    def on_step_end(self, args: Any, state: Any, control: Any, **live: Any) -> None:
        self.clock.advance(self.step)

    def on_save(self, args: Any, state: Any, control: Any, **live: Any) -> None:
        self.order.append(("save", state.global_step))
        self.clock.advance(self.save)

    def on_evaluate(self, args: Any, state: Any, control: Any, **live: Any) -> None:
        self.order.append(("look", state.global_step))
        self.clock.advance(self.look)


class Dies(TrainerCallback):  # type: ignore[misc]
    """Ends the process, as far as a test can, at a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_begin(self, args: Any, state: Any, control: Any, **live: Any) -> None:
        if state.global_step == self.step:
            raise KeyboardInterrupt


def llama() -> Any:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=32,
        bos_token_id=1, eos_token_id=2,
    ))  # fmt: skip


def bart() -> Any:
    torch.manual_seed(0)
    return BartForConditionalGeneration(BartConfig(
        vocab_size=64, d_model=16, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=32,
        decoder_ffn_dim=32, encoder_attention_heads=2, decoder_attention_heads=2,
        max_position_embeddings=32, dropout=0.0, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        decoder_start_token_id=2, forced_eos_token_id=2,
    ))  # fmt: skip


def plain(folder: Path, *callbacks: Any, **given: Any) -> Any:
    """A `Trainer` of a causal model."""
    args = TrainingArguments(output_dir=str(folder), **(PLAIN | given))
    looks = LABELLED[:8] if args.eval_strategy != "no" else None
    return Trainer(llama(), args, train_dataset=LABELLED, eval_dataset=looks,
                   callbacks=list(callbacks))  # fmt: skip


def two_sided(folder: Path, *callbacks: Any, **given: Any) -> Any:
    """A `Seq2SeqTrainer` of an encoder and a decoder."""
    args = Seq2SeqTrainingArguments(output_dir=str(folder), **(PLAIN | given))
    looks = LABELLED[:8] if args.eval_strategy != "no" else None
    return Seq2SeqTrainer(bart(), args, train_dataset=LABELLED, eval_dataset=looks,
                          callbacks=list(callbacks))  # fmt: skip


def instructed(folder: Path, *callbacks: Any, **given: Any) -> Any:
    """An `SFTTrainer` of conversations."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    tokenizer = small_tokenizer.make(small_tokenizer.CHATML)
    tokenizer.pad_token = tokenizer.eos_token
    model = llama()
    model.resize_token_embeddings(len(tokenizer))
    turns = [(("user", f"{n} + 1?"), ("assistant", f"{n + 1}")) for n in range(32)]
    rows = [{"messages": [{"role": r, "content": c} for r, c in turn]} for turn in turns]
    own = {"max_length": 32, "bf16": False, "activation_checkpointing": False}
    args = SFTConfig(output_dir=str(folder), **(PLAIN | own | given))
    looks = Dataset.from_list(rows[:8]) if args.eval_strategy != "no" else None
    return SFTTrainer(model, args, train_dataset=Dataset.from_list(rows), eval_dataset=looks,
                      processing_class=tokenizer, callbacks=list(callbacks))  # fmt: skip


MAKERS = {"Trainer": plain, "SFTTrainer": instructed, "Seq2SeqTrainer": two_sided}


def rates(trainer: Any) -> list[float]:
    """The learning rates that were logged, step by step."""
    return [one["learning_rate"] for one in trainer.state.log_history if "learning_rate" in one]


def saved(folder: Path) -> list[int]:
    """Steps of the checkpoints that lie there."""
    return sorted(int(one.name.split("-")[1]) for one in folder.glob("checkpoint-*"))


def weights(model: Any) -> list[Any]:
    return [one.detach().clone() for one in model.parameters()]


def same(one: list[Any], other: list[Any]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def quiet(monkeypatch: Any) -> None:
    """No network, and times of day that a test knows."""
    for name, value in (("HF_HUB_OFFLINE", "1"), ("HF_HUB_DISABLE_TELEMETRY", "1"), ("TZ", "UTC")):
        monkeypatch.setenv(name, value)
    logging.disable_progress_bar()


def led(clock: FakeClock, within: str = "60s", **given: Any) -> DeadlineCallback:
    return DeadlineCallback(within=within, clock=clock, **given)


def train(make: Any, folder: Path, clock: FakeClock, *, within: str = "60s",
          takes: Any = None, wanted: Any = None, **given: Any) -> tuple[Any, float]:  # fmt: skip
    """A run led to its deadline; the trainer, and the seconds that are left."""
    ends = clock.boot() + float(within.removesuffix("s"))
    callback = led(clock, within, **(wanted or {}))
    trainer = make(folder, takes or Takes(clock), callback, **given)
    trainer.train()
    return trainer, ends - clock.boot()
