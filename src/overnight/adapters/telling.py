"""What a DeadlineCallback says: lines for people, guide 4's metrics for trackers.

In: a Pilot, a Term, a clock. Out: strings and plain numbers. Never: prints, logs, decides.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from overnight.adapters.guide_files import accuracy
from overnight.adapters.kept import Term
from overnight.adapters.pilot import Pilot
from overnight.control.figures import Figure
from overnight.probe.clock import Clock, echo, local_zone
from overnight.values.units import show_duration

HOUR = 3600.0
WHY = {
    "horizon": "every step that was asked for is done",
    "window": "the window is over",
    "health": "too many steps in a row had no finite gradient",
}
"""Reasons to stop, for people."""


def begins(term: Term, clock: Clock) -> str:
    """The first line: until when, and how long that is."""
    return echo(term.ends_utc, now_utc=clock.utc(), zone=local_zone())


def metrics(pilot: Pilot, term: Term, clock: Clock) -> dict[str, float]:
    """Guide 4's figures of a run under way, in hours, and when it will be done."""
    now, started = clock.boot(), pilot.deadline.started_at
    told = {
        "training/elapsed_hours": (now - started) / HOUR,
        "training/remaining_hours": max(started + term.seconds - now, 0.0) / HOUR,
    }
    if pilot.rehearsing:
        return told
    finish = pilot.finish()
    return told | {
        "training/on_track": float(pilot.on_track),
        "training/eta_hours": (finish.mid - now) / HOUR,
        "training/eta_low_hours": (finish.low - now) / HOUR,
        "training/eta_high_hours": (finish.high - now) / HOUR,
        "optimization/estimated_hours": pilot.estimated_seconds / HOUR,
    }


def figure(logs: Mapping[str, Any], state: Any, horizon: int) -> Figure | None:
    """What a log line says of the run's health; None where it says nothing."""
    if "loss" not in logs and "eval_loss" not in logs:
        return None
    return Figure(
        step=state.global_step,
        loss=logs.get("loss"),
        grad_norm=logs.get("grad_norm"),
        learning_rate=logs.get("learning_rate"),
        epoch=state.epoch,
        held_out=logs.get("eval_loss"),
        horizon=horizon,
    )


def summary(pilot: Pilot, clock: Clock) -> dict[str, float]:
    """Guide 4's figures of a run that is over.

    Where the clock ended it its length proves nothing: the accuracy is that of its steps' pace.
    """
    took = clock.boot() - pilot.deadline.started_at
    if pilot.accuracy is None:
        return {"optimization/actual_hours": took / HOUR}
    estimated = pilot.estimated_seconds
    by_pace = pilot.deadline.bounded or not estimated > 0
    return {
        "optimization/actual_hours": took / HOUR,
        "optimization/estimated_hours": estimated / HOUR,
        "optimization/time_accuracy": pilot.accuracy if by_pace
        else accuracy(estimated / HOUR, actual_hours=took / HOUR),
    }  # fmt: skip


def forecast(pilot: Pilot, clock: Clock) -> str:
    """ "step 40: 312 of 900 steps fit, done 07:41 to 07:58 (9 times in 10), 4 m 10 s to spare"."""
    night, now = pilot.deadline, clock.boot()
    finish = pilot.finish()
    low, high = (_time(clock.utc() + end - now) for end in (finish.low, finish.high))
    fit = f"all {night.horizon}" if night.horizon >= pilot.manners.steps else (
        f"{night.horizon} of {pilot.manners.steps}")  # fmt: skip
    spare = show_duration((night.ends_at or now) - finish.mid)
    track = "" if pilot.on_track else f"; fewer than the {pilot.planned_steps} first planned"
    return (f"step {night.step}: {fit} steps fit{track}; done {low} to {high} (9 times in 10), "
            f"{spare} before the deadline")  # fmt: skip


def _time(utc: float) -> str:
    return datetime.fromtimestamp(utc, local_zone()).strftime("%H:%M:%S")


def ended(pilot: Pilot, reason: str, clock: Clock) -> str:
    """Why training is over, and what is left of the window."""
    night = pilot.deadline
    left = (night.ends_at or clock.boot()) - clock.boot()
    return (f"training ends at step {night.step} of {pilot.manners.steps}: "
            f"{WHY.get(reason, reason)}; {show_duration(left)} left for what follows")  # fmt: skip


def no_look(pilot: Pilot) -> str:
    """Why the last evaluation is left out."""
    seconds = show_duration(pilot.look_seconds)
    if pilot.look_seen:
        return f"it takes {seconds}, more than there is left"
    return (f"none was seen, so it may take {seconds}, more than there is left; eval_on_start=True "
            "measures it")  # fmt: skip
