"""The verdict in words: did it end in time, is it better, what to use.

In: a Report. Out: one headline with its tone, and sentences. Never: layout; a claim that the
figures do not carry.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from overnight.planning.advice import Outcome, next_night
from overnight.report.account import Report
from overnight.report.sentences import stop_words
from overnight.report.words import count_of, inert_line, loss_words
from overnight.values.ledger import Chosen
from overnight.values.units import show_duration

Tone = Literal["good", "fair", "bad", "going"]
Quality = Literal["better", "worse", "unclear", "unmeasured"]

_QUALITY = {
    "better": "better than the base model",
    "worse": "the base model was better: keep the base model",
    "unclear": "no clear difference from the base model",
    "unmeasured": "not measured against the base model",
}
_GOING = {
    "planned": ("Planned, not started", "Nothing has happened yet."),
    "starting": ("Getting ready", "Data and model are being read, and a few steps rehearsed."),
    "training": ("Training", ""),
    "ending": ("Training is over, finishing", "The last evaluation and the export are under way."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a person reads first."""

    tone: Tone
    title: str
    sentences: tuple[str, ...]


def quality(chosen: Chosen | None) -> Quality:
    """Whether the chosen model beats the base on *test*: only if the whole interval says so."""
    if chosen is None:
        return "unmeasured"
    if chosen.gain is not None:
        low, high = chosen.gain.low, chosen.gain.high
    elif "base" in chosen.loss and "test" in chosen.loss:
        test, base = chosen.loss["test"], chosen.loss["base"]
        low, high = base.low - test.high, base.high - test.low
    else:
        return "unmeasured"
    return "better" if low > 0 else "worse" if high < 0 else "unclear"


def _punctual(report: Report) -> str:
    """ "In time", "3 m 05 s late", or "Done" where no deadline was asked for."""
    spare = report.spare_seconds
    if spare is None:
        return "Done"
    return "In time" if spare >= 0 else f"{show_duration(-spare)} late"


def _ended_title(report: Report) -> str:
    result = quality(report.chosen)
    if report.state == "stopped":
        return f"Stopped early with a usable model; {_QUALITY[result]}"
    link = ", and" if result == "better" else ","
    return f"{_punctual(report)}{link} {_QUALITY[result]}"


def _forecast_title(report: Report) -> str:
    """The training headline, with the finish as far as it can be known."""
    if not report.forecasts:
        return "Training"
    clock = report.clock
    newest = report.forecasts[-1].event
    finish = clock.span(newest.low_utc, newest.high_utc)
    if report.deadline_utc is None:
        return f"Training, finishes {finish}"
    held = "on track" if newest.high_utc <= report.deadline_utc else "tight"
    return f"Training, {held}: finishes {finish}, deadline {clock.show(report.deadline_utc)}"


def _title(report: Report) -> str:
    if report.state in ("finished", "stopped"):
        return _ended_title(report)
    if report.state == "failed":
        return "Ended without a model"
    if report.state == "crashed":
        return "The training process died and has not come back"
    return _forecast_title(report) if report.state == "training" else _GOING[report.state][0]


def _tone(report: Report) -> Tone:
    if report.state in ("failed", "crashed"):
        return "bad"
    if not report.over:
        return "going"
    late = report.spare_seconds is not None and report.spare_seconds < 0
    good = quality(report.chosen) == "better" and report.state == "finished" and not late
    return "good" if good else "fair"


def _use(report: Report) -> Iterator[str]:
    """What to use, for a night that has an end."""
    if report.published and report.chosen:
        name = inert_line(report.chosen.name)
        if report.chosen.keep == "base":
            yield f"Go on using the base model; the tuned one ({name}) is in final/ all the same."
        else:
            yield f"Use the model in final/ ({name}, step {report.chosen.step:,})."
        if not report.published.tested:
            yield "It was put there without a load test."
    elif report.over and report.ended:
        if report.published and report.published.name:
            yield f"Use the model in final/ ({inert_line(report.published.name)})."
        yield f"It ended because {stop_words(report.ended.event.why).rstrip('.')}."


def _better(report: Report) -> Iterator[str]:
    """The held-out figures behind the headline."""
    chosen = report.chosen
    if chosen is None or not {"base", "test"} <= chosen.loss.keys():
        return
    test, base = chosen.loss["test"], chosen.loss["base"]
    change = 100.0 * (base.loss - test.loss) / base.loss if base.loss else 0.0
    way = "lower" if change >= 0 else "higher"
    rows = count_of(test.n, "row")
    yield (
        f"Its loss on {rows} never trained on is {loss_words(test)}, the base model's "
        f"{loss_words(base)}: {abs(change):.1f} % {way}."
    )
    if chosen.gain is not None:
        yield (f"Row by row the gain is {chosen.gain.loss:+.3f}, with 95 % confidence between "
               f"{chosen.gain.low:+.3f} and {chosen.gain.high:+.3f}.")  # fmt: skip
    if report.dataset.shared_heldout:
        yield "With so few rows one held-out part served to choose and to judge, which flatters."


def _time(report: Report) -> Iterator[str]:
    """When it was over, against the deadline and the plan."""
    if not report.ended:
        return
    clock, promised = report.clock, report.promised_utc
    over = f"It was over at {clock.show(report.ended.utc)}"
    plan = f"the plan said {clock.span(promised.low, promised.high)}"
    if report.moved:
        plan += " before its end was moved"
    if report.deadline_utc is None or report.spare_seconds is None:
        yield f"{over}; {plan}."
        return
    distance = show_duration(abs(report.spare_seconds))
    side = "before" if report.spare_seconds >= 0 else "after"
    yield f"{over}, {distance} {side} its deadline {clock.show(report.deadline_utc)}; {plan}."


def _work(report: Report) -> Iterator[str]:
    """How much training was done, and what ended it."""
    planned = report.plan.time.total_steps
    if report.stopped and report.steps_done < planned:
        yield (f"{report.steps_done:,} of {count_of(planned, 'planned step')} were done: "
               f"{stop_words(report.stopped.event.reason)}.")  # fmt: skip
    if not report.over and report.steps:
        yield f"{report.steps_done:,} of {count_of(report.horizon, 'step')} are done."


def _survived(report: Report) -> Iterator[str]:
    """What the night got over, and what to do where it has not."""
    if report.state == "crashed":
        yield "The same command goes on from the newest whole checkpoint."
    if report.resumptions:
        lost = show_duration(report.seconds.get("lost", 0.0))
        yield f"It went on after {count_of(report.resumptions, 'interruption')}, which cost {lost}."


def _next(report: Report) -> Iterator[str]:
    """What to change next time, if anything."""
    if report.state != "finished":
        return
    found = quality(report.chosen)
    window, spare = report.plan.window_seconds, report.spare_seconds
    outcome = Outcome(
        candidate=report.plan.candidate,
        priority=report.request.priority if report.request else "balanced",
        accuracy=report.accuracy,
        shrunk=any(one.kind == "Shrunk" for one in report.incidents),
        better={"better": True, "worse": False}.get(found),
        used=None if not window or spare is None else 1.0 - spare / window,
    )
    advice = next_night(outcome)
    if advice:
        yield advice


def judge(report: Report) -> Verdict:
    """The headline and, most important first, the sentences under it."""
    known = _GOING.get(report.state, ("", ""))[1]
    parts = (_use(report), _better(report), _time(report), _work(report), _survived(report),
             _next(report))  # fmt: skip
    sentences = [known] * bool(known) + [line for part in parts for line in part]
    return Verdict(tone=_tone(report), title=_title(report), sentences=tuple(sentences))
