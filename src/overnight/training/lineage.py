"""Which checkpoint to go on from, to publish, to keep: by the journal's lineage, verified.

In: a run folder and its journal's entries. Out: the newest whole, the best and the promoted
checkpoints, with a sentence for each that was passed over; at start-up a tidy folder.
Never: trusts a modification time or the highest number, deletes what is damaged or left behind.
"""

import math
import os
import shutil
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from overnight.training import shelf
from overnight.training.checkpoint import STAGING, put_in_place
from overnight.training.disk import fsync_folder, trouble
from overnight.training.journal import started
from overnight.training.manifest import (
    Manifest,
    folders,
    foreign,
    problem,
    read_manifest,
    step_of,
)
from overnight.values.ledger import Entry, Evaluated, Promoted, Resumed, Saved
from overnight.values.troubles import Rewound


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A whole checkpoint, or none: then the path is None, the name empty, the step 0."""

    name: str = ""
    step: int = 0
    path: Path | None = None
    passed_over: tuple[str, ...] = ()
    """One sentence for each one that was newer or stranger, for `Resumed`."""


@dataclass(slots=True)
class _Line:
    """What the journal says still stands after every rewind and resumption."""

    saved: dict[str, int] = field(default_factory=dict)
    promoted: dict[str, int] = field(default_factory=dict)
    losses: dict[int, float] = field(default_factory=dict)
    cuts: list[tuple[float, int]] = field(default_factory=list)
    """(t, step): at `t` everything beyond `step` was left behind."""

    def cut(self, t: float, step: int) -> None:
        self.cuts.append((t, step))
        self.saved = {name: at for name, at in self.saved.items() if at <= step}
        self.promoted = {name: at for name, at in self.promoted.items() if at <= step}
        self.losses = {at: loss for at, loss in self.losses.items() if at <= step}

    def save(self, name: str, step: int) -> None:
        self.promoted.pop(name, None)  # what had this name is set aside now
        self.saved[name] = step

    def left_behind(self, manifest: Manifest) -> bool:
        return any(t > manifest.t and step < manifest.step for t, step in self.cuts)


def _fold(entries: Iterable[Entry]) -> _Line:
    line = _Line()
    for entry in entries:
        match entry.event:
            case Saved(name=name, step=step):
                line.save(name, step)
            case Promoted(name=name, step=step):
                line.promoted[name] = step
            case Evaluated(part="select", base=False, step=step, loss=loss):
                line.losses[step] = loss.loss
            case Rewound(to_step=step) | Resumed(step=step):
                line.cut(entry.t, step)
    return line


@dataclass(frozen=True, slots=True, kw_only=True)
class _One:
    """A checkpoint of this night's lineage; whether it is whole is not known yet."""

    path: Path
    step: int
    t: float


@dataclass(slots=True)
class _Survey:
    """What lies in the run folder, told apart by manifests alone."""

    run: str | None
    line: _Line
    standing: list[_One] = field(default_factory=list)
    """Oldest first."""
    left_behind: list[Path] = field(default_factory=list)
    damaged: dict[str, str] = field(default_factory=dict)
    """Name to what is the matter with it."""
    strange: dict[str, str] = field(default_factory=dict)

    def sort_in(self, path: Path) -> None:
        """Put one folder where it belongs."""
        if foreign(path) and path.name not in self.line.saved:
            self.strange[path.name] = "was written by another tool (no COMPLETE)"
            return
        try:
            manifest = read_manifest(path)
        except ValueError as error:
            self.damaged[path.name] = f"is damaged ({error})"
            return
        if manifest.run != self.run:
            self.strange[path.name] = "belongs to another night"
        elif self.line.left_behind(manifest):
            self.left_behind.append(path)
        else:
            self.standing.append(_One(path=path, step=manifest.step, t=manifest.t))


def _survey(run_folder: Path, entries: Sequence[Entry]) -> _Survey:
    begun = started(entries)
    survey = _Survey(run=begun.run if begun else None, line=_fold(entries))
    for path in folders(run_folder):
        survey.sort_in(path)
    survey.standing.sort(key=lambda one: one.t)
    return survey


def _newest(survey: _Survey) -> Found:
    """The newest of this night's lineage whose every byte is right.

    One that was renamed into place just before a kill, so that no `Saved` tells of it, counts.
    """
    found, damaged = _first_whole(reversed(survey.standing), survey.run)
    survey.damaged |= damaged
    there = {one.path.name for one in survey.standing} | set(survey.damaged)
    missing = {name: "is missing" for name in survey.line.saved if name not in there}
    newer = {
        name: what
        for name, what in (survey.damaged | missing).items()
        if step_of(name) > found.step
    }
    then = f"going on from {found.name or 'the beginning'}"
    return _telling(found, newer | survey.strange, then=then)


def _first_whole(
    candidates: Iterable[_One], run: str | None, *, content: bool = True
) -> tuple[Found, dict[str, str]]:
    """The first candidate without a problem, and what is wrong with those before it."""
    damaged: dict[str, str] = {}
    for one in candidates:
        wrong = problem(one.path, run=run, content=content)
        if wrong is None:
            return Found(name=one.path.name, step=one.step, path=one.path), damaged
        damaged[one.path.name] = f"is damaged ({wrong})"
    return Found(), damaged


def _telling(found: Found, passed: dict[str, str], *, then: str) -> Found:
    names = sorted(passed, key=step_of, reverse=True)
    sentences = tuple(f"{name} {passed[name]}, passed over; {then}" for name in names)
    return Found(name=found.name, step=found.step, path=found.path, passed_over=sentences)


def promoted(entries: Iterable[Entry]) -> list[str]:
    """Names of the promoted checkpoints of the lineage, in the order of their promotion."""
    return list(_fold(entries).promoted)


def newest_promoted(run_folder: Path, entries: Sequence[Entry]) -> Found:
    """The newest promoted checkpoint that is whole: what may be published."""
    survey = _survey(run_folder, entries)
    return _newest_promoted(survey)


def _newest_promoted(survey: _Survey, *, content: bool = True) -> Found:
    names = survey.line.promoted
    allowed = [one for one in reversed(survey.standing) if one.path.name in names]
    found, damaged = _first_whole(allowed, survey.run, content=content)
    there = {one.path.name for one in allowed}
    lost = {name: survey.damaged.get(name, "is missing") for name in names if name not in there}
    newer = {name: what for name, what in lost.items() if step_of(name) > found.step}
    return _telling(found, damaged | newer, then=f"taking {found.name or 'none'}")


def best_whole(run_folder: Path, entries: Sequence[Entry]) -> Found:
    """The whole checkpoint with the lowest loss on the *select* part, measured at its own step."""
    return _best(_survey(run_folder, entries))


def _best(survey: _Survey, *, content: bool = True) -> Found:
    losses = survey.line.losses
    measured = [one for one in survey.standing if math.isfinite(losses.get(one.step, math.nan))]
    ranked = sorted(measured, key=lambda one: (losses[one.step], -one.t))
    found, damaged = _first_whole(ranked, survey.run, content=content)
    return _telling(found, damaged, then=f"taking {found.name or 'none'}")


def tidy(run_folder: Path, entries: Sequence[Entry]) -> Found:
    """Bring the folder in order at start-up, by its only owner; what to go on from.

    A checkpoint that a kill kept from its last rename gets it; other staging and trash goes; what
    is damaged, or left behind by a rewind, moves to `set-aside/`.

    Raises:
        DiskTrouble: the disk refused.
    """
    try:
        _finish_or_drop_staging(run_folder, entries)
        survey = _survey(run_folder, entries)
        found = _newest(survey)
        for path in (*survey.left_behind, *(run_folder / name for name in survey.damaged)):
            shelf.set_aside(path)
        for path in (*run_folder.glob(f"{shelf.TRASH}*"), *run_folder.glob(".*.tmp")):
            _remove(path)
        fsync_folder(run_folder)
    except OSError as error:
        raise trouble(error, what=str(run_folder)) or error from error
    return found


def _finish_or_drop_staging(run_folder: Path, entries: Sequence[Entry]) -> None:
    begun = started(entries)
    for staging in run_folder.glob(f"{STAGING}*"):
        target = run_folder / staging.name.removeprefix(STAGING).rpartition("-")[0]
        free = step_of(target.name) >= 0 and not os.path.lexists(target)
        if free and begun and problem(staging, run=begun.run) is None:
            put_in_place(staging, target)
        else:
            _remove(staging)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def prune(run_folder: Path, entries: Sequence[Entry], *, keep: Collection[str],
          limit: int) -> tuple[str, ...]:  # fmt: skip
    """Delete the oldest checkpoints beyond `limit`; the names of those that went.

    Never the newest whole one (verified now, every byte) or anything newer, the best, the newest
    promoted (of these only the files' sizes are looked at: reading three checkpoints would make a
    save twice as dear), or those in `keep`: where these alone are more than `limit`, more stay.
    What a rewind has left behind is set aside.

    Raises:
        DiskTrouble: the disk refused.
    """
    survey = _survey(run_folder, entries)
    try:
        for path in survey.left_behind:
            shelf.set_aside(path)
        doomed = _surplus(survey, keep=keep, limit=limit)
        for name in doomed:
            shelf.throw_away(run_folder / name, run_folder)
    except OSError as error:
        raise trouble(error, what=str(run_folder)) or error from error
    return tuple(doomed)


def _surplus(survey: _Survey, *, keep: Collection[str], limit: int) -> list[str]:
    """The oldest beyond `limit` that nobody needs."""
    surplus = len(survey.standing) - max(limit, 1)
    if surplus <= 0:
        return []
    newest = _newest(survey).name
    names = [one.path.name for one in survey.standing]
    older = names[: names.index(newest)] if newest else []
    others = (_best(survey, content=False), _newest_promoted(survey, content=False))
    kept = {*(one.name for one in others), *keep}
    return [name for name in older if name not in kept][:surplus]
