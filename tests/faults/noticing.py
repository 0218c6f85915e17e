"""Whether damage is noticed: of a checkpoint, of `final/`, of every small file of a night.

In: a run folder with two checkpoints or more, `final/`, a journal, plan, probe and status. Out: for
each file and way of damage how many there were, and what was not noticed. Never: torch.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.damaging import AT, as_before, damages, offsets
from tests.training.nights import newest_whole

from overnight.cli import runs
from overnight.training import export, journal, lineage, manifest, sealed
from overnight.values.errors import InputError

ALONE = ("flip", "truncate", "zero")


@dataclass
class Tally:
    """One file's damages."""

    file: str
    bytes: int
    tried: Counter[str] = field(default_factory=Counter)
    unnoticed: list[str] = field(default_factory=list)

    def count(self, way: str, at: int, wrong: str) -> None:
        """One damage, and what was wrong with how it was met; nothing where all was right."""
        self.tried[way] += 1
        if wrong:
            self.unnoticed.append(f"{way} at {at}: {wrong}")


def checkpoint(run: Path, *, most: int) -> Iterator[Tally]:
    """Every file of the newest checkpoint: it is passed over, named, and the one before used."""
    entries = journal.read(run)
    *_, before, newest = manifest.folders(run)
    assert newest_whole(run, entries).name == newest.name
    for path in sorted(newest.iterdir()):
        tally = Tally(path.name, path.stat().st_size)
        for way, at in damages(path, twin=before / path.name, most=most):
            found = newest_whole(run, entries)
            tally.count(way, at, _passed(found, newest.name, path.name, before.name))
        yield tally


def _passed(found: lineage.Found, newest: str, file: str, before: str) -> str:
    """Whether the sentence is the promised one."""
    said = " | ".join(found.passed_over)
    if found.name != before:
        return f"going on from {found.name or 'nothing'}"
    told = said.startswith(f"{newest} is damaged (") and file in said
    return "" if told and said.endswith(f"passed over; going on from {before}") else said or "mute"


def published(run: Path, *, most: int) -> Iterator[Tally]:
    """Every file of `final/`, by what is said when the finished night's command is given again."""
    assert export.damage(run) == ""
    for path in sorted((run / export.FINAL).iterdir()):
        tally = Tally(path.name, path.stat().st_size)
        for way, at in damages(path, twin=path, most=most):
            if way != "extra file":  # a user may add files to a model
                tally.count(way, at, "" if path.name in export.damage(run) else "not noticed")
        yield tally


def small_file(path: Path, *, most: int, met: Callable[[], str]) -> Tally:
    """A single file, damaged by the byte; `met` tells what was wrong with how it was met."""
    tally = Tally(path.name, path.stat().st_size)
    for way in ALONE:
        for at in offsets(tally.bytes, most):
            with as_before(path) as content:
                AT[way](path, at)
                if path.read_bytes() != content:
                    tally.count(way, at, met())
    return tally


def plan(run: Path, *, most: int) -> Tally:
    """plan.json: the copy takes its place, and one line says so."""
    path = run / "plan.json"
    whole = sealed.read(path)

    def met() -> str:
        said = sealed.mend(path)
        return "" if "its copy was put in its place" in said and sealed.read(path) == whole else "!"

    return small_file(path, most=most, met=met)


def unmended(path: Path, *, most: int) -> Tally:
    """probe.json, base.json: refused by name, so that nothing is computed from it."""

    def met() -> str:
        try:
            sealed.read(path)
        except InputError as error:
            return "" if path.name in str(error) else str(error)
        return "read as if it were whole"

    return small_file(path, most=most, met=met)


def events(run: Path, *, most: int) -> Tally:
    """events.jsonl: no event is read that was not written, and what is lost is counted.

    Where it is cut just behind a line it is the journal of that moment, and nothing can be noticed.
    """
    path = run / journal.EVENTS
    whole = {repr(entry.event) for entry in journal.read(run)}
    size = path.stat().st_size

    def met() -> str:
        entries, damaged = journal.read_counting(run)
        if not whole.issuperset(repr(entry.event) for entry in entries):
            return "an event that was never written"
        left = path.read_bytes()
        cut = len(left) < size and (not left or left.endswith(b"\n") or left.endswith(b'"}'))
        return "" if damaged or cut else "not noticed"

    return small_file(path, most=most, met=met)


def status(run: Path, *, most: int) -> Tally:
    """status.json: a glance says a line, whatever is in it."""

    def met() -> str:
        try:
            runs.read_status(run)
        except InputError as error:
            return "" if "status.json cannot be read" in str(error) else str(error)
        return ""  # it is a status still: another figure in a glance

    return small_file(run / "status.json", most=most, met=met)
