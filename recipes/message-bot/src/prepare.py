"""A messenger's export -> conversations: python src/prepare.py EXPORT [--learn NAME].

All go to data/messages.jsonl but the newest twentieth, data/held_out.jsonl: the bot is judged by
what came later.
"""

import argparse
import json
import sys
from pathlib import Path

from overnight.probe.sources import Source
from overnight.values.errors import OvernightError
from overnight.values.rows import Row

HELD_OUT, MOST_HELD_OUT = 0.05, 1000


def told(row: Row) -> str:
    """A line of the file."""
    turns = [{"role": turn.role, "content": turn.text} for turn in row.turns]
    return json.dumps(
        {"messages": turns, "engagement": row.engagement, "timestamp": row.time}, ensure_ascii=False
    )


def written(path: Path, lines: list[str]) -> None:
    """All of it or nothing."""
    part = path.with_suffix(".part")
    part.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    part.replace(path)


def main() -> None:
    """Reads the export, writes a conversation a line, says what became of its messages."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("export", help="a file or a folder: Discord's or Telegram's JSON, IRC logs")
    parser.add_argument("--learn", help="whose voice is learnt; else whoever helped in each thread")
    parser.add_argument("--output", type=Path, default=Path("data"))
    given = parser.parse_args()
    source = Source(given.export, learn=given.learn)
    try:
        rows = sorted(source, key=lambda row: row.time or 0.0)
    except OvernightError as error:
        raise SystemExit(f"prepare.py: error: {error}") from None
    lines = [told(row) for row in rows]
    apart = min(round(HELD_OUT * len(lines)), MOST_HELD_OUT)
    given.output.mkdir(parents=True, exist_ok=True)
    written(given.output / "messages.jsonl", lines[: len(lines) - apart])
    written(given.output / "held_out.jsonl", lines[len(lines) - apart :])
    for finding in source.findings:
        print(f"{finding.count:,} {finding.what}", file=sys.stderr)
    print(
        f"{len(lines) - apart:,} conversations -> {given.output / 'messages.jsonl'}, "
        f"the newest {apart:,} -> {given.output / 'held_out.jsonl'}"
    )


if __name__ == "__main__":
    main()
