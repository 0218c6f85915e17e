"""What the soaks have found, as one page: a row for each promise, with how often it was held.

In: the records of bench/soak.py and the outcomes of tests/faults. Out: bench/results/soak.md.
Never: a figure that is in none of them.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import nights
from soak_faults import outcomes, table, tests_section

Record = dict[str, Any]

STEPS = 120
WORKING = ("rehearsing", "training", "looking", "saving")
KILLED = (
    "SIGKILL to the whole process group (seven in ten) or to the command's child alone, at most 14 "
    "a night; after the first the same command again, and {crashes} times the supervisor found its "
    "child dead or had to end it. Windows of 60 to 90 s; the last kill comes at least 5 s before "
    "the deadline. Recorded clock: it moves by fixed prices for each step, save and look, and "
    "going on from a checkpoint it shows what it showed there."
)

LEFT = (
    "Not shown: power cuts (what was not flushed is forgotten), network file systems, cards, "
    "several processes under these kills, macOS, Windows. A write that hangs is one that strace "
    "holds: the process is killed and cannot be reaped, as one in a dead disk's call."
)


def remembered(work: Path, part: str) -> list[Record]:
    """Every record of a part, whoever made it."""
    files = sorted(work.glob(f"soak-{part}-*.jsonl"))
    found = [record for file in files for record in nights.remembered(file)]
    return sorted(found, key=lambda record: int(record["case"]))


def quantile(values: Sequence[float], share: float) -> float:
    """The nearest rank: a value that was really measured."""
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]


def spread(values: Sequence[float], *, top: float = 0.95) -> str:
    """Median, upper quantile and largest."""
    if not values:
        return "-"
    figures = (quantile(values, 0.5), quantile(values, top), max(values))
    return " / ".join(f"{figure:.1f}" for figure in figures)


def of(records: Iterable[Record], true: Callable[[Record], bool]) -> str:
    """ "N of M"."""
    every = list(records)
    return f"{sum(map(true, every))} of {len(every)}"


def _in_time(record: Record) -> bool:
    return record["overshoot"] == 0.0 and not record["wrong"]


def _learnt(record: Record) -> bool:
    """Whether more than the base model could be published."""
    return record["published"] not in (None, "checkpoint-0")


def _promises(records: list[Record]) -> Iterator[Sequence[object]]:
    windows = [record for record in records if record["kind"] == "window"]
    late = max((record["overshoot"] for record in windows), default=0.0)
    yield (
        "A night with a window is over by its deadline, and `final/` loads",
        _killed(windows),
        of(windows, _in_time),
        f"overshoot at most {late:.1f} s; {of(windows, _learnt)} with learnt steps",
    )
    for kind, what in (("by steps", "saves and looks by steps"), ("recorded", "recorded clock")):
        mine = [record for record in records if record["kind"] == kind]
        yield (
            f"A night of {STEPS} steps ends as the undisturbed one ({what})",
            _killed(mine),
            of(mine, lambda record: bool(record["same"])),
            "weights, moments, random states, place: every byte",
        )
    clean, torn = (
        of(records, lambda one, key=key: not one[key]) for key in ("left", "passed_over")
    )
    yield "No litter: nothing staged or thrown away stays", len(records), clean, "-"
    yield "No checkpoint in place is ever torn", len(records), torn, "-"


def _costs(records: list[Record], kills: list[Record]) -> Iterator[Sequence[object]]:
    working = [kill["lost"] for kill in kills if kill["phase"] in WORKING]
    yield (
        "seconds of work lost: since the newest checkpoint, or since that process was started",
        len(working),
        spread(working),
    )
    steps = [float(lost) for record in records for lost in record["steps_lost"]]
    yield "steps taken again after it", len(steps), spread(steps)
    commands = [float(len(record["statuses"])) for record in records]
    yield "commands until a night was over", len(commands), spread(commands)


def kills_section(records: list[Record]) -> list[str]:
    """The random kills: what was promised, and what they cost."""
    kills = [kill for record in records for kill in record["kills"]]
    crashes = sum(record["crashes"] for record in records)
    return [
        f"## {len(kills)} random kills of {len(records)} nights",
        "",
        KILLED.format(crashes=crashes),
        "",
        table(("promise", "N", "held", "figures"), _promises(records)),
        "",
        table(("of the kills while it rehearses, trains, saves, looks", "N", "p50 / p95 / max"),
              _costs(records, kills)),
        "",
        _by_phase(kills),
        "",
        *_failures(records),
    ]  # fmt: skip


def _killed(records: list[Record]) -> str:
    return f"{len(records)} nights, {sum(len(record['kills']) for record in records)} kills"


def _by_phase(kills: list[Record]) -> str:
    phases = ("starting", *WORKING, "ending", "publishing")
    rows = []
    for phase in phases:
        mine = [kill for kill in kills if kill["phase"] == phase]
        who = Counter(kill["who"] for kill in mine)
        lost = spread([kill["lost"] for kill in mine])
        rows.append((phase, who["group"], who["child"], lost))
    return table(("killed while", "the group", "the child", "s lost: p50 / p95 / max"), rows)


def _failures(records: list[Record]) -> list[str]:
    """What was not held, each in a line."""
    wrong = [
        f"- night {record['case']} ({record['kind']}, {record['method']}): exits "
        f"{record['statuses']}, overshoot {record['overshoot']}, final: "
        f"{record['wrong'] or 'loads'}, same: {record['same']}{_bare(record)}"
        for record in records
        if record["overshoot"] or record["wrong"] or record["same"] is False
    ]
    return ["Not held:", "", *wrong, ""] if wrong else []


def _bare(record: Record) -> str:
    """Whether there was anything that could have been kept."""
    if not all(kill["bare"] for kill in record["kills"]):
        return ""
    return "; every kill came before anything could be published, and then too little time was left"


def signals_section(records: list[Record]) -> list[str]:
    """SIGTERM by phase."""
    phases = list(dict.fromkeys(record["phase"] for record in records))
    rows = []
    for phase in phases:
        mine = [record for record in records if record["phase"] == phase]
        seconds, taken = [record["seconds"] for record in mine], _taken(mine)
        exits = Counter(record["status"] for record in mine)
        rows.append((
            phase, len(mine), ", ".join(f"{n} x {status}" for status, n in sorted(exits.items())),
            spread(seconds, top=0.99),
            *(of(mine, lambda one, most=most: one["seconds"] <= most) for most in (10, 30)),
            of(mine, lambda one: one["wrong"] == ""),
            of(taken, lambda one: one["again"] == 0 and one["same"]),
        ))  # fmt: skip
    head = (
        "SIGTERM while",
        "N",
        "exit",
        "seconds to the exit: p50 / p99 / max",
        "within 10 s",
        "within 30 s",
        "left a `final/` that loads",
        "gone on with: the undisturbed end",
    )
    return ["## SIGTERM in every phase", "",
            "To the whole group or to the command alone, by turns; of every six nights one is "
            "taken to its end by the same command and compared byte for byte.", "",
            table(head, rows), ""]  # fmt: skip


def _taken(records: list[Record]) -> list[Record]:
    return [record for record in records if "again" in record]


def write(work: Path) -> None:
    """The page."""
    kills, signals = remembered(work, "kills"), remembered(work, "signals")
    page = ["# Nights under faults", "", f"{nights.machine()}, commit {noted(work, 'commit')}", ""]
    page += [noted(work, "note"), ""]
    page += (
        kills_section(kills)
        + signals_section(signals)
        + tests_section(outcomes(work / "faults.xml"))
        + [LEFT, ""]
    )
    nights.RESULTS.mkdir(exist_ok=True)
    (nights.RESULTS / "soak.md").write_text("\n".join(page), "utf-8")
    print("\n".join(page))


def noted(work: Path, what: str) -> str:
    """What was noted beside the records: of which commit they are, what else is to be known."""
    file = work / what
    return file.read_text("utf-8").strip() if file.exists() else f"({what}: not noted)"
