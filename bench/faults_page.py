"""The page of bench/faults.py: each promise with how often it was struck, and how often it broke.

In: results as the sweep and the damage wrote them. Out: Markdown. Never: a figure of its own.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

ACTS = {
    "save": "a save, with the deletion of an old checkpoint",
    "tidy": "a start that clears up after kills, a rewind and a bad disk",
    "append": "two lines appended to the journal",
    "files": "plan.json (with its copy) and status.json replaced",
    "history": "a night put into the user's history (SQLite)",
    "publish": "the first publication, load test included",
    "republish": "a publication over an older `final/`, load test included",
    "last-moment": "the first publication in the last moment, by links",
    "last-moment-again": "the same over an older `final/`",
    "stock": "a save of a stock `transformers.Trainer`, with its rotation",
}
HOWS = ("kill", "torn write", "power cut")
KILLS_HEAD = (
    "| what was killed | method | kill points | bricked | wrong | torn writes | failed "
    "| power cuts | failed | steps lost at most |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)
DAMAGE_HEAD = (
    "| what | method | file | bytes | flipped | cut | zeroed | otherwise | in all | not noticed |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)
_PATH = re.compile(r"/[\w./-]*/run\b")
AT_A_PLACE = ("flip", "truncate", "zero")


def row(case: Mapping[str, Any]) -> str:
    """One line for one scene."""
    tried, points = case["results"], case["points"]
    by = {how: [one for one in tried if one["how"] == how] for how in HOWS}
    kills, lost = by["kill"], [one.get("lost", 0) for one in tried]
    bricked = sum(one["wrong"].startswith("bricked") for one in kills)
    wrong = _failed(kills) - bricked
    count = str(points) if len(kills) >= points else f"{len(kills)} of {points}"
    more = [f"{len(by[how]) or '-'} | {_failed(by[how])}" for how in HOWS[1:]]
    return (f"| {ACTS[case['scene']]} | {case['method']} | {count} | {bricked} | "
            f"{wrong} | {' | '.join(more)} | {max(lost, default=0)} |")  # fmt: skip


def _failed(results: Iterable[Mapping[str, Any]]) -> int:
    return sum(bool(one["wrong"]) for one in results)


def damage_row(kind: str, method: str, one: Mapping[str, Any]) -> str:
    """One line for one file."""
    tried = Counter(one["tried"])
    at = [tried.pop(way, 0) for way in AT_A_PLACE]
    other = sum(tried.values())
    return (f"| {kind} | {method} | {one['file']} | {one['bytes']:,} | "
            f"{' | '.join(f'{count:,}' for count in at)} | {other} | {sum(at) + other:,} | "
            f"{one['missed']} |")  # fmt: skip


def page(machine: str, kills: Iterable[dict[str, Any]], damages: Iterable[dict[str, Any]]) -> str:
    """The whole page."""
    kills, damages = list(kills), list({one["method"]: one for one in damages}.values())
    struck = [damage_row(tally["kind"], one["method"], tally)
              for one in damages for tally in one["tallies"]]  # fmt: skip
    return "\n".join((
        "# Nothing is lost: struck at every point", "", machine, "", *_promises(kills, damages), "",
        "## Kills at every call of the system", "", _about_kills(kills), "", KILLS_HEAD,
        *map(row, kills), "", *_missing(kills), *_broken(kills),
        "## Damage by the byte", "", _about_damage(damages), "", DAMAGE_HEAD, *struck, "",
        "## Whole nights", "",
        "Random kills over real nights, full disks, signals, clocks, memory: [soak.md](soak.md).",
        "", "Repeat: `python bench/faults.py` (needs strace and the right to trace).", "",
    ))  # fmt: skip


def _promises(kills: list[dict[str, Any]], damages: list[dict[str, Any]]) -> list[str]:
    """Each promise in one row: N and failures."""
    ours = [one for case in kills if case["scene"] != "stock" for one in case["results"]]
    saves = [one for case in kills if case["scene"] == "save" for one in case["results"]]
    stock = [one for case in kills if case["scene"] == "stock" for one in case["results"]]
    tallies = [tally for case in damages for tally in case["tallies"]]
    return [
        "| promise | struck how | N | failures |", "|---|---|---|---|",
        _promise("A killed save is resumed: whole checkpoint, right weights, same end", "SIGKILL "
                 "at every call of a save", _only(saves, "kill")),
        _promise("the same of a stock Trainer", "the same", _only(stock, "kill")),
        _promise("No kill anywhere bricks a run, tears `final/` or leaves rubbish", "SIGKILL at "
                 "every call of every act below", _only(ours, "kill")),
        _promise("A write that a kill tore in half is not believed", "half of the last write gone",
                 _only(ours, "torn write")),
        _promise("A power cut costs one save at most", "all that was not flushed is cut off or "
                 "zeros", _only(ours, "power cut")),
        *(_noticed(kind, tallies) for kind in dict.fromkeys(one["kind"] for one in tallies)),
    ]  # fmt: skip


def _only(results: list[dict[str, Any]], how: str) -> list[dict[str, Any]]:
    return [one for one in results if one["how"] == how]


def _promise(what: str, how: str, results: list[dict[str, Any]]) -> str:
    return f"| {what} | {how} | {len(results):,} | {_failed(results)} |"


def _noticed(kind: str, tallies: list[dict[str, Any]]) -> str:
    mine = [one for one in tallies if one["kind"] == kind]
    count = sum(sum(one["tried"].values()) for one in mine)
    missed = sum(one["missed"] for one in mine)
    return f"| Damage is noticed: {kind} | bytes of every file, see below | {count:,} | {missed} |"


def _about_kills(kills: list[dict[str, Any]]) -> str:
    alive = sum(not one["dead"] for case in kills for one in case["results"])
    return (
        "A process is forked, strace attaches to it and the kernel delivers SIGKILL at the entry "
        "of the k-th occurrence of a call (openat, write, rename, unlinkat, fsync, close ...: "
        "every call that touches files), for every k until the act is done. After each kill a "
        "fresh process starts, must find a whole checkpoint with exactly the weights, moments and "
        "random states of the undisturbed run, bit for bit, there and, after every eighth kill, "
        "at the night's end; after a publication `final/` must be the old or the new one, whole, "
        "and a second publication must work; nothing of staging or trash may be left. Bricked: "
        "the start fails. Wrong: it goes on from something else. A torn write: the same, with "
        "half of the last write taken away. A power cut: the same, with every byte cut off or "
        "zero that was written and not flushed. The model is a real Llama of 260k weights, the "
        f"rows GSM8K's. {alive} of the children reached their end before the kill."
    )


def _missing(kills: list[dict[str, Any]]) -> list[str]:
    """What the page cannot say yet."""
    there = {case["scene"] for case in kills}
    absent = [what for scene, what in ACTS.items() if scene not in there]
    said = [f"NOT SHOWN yet: {'; '.join(absent)}.", ""] if absent else []
    if any(len({one["at"] for one in case["results"]}) < case["points"] for case in kills):
        said += ["Where it says `n of N`, what comes after the n-th was not struck yet.", ""]
    return said


def _broken(kills: list[dict[str, Any]]) -> list[str]:
    """What went wrong, by sentence; where it lay is no part of that."""
    lines = []
    for case in kills:
        said = Counter(_PATH.sub("RUN", one["wrong"]) for one in case["results"] if one["wrong"])
        of = f"{case['scene']} ({case['method']})"
        lines += [f"- {of}: {count} x {what}" for what, count in said.most_common()]
    return ["What went wrong:", "", *lines, ""] if lines else []


def _about_damage(damages: list[dict[str, Any]]) -> str:
    places = min((one.get("places", 1024) for one in damages), default=0)
    return (
        "Finished nights over the same model, their newest checkpoints, `final/` and small files. "
        f"Files of up to {places:,} bytes are damaged at every byte, larger ones at {places:,} "
        "places, evenly spread, both ends with them: one bit flipped, everything behind cut off, "
        "the page of 4 KiB zeroed (where it was not zeros). Otherwise: deleted, swapped with the "
        "other checkpoint's file of that name (where that differs), a link or a folder in its "
        "place, a stranger beside it. Noticed means for a checkpoint that it is passed over with a "
        "sentence that names the file, and the one before is used; for `final/` that the file is "
        "named; for plan.json that its copy takes its place and one line says so; for the journal "
        "that no event is read that was not written, and lines that cannot be read are counted (a "
        "journal cut just behind a line is the journal of that moment: nothing can be noticed); "
        "for status.json that a glance is a line and never a traceback."
    )
