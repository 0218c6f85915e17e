"""The rehearsal is the loop's first steps: what they measure corrects the plan, once.

In: the live stage and each event of the loop. Out: a corrected plan, the horizon, forecasts.
Never: a benchmark of its own that could disagree with the night.
"""

from dataclasses import replace

from overnight.control.deadline import Deadline
from overnight.planning import measure, rules, search, timing
from overnight.planning.prices import Prices
from overnight.planning.search import Done
from overnight.story import remember
from overnight.story.look import question
from overnight.story.opening import write_plan
from overnight.story.stage import Stage
from overnight.training.loop import Loop
from overnight.values.facts import Interval, Measurement
from overnight.values.ledger import Evaluated, Event, Forecast, Rehearsed, Replanned, Stepped

WARM_AGAIN = 3
"""Steps in which the warm-up ends that the rehearsal began."""
DRIFT = 0.25
"""In 18 of 20 windows of 45 s to 5 min the night's pace was 0.81 to 1.25 of the rehearsed one
(bench/results/windows.md, two shared cores)."""
FORECAST_SHARE = 0.02
"""Of the window: how often the finish is predicted anew, besides at every decision point."""


def watch(on: Stage, loop: Loop, event: Event) -> None:
    """What follows from an event besides the loop's own doing: the rehearsal's end, forecasts."""
    if isinstance(event, Stepped) and on.rehearsing:
        on.steps.append(event)
        if on.session.agreed(_enough(on)):
            _conclude(on, loop)
            return
    if isinstance(event, Replanned | Evaluated) and not on.rehearsing:
        forecast(on, loop)
    elif isinstance(event, Stepped) and not on.rehearsing:
        _update(on, loop)


def _enough(on: Stage) -> bool:
    few = len(on.steps) < timing.REHEARSAL_STEPS
    window = on.plan.window_seconds
    if window is None:
        return not few  # no clock in it: the same steps give the same night again
    spent = sum(step.seconds for step in on.steps)
    limit = spent > timing.REHEARSAL_LIMIT * window
    return limit or (not few and spent >= timing.rehearsal_seconds(on.steps[-1].seconds, window))


def _conclude(on: Stage, loop: Loop) -> None:
    """Measures, corrects the plan, sets the horizon, and says so."""
    on.rehearsing = False
    measured = measure.measure(on.steps)
    early = measure.settled(on.steps)
    kept = loop.course.deadline.recent[early:]
    deadline = replace(loop.course.deadline, recent=kept)
    loop.course = replace(loop.course, deadline=deadline)
    on.teller.tell(
        Rehearsed(
            steps=measured.steps,
            seconds=sum(step.seconds for step in on.steps),
            tokens_per_second=measured.tokens_per_second,
            peak_bytes=measured.peak_bytes,
        )
    )
    horizon = on.session.agreed(deadline.reachable(on.now)) or loop.session.progress.step
    done = loop.session.progress.step
    warmup = rules.warmup_steps(horizon, on.request.settings.warmup_ratio)
    warmup = max(warmup, done + WARM_AGAIN)  # the rate goes on from where the rehearsal left it
    _correct(on, deadline, measured)
    on.teller.horizon = horizon
    on.teller.state = "training"
    rate = on.session.agreed(
        on.plan.candidate.learning_rate
    )  # now that of the horizon; the warm-up goes on to it
    loop.course = replace(loop.course, schedule=replace(loop.course.schedule, peak=rate))
    event = loop.replanned(horizon, "the rehearsal", warmup_steps=warmup)
    on.teller.tell(loop.happened(event))
    forecast(on, loop)
    remember.rehearsed(on)


def _prices(on: Stage, deadline: Deadline) -> Prices:
    exact = Interval.exactly
    reserve = deadline.reserve
    return Prices(
        imports=exact(on.now - on.started_at),
        tokenising=exact(0.0),
        loading=exact(0.0),
        settling=exact(0.0),
        save=exact(deadline.save_seconds),
        evaluation=exact(reserve.evaluation),
        publish=exact(reserve.publish),
    )


def _correct(on: Stage, deadline: Deadline, measured: Measurement) -> None:
    rate = measured.tokens_per_second
    # Nine times in ten: the spread of the steps seen over the root of their number, and at least
    # what the pace of a night differs by from its rehearsal's.
    doubt = max(1.645 * measured.step_seconds_spread / max(measured.steps, 1) ** 0.5, DRIFT)
    about = Interval(low=rate / (1.0 + doubt), mid=rate, high=rate * (1.0 + doubt))
    asked = question(on.request, on.found, on.plan.window_seconds)
    on.plan = search.corrected(
        on.plan,  # a micro-batch that memory made smaller is no other step, and is journalled
        asked,
        prices=_prices(on, deadline),
        pace_now=about,
        done=Done(seconds=on.now - on.started_at, steps=on.session.progress.step),
    )
    if on.teller.main:
        write_plan(on.teller.run_folder, on.plan, on.request, on.found)


def _update(on: Stage, loop: Loop) -> None:
    """Keeps the glance fresh; a forecast goes into the journal now and then."""
    deadline = loop.course.deadline
    on.teller.horizon = deadline.horizon
    finish = deadline.finish(on.now)
    on.teller.finish = finish
    on.teller.reserve = deadline.reserve
    on.teller.on_track = _on_track(on, loop)
    every = FORECAST_SHARE * (on.plan.window_seconds or 600.0)
    if on.now - on.forecast_at >= every:
        forecast(on, loop)


def _on_track(on: Stage, loop: Loop) -> bool:
    """Whether the originally planned steps will be done by the deadline (DESIGN 8)."""
    return loop.course.deadline.horizon >= 0.95 * on.plan.time.total_steps


def forecast(on: Stage, loop: Loop) -> None:
    """One prediction of when the night ends, journalled."""
    on.forecast_at = on.now
    finish = loop.course.deadline.finish(on.now)
    on.teller.finish = finish
    on.teller.tell(
        Forecast(
            step=loop.session.progress.step,
            low_utc=on.teller.as_utc(finish.low),
            mid_utc=on.teller.as_utc(finish.mid),
            high_utc=on.teller.as_utc(finish.high),
        )
    )
