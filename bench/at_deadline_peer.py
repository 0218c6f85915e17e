"""One process of a peer: python at_deadline_peer.py SPEC; TRL and transformers as people use them.

In: a spec (trainer, settings, method, base, tokens). Out: checkpoints as its trainer writes
them, `final/` if it comes to its own end, `progress.json` now and then. Never: the deadline; who
started it pulls the plug.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

PROGRESS_SECONDS = 0.5
LOSSLESS: dict[str, Any] = {"report_to": "none", "use_cpu": True, "disable_tqdm": True}
"""What changes nothing of what is learnt: no tracker, no bar, no card."""


def tell(out: Path, state: Any) -> None:
    """Steps and epochs so far, whole at every moment."""
    beside = out / "progress.new"
    beside.write_text(json.dumps({"steps": state.global_step, "epoch": state.epoch}), "utf-8")
    os.replace(beside, out / "progress.json")


def often(out: Path, every: float) -> Any:
    """A callback that saves once so many seconds have gone by, and says where it is."""
    from transformers import TrainerCallback

    class Often(TrainerCallback):  # type: ignore[misc]
        """Saves by the clock."""

        def __init__(self) -> None:
            self.saved, self.told = time.monotonic(), 0.0

        def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            """After every optimizer step."""
            now = time.monotonic()
            if now - self.saved >= every:
                control.should_save, self.saved = True, now
            if now - self.told >= PROGRESS_SECONDS:
                tell(out, state)
                self.told = now

    return Often()


def arguments(spec: dict[str, Any]) -> dict[str, Any]:
    """The settings of a run, those of the arm over what only keeps it quiet."""
    rate = {} if spec["rate"] is None else {"learning_rate": spec["rate"]}
    # Its own strategy would save every 500 steps besides.
    saves = {**spec["saving"], "save_strategy": "steps", "save_steps": 10**9}
    return {"output_dir": spec["out"], "seed": spec["seed"], **LOSSLESS, **saves,
            **spec["settings"], **rate}  # fmt: skip


def instructed(spec: dict[str, Any]) -> Any:
    """An SFTTrainer that loads the model itself."""
    from datasets import load_from_disk
    from peft import LoraConfig
    from transformers import AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    return SFTTrainer(
        model=spec["base"],
        args=SFTConfig(**arguments(spec)),
        train_dataset=load_from_disk(spec["tokens"]),
        processing_class=AutoTokenizer.from_pretrained(spec["base"]),
        peft_config=LoraConfig(**spec["lora"]) if spec["method"] == "lora" else None,
    )


def plain(spec: dict[str, Any]) -> Any:
    """A Trainer with peft, as the guides' scripts have it."""
    import torch
    from datasets import load_from_disk
    from peft import LoraConfig, get_peft_model
    from transformers import (
        AutoModelForCausalLM,
        AutoTokenizer,
        DataCollatorForSeq2Seq,
        Trainer,
        TrainingArguments,
        set_seed,
    )

    set_seed(spec["seed"])
    tokenizer = AutoTokenizer.from_pretrained(spec["base"])
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(spec["base"], dtype=torch.float32)
    if spec["method"] == "lora":
        model = get_peft_model(model, LoraConfig(**spec["lora"]))
        if spec["settings"].get("gradient_checkpointing"):
            model.enable_input_require_grads()
    return Trainer(
        model, TrainingArguments(**arguments(spec)), train_dataset=load_from_disk(spec["tokens"]),
        data_collator=DataCollatorForSeq2Seq(tokenizer), processing_class=tokenizer,
    )  # fmt: skip


def main() -> None:
    """Trains until it is over, or is killed."""
    spec = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    out = Path(spec["out"])
    made = instructed(spec) if spec["trainer"] == "SFTTrainer" else plain(spec)
    made.add_callback(often(out, spec["save_seconds"]))
    made.train()
    made.save_model(str(out / "final"))
    tell(out, made.state)


if __name__ == "__main__":
    main()
