"""Guide 2's command: python training/train_lora.py --model BASE [flags of overnight train].

Settings stand in .env; what is printed also goes to logs/training.log. The same command again goes
on where it stopped. --data FILE in place of data/messages.jsonl.
"""

import argparse
import subprocess
import sys
from pathlib import Path

LOG = Path("logs/training.log")
RUN = "bot"


def main() -> int:
    """Trains; the exit status is that of `overnight train`."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--data", default="data/messages.jsonl")
    given, more = parser.parse_known_args()
    if not Path(given.data).exists():
        raise SystemExit(
            f"train_lora.py: error: no {given.data}; python src/prepare.py EXPORT makes it"
        )
    words = [sys.executable, "-m", "overnight", "train", given.data, "--name", RUN, *more]
    held_out = Path(given.data).with_name("held_out.jsonl")
    if held_out.exists() and "--eval" not in more:
        words += ["--eval", str(held_out)]
    if "--method" not in more:
        words += ["--method", "lora"]
    LOG.parent.mkdir(exist_ok=True)
    with (
        LOG.open("a", encoding="utf-8") as log,
        subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
        ) as night,
    ):
        try:
            _told(night, log)
        except KeyboardInterrupt:  # the night has heard it as well: it saves, and says so
            _told(night, log)
    return night.returncode


def _told(night: "subprocess.Popen[str]", log: object) -> None:
    for line in night.stdout or ():
        print(line, end="", flush=True)
        print(line, end="", flush=True, file=log)


if __name__ == "__main__":
    raise SystemExit(main())
