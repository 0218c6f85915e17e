"""Guide 3's training: python train.py [--config after.yaml] [--within 20m] [--pages FOLDER].

Renders pages (or takes a folder of images with texts beside them), builds the multi-encoder model
in a small or the full shape, trains it with Seq2SeqTrainer until the window ends, says what the
seconds of a step go to, and judges what it writes on pages that it never saw. The same command goes
on where it stopped.
"""

import argparse
import json
import os
import random
import warnings
from pathlib import Path
from typing import Any

import torch
import yaml
from dimtda import judge, pages
from dimtda.model import built, with_weights
from dimtda.pages import Collated, Page, Pages
from dimtda.shapes import SHAPES
from dimtda.timing import Timing
from dimtda.words import tokenizer_for, tokens
from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments, set_seed
from transformers.trainer_utils import get_last_checkpoint
from transformers.utils import logging

from overnight import DeadlineCallback

HELD_OUT = 0.2
"""Of the pages. All pages of one text, in whatever language, are on the same side."""


def arguments() -> argparse.Namespace:
    """What was asked."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--config", type=Path, default=Path("after.yaml"))
    parser.add_argument("--within", help="a window: 20m; without it the epochs alone decide")
    parser.add_argument("--epochs", type=float, help="in place of the configuration's")
    parser.add_argument("--pages", type=Path, help="images with texts of their names beside them")
    parser.add_argument("--texts", type=Path, help="a text in several languages a line, to render")
    parser.add_argument(
        "--languages", default="eng+fra+spa,deu_1996", help="of pages, of translations"
    )
    parser.add_argument("--shape", choices=sorted(SHAPES), default="small")
    parser.add_argument("--weights", type=Path, nargs="*", default=[], help="the encoders' folders")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--overfit", type=int, help="learn so many pages by heart, judge these")
    parser.add_argument("--blind", action="store_true", help="blank pages: what text alone gives")
    parser.add_argument("--output-dir", type=Path, default=Path("dimtda_training"))
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def settings(given: argparse.Namespace) -> dict[str, Any]:
    """The configuration's, as this machine can run them."""
    told: dict[str, Any] = yaml.safe_load(given.config.read_text("utf-8"))
    if given.epochs:
        told["num_train_epochs"] = given.epochs
    if told.get("fp16") and not torch.cuda.is_available():
        print("fp16 cannot run on a processor: bf16 in its place")
        told |= {"fp16": False, "bf16": True}
    workers = min(told.get("dataloader_num_workers", 0), (os.cpu_count() or 2) - 1)
    told |= {"dataloader_num_workers": workers, "dataloader_persistent_workers": workers > 0}
    if told.get("load_best_model_at_end"):  # the Trainer wants every saved model judged
        every = told["eval_steps"]
        told["save_steps"] = max(round(told["save_steps"] / every), 1) * every
    return told


def found(given: argparse.Namespace, shape: dict[str, Any]) -> tuple[list[Page], list[Page]]:
    """Pages to learn from, and pages to be judged by."""
    if given.pages:
        every = pages.from_folder(given.pages)
    elif given.texts:
        ours, theirs = given.languages.split(",")
        every = [page for source in ours.split("+") for page in pages.from_texts(
            given.texts, source, theirs, shape["page"], font_size=shape["font_size"])]  # fmt: skip
    else:
        raise SystemExit("train.py: error: --pages FOLDER or --texts FILE says what it learns from")
    texts = sorted({page.text for page in every})
    if len(texts) < 2:
        raise SystemExit(f"train.py: error: {len(texts)} different texts; two are the least")
    random.Random(given.seed).shuffle(texts)
    if given.overfit:
        few = [page for page in every if page.text in texts[: given.overfit]]
        return few, few
    held = set(texts[: max(round(HELD_OUT * len(texts)), 1)])
    learnt = [page for page in every if page.text not in held]
    return learnt, [page for page in every if page.text in held]


def trainer_of(given: argparse.Namespace, model: Any, sides: tuple[Pages, Pages],
               timing: Timing) -> Seq2SeqTrainer:  # fmt: skip
    """The Trainer, over in time if a window was given."""
    args = Seq2SeqTrainingArguments(
        output_dir=str(given.output_dir), learning_rate=given.learning_rate, seed=given.seed,
        remove_unused_columns=False, report_to="none", save_total_limit=2, warmup_steps=10,
        disable_tqdm=True, use_cpu=not torch.cuda.is_available(), **settings(given),
    )  # fmt: skip
    callbacks = [timing, *([DeadlineCallback(within=given.within)] if given.within else [])]
    return Seq2SeqTrainer(model=model, args=args, train_dataset=sides[0], eval_dataset=sides[1],
                          data_collator=Collated(), callbacks=callbacks)  # fmt: skip


def main() -> None:
    """Pages, model, training, judgement."""
    given = arguments()
    # The guide's name for what has another one now.
    warnings.filterwarnings("ignore", ".*gradient_checkpointing.*", FutureWarning)
    logging.disable_progress_bar()
    set_seed(given.seed)
    shape = SHAPES[given.shape]
    learnt, kept = found(given, shape)
    words = tokenizer_for([one.text for one in learnt], shape["vocabulary"])
    model = built(shape, vocabulary=len(words), tokens=tokens(words))
    for name in with_weights(model, given.weights) if given.weights else []:
        print(f"not taken from the weights given: {name}")
    print(f"{sum(one.numel() for one in model.parameters()) / 1e6:.1f} M parameters; "
          f"{len(learnt)} pages to learn from, {len(kept)} to be judged by")  # fmt: skip
    most = shape["max_length"]
    sides = tuple(Pages(some, words, shape["page"], max_length=most, blind=given.blind)
                  for some in (learnt, kept))  # fmt: skip
    timing = Timing(model)
    trainer = trainer_of(given, model, (sides[0], sides[1]), timing)
    before = get_last_checkpoint(str(given.output_dir)) if given.output_dir.is_dir() else None
    if before:
        step = before.rpartition("-")[2]
        print(f"Found checkpoint: checkpoint-{step}\nResuming training from step {step}...")
    trainer.train(resume_from_checkpoint=before)
    trainer.save_model(str(given.output_dir / "final"))
    words.save_pretrained(given.output_dir / "final")
    report(given, timing, kept, judge.written(model, words, sides[1], max_length=most))


def report(given: argparse.Namespace, timing: Timing, kept: list[Page], said: list[str]) -> None:
    """judged.json, pages.html, and the same in a few lines."""
    figures = judge.judged(said, [one.text for one in kept], seed=given.seed)
    told = {"judged": figures, "seconds_a_step": timing.shares(), "blind": given.blind,
            "overfit": given.overfit}  # fmt: skip
    judge.keep(given.output_dir / "judged.json", json.dumps(told, indent=1) + "\n")
    parts = timing.shares()
    whole = sum(parts.values()) or 1.0
    lines = [f"{name}: {figures[name]['score']} ({figures[name]['low']} to {figures[name]['high']})"
             for name in ("chrf", "bleu")]  # fmt: skip
    lines += [f"{figures['exact']} of {figures['pages']} pages word for word"]
    lines += [f"{name}: {seconds:.3f} s of a step, {100 * seconds / whole:.0f} %"
              for name, seconds in parts.items()]  # fmt: skip
    print("\n".join(lines))
    judge.keep(given.output_dir / "pages.html", judge.page(kept, said, "\n".join(lines)))


if __name__ == "__main__":
    main()
