"""The whole story on one screen: look -> plan -> rehearse -> train -> end.

In: a run folder in which the supervisor has written what was asked. Out: checkpoints, the journal,
and the exit status of the training process. Never: publishes (a fresh process does, see
supervise.py).
"""

import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from overnight.codec import from_json
from overnight.probe import architecture, hardware
from overnight.probe.clock import Clock, process_started
from overnight.report.glance import Glance
from overnight.report.live import LiveView
from overnight.report.proposal import print_plan
from overnight.story import (
    continued,
    ending,
    intake,
    libraries,
    opening,
    rehearsal,
    sameness,
    smaller,
    windows,
)
from overnight.story.alone import writing
from overnight.story.asked import Asked
from overnight.story.begin import PLAN
from overnight.story.children import die_with_parent
from overnight.story.closing import DISK_REFUSED
from overnight.story.foresight import decide
from overnight.story.heed import Heed
from overnight.story.look import Look, load_tokenizer, look, question
from overnight.story.outliving import outliving_readers
from overnight.story.plan_file import write_plan
from overnight.story.remember import lessons_for
from overnight.story.stage import Stage
from overnight.story.teller import Teller
from overnight.training import clocks, journal, sealed
from overnight.training.disk import DiskTrouble
from overnight.training.journal import Journal
from overnight.training.loop import Loop
from overnight.training.room import OptimizerMemoryGone
from overnight.values.errors import EndedEarly, OvernightError
from overnight.values.facts import DatasetProfile, Finding
from overnight.values.ledger import Prepared, Started, Stopped
from overnight.values.plan import Plan
from overnight.values.request import Request

BASE = Path(__file__).parent / "assets" / "base"
"""The small model of `overnight demo`; its tokenizer counts where no model was named."""
NO_MODEL = Finding(
    kind="no-model",
    count=0,
    what="tokens are those of overnight's own small tokenizer; --model gives the model's own",
)
EARLY = ("signal", "stop", "session", "health")
"""Reasons to stop that are not the planned end: exit status 4."""


def survey(request: Request) -> tuple[DatasetProfile, list[list[tuple[str, bool]]]]:
    """What is in the data and what would be learnt of it: the profile and three examples.

    Raises:
        InputError: data, model or tokenizer cannot be used.
    """
    from overnight.training import render

    own = request if request.model else replace(request, model=str(BASE))
    # Without a model nothing is cut: how long its rows may be is not known.
    positions = architecture.profile(own.model).max_positions if request.model else 2**31
    tokenizer = load_tokenizer(own)
    found = intake.survey(own, max_positions=positions, tokenizer=tokenizer)
    profile = found.profile
    if not request.model:
        profile = replace(profile, findings=(NO_MODEL, *profile.findings))
    return profile, [render.show(row, tokenizer) for row in found.examples(3)]


def run(run_folder: Path, *, clock: Clock) -> int:
    """One process of the night, from wherever it stands to the end of training.

    Raises:
        OvernightError: what is wrong, in one line.
    """
    born = process_started(clock)
    die_with_parent()
    first = os.environ.get("RANK", "0") == "0"  # torchrun's number of this process
    status: int | None = None
    try:
        with (
            outliving_readers(),
            writing(run_folder, wanted=first),
            Journal.open(run_folder, clock) as written,
        ):
            entries, unread = journal.read_counting(run_folder)
            teller = Teller(run_folder, written, clock, entries, main=first)
            begun = journal.started(teller.entries)
            if begun is None:
                raise OvernightError(f"{run_folder} has no beginning; start with `overnight train`")
            if unread:
                lines = "1 line" if unread == 1 else f"{unread} lines"
                teller.note(f"{lines} of {journal.EVENTS} cannot be read and were passed over")
            asked = Asked(run_folder, clock, entries, main=first)
            asked.listen()
            status = _night(teller, begun, asked, born=born)
    except DiskTrouble as error:
        if status is None:
            raise
        print(f"overnight: error: {error}", file=sys.stderr)
        return DISK_REFUSED  # its training is over: started again it would come to the same end
    return status


def _night(teller: Teller, begun: Started, asked: Asked, *, born: float) -> int:
    clock = teller.clock
    request = _asked(teller.run_folder)
    architecture.check_weights(request.model)
    libraries.load()
    imported = clock.boot()
    seen = look(request)
    architecture.check_trainable(seen.model)
    hardware.check_drivable(seen.hardware)
    found = replace(seen, lessons=lessons_for(question(request, seen, None)))
    looked = clock.boot()
    made_of = sameness.marks(request, found)
    news = sameness.news(teller.run_folder, teller.entries, found.hardware)
    sameness.check(teller.run_folder, teller.entries, made_of, news)
    plan = _plan(teller, request, found, begun)
    found = replace(found, data=found.data.cut(plan.candidate.max_length))
    glance = Glance(horizon=plan.time.total_steps, limit_bytes=plan.memory_limit_bytes)
    with LiveView(Console(), glance) as view:
        teller.view = view if teller.main else None
        if news:
            teller.note(sameness.line(news))
        stage = opening.stage(teller, request, found, plan)
        asked.serve(stage)
        stage.ends_at = _ends_at(teller, begun)
        stage.leaves_at = windows.leaves_at(begun, clock.utc(), clock.boot())
        prepared = replace(
            made_of,
            import_seconds=imported - born,
            data_seconds=looked - imported,
            load_seconds=clock.boot() - looked,
        )
        return _told(stage, prepared, asked)


def _told(stage: Stage, prepared: Prepared, asked: Asked) -> int:
    """Opening, training, ending: each event told as it happens."""
    stage.teller.tell(prepared)
    loop = opening.begin(stage, prepared)
    try:
        stopped = _trained(stage, loop, asked)
    except OptimizerMemoryGone:
        raise smaller.after_optimizer(stage) from None
    ending.end(stage, loop, stopped)
    return EndedEarly.exit_status if stopped.reason in EARLY else 0


def _trained(stage: Stage, loop: Loop, asked: Asked) -> Stopped:
    heed = Heed.begin(stage, asked)
    asked.phase = "training"
    heed.after(loop)  # the deadline may have been moved while all was opened
    for event in loop.train():
        stage.teller.tell(event)
        rehearsal.watch(stage, loop, event)
        heed.after(loop)
        if isinstance(event, Stopped):
            return event
    return Stopped(step=0, reason="window")


def _ends_at(teller: Teller, begun: Started) -> float | None:
    last = teller.entries[-1] if teller.entries else None
    return clocks.deadline_boot(begun, teller.clock, last=last)


def _asked(folder: Path) -> Request:
    return from_json(sealed.read(folder / PLAN)["request"], Request)


def _written_plan(teller: Teller) -> dict[str, Any]:
    """plan.json; all processes but the first wait until that has written the plan."""
    while True:
        written = sealed.read(teller.run_folder / PLAN)
        if teller.main or "plan" in written:
            return written
        time.sleep(0.1)


def _plan(teller: Teller, request: Request, found: Look, begun: Started) -> Plan:
    """The plan as it stands in the run folder; chosen now if this is the first time."""
    written = _written_plan(teller)
    if "plan" in written:
        return from_json(written["plan"], Plan)
    came = continued.find(request)
    plan = decide(question(continued.asked(request, came), found, begun.window_seconds))
    plan = continued.planned(plan, came)
    if teller.main:
        write_plan(teller.run_folder, plan, request, found)
        print_plan(plan, dataset=found.data.profile, model=found.model, hardware=found.hardware,
                   console=Console(), now_utc=begun.started_utc)  # fmt: skip
    return plan
