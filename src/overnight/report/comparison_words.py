"""A comparison in words: what is said on the way, and the verdict in the end.

In: events of a comparison, a `Comparison`. Out: sentences whose borrowed text is inert. Never: a
difference that its interval does not tell; layout.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import PurePath
from string import ascii_uppercase
from typing import Any

from overnight.report.words import count_of, inert_line, rate
from overnight.values.comparison import Compared, Comparison, Outcome, Spread
from overnight.values.ledger import Event
from overnight.values.plan import Candidate
from overnight.values.trials import Divided, Entered, Refused, Sliced, Tried, Weighed
from overnight.values.units import show_count, show_duration

LONG = 16
"""Letters of a name that a table of eighty columns has room for."""
WIDE = 1.5
"""High over low of a ratio: wider than this it does not even say "no faster"."""
_TROUBLES = {
    "dropped": "{} with gradients that were not finite",
    "clipped": "{} with a gradient far above the usual, clipped",
    "rewound": "{} where it had to go back",
    "shrunk": "{} where memory ran out",
}


def short(name: str, limit: int = 28) -> str:
    """A setting's name as it stands in a table."""
    plain = inert_line(PurePath(name).name if name.count("/") > 1 else name)
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def relabelled(found: Comparison) -> tuple[Comparison, dict[str, str]]:
    """The comparison with a letter for every setting whose name is too long for a table, and what
    each letter stands for."""
    long = [one.name for one in found.settings if len(short(one.name)) > LONG]
    letters = {name: letter for name, letter in zip(long, ascii_uppercase, strict=False)}
    settings = tuple(replace(one, name=letters.get(one.name, one.name)) for one in found.settings)
    refused = {letters.get(name, name): why for name, why in found.refused.items()}
    said = {letter: inert_line(name, 400) for name, letter in letters.items()}
    return replace(found, settings=settings, refused=refused), said


def settings_words(candidate: Candidate) -> str:
    """A candidate in one line: "LoRA r 16, 1 row x 16, bf16, rate 2e-4"."""
    method = {"full": "full"}.get(candidate.method, f"{candidate.method} r {candidate.lora_r}")
    rows = f"{candidate.per_device_train_batch_size} x {candidate.gradient_accumulation_steps} rows"
    again = ", checkpointing" if candidate.gradient_checkpointing else ""
    return f"{method}, {rows}, {candidate.precision}{again}, rate {rate(candidate.learning_rate)}"


def told(event: Event) -> str | None:
    """What is said as it happens; None for what is routine."""
    say = _TOLD.get(type(event))
    return say(event) if say else None


def _entered(event: Entered) -> str:
    return f"{short(event.setting)}: {settings_words(event.candidate)}"


def _refused(event: Refused) -> str:
    return f"{short(event.setting)} takes no further part: {inert_line(event.why)}"


def _tried(event: Tried) -> str:
    pace = f"{show_count(event.tokens_per_second)} tokens/s"
    return (f"{short(event.setting)}: {pace}, {show_duration(event.step_seconds)} a step (first "
            f"{count_of(event.steps, 'step')})")  # fmt: skip


def _divided(event: Divided) -> str:
    work = ", equal work besides" if event.work else ""
    why = f" ({inert_line(event.why)})" if event.why else ""
    return (f"each trains {show_duration(event.seconds)} a seed in "
            f"{count_of(event.rounds, 'slice')}, {count_of(event.seeds, 'seed')}{work}, "
            f"{count_of(event.rows, 'held-out row')}{why}")  # fmt: skip


def _sliced(event: Sliced) -> str:
    pace = f"{show_count(event.tokens / event.seconds)} tokens/s" if event.seconds else "no step"
    over = f"; over after {count_of(event.step, 'step')}" if event.over else ""
    return f"{event.trial.title}, slice {event.round}: {pace}, loss {event.loss:.3f}{over}"


def _weighed(event: Weighed) -> str:
    whose = event.trial.title if event.trial else "the base model"
    return f"{whose}: looked at {count_of(len(event.sums), 'held-out row')}"


_TOLD: dict[type[Event], Callable[[Any], str]] = {
    Entered: _entered,
    Refused: _refused,
    Tried: _tried,
    Divided: _divided,
    Sliced: _sliced,
    Weighed: _weighed,
}


def verdict(found: Comparison) -> list[str]:
    """The verdict: one paragraph a setting, then what to take."""
    reference = found.reference
    said = [" ".join(_against(one, reference)) for one in found.settings[1:]]
    return [*said, _conclusion(found), *_remarks(found)]


def _against(one: Compared, reference: Compared) -> Iterator[str]:
    yield f"`{short(one.name)}` {_speed(one.speed, short(reference.name))}."
    for outcome, when in ((one.at_time, "the same time"), (one.at_work, "the same work")):
        if outcome is not None and outcome.difference is not None:
            yield f"{_loss(outcome.difference, when)}{_quality(outcome, short(reference.name))}."


def _speed(speed: Spread, reference: str) -> str:
    times = f"{speed.mid:.3g}x"
    if not speed.known:
        return f"ran at {times} the speed of `{reference}` in one look, which tells no variation"
    span = f"{times} ({speed.low:.3g} to {speed.high:.3g})"
    if speed.low > 1.0:
        return f"is {span} as fast as `{reference}`"
    if speed.high < 1.0:
        return f"is slower than `{reference}`: {span} as fast"
    if speed.high / speed.low > WIDE:
        return f"cannot be told from `{reference}` in speed: {span}"
    return f"is no faster than `{reference}`: {span}"


def _loss(difference: Spread, when: str) -> str:
    if not difference.known:
        return f"After {when} its loss was no number"
    span = f"({_span(difference)})"
    if difference.high < 0.0:
        return f"After {when} its loss is {-difference.mid:.3f} lower {span}"
    if difference.low > 0.0:
        return f"After {when} its loss is {difference.mid:.3f} higher {span}"
    return (f"After {when} its loss cannot be told from it: {difference.mid:+.3f} "
            f"({difference.low:+.3f} to {difference.high:+.3f})")  # fmt: skip


def _span(difference: Spread) -> str:
    """The ends of a difference without its sign, the smaller first."""
    low, high = sorted((abs(difference.low), abs(difference.high)))
    return f"{low:.3f} to {high:.3f}"


def _quality(outcome: Outcome, reference: str) -> str:
    quality = outcome.quality
    if quality is None or not quality.known:
        return ""
    share = f"{quality.mid:.0f} % ({quality.low:.0f} to {quality.high:.0f})"
    return f", {share} of the gain of `{reference}`"


def _conclusion(found: Comparison) -> str:
    """Which to take, as far as the losses after the same time tell it."""
    judged = [one for one in found.settings if one.at_time is not None]
    if len(judged) < 2:
        return "No losses were compared in this window; a longer one would."
    best = min(judged, key=_mean_loss)
    name, others = short(best.name), [one for one in judged if one is not best]
    if best is found.reference:
        near = [one for one in others if not _worse(one)]
        return _tie(name, near) if near else _take(name, found)
    mine = best.at_time.difference if best.at_time else None
    if mine is None or not mine.known or mine.high >= 0.0:
        return _tie(name, [found.reference])
    return _take(name, found)


def _take(name: str, found: Comparison) -> str:
    seed = " with the one seed that there was time for" if found.seeds == 1 else ""
    return f"Take `{name}`: the lowest loss after the same time{seed}."


def _mean_loss(one: Compared) -> float:
    loss = one.at_time.loss.mid if one.at_time else float("inf")
    return loss if math.isfinite(loss) else float("inf")


def _worse(one: Compared) -> bool:
    difference = one.at_time.difference if one.at_time else None
    return difference is not None and (not difference.known or difference.low > 0.0)


def _tie(name: str, near: list[Compared]) -> str:
    others = " and ".join(f"`{short(one.name)}`" for one in near)
    return (f"`{name}` has the lowest loss after the same time, but {others} cannot be told from "
            "it in this window.")  # fmt: skip


def _remarks(found: Comparison) -> Iterator[str]:
    yield from (f"`{short(name)}` was left out: {inert_line(why).rstrip('.')}."
                for name, why in found.refused.items())  # fmt: skip
    notes = dict.fromkeys(note for one in found.settings for note in one.notes)
    for note in notes:
        whose = [f"`{short(one.name)}`" for one in found.settings if note in one.notes]
        yield f"{', '.join(whose)}: {inert_line(note)}."
    if not found.whole:
        yield "The window or somebody ended it before everything that was planned was measured."


def risk(one: Compared) -> str:
    """What was seen to go wrong with a setting, and how far its seeds lie apart."""
    said = [_TROUBLES[kind].format(count_of(count, "step")) for kind, count in
            one.troubles.items() if kind in _TROUBLES]  # fmt: skip
    if one.troubles.get("gave up"):
        said.append(f"{count_of(one.troubles['gave up'], 'run')} given up, the loss did not come "
                    "back")  # fmt: skip
    seeds = one.at_time.seeds if one.at_time else ()
    apart = f"seeds {max(seeds) - min(seeds):.3f} apart" if len(seeds) > 1 else "one seed"
    return ", ".join([*(said or ["nothing seen"]), *([apart] if seeds else [])])
