"""Twenty samples and whether they recite: python src/samples.py [--data FILE] -> samples.md.

Prompts are of the newest conversations, which were held out, cut before their last answer. Beside
each answer stands the longest run of words that it shares with any answer that was trained on; the
true answers, which nobody trained on either, say how much of that is the way people talk.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

RUN, SAMPLES, SHORTEST = Path("runs/bot"), 20, 3


class Known:
    """Every run of words of the training answers, up to so many words."""

    def __init__(self, answers: list[str], longest: int = 40) -> None:
        self._runs: list[set[tuple[str, ...]]] = [set() for _ in range(longest + 1)]
        for words in (answer.casefold().split() for answer in answers):
            for size in range(SHORTEST, min(longest, len(words)) + 1):
                self._runs[size].update(
                    tuple(words[at : at + size]) for at in range(len(words) - size + 1)
                )

    def longest(self, text: str) -> str:
        """The longest run of words of a text that an answer holds as well."""
        words = text.casefold().split()
        for size in range(min(len(words), len(self._runs) - 1), SHORTEST - 1, -1):
            for at in range(len(words) - size + 1):
                if tuple(words[at : at + size]) in self._runs[size]:
                    return " ".join(words[at : at + size])
        return ""


def rows(data: Path) -> list[dict[str, list[dict[str, str]]]]:
    """The conversations."""
    return [json.loads(line) for line in data.read_text("utf-8").splitlines()]


def sides(data: Path) -> tuple[list[str], list[list[dict[str, str]]]]:
    """Answers that were trained on, and the ends of conversations that were not."""
    learnt = [
        one["content"]
        for row in rows(data)
        for one in row["messages"]
        if one["role"] == "assistant"
    ]
    apart = [row["messages"] for row in rows(data.with_name("held_out.jsonl"))]
    return learnt, apart[:: max(1, len(apart) // SAMPLES)][:SAMPLES]


def answers(prompts: list[list[dict[str, str]]]) -> list[dict[str, str]]:
    """The base model's and the bot's."""
    with tempfile.TemporaryDirectory() as folder:
        sheet = Path(folder) / "prompts.jsonl"
        sheet.write_text("".join(json.dumps({"messages": one}) + "\n" for one in prompts), "utf-8")
        words = [
            "chat",
            str(RUN),
            "--compare",
            "--prompts",
            str(sheet),
            "--max-new-tokens",
            "80",
            "--json",
        ]
        told = subprocess.run(
            [sys.executable, "-m", "overnight", *words],
            text=True,
            stdout=subprocess.PIPE,
            check=True,
        )
    return [json.loads(line) for line in told.stdout.splitlines()]


def page(asked: list[list[dict[str, str]]], given: list[dict[str, str]], known: Known) -> str:
    """The samples, and what they recite."""
    lines, runs, natural = ["# Twenty samples", ""], [], []
    for at, (turns, told) in enumerate(zip(asked, given, strict=True), 1):
        true = turns[-1]["content"]
        shared = known.longest(told["tuned"])
        runs.append(len(shared.split()))
        natural.append(len(known.longest(true).split()))
        said = {
            "asked": turns[-2]["content"],
            "base": told["base"],
            "bot": told["tuned"],
            "true": true,
        }
        lines += [f"## {at}", ""] + [
            f"- **{who}**: {' / '.join(text.split(chr(10)))}" for who, text in said.items()
        ]
        lines += [
            f"- longest run of words trained on: {shared or 'none of three'} ({runs[-1]})",
            "",
        ]
    told_in_short = (
        f"Longest shared run of words, median and most: the bot {median(runs):g} and {max(runs)}, "
        f"the true answers {median(natural):g} and {max(natural)}."
    )
    lines[1:1] = ["", told_in_short]
    print(told_in_short)
    return "\n".join(lines) + "\n"


def main() -> None:
    """Writes samples.md."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--data", type=Path, default=Path("data/messages.jsonl"))
    given = parser.parse_args()
    learnt, asked = sides(given.data)
    told = answers([turns[:-1] for turns in asked])
    Path("samples.md").write_text(page(asked, told, Known(learnt)), "utf-8")
    print("samples.md")


if __name__ == "__main__":
    main()
