"""Settings side by side on one screen: look -> try -> divide -> take turns -> verdict.

In: settings and a window. Out: their figures and a verdict, in the terminal and in the run folder,
by the deadline; the exit status. Never: publishes a model; two sessions in the memory at once.
"""

import sys
from pathlib import Path

from rich.console import Console

from overnight.codec import from_json
from overnight.probe.clock import Clock
from overnight.report import comparison as page
from overnight.report import comparison_page
from overnight.report.words import inert, json_text
from overnight.story import (
    begin,
    comparing,
    comparing_figures,
    comparing_opening,
    comparing_tries,
    comparing_turns,
    record,
)
from overnight.story.alone import alone, end_orphan, writing
from overnight.story.asked import Asked as World
from overnight.story.asked import left_over
from overnight.story.begin import Night
from overnight.story.children import Signals, die_with_parent
from overnight.story.closing import given_back
from overnight.story.comparing import Asked
from overnight.story.comparing_watch import Watch, in_words
from overnight.story.outliving import outliving_readers
from overnight.training import journal, parking, sealed
from overnight.training.journal import Journal
from overnight.values.comparison import Comparison
from overnight.values.errors import EndedEarly, NoPlanFits
from overnight.values.facts import Hardware
from overnight.values.ledger import Ended

CRASHED = 1
TOO_SHORT = ("the window was over before every setting had taken a few steps; give one several "
             "times as long, or fewer settings")  # fmt: skip


def run(asked: Asked, *, clock: Clock, fresh: bool = False, renew: bool = False,
        as_json: bool = False) -> int:  # fmt: skip
    """One `overnight compare`: begin or go on, compare, tell the verdict; the exit status.

    Raises:
        InputError: what was asked cannot be compared, or the folder holds something else.
        NoPlanFits: the window is too short for a few steps of each setting.
    """
    comparing.check(asked)
    folder = comparing.folder_of(asked.request)
    with outliving_readers(), Signals() as signals, alone(folder):
        if fresh:
            begin.move_aside(folder)
        night = comparing.found(asked, folder, clock, renew=renew)
        if comparing.over(folder):
            return _verdict(night, as_json=as_json)
        for line in (night.echo, end_orphan(folder), left_over(folder)):
            if line:
                print(inert(line), file=sys.stderr)
        return _held(night, clock, signals, as_json=as_json)


def _held(night: Night, clock: Clock, signals: Signals, *, as_json: bool) -> int:
    ends_at = night.over_at or clock.boot()
    if ends_at <= clock.boot():
        return _verdict(night, as_json=as_json) or EndedEarly.exit_status
    with Journal.open(night.folder, clock) as written:
        watch = Watch(night.folder, clock, written, signals, ends_at)
        why = watch.run()
        if why == "refused":
            return given_back(night.folder, watch.status, new=night.new)
        if why == "time" and not comparing.begun(night.folder):
            given_back(night.folder, NoPlanFits.exit_status, new=night.new)
            raise NoPlanFits(TOO_SHORT)
        kept = clock.boot() <= ends_at
        status = {"asked": EndedEarly.exit_status, "crashed": CRASHED}.get(why, 0)
        said = in_words(why, signals.asked)
        written.append(Ended(exit_status=status, why=said, deadline_kept=kept))
    return _verdict(night, as_json=as_json) or status


def _verdict(night: Night, *, as_json: bool) -> int:
    """What is known, in the terminal and in the run folder."""
    found = _figures(night)
    words = page.write(found, night.folder, page=comparison_page.render(found))
    if as_json:
        print(json_text(words))
    else:
        page.show(found, Console())
        names = (page.PAGE, page.JSON, page.MARKDOWN)
        print(inert("\n".join(str(night.folder / name) for name in names)))
    return 0


def _figures(night: Night) -> Comparison:
    folder = night.folder
    entries, asked = journal.read(folder), comparing.read(folder)
    kept = sealed.read(folder / begin.PLAN)
    try:
        machine = record.machine(from_json(kept["hardware"], Hardware))
        return comparing_figures.compared(
            entries, data=_short(asked.request.data), model=_short(asked.request.model),
            machine=machine, names=[one.name for one in asked.settings],
        )  # fmt: skip
    except (KeyError, ValueError):
        raise NoPlanFits(TOO_SHORT) from None


def _short(path: str) -> str:
    """The end of a path, as hub names are: `gsm8k/train.jsonl`."""
    return "/".join(Path(path).parts[-2:]).lstrip("/")


def work(folder: Path, *, clock: Clock) -> int:
    """The process that compares, from wherever the comparison stands to its end.

    Raises:
        OvernightError: what is wrong, in one line.
    """
    die_with_parent()
    with outliving_readers(), writing(folder), Journal.open(folder, clock) as written:
        world = World(folder, clock, journal.read(folder))
        world.listen()
        on = comparing_opening.opened(folder, written, clock, lambda: _end(world))
        world.phase = "training"
        parking.settle()
        comparing_tries.plan_all(on)
        comparing_tries.try_all(on)
        comparing_opening.check_enough(on)
        comparing_turns.run(on)
    return EndedEarly.exit_status if _end(world) else 0


def _end(world: World) -> str:
    """Whether the world wants an end; a save is nothing new here."""
    wanted = world.take()
    return "" if wanted == "save" else wanted
