"""A real stage that stands before its first step: everything alive, nothing learnt yet."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.small_nights import Small

from overnight.probe.clock import SystemClock
from overnight.story import begin, opening
from overnight.story.foresight import decide
from overnight.story.look import look, question
from overnight.story.plan_file import write_plan
from overnight.story.stage import Stage
from overnight.story.teller import Teller
from overnight.training.journal import Journal, read
from overnight.values.ledger import Event
from overnight.values.request import Request, Settings, Window

WINDOW = 900.0


@contextmanager
def opened(
    small: Small, folder: Path, *, settings: Settings | None = None, **more: Any
) -> Iterator[Stage]:
    """The stage of a night of fifteen minutes, looked at and planned."""
    asked = {"method": "full", "precision": "fp32"} | more
    request = Request(data=str(small.data), model=str(small.model), output_dir=str(folder),
                      settings=settings or Settings(), window=Window(seconds=WINDOW),
                      **asked)  # type: ignore[arg-type]  # fmt: skip
    clock = SystemClock()
    begin.night(request, folder, clock)
    teller = Teller(folder, Journal.open(folder, clock), clock, read(folder))
    found = look(request)
    plan = decide(question(request, found, WINDOW))
    write_plan(folder, plan, request, found)
    stage = opening.stage(teller, request, found, plan)
    stage.ends_at = clock.boot() + WINDOW
    try:
        yield stage
    finally:
        teller.journal.close()


def again(on: Stage) -> Stage:
    """The same stage as a process would find it that begins after this one."""
    return replace(on, found=replace(on.found, sized=None, rated=None))


def kinds(on: Stage, kind: type[Event]) -> list[Any]:
    """What was told of one kind."""
    return [one.event for one in on.teller.entries if isinstance(one.event, kind)]
