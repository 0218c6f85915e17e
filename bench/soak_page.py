"""What the soaks have found, as one page: a row for each promise, with how often it was held.

In: the records of bench/soak.py and the outcomes of tests/faults. Out: bench/results/soak.md.
Never: a figure that is in none of them.
"""

import math
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nights

Record = dict[str, Any]

STEPS = 120
WORKING = ("rehearsing", "training", "looking", "saving")
KILLED = (
    "SIGKILL to the whole process group (seven in ten) or to the command's child alone, at most "
    "14 a night; after the first the same command again, and the supervisor started {crashes} "
    "children anew. Windows of 60 to 90 s; the last kill comes at least 5 s before the deadline. "
    "Recorded clock: it moves by fixed prices for each step, save and look, and going on from a "
    "checkpoint it shows what it showed there."
)

TESTED: tuple[tuple[str, str, str], ...] = (
    ("test_a_night_whose_disk_is_filled", "A disk that is full once costs nothing",
     "a tmpfs filled to the last byte after the first promoted step"),
    ("test_what_was_set_aside_for_a_full_disk", "... because 8 MiB were set aside for it",
     "the same night"),
    ("test_a_disk_that_stays_full", "A disk that stays full is told in a line, no traceback",
     "the same, filled again and again until the command had ended"),
    ("test_a_disk_that_can_only_be_read", "A disk that can only be read is told in a line, exit 2",
     "that tmpfs mounted read-only"),
    ("test_with_room_again", "With room again the same command goes on, bit for bit",
     "that tmpfs writable and emptied again"),
    ("test_saves_that_the_disk_refuses", "A refused save is said, training goes on, bit for bit",
     "strace: rename EIO, mkdir EROFS, for 25 steps"),
    ("test_a_journal_that_the_disk_refuses", "A refused journal costs no weight",
     "strace: fsync EIO, write ENOSPC, for 25 steps"),
    ("test_a_write_that_hangs", "A write that hangs makes no night late",
     "strace: each fsync delayed by 600 s, and the process cannot be ended meanwhile"),
    ("test_sigterm_while_it_loads", "SIGTERM while it loads: exit 4, the same command goes on",
     "SIGTERM to the group"),
    ("test_sigterm_while_it_publishes", "SIGTERM while it publishes: the model is published",
     "SIGTERM to the group"),
    ("test_ctrl_c_twice", "Ctrl-C twice leaves at once, nothing is lost",
     "two SIGINT to the group, the child stopped"),
    ("test_an_allocator_that_refuses", "Memory that runs out shrinks the micro-batch",
     "RLIMIT_DATA by prlimit(2)"),
    ("test_a_training_process_that_the_kernel", "A host's OOM kill: started again by itself",
     "SIGKILL to the training process alone"),
    ("test_after_it_the_weights_are", "... with the weights of an undisturbed night",
     "the same night"),
    ("test_a_torn_status_is_replaced", "... and a status torn meanwhile is replaced",
     "the same night"),
    ("test_a_torn_status_is_said", "A torn status is said in a line",
     "cut at nine places, zeros, other JSON, not UTF-8"),
    ("test_a_finished_night_needs_no_status", "A finished night needs no status",
     "status.json torn"),
    ("test_a_finished_night_started_five", "A finished night stays finished, byte for byte",
     "the same command five times"),
    ("test_a_machine_that_slept_over", "Sleep over a restart counts",
     "unshare --time --boottime 3600"),
    ("test_a_machine_that_sleeps_over", "Sleep over the deadline ends training at the next look",
     "fake clock"),
    ("test_sleep_counts", "Sleep is not given back", "fake clock"),
    ("test_a_clock_that_is_set_by_a_day", "A clock set by a day never makes a night longer",
     "fake clock: + and - one day, same boot and reboot"),
    ("test_a_night_until_eight", "A night over a change to or from summer time is as long as it is",
     "fake clock and zone: five nights of 9 to 11 h"),
)  # fmt: skip
"""Test, promise, how the fault comes about."""
ELSEWHERE = (
    "Shown by tests that are no part of this page: a SIGSTOPped training process is ended in time "
    "and the newest promoted checkpoint published (tests/test_supervise.py); SIGKILL of the whole "
    "group at step 27, Ctrl-C once, a second night in the folder, a deadline that has passed "
    "(tests/test_supervise.py); kills at every call of a save (tests/training/test_kills.py and "
    "bench/results/faults.md); fake clocks over restarts and reboots "
    "(tests/training/test_journal_clocks.py)."
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


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _in_time(record: Record) -> bool:
    return record["overshoot"] == 0.0 and not record["wrong"]


def _promises(records: list[Record]) -> Iterator[Sequence[object]]:
    windows = [record for record in records if record["kind"] == "window"]
    late = max((record["overshoot"] for record in windows), default=0.0)
    yield (
        "A night with a window is over by its deadline, and `final/` loads",
        _killed(windows),
        of(windows, _in_time),
        f"overshoot at most {late:.1f} s",
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
        f"{record['wrong'] or 'loads'}, same: {record['same']} {record.get('differing', '')}"
        for record in records
        if record["overshoot"] or record["wrong"] or record["same"] is False
    ]
    return ["Not held:", "", *wrong, ""] if wrong else []


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


def outcomes(file: Path) -> list[tuple[str, str, float]]:
    """(test, passed or skipped or failed, seconds) of a run of pytest."""
    if not file.exists():
        return []
    found = []
    for one in ElementTree.parse(file).getroot().iter("testcase"):
        bad = next(
            (tag for tag in ("skipped", "failure", "error") if one.find(tag) is not None), ""
        )
        found.append((one.get("name", ""), bad or "passed", float(one.get("time", "0"))))
    return found


def tests_section(seen: list[tuple[str, str, float]]) -> list[str]:
    """The faults that `make faults` strikes with, one promise a row."""
    rows = []
    for name, promise, how in TESTED:
        mine = [outcome for test, outcome, _ in seen if test.startswith(name)]
        skipped = mine.count("skipped")
        held = f"{mine.count('passed')} of {len(mine) - skipped}"
        rows.append((promise, how, len(mine), held, "not shown" if skipped else "-"))
    took = sum(seconds for _, _, seconds in seen)
    return ["## Other faults, by tests/faults", "",
            f"The real command over a small real night each ({took:.0f} s in all).", "",
            table(("promise", "how it comes about", "N", "held", "skipped"), rows), "",
            ELSEWHERE, "", LEFT, ""]  # fmt: skip


def write(work: Path) -> None:
    """The page."""
    kills, signals = remembered(work, "kills"), remembered(work, "signals")
    page = ["# Nights under faults", "", f"{nights.machine()}, commit {commit(work)}", ""]
    page += (
        kills_section(kills)
        + signals_section(signals)
        + tests_section(outcomes(work / "faults.xml"))
    )
    nights.RESULTS.mkdir(exist_ok=True)
    (nights.RESULTS / "soak.md").write_text("\n".join(page), "utf-8")
    print("\n".join(page))


def commit(work: Path) -> str:
    """Of the tree that was soaked: what `git` says of it, or the note left beside the records."""
    noted = work / "commit"
    if noted.exists():
        return noted.read_text("utf-8").strip()
    said = subprocess.run(["git", "-C", str(nights.ROOT), "rev-parse", "--short", "HEAD"],
                          capture_output=True, text=True, check=False)  # fmt: skip
    return said.stdout.strip() or "unknown"
