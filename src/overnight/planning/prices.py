"""What the parts of a night cost beside training itself, before any of them was tried.

In: facts, a candidate, a pace. Out: `Prices`, seconds as intervals. Never: a clock; each is a prior
until the night has paid it once.
"""

import math
from dataclasses import dataclass

from overnight.planning.lengths import mean_cut
from overnight.planning.memory import trainable_parameters
from overnight.values.facts import DatasetProfile, Hardware, Interval, ModelProfile
from overnight.values.plan import Candidate, examined_ahead

IMPORTS = Interval(low=2.5, mid=3.2, high=8.0)
"""Python, torch, transformers, peft: 2.7 to 4.8 s in 26 nights on two processors, half of them
under 3.1; longer where the disk has not been read yet."""
LOOKING = Interval(low=0.2, mid=0.35, high=1.0)
"""Configuration, machine and a first look at the data, whatever its size (26 nights)."""
TOKENISING = Interval(low=3e5, mid=6e5, high=1.3e6)
"""Tokens a second of reading, rendering and tokenising. The same text took 2.4 s as 1.3 M tokens of
a 4,096-word tokenizer and 2.5 s as 2.8 M of one of 512: 5.5e5 and 1.1e6."""
SETTLING_STEPS = Interval(low=0.0, mid=0.2, high=1.5)
"""What the first steps take beyond later ones, in steps: 0 to 2.4 on two processors, half of 26
nights under 0.1."""
SETTLING_ON_CARD = Interval(low=0.5, mid=2.0, high=10.0)
"""Seconds more on a card, for libraries, kernels and the allocator: a judgement, not measured."""
DISK_BYTES_PER_SECOND = 5e8
"""Read, or written and synced, where it was not measured; 1.3e9 on a local disk, less elsewhere."""
LOAD = Interval(low=0.08, mid=0.13, high=0.4)
"""Building a model and an optimizer of any size (26 nights, 0.3 to 2 M parameters)."""
SAVE = Interval(low=0.016, mid=0.08, high=0.3)
"""A checkpoint of any size: its many small files, synced (94 saves: 0.02 to 0.3)."""
TEST = Interval(low=0.3, mid=1.1, high=2.6)
"""What publishing takes beyond a start: the test of what was written (26 nights)."""
TESTED = Interval(low=0.1, mid=0.15, high=0.6)
"""The same of a process that has its libraries already (0.16 in a quiet night)."""
EVALUATION = 1.2
"""What a held-out row takes beyond the arithmetic of a forward pass (26 nights, first looks)."""
EVALUATION_SPREAD = 1.7
"""Factor by which that differs from night to night, nine times in ten."""
CHECKPOINT_BYTES = 12
"""A trained weight with its two moments, fp32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What the parts of a night cost, in seconds, as far as they are known."""

    imports: Interval
    tokenising: Interval
    """Reading the rows, rendering and tokenising them."""
    loading: Interval
    """The model's weights, onto the device, and the optimizer around them."""
    settling: Interval
    """What the first steps take beyond later ones (allocator, kernel choice)."""
    save: Interval
    """One checkpoint."""
    evaluation: Interval
    """Both held-out parts, once."""
    publish: Interval
    """A fresh process imports, loads and tests what was trained, and it is put into place."""

    @property
    def start(self) -> Interval:
        """All that comes before the first evaluation."""
        return self.imports + self.tokenising + self.loading


def prior_prices(
    candidate: Candidate,
    model: ModelProfile,
    dataset: DatasetProfile,
    pace: Interval,
    *,
    hardware: Hardware,
    window: float | None = None,
) -> Prices:
    """Prices by the arithmetic of bytes and tokens; `pace` is training's, in tokens a second."""
    disk = hardware.disk_bytes_per_second or DISK_BYTES_PER_SECOND
    weights = _about(model.weight_bytes / disk)
    trained = trainable_parameters(candidate, model)
    return Prices(
        imports=IMPORTS,
        tokenising=LOOKING + _over(dataset.tokens_read, TOKENISING),
        loading=LOAD + weights,
        settling=_settling(candidate, dataset, pace, hardware.device),
        save=SAVE + _about(CHECKPOINT_BYTES * trained / disk),
        evaluation=_evaluation(candidate, dataset, pace),
        # Written by one process, then read and tried by another, which may be there already.
        publish=(TESTED if examined_ahead(window) else IMPORTS + TEST) + LOAD + weights + weights,
    )


def _about(seconds: float) -> Interval:
    """By a disk's pace, which caches better and crowds make worse."""
    return Interval(low=seconds / 4.0, mid=seconds, high=3.0 * seconds)


def _over(amount: float, rate: Interval) -> Interval:
    """Seconds of an amount at a rate."""
    return Interval(low=amount / rate.high, mid=amount / rate.mid, high=amount / rate.low)


def _settling(
    candidate: Candidate, dataset: DatasetProfile, pace: Interval, device: str
) -> Interval:
    usual = candidate.rows_per_step * mean_cut(dataset, candidate.max_length)
    steps = SETTLING_STEPS.scaled(usual / pace.mid)
    return steps if device == "cpu" else steps + SETTLING_ON_CARD


def _evaluation(candidate: Candidate, dataset: DatasetProfile, pace: Interval) -> Interval:
    """One forward pass over both parts: a third of a full step's work, half of a LoRA step's, and
    less beside steps that compute layers again."""
    rows = dataset.num_select + dataset.num_test
    tokens = rows * mean_cut(dataset, candidate.max_length)
    again = 1.0 / candidate.checkpoint_every if candidate.gradient_checkpointing else 0.0
    forward = again + (3.0 if candidate.method == "full" else 2.0)
    middle = EVALUATION * tokens / (forward * pace.mid)
    # Two doubts that know nothing of each other: the pace's, and how much dearer rows are here.
    wide = math.exp(math.hypot(math.log(pace.high / pace.mid), math.log(EVALUATION_SPREAD)))
    return Interval(low=middle / wide, mid=middle, high=middle * wide)
