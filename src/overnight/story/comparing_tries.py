"""Before the window is divided: every setting planned, a few steps of each, the base's loss.

In: what was asked for each setting, what was looked at. Out: plans and what a few steps have shown,
journalled; a setting that cannot be run is refused with its reason. Never: keeps what they trained.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from overnight.control import recovery
from overnight.control.health import finite
from overnight.planning import division, measure, search, timing
from overnight.planning.question import Question
from overnight.story import packed
from overnight.story.comparing_course import Aim, OwnTime
from overnight.story.comparing_stage import Comparing
from overnight.story.comparing_trial import Live, course_of, first_built, keep, weighed
from overnight.story.held_out import LEAST_ROWS
from overnight.training import parking
from overnight.training.loop import Loop
from overnight.training.room import OptimizerMemoryGone
from overnight.training.session import Session
from overnight.values.errors import InputError, NoPlanFits
from overnight.values.ledger import Noted, Stepped, Stopped
from overnight.values.plan import Candidate, Plan
from overnight.values.trials import Entered, Refused, Trial, Tried
from overnight.values.units import show_duration

TRY_SHARE = 0.1
"""Of what is left: what the first steps of all settings may take together."""
TRY_STEPS, TRY_LEAST = 5, 2
"""Steps of each, and how few will do where they are long."""
TRY_PIECES = 4
"""Micro-batches of such a step at most: the pace of more is the same."""
TRY_SECONDS = 1.0
"""Steps shorter than this are taken for so long: a moment tells no pace."""
LOOK_SHARE = 0.1
"""Of what is left: what all looks at the held-out rows may take together."""
RULED = "the rate is what rules and history say; a night of its own may try others first"
WAY_BEYOND = 3600.0
"""Added to the window that is planned for: anything fits, whatever a night costs besides
training."""


def plan_all(on: Comparing) -> None:
    """Plans every setting that was not refused; a refusal is journalled."""
    known = {one.setting: one for one in on.told.every(Entered)}
    out = on.told.refused()
    for name, question in on.questions.items():
        if name in out:
            continue
        try:
            plan = planned(question, _expected_seconds(on))
        except (InputError, NoPlanFits) as error:
            on.tell(Refused(setting=name, why=str(error)))
            continue
        before = known.get(name)
        on.plans[name] = replace(plan, candidate=before.candidate) if before else plan


def planned(question: Question, seconds: float) -> Plan:
    """The plan, with the rate for as many steps as fit into so many seconds of training: of all
    that is trained by, only the rate hangs on the window.

    Raises:
        NoPlanFits: the memory does not hold it; InputError: a given setting cannot be run here.
    """
    plan = search.choose(replace(question, window_seconds=seconds + WAY_BEYOND))
    step = plan.time.phases["training"].mid / max(plan.time.total_steps, 1)
    steps = max(1, int(seconds / max(step, 1e-9)))
    return replace(plan, candidate=search.for_horizon(plan.candidate, question, steps))


def _expected_seconds(on: Comparing) -> float:
    """Of a trial, before anything is known of the pace."""
    return max(on.left, 1.0) / (1.5 * on.seeds * len(on.questions))


def try_all(on: Comparing) -> None:
    """A few steps of every setting that was not tried yet; the base's loss before the first."""
    known = on.told.tried()
    for name in list(on.plans):
        if name in known and on.told.base() is not None:
            continue
        check_room(on)
        on.at(name)
        try:
            _try_one(on, name)
        except (InputError, NoPlanFits) as error:
            _refuse(on, name, str(error))
        except OptimizerMemoryGone:
            _refuse(on, name, "memory ran out as the optimizer took its first step")
        on.drop()


def check_room(on: Comparing) -> None:
    """Whether a few steps of each setting can still fit, by those that were tried so far.

    Raises:
        NoPlanFits: they cannot; names the shortest window that is likely to do.
    """
    seen = on.told.tried()
    tried = [seen[name] for name in on.plans if name in seen]
    if not tried:
        return
    step = division.slowest_step(tried)
    needed = division.FEWEST_STEPS * step * len(on.plans)
    if needed > on.left:
        raise NoPlanFits(too_short(on, needed + step * (len(on.plans) - len(tried))))


def too_short(on: Comparing, needed: float) -> str:
    """Which window would do: what is spent already and what is needed, a little more of both."""
    whole = 1.1 * (on.window - on.left + needed)
    return (f"the window leaves no time for {division.FEWEST_STEPS} steps of each setting; the "
            f"shortest that works is about {show_duration(whole)}")  # fmt: skip


def _refuse(on: Comparing, name: str, why: str) -> None:
    on.tell(Refused(setting=name, why=why))
    on.plans.pop(name, None)


def _try_one(on: Comparing, name: str) -> None:
    ground, clock = on.ground, on.ground.clock
    whole = on.plans[name].candidate
    tried = replace(whole, gradient_accumulation_steps=min(whole.gradient_accumulation_steps,
                                                           TRY_PIECES))  # fmt: skip
    session, build_seconds = _first_session(on, name, tried)
    able = session.candidate  # as it loads here, its rows packed only where they stay apart
    whole = replace(whole, attn_implementation=able.attn_implementation, packing=able.packing)
    aim = Aim(candidate=able, horizon=10 * TRY_STEPS)
    path = course_of(ground, session, aim)
    trial = Trial(setting=name, seed=0, kind="work")
    on.live = live = Live(trial, session, path, OwnTime(clock.boot), on.folder_of(trial))
    loop = Loop(session, path, acts=live, clock=clock.boot, awake=clock.awake)
    parking.count_anew(session.accelerator.device.type)
    while (gone := session.try_largest()) is not None:
        whole = recovery.as_small(whole, loop.shrink(gone))
    if on.told.base() is None:
        _look_at_base(on, session)
    steps = _few_steps(on, loop)
    if not steps:
        raise NoPlanFits("its first steps gave no finite loss")
    seen = _seen(name, steps, session, pieces=whole.rows_per_step / tried.rows_per_step)
    on.plans[name] = replace(on.plans[name], candidate=whole)
    saving = _timed(clock.awake, partial(keep, ground, live))
    shutil.rmtree(live.folder, ignore_errors=True)
    del session, loop, live
    leaving = _timed(clock.awake, on.drop)
    on.tell(_entered(on, name, whole))
    on.tell(replace(seen, switch_seconds=build_seconds + 2.0 * saving + leaving))


def _first_session(on: Comparing, name: str, candidate: Candidate) -> tuple[Session, float]:
    """A session as it can be trained here, and what building it took.

    Raises:
        InputError: the model cannot be loaded, or not packed as was asked for.
    """
    request, clock = on.questions[name].request, on.ground.clock.awake

    def say(text: str) -> None:
        on.tell(Noted(text=f"{name}: {text}"))

    began = clock()
    session = first_built(on.ground, name, candidate, request=request, say=say)
    seconds = clock() - began  # what every slice takes again: no trial of packing in it
    packed.keep_apart(say, request, session)
    return session, seconds


def _timed(clock: Callable[[], float], act: Callable[[], None]) -> float:
    began = clock()
    act()
    return clock() - began


def _few_steps(on: Comparing, loop: Loop) -> list[Stepped]:
    steps: list[Stepped] = []
    budget = max(TRY_SHARE * on.left / max(len(on.plans), 1), 0.0)
    for event in loop.train():
        if isinstance(event, Stopped):
            break
        if isinstance(event, Stepped) and finite(event.loss):
            steps.append(event)
            spent = sum(step.seconds for step in steps)
            long = len(steps) >= TRY_STEPS and spent >= min(TRY_SECONDS, budget)
            if long or (len(steps) >= TRY_LEAST and spent >= budget):
                break
    return steps


def _look_at_base(on: Comparing, session: Session) -> None:
    """Few rows first, which says how many the window allows; then those."""
    select = on.ground.data.split.select
    few = select[:LEAST_ROWS]
    weighed(on.ground, session, few, None)  # the first look of all takes several times as long
    price = weighed(on.ground, session, few, None).seconds
    looks = 1 + 2 * on.seeds * len(on.questions)
    each = max(price / min(LEAST_ROWS, len(select)), 1e-6)
    most = max(LEAST_ROWS, int(LOOK_SHARE * on.left / (looks * each)))
    on.tell(weighed(on.ground, session, select[:most], None))


def _seen(name: str, steps: Sequence[Stepped], session: Session, *, pieces: float) -> Tried:
    """What the steps have shown; each of the setting's own is `pieces` times as long."""
    seen = measure.measure(steps)
    shares = sum(step.learnt_tokens for step in steps) / max(sum(step.tokens for step in steps), 1)
    return Tried(
        setting=name,
        steps=len(steps),
        step_seconds=pieces * seen.step_seconds,
        tokens_per_second=seen.tokens_per_second,
        learnt_per_second=max(shares * seen.tokens_per_second, 1e-9),
        peak_bytes=parking.peak_bytes(session.accelerator.device.type),
        switch_seconds=0.0,
    )


def _entered(on: Comparing, name: str, candidate: Candidate) -> Entered:
    """The setting with the whole job as it would do it: its own epochs, else the first that says
    any, else one."""
    profile = on.ground.cut(name, candidate.max_length).profile
    job = replace(candidate, num_train_epochs=_epochs(on, name), max_steps=_most_steps(on, name))
    steps = timing.steps_wanted(job, profile) or 1
    epochs = steps / timing.steps_per_epoch(job, profile)
    return Entered(
        setting=name,
        candidate=candidate,
        job_steps=steps,
        job_epochs=epochs,
        job_tokens=epochs * profile.train_tokens,
        notes=() if on.questions[name].request.settings.learning_rate else (RULED,),
    )


def _most_steps(on: Comparing, name: str) -> int | None:
    return on.questions[name].request.settings.max_steps


def _epochs(on: Comparing, name: str) -> float:
    own = on.questions[name].request.settings.num_train_epochs
    others = (one.request.settings.num_train_epochs for one in on.questions.values())
    return own or next((one for one in others if one), 1.0)
