"""The rehearsal is the loop's first steps: what they measure corrects the plan, once.

In: the live stage and each event of the loop. Out: a corrected plan, the horizon, forecasts.
Never: a benchmark of its own that could disagree with the night.
"""

from dataclasses import replace

from overnight.control import forecast as foretold
from overnight.planning import measure, rules, timing
from overnight.story import correction, diagnosis, remember
from overnight.story.stage import Stage
from overnight.training.loop import Loop
from overnight.values.ledger import Evaluated, Event, Forecast, Rehearsed, Replanned, Stepped

WARM_AGAIN = 3
"""Steps in which the warm-up ends that the rehearsal began."""
GLANCE_SECONDS = 2.0
"""Between two forecasts for a glance, as often as the status is written: one takes as long as a
tenth of the smallest model's step."""
FORECAST_SHARE = 0.02
"""Of the window: how often the finish is predicted anew, besides at every decision point."""


def watch(on: Stage, loop: Loop, event: Event) -> None:
    """What follows from an event besides the loop's doing: signs, the rehearsal's end, forecast."""
    diagnosis.watch(on, loop, event)
    if isinstance(event, Stepped) and on.rehearsing:
        on.steps.append(event)
        on.rehearsed += event.seconds
        if on.session.agreed(_enough(on)):
            _conclude(on, loop)
            return
    if isinstance(event, Replanned | Evaluated) and not on.rehearsing:
        forecast(on, loop)
    elif isinstance(event, Stepped) and not on.rehearsing:
        _update(on, loop)


def _enough(on: Stage) -> bool:
    newest = on.steps[-1]
    window = on.plan.window_seconds
    if window is None:
        # No clock in it: the same steps give the same night again, resumed or not.
        return newest.step >= timing.rehearsal_steps(on.plan.time.total_steps)
    few = len(on.steps) < timing.REHEARSAL_STEPS
    limit = on.rehearsed > timing.REHEARSAL_LIMIT * window
    return limit or (not few and on.rehearsed >= timing.rehearsal_seconds(newest.seconds, window))


def _conclude(on: Stage, loop: Loop) -> None:
    """Measures, corrects the plan, sets the horizon, and says so."""
    on.rehearsing = False
    measured = _measured(on, loop)
    on.teller.tell(loop.happened(measured))
    deadline = loop.course.deadline
    done = loop.session.progress.step
    horizon = on.session.agreed(deadline.reachable(on.now)) or done
    warmup = rules.warmup_steps(horizon, on.plan.candidate.warmup_ratio)
    warmup = max(warmup, done + WARM_AGAIN)  # the rate goes on from where the rehearsal left it
    correction.correct(on, replace(deadline, horizon=horizon), measured)
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


def _measured(on: Stage, loop: Loop) -> Rehearsed:
    """What the steps say, each with what it held; those of sizing say what is fixed, beside."""
    held = [loop.course.deadline.held(step) for step in on.steps]
    load = sum(held) / sum(step.tokens for step in on.steps)
    tried = on.found.sized.steps if on.found.sized else ()
    others = [(seconds, load * tokens) for seconds, tokens in tried]
    found = on.session.agreed(measure.fit([step.seconds for step in on.steps], held, others))
    seen = measure.measure(on.steps)
    return Rehearsed(
        steps=seen.steps,
        seconds=on.rehearsed,
        tokens_per_second=seen.tokens_per_second,
        peak_bytes=seen.peak_bytes,
        settled=found.settled,
        settling_seconds=found.settling_seconds,
        fixed_load=found.fixed_load,
    )


def _update(on: Stage, loop: Loop) -> None:
    """Keeps the glance fresh; a forecast goes into the journal now and then."""
    if on.now - on.glanced_at < GLANCE_SECONDS:
        return
    deadline, on.glanced_at = loop.course.deadline, on.now
    on.teller.horizon = deadline.horizon
    on.teller.finish = foretold.finish(deadline, on.now, publish_seconds=on.publishing)
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
    finish = foretold.finish(loop.course.deadline, on.now, publish_seconds=on.publishing)
    on.teller.finish = finish
    on.teller.tell(
        Forecast(
            step=loop.session.progress.step,
            low_utc=on.teller.as_utc(finish.low),
            mid_utc=on.teller.as_utc(finish.mid),
            high_utc=on.teller.as_utc(finish.high),
        )
    )
