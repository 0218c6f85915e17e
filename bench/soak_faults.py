"""What tests/faults has shown: a row for each promise, from pytest's own account.

In: the junit file of a run. Out: a section of bench/results/soak.md. Never: a test that did not
run.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree

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


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


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
            ELSEWHERE, ""]  # fmt: skip
