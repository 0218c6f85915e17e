"""The guides' time calculator, and beside it what accumulation does to the work.

In: a data set's size and the guides' assumptions. Out: steps, hours and savings of their named
configurations, by their formula and by the count of micro-batches. Never: a measurement; every
hour here follows from `seconds_per_step`, which the user gave.
"""

from dataclasses import dataclass

from overnight.values.errors import InputError
from overnight.values.facts import Interval

BASELINE = "baseline"
ASKED = "asked"
ACCUMULATION = {BASELINE: 16, "optimized": 32, "aggressive": 64}
"""Guides 2 and 5. The baseline runs without half precision, the other two with it."""
REFERENCE = ACCUMULATION[BASELINE]
"""The guides' 30 s are a step of the baseline: sixteen micro-batches and one update."""
UPDATE_SHARE = Interval(low=0.0, mid=0.0007, high=0.109)
"""One optimizer update over one micro-batch, in time. Derived from memory traffic, on an 8B model
and an A100: LoRA r 16 0.8 ms beside 1.15 s (42 M weights x 28 bytes); all weights in fp32 145 ms
beside 1.34 s. The micro-batch times are published (Anyscale LLMForge, 2 x 2048 tokens)."""
SENTENCE = (
    "Accumulation does not change the work: every row still goes forward and back once, so the "
    "hours stay. Fewer steps only save updates: 0.07 % of a micro-batch's time each with LoRA, at "
    "most 11 % with full fine-tuning. Measured: sixteen micro-batches a step took 1.01 (LoRA) and "
    "0.97 (full) of the time of one (bench/results/accumulation.md)."
)
HALF_PRECISION = (
    "The speed factor is kept as given. Half precision against fp32 on tensor cores is usually "
    "worth 2 to 3 (PyTorch's AMP recipe), against another half precision nothing."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What the guides' formula takes; the defaults are theirs.

    Raises:
        InputError: a figure is not positive.
    """

    samples: int = 63_000
    batch: int = 1
    """Rows of a micro-batch."""
    accumulation: int = 32
    """Micro-batches of a step."""
    seconds_per_step: float = 30.0
    """Of the baseline's step, that is of `REFERENCE` micro-batches, without half precision."""
    speed_factor: float = 1.3
    """What half precision is taken to be worth."""

    def __post_init__(self) -> None:
        for name in ("samples", "batch", "accumulation"):
            _whole(name, getattr(self, name))
        for name in ("seconds_per_step", "speed_factor"):
            _positive(name, getattr(self, name))


def _whole(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10**12:
        raise InputError(f"{name} is {value}; expected a whole number from 1 to a trillion")


def _positive(name: str, value: object) -> None:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not 0 < value <= 1e9:  # type: ignore[operator]
        raise InputError(f"{name} is {value}; expected a number above 0 and at most a billion")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """One line of the calculator: the guides' arithmetic, and what is true."""

    name: str
    accumulation: int
    speed_factor: float
    asked: bool
    """Whether these are the settings that were asked for."""
    steps: int
    """By the guides' formula, rounded half to even, at least one."""
    loop_steps: int
    """As a training loop counts them: the last step may be a short one."""
    hours: float
    """By the guides' formula: the steps, each as long as the baseline's over `speed_factor`."""
    saved_hours: float
    """Against the baseline, by the same formula."""
    true_hours: Interval
    """By the micro-batches, which are what takes the time."""
    true_saved_hours: float

    @property
    def days(self) -> float:
        """The guides' hours in days."""
        return self.hours / 24


def steps(samples: int, *, batch: int, accumulation: int) -> int:
    """Optimizer steps of one epoch as the guides round them: half to even, at least one.

    >>> [steps(63_000, batch=1, accumulation=each) for each in (16, 32, 64)]
    [3938, 1969, 984]
    """
    return max(1, round(samples / batch / accumulation))


def loop_steps(samples: int, *, batch: int, accumulation: int) -> int:
    """Optimizer steps of one epoch as a loop counts them: what is left over is a step too.

    >>> loop_steps(63_000, batch=1, accumulation=64)
    985
    """
    return -(-samples // (batch * accumulation))


def claimed_hours(assumed: Assumptions, *, accumulation: int, speed_factor: float) -> float:
    """The guides' formula: steps x seconds of a baseline step / speed factor.

    >>> round(claimed_hours(Assumptions(), accumulation=32, speed_factor=1.3), 1)
    12.6
    """
    count = steps(assumed.samples, batch=assumed.batch, accumulation=accumulation)
    return count * assumed.seconds_per_step / speed_factor / 3600


def true_hours(assumed: Assumptions, *, accumulation: int, speed_factor: float) -> Interval:
    """Hours by micro-batches and updates, each as dear as the baseline's step says.

    >>> f"{true_hours(Assumptions(), accumulation=32, speed_factor=1.3).mid:.1f}"
    '25.2'
    """
    micro_batches = -(-assumed.samples // assumed.batch)
    updates = loop_steps(assumed.samples, batch=assumed.batch, accumulation=accumulation)

    def hours(share: float) -> float:
        micro_batch = assumed.seconds_per_step / (REFERENCE + share)
        return (micro_batches + updates * share) * micro_batch / speed_factor / 3600

    ends = hours(UPDATE_SHARE.low), hours(UPDATE_SHARE.high)
    return Interval(low=min(ends), mid=hours(UPDATE_SHARE.mid), high=max(ends))


def compare(assumed: Assumptions) -> tuple[Configuration, ...]:
    """The three named configurations, and what was asked for where it is none of them.

    >>> [f"{each.name} {each.hours:.1f}" for each in compare(Assumptions())]
    ['baseline 32.8', 'optimized 12.6', 'aggressive 6.3']
    """
    asked = (assumed.accumulation, assumed.speed_factor)
    named = {name: (count, 1.0 if name == BASELINE else assumed.speed_factor)
             for name, count in ACCUMULATION.items()}  # fmt: skip
    wanted = named if asked in named.values() else named | {ASKED: asked}
    return tuple(_configuration(name, assumed, accumulation=count, speed_factor=factor)
                 for name, (count, factor) in wanted.items())  # fmt: skip


def _configuration(
    name: str, assumed: Assumptions, *, accumulation: int, speed_factor: float
) -> Configuration:
    hours = claimed_hours(assumed, accumulation=accumulation, speed_factor=speed_factor)
    true = true_hours(assumed, accumulation=accumulation, speed_factor=speed_factor)
    before = claimed_hours(assumed, accumulation=REFERENCE, speed_factor=1.0)
    truly_before = true_hours(assumed, accumulation=REFERENCE, speed_factor=1.0)
    size, batch = assumed.samples, assumed.batch
    return Configuration(
        name=name,
        accumulation=accumulation,
        speed_factor=speed_factor,
        asked=(accumulation, speed_factor) == (assumed.accumulation, assumed.speed_factor),
        steps=steps(size, batch=batch, accumulation=accumulation),
        loop_steps=loop_steps(size, batch=batch, accumulation=accumulation),
        hours=hours,
        saved_hours=before - hours,
        true_hours=true,
        true_saved_hours=truly_before.mid - true.mid,
    )
