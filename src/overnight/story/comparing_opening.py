"""The opening of a comparison: the data read once, every setting a question of its own.

In: what was asked, the journal. Out: a `Comparing` on which settings are tried and take turns.
Never: weights, a plan, training.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from overnight.codec import to_json
from overnight.planning.question import Question
from overnight.probe import architecture, hardware
from overnight.probe.clock import Clock, process_started
from overnight.report.comparison_words import told
from overnight.report.sentences import sentence
from overnight.report.words import inert
from overnight.story import comparing, libraries, sameness
from overnight.story.begin import PLAN
from overnight.story.comparing import Asked
from overnight.story.comparing_stage import Comparing
from overnight.story.comparing_trial import Ground
from overnight.story.comparing_watch import CLOSING_SECONDS, note_turn
from overnight.story.intake import Data
from overnight.story.look import Look, look, question
from overnight.story.remember import lessons_for
from overnight.training import clocks, journal, sealed
from overnight.training.journal import Journal
from overnight.values.errors import NoPlanFits, OvernightError
from overnight.values.ledger import Entry, Event, Started
from overnight.values.plan import margin_seconds
from overnight.values.request import Request

SAMPLED = ("sample", "sample_total", "prefer", "engagement_column", "time_column")
"""Fields of a Request that say which of the rows are trained on."""


def opened(folder: Path, written: Journal, clock: Clock, wanted: Callable[[], str]) -> Comparing:
    """Everything that is needed before the first setting is tried.

    Raises:
        OvernightError: the folder has no beginning; what was asked cannot be read any more.
    """
    asked, entries = comparing.read(folder), journal.read(folder)
    begun = journal.started(entries)
    if begun is None:
        raise OvernightError(f"{folder} has no beginning; start with `overnight compare`")
    architecture.check_weights(asked.request.model)
    born = process_started(clock)
    libraries.load()
    found = look(_uncut(asked.request))
    architecture.check_trainable(found.model)
    hardware.check_drivable(found.hardware)
    tell = _teller(written, entries)
    marks = sameness.marks(asked.request, found)
    sameness.check(folder, entries, marks)
    tell(replace(marks, data_seconds=clock.boot() - born))
    _keep_facts(folder, found)
    own = _data(asked, found)
    return Comparing(
        ground=Ground(request=asked.request, model=found.model, data=found.data, own=own,
                      clock=clock, run=begun.run, now=written.now, versions=begun.versions),
        folder=folder,
        tell=tell,
        entries=entries,
        questions={one.name: _question(one.request, found, own[one.name])
                   for one in asked.settings},
        window=begun.window_seconds or 0.0,
        ends_at=_ends_at(begun, clock, entries),
        seeds=asked.seeds,
        wanted=wanted,
        at=lambda name: note_turn(folder, name),
    )  # fmt: skip


def _uncut(request: Request) -> Request:
    """Rows are read whole; each setting cuts them as it does."""
    return replace(request, settings=replace(request.settings, max_length=None))


def _teller(written: Journal, entries: list[Entry]) -> Callable[[Event], None]:
    """Journals an event, then says it; standard output stays for the verdict."""

    def tell(event: Event) -> None:
        entries.append(written.append(event))
        said = told(event) or sentence(event)
        if said:
            print(inert(said), file=sys.stderr, flush=True)

    return tell


def _keep_facts(folder: Path, found: Look) -> None:
    """What is, beside what was asked: whoever tells the verdict reads it there."""
    facts = {"dataset": to_json(found.data.profile), "model": to_json(found.model),
             "hardware": to_json(found.hardware)}  # fmt: skip
    sealed.write(folder / PLAN, sealed.read(folder / PLAN) | facts, twice=True)


def _data(asked: Asked, found: Look) -> dict[str, Data]:
    """What each setting trains on: one reading of the data for each way of sampling it."""
    read = {_sampling(asked.request): found.data}
    for one in asked.settings:
        if _sampling(one.request) not in read:
            read[_sampling(one.request)] = look(_uncut(one.request)).data
    return {one.name: read[_sampling(one.request)] for one in asked.settings}


def _sampling(request: Request) -> tuple[object, ...]:
    best = request.settings.strategy == "two-stage"  # rows are ranked by engagement for it
    return (best, *(getattr(request, name) for name in SAMPLED))


def _question(request: Request, found: Look, own: Data) -> Question:
    asked = question(request, replace(found, data=own), None)
    return replace(asked, lessons=lessons_for(asked))


def _ends_at(begun: Started, clock: Clock, entries: list[Entry]) -> float:
    """When the last look has to be over: the rest is for the verdict."""
    last = entries[-1] if entries else None
    ends = clocks.deadline_boot(begun, clock, last=last)
    assert ends is not None
    return ends - CLOSING_SECONDS - margin_seconds(begun.window_seconds)


def check_enough(on: Comparing) -> None:
    """Two settings at least.

    Raises:
        NoPlanFits: fewer can be run here; says why.
    """
    if len(on.plans) >= 2:
        return
    why = "; ".join(f"{name}: {reason}" for name, reason in on.told.refused().items())
    raise NoPlanFits(f"fewer than two settings can be run here ({why})")
