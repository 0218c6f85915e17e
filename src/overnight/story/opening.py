"""The opening of a night: a live stage, the base measured, a first checkpoint; or all resumed.

In: what was looked at and planned. Out: a Loop that stands where the night stands. Never: trains.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from overnight.codec import from_json
from overnight.control.course import Course
from overnight.control.deadline import Deadline
from overnight.control.health import Health
from overnight.control.patience import Guard, Patience
from overnight.control.schedule import Schedule
from overnight.planning import rules, timing
from overnight.story import continued, held_out, packed, pilots, sameness, sizing, windows
from overnight.story.begin import PLAN
from overnight.story.look import Look
from overnight.story.publishing import publish_price
from overnight.story.stage import Stage
from overnight.story.standing import Standing, answering, last_step, standing
from overnight.story.teller import Teller
from overnight.training import ahead, answers, lineage, render, sealed, stages, state
from overnight.training.export import TOKENIZER
from overnight.training.keeper import Keeper
from overnight.training.loop import Loop
from overnight.values.ledger import (
    Answered,
    Entry,
    Evaluated,
    Part,
    Prepared,
    Resumed,
    Saved,
    Stepped,
)
from overnight.values.plan import Plan
from overnight.values.request import Request

ANSWERS = 2
ANSWERS_WINDOW = 120.0
"""Seconds: in shorter windows no answers are written."""
ANSWERS_SHARE = 0.02
"""Of a window, for those before and after together, at most."""
LEAVING = 0.5
"""Seconds that this process may take to be gone before publishing can begin: 0.08 on a quiet
machine, where it leaves without taking anything down."""
PROVISIONAL_STEPS = 50
"""The horizon until the rehearsal has measured one, at least."""


def stage(teller: Teller, request: Request, found: Look, plan: Plan) -> Stage:
    """Loads the model and builds the one live session."""
    candidate = plan.candidate
    data, tokenizer = found.data, found.data.tokenizer
    with state.loading("the model was loaded"):
        session = packed.live(teller.note, request, candidate, data.material())
    plan = replace(plan, candidate=session.candidate)
    teller.logging_steps = candidate.logging_steps
    if teller.main:
        tokenizer.save_pretrained(teller.run_folder / TOKENIZER)
    parts: dict[Part, Any] = {"select": data.split.select, "test": data.split.test}
    keeper = Keeper(
        run_folder=teller.run_folder,
        entries=teller.entries,
        held_out=parts,
        clock=teller.clock.boot,
        awake=teller.clock.awake,
        wanted=str,
        tell=teller.note,
        now=teller.journal.mark,
        limit=candidate.save_total_limit,
    )
    return Stage(teller, request, found, plan, session, keeper)


def begin(on: Stage, prepared: Prepared) -> Loop:
    """The loop, standing at the beginning or where the newest whole checkpoint stands."""
    loop = _begun(on, prepared)
    on.looked_at, on.peak_before = on.now, on.session.peak_bytes()
    return loop


def _begun(on: Stage, prepared: Prepared) -> Loop:
    on.keeper.wanted = on.wanted
    sizing.recall(on)
    pilots.recall(on)
    on.publish_seconds, on.prepared = publish_price(prepared, on.plan.window_seconds), prepared
    on.keeper.leaving = on.leaving
    on.aim(on.ends_at, on.leaves_at)
    found = on.session.agreed(
        lineage.tidy(on.teller.run_folder, on.teller.entries) if on.teller.main else None
    )
    again = any(isinstance(entry.event, Stepped | Saved) for entry in on.teller.entries)
    if found is not None and found.step > 0:
        return _resumed(on, found)
    if again and found is not None:
        # What stands before step 1 is measured again: a kill may have left a part of it.
        lost = last_step(on.teller.entries)
        on.teller.tell(Resumed(step=0, name=found.name, steps_lost=lost,
                               passed_over=found.passed_over))  # fmt: skip
    return _fresh(on, "" if found is None else found.name)


def _course(on: Stage) -> Course:
    """The course before anything has happened."""
    candidate = on.plan.candidate
    deadline = Deadline(
        started_at=on.started_at,
        ends_at=on.ends_at,
        leaves_at=on.leaves_at,
        steps_wanted=timing.steps_wanted(candidate, on.found.data.profile),
        tokens_per_step=on.session.tokens_per_step,
        loads=_loads(on),
        stages=stages.later(on.session, candidate, on.found.model),
        publish_seconds=on.publish_seconds + LEAVING,
        cadence=timing.cadence(candidate, on.found.data.profile),
    )
    schedule = Schedule(
        peak=candidate.learning_rate,
        horizon=1,
        warmup_steps=1,
        shape=candidate.lr_scheduler_type,
    )
    patience = Patience(limit=on.request.patience)
    guard = Guard(active=rules.guarded(on.request))
    return Course(deadline=deadline, schedule=schedule, patience=patience, guard=guard)


def _loads(on: Stage) -> tuple[float, ...]:
    """What the coming steps hold, as planned: a micro-batch made smaller changes little of it."""
    wanted = timing.steps_wanted(on.plan.candidate, on.found.data.profile)
    order = on.session.orders[0]
    return ahead.loads(
        on.session.corpus, order, on.plan.candidate, model=on.found.model,
        steps=min(wanted or order.steps_per_epoch, stages.MOST_EPOCHS * order.steps_per_epoch),
    )  # fmt: skip


def _loop(on: Stage, then: Standing) -> Loop:
    loop = Loop(on.session, then.course, acts=on.keeper, clock=on.teller.clock.boot,
                awake=on.teller.clock.awake)  # fmt: skip
    loop.coming = then.coming
    return loop


def _fresh(on: Stage, found: str) -> Loop:
    """Rehearses what is needed before step 1: memory, one save, one look at each held-out part.

    `found` is the checkpoint of step 0 of an earlier process, if there is one.
    """
    sizing.size(on)
    loop = _loop(on, _stood(on, ""))
    loop.take_up()
    while on.tight and (gone := on.session.try_largest()) is not None:
        on.teller.tell(loop.shrink(gone))
    held_out.limit(on)
    on.teller.horizon = _provisional(on)
    came = continued.checked(on)
    if came is None:
        _keep(on, loop, found)
    _measure_base(on, loop)
    on.answer_seconds = answering(on.teller.entries)
    if not on.answer_seconds:  # a night that begins again has them already
        write_answers(on, "before")
    if came is not None:
        on.teller.tell(continued.take(on, came))
        _keep(on, loop, found)
        _tell_look(on, loop, on.keeper.evaluate(on.session))
    pilots.run(on, loop)
    deadline = replace(loop.course.deadline, answer_seconds=on.answer_seconds)
    schedule = replace(loop.course.schedule, peak=on.plan.candidate.learning_rate)
    loop.course = replace(loop.course, deadline=deadline, schedule=schedule)
    horizon = on.teller.horizon
    warmup = rules.warmup_steps(horizon, on.plan.candidate.warmup_ratio)
    on.teller.tell(loop.happened(loop.replanned(horizon, "the plan", warmup_steps=warmup)))
    on.teller.state = "rehearsing"
    return loop


def _keep(on: Stage, loop: Loop, found: str) -> None:
    """The first checkpoint: what is there before step 1.

    One that is there and proved stays: until another in its place had been proved as well there
    would be nothing to publish.
    """
    if found in lineage.promoted(on.teller.entries):
        on.keeper.parent = found
        loop.happened(_told_of(on.teller.entries, found))
        return
    saved = on.keeper.save(on.session)
    if saved is not None:
        on.teller.tell(loop.happened(saved))


def _told_of(entries: Sequence[Entry], name: str) -> Saved:
    """The newest save under this name."""
    return next(one.event for one in reversed(entries)
                if isinstance(one.event, Saved) and one.event.name == name)  # fmt: skip


def _measure_base(on: Stage, loop: Loop) -> None:
    parts: tuple[Part, ...] = ("select", "test")
    for part in parts:
        if not _tell_look(on, loop, on.keeper.measure(on.session, part, base=True)):
            break  # no time for a night: the loop will say so
    held_out.remember_base(on)


def _tell_look(on: Stage, loop: Loop, seen: Evaluated | None) -> bool:
    """Tells a look at a held-out part; whether there was time for it."""
    if seen is None:
        return False
    on.teller.tell(loop.happened(seen))
    on.teller.all(on.keeper.promotions(seen, Health()))
    return True


def _provisional(on: Stage) -> int:
    wanted = timing.steps_wanted(on.plan.candidate, on.found.data.profile)
    if on.ends_at is None and wanted is not None:
        return wanted
    return max(min(on.plan.time.total_steps, wanted or 10**9),
               min(PROVISIONAL_STEPS, wanted or PROVISIONAL_STEPS))  # fmt: skip


def _resumed(on: Stage, found: lineage.Found) -> Loop:
    """The loop where the checkpoint was written, with the course that the journal tells of it."""
    assert found.path is not None
    sameness.check_checkpoint(found.path, on.plan.candidate, on.session.orders[0].rows_per_step)
    then = _stood(on, found.name)
    with state.loading("a checkpoint was read"):
        on.session.restore(found.path)
    on.session.skip_to(then.epoch, then.batch, stage=then.stage)
    on.keeper.parent = found.name
    held_out.recall_base(on)
    if found.name not in lineage.promoted(on.teller.entries):
        on.keeper.pending.append((found.step, found.name))
    # The last steps before it may not be in the journal: it was killed, or logs few of them.
    on.answer_seconds = answering(on.teller.entries)
    told = replace(then.course.deadline, step=found.step, answer_seconds=on.answer_seconds)
    if windows.moved_since(on.teller.entries, found.name):
        wanted = timing.steps_wanted(on.plan.candidate, on.found.data.profile)
        told = replace(told, moved=True, ending="", steps_wanted=wanted)
    on.rehearsing = not then.rehearsed
    on.teller.state = "rehearsing" if on.rehearsing else "training"
    on.teller.horizon = then.course.schedule.horizon
    lost = max(last_step(on.teller.entries) - found.step, 0)
    on.teller.tell(Resumed(step=found.step, name=found.name, steps_lost=lost,
                           passed_over=found.passed_over))  # fmt: skip
    return _loop(on, replace(then, course=replace(then.course, deadline=told)))


def _first(on: Stage) -> Standing:
    """Where the night began; its rate was another one until the rehearsal was over."""
    if on.found.rated is not None:
        rate = on.found.rated.learning_rate
    elif on.found.sized is not None:
        rate = on.found.sized.learning_rate
    else:
        written = sealed.read(on.teller.run_folder / PLAN)
        rate = from_json(written["first_plan"], Plan).candidate.learning_rate
    course = _course(on)
    course = replace(course, schedule=replace(course.schedule, peak=rate))
    return Standing(course=course, candidate=on.session.candidate)


def _stood(on: Stage, name: str) -> Standing:
    """Where the night stood at a checkpoint; the live session is as small as it was there."""
    then = standing(on.teller.entries, name, _first(on), started_at=on.started_at,
                    peak=on.plan.candidate.learning_rate)  # fmt: skip
    on.session.rebuild(then.candidate)
    return then


def write_answers(on: Stage, when: Any) -> None:
    """A few answers to held-out prompts, where the window has room for them."""
    window = on.plan.window_seconds
    if (window is not None and window < ANSWERS_WINDOW) or not on.teller.main:
        return
    begun = on.now
    data = on.found.data
    most = answers.SECONDS
    if window is not None:
        most = min(most, ANSWERS_SHARE * window / (2 * ANSWERS))
    for row in data.split.select[:ANSWERS]:
        ids = render.prompt(*data.corpus.encoded.row(row))
        text = answers.answer(on.session, ids, data.tokenizer, seconds=most)
        asked = data.tokenizer.decode(ids, skip_special_tokens=True)
        on.teller.tell(Answered(when=when, prompt=asked, text=text))
    on.answer_seconds = on.now - begun
