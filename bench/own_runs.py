"""One process of bench/callback.py: a trainer as people have it, on real rows.

In: which trainer, `led` (with DeadlineCallback), `stock` or `score`, a folder, the data. Out:
`window.json` when the window begins, `over.json` when everything is over, checkpoints; `score`
prints what is usable on the disk. Never: the plug; bench/callback.py pulls it.
"""

import json
import math
import sys
import time
from pathlib import Path
from typing import Any

SAVE_STEPS = 50
ROWS = 2000
HELD_OUT = 60
EPOCHS = 30
LENGTH = 48
PEAK = 1e-3
PLAIN: dict[str, Any] = {
    "per_device_train_batch_size": 4, "per_device_eval_batch_size": 16, "num_train_epochs": EPOCHS,
    "save_strategy": "steps", "save_steps": SAVE_STEPS, "save_total_limit": 3,
    "eval_strategy": "steps", "eval_steps": 400, "eval_on_start": True, "logging_steps": 10,
    "learning_rate": PEAK, "report_to": "none", "use_cpu": True, "disable_tqdm": True,
    "dataloader_pin_memory": False, "seed": 1,
}  # fmt: skip


def rows(data: Path) -> list[dict[str, str]]:
    """Question and answer of gsm8k, the first ones."""
    lines = (data / "gsm8k/train.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines[:ROWS]]


def tokenizer(data: Path) -> Any:
    """That of the real 260k Llama."""
    from transformers import AutoTokenizer

    found = AutoTokenizer.from_pretrained(data / "stories260K" / "hf")
    found.pad_token = found.pad_token or found.eos_token
    return found


def model(name: str, data: Path, folder: Path | None = None) -> Any:
    """The real 260k Llama, or a fresh BART of its size; from a checkpoint where one is given."""
    from transformers import (
        AutoModelForCausalLM,
        BartConfig,
        BartForConditionalGeneration,
        set_seed,
    )

    set_seed(1)
    if name != "Seq2SeqTrainer":
        return AutoModelForCausalLM.from_pretrained(folder or data / "stories260K" / "hf")
    if folder is not None:
        return BartForConditionalGeneration.from_pretrained(folder)
    words = tokenizer(data)
    made = BartForConditionalGeneration(BartConfig(
        vocab_size=len(words), d_model=96, encoder_layers=3, decoder_layers=3, encoder_ffn_dim=256,
        decoder_ffn_dim=256, encoder_attention_heads=4, decoder_attention_heads=4,
        max_position_embeddings=LENGTH, pad_token_id=words.pad_token_id,
        bos_token_id=words.bos_token_id, eos_token_id=words.eos_token_id,
        decoder_start_token_id=words.bos_token_id, forced_eos_token_id=words.eos_token_id,
    ))  # fmt: skip
    made.accepts_loss_kwargs = False
    return made


def encoded(name: str, data: Path) -> list[dict[str, Any]]:
    """Rows for `Trainer` (the whole text is learnt) and `Seq2SeqTrainer` (question to answer)."""
    words = tokenizer(data)
    if name == "Seq2SeqTrainer":
        return [{"input_ids": _cut(words, one["question"]), "labels": _cut(words, one["answer"])}
                for one in rows(data)]  # fmt: skip
    texts = [_cut(words, f"{one['question']}\n{one['answer']}") for one in rows(data)]
    return [{"input_ids": text, "labels": text} for text in texts]


def _cut(words: Any, text: str) -> list[int]:
    return [int(one) for one in words(text)["input_ids"][: LENGTH - 1]] + [words.eos_token_id]


def trainer(name: str, data: Path, folder: Path) -> Any:
    """A trainer as people set it up."""
    if name == "SFTTrainer":
        return _instructed(data, folder)
    from transformers import (
        DataCollatorForSeq2Seq,
        Seq2SeqTrainer,
        Seq2SeqTrainingArguments,
        Trainer,
        TrainingArguments,
    )

    two_sided = name == "Seq2SeqTrainer"
    args = (Seq2SeqTrainingArguments if two_sided else TrainingArguments)(
        output_dir=str(folder), **PLAIN
    )
    given, learner = encoded(name, data), model(name, data)
    return (Seq2SeqTrainer if two_sided else Trainer)(
        learner, args, train_dataset=given[HELD_OUT:], eval_dataset=given[:HELD_OUT],
        data_collator=DataCollatorForSeq2Seq(tokenizer(data), model=learner if two_sided else None),
    )  # fmt: skip


def _instructed(data: Path, folder: Path) -> Any:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    given = Dataset.from_list(
        [{"text": f"{one['question']}\n{one['answer']}"} for one in rows(data)]
    )
    args = SFTConfig(output_dir=str(folder), max_length=LENGTH, bf16=False,
                     activation_checkpointing=False, **PLAIN)  # fmt: skip
    return SFTTrainer(
        model("SFTTrainer", data), args, processing_class=tokenizer(data),
        train_dataset=given.select(range(HELD_OUT, len(given))),
        eval_dataset=given.select(range(HELD_OUT)),
    )  # fmt: skip


def run(name: str, kind: str, folder: Path, data: Path, seconds: float) -> None:
    """Trains until it is over, or is killed."""
    from overnight import DeadlineCallback

    made = trainer(name, data, folder)
    (folder / "window.json").write_text(json.dumps({"ends": time.time() + seconds}))
    if kind == "led":
        made.add_callback(DeadlineCallback(within=f"{seconds}s"))
    made.train()
    (folder / "over.json").write_text(json.dumps({"at": time.time()}))


def score(name: str, folder: Path, data: Path) -> None:
    """Prints the newest checkpoint that can be loaded, its last rate and its held-out loss."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    found = sorted(folder.glob("checkpoint-*"), key=lambda one: int(one.name.split("-")[1]))
    scratch = folder / "scratch"
    judge = trainer(name, data, scratch)
    before = judge.evaluate()["eval_loss"]
    asked = EPOCHS * len(judge.get_train_dataloader())
    told = {"before": before, "asked": asked, "steps": 0, "usable": "nothing", "rate": None,
            "loss": None}  # fmt: skip
    for checkpoint in reversed(found):
        try:
            state = json.loads((checkpoint / "trainer_state.json").read_text("utf-8"))
            judge.model.load_state_dict(model(name, data, checkpoint).state_dict())
        except (OSError, ValueError):
            continue
        rates = [one["learning_rate"] for one in state["log_history"] if "learning_rate" in one]
        loss = judge.evaluate()["eval_loss"]
        told |= {"steps": state["global_step"], "usable": checkpoint.name, "rate": rates[-1] / PEAK,
                 "loss": loss if math.isfinite(loss) else None}  # fmt: skip
        break
    print(json.dumps(told))


def main() -> None:
    """One thing of one trainer."""
    name, what, folder, data = sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
    if what == "score":
        score(name, folder, data)
    else:
        run(name, what, folder, data, float(sys.argv[5]))


if __name__ == "__main__":
    main()
