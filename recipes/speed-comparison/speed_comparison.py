"""Guide 5 for your own job: python speed_comparison.py DATA --model BASE [--measure 30m].

Timeline, summary, savings, calendar, calculator; with --measure all four are trained in turns.
"""

import argparse
import json
import subprocess
import sys

THEIRS = "baseline,optimized,aggressive"


def overnight(*words: str, read: bool = False) -> str:
    """Runs the command; what it printed, if that is to be read."""
    shown = " ".join(word if " " not in word else f'"{word}"' for word in words)
    if not read:
        print(f"\n$ overnight {shown}\n", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "overnight", *words],
        check=False,
        text=True,
        stdout=subprocess.PIPE if read else None,
    )
    if done.returncode:
        raise SystemExit(done.returncode)
    return done.stdout or ""


def main() -> None:
    """Draws, calculates, measures."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("data")
    parser.add_argument("--model", required=True)
    parser.add_argument("--gpu", help="a card by name, in place of this machine")
    parser.add_argument("--measure", metavar="TIME", help="train all four in turns for so long")
    parser.add_argument("--config", default="overnight.env", help="ours; else one epoch")
    given = parser.parse_args()
    job = [given.data, "--model", given.model]
    card = ["--gpu", given.gpu] if given.gpu else []
    overnight("plan", *job, "--config", given.config, "--against", THEIRS, *card)
    rows = json.loads(overnight("data", *job, "--json", read=True))["num_rows"]
    overnight("guide", "--calculator", "--samples", str(rows))
    if given.measure:
        overnight("compare", *job, "--settings", f"{THEIRS},overnight", "--within", given.measure)
    else:
        print("\nNone of these hours was measured on your machine; --measure 30m does that.")


if __name__ == "__main__":
    main()
