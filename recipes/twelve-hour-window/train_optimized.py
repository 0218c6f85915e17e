"""Guide 4's one command: python train_optimized.py [DATA] [flags of overnight train].

Looks at the data, says what the guide's formula gives and what is known of the card, then trains by
a plan that is measured, for as long as `training_config.json` allows. The same command again goes
on where it stopped.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from training_optimizer import H100OptimizationProfile, optimize_for_dataset, read_training_config

from overnight.values.units import parse_duration

HERE = Path(__file__).parent
CONFIG = HERE / "training_config.json"
SHAPE = HERE / "wayfarer-12b"
SAMPLES, TOKENS = 8000, 500
"""The guide's example, where there is no data yet."""
CHECKPOINTS = 24
"""A window has so many: every 30 minutes of twelve hours."""


def arguments() -> tuple[argparse.Namespace, list[str]]:
    """Ours, and what goes to `overnight` as it is."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("data", nargs="?", help="one conversation a line")
    parser.add_argument("--model", help="in place of base_model in training_config.json")
    parser.add_argument("--within", help="in place of max_training_hours: 12h, 3m")
    parser.add_argument("--profile", type=Path, help="a custom H100OptimizationProfile, as JSON")
    parser.add_argument("--plan-only", action="store_true", help="train nothing")
    return parser.parse_known_args()


def overnight(*words: str, read: bool = False) -> str:
    """Runs the command; what it printed, if that is to be read."""
    done = subprocess.run(
        [sys.executable, "-m", "overnight", *words],
        check=False,
        text=True,
        stdout=subprocess.PIPE if read else None,
    )
    if done.returncode:
        raise SystemExit(done.returncode)
    return done.stdout or ""


def analyzed(given: argparse.Namespace, model: str) -> tuple[int, float]:
    """Rows of the data and their mean tokens; the guide's where there is no data."""
    if given.data is None:
        return SAMPLES, TOKENS
    told = json.loads(overnight("data", given.data, "--model", model, "--json", read=True))
    return told["num_rows"], told["num_tokens"] / told["num_rows"]


def kept(profile: Path) -> list[str]:
    """A custom profile as settings that are kept as they are given."""
    one = H100OptimizationProfile(**json.loads(profile.read_text("utf-8")))
    named = {
        "per_device_train_batch_size": one.batch_size,
        "gradient_accumulation_steps": one.gradient_accumulation_steps,
        "max_length": one.max_length,
        "gradient_checkpointing": one.use_gradient_checkpointing,
    }
    return [word for key, value in named.items() for word in ("--set", f"{key}={value}")]


def main() -> None:
    """Analyse, estimate, plan, train."""
    given, more = arguments()
    config = read_training_config(CONFIG)
    model = given.model or (str(SHAPE) if given.data is None else config.base_model) or str(SHAPE)
    samples, tokens = analyzed(given, model)
    print(f"Dataset: {samples:,} samples, {tokens:.0f} tokens on average")
    asked = {"num_samples": samples, "avg_tokens_per_sample": tokens} | config.arguments
    print(f"By the guide's figures:\n{optimize_for_dataset(**asked)[1]}\n", flush=True)
    words = ["--config", str(CONFIG), "--model", model, *more]
    words += ["--within", given.within] if given.within else []
    words += kept(given.profile) if given.profile else []
    if given.data is None:
        card = [] if "--gpu" in more else ["--gpu", "H100 SXM"]
        overnight("plan", "--samples", str(samples), "--tokens", str(tokens), *card, *words)
    elif given.plan_only:
        overnight("plan", given.data, *words)
    else:
        hours = parse_duration(given.within) / 3600 if given.within else config.max_training_hours
        save = f"save_minutes={60 * (hours or 12.0) / CHECKPOINTS:g}"
        overnight("train", given.data, *words, "--set", save)


if __name__ == "__main__":
    main()
