"""What the parts of a night cost beside training itself, before any of them was tried.

In: facts, a candidate, a pace. Out: `Prices`, seconds as intervals. Never: a clock; each is a prior
until the night has paid it once.
"""

from dataclasses import dataclass

from overnight.planning.memory import trainable_parameters
from overnight.values.facts import DatasetProfile, Hardware, Interval, ModelProfile
from overnight.values.plan import Candidate

IMPORTS = Interval(low=4.0, mid=7.0, high=15.0)
"""Importing torch, transformers and peft: 4.7 s of CPU on two cores."""
SETTLING_STEPS = Interval(low=0.2, mid=1.0, high=5.0)
"""What the first steps take beyond later ones, in steps."""
DISK_BYTES_PER_SECOND = 5e8
"""Write and fsync; measured 1.3 GB/s on a local disk, less elsewhere."""
TOKENISING = Interval(low=1.5e5, mid=5e5, high=2e6)
"""Tokens a second of a fast tokenizer, reading and rendering included."""


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
) -> Prices:
    """Prices by the arithmetic of bytes and tokens; `pace` is training's, in tokens a second."""
    trained = trainable_parameters(candidate, model)
    disk = hardware.disk_bytes_per_second or DISK_BYTES_PER_SECOND
    load = _spread(2.0 * model.weight_bytes / disk)
    save = _spread(12.0 * trained / disk)
    usual = candidate.rows_per_step * min(dataset.avg_tokens_per_sample, candidate.max_length)
    return Prices(
        imports=IMPORTS,
        tokenising=_over(dataset.num_tokens, TOKENISING),
        loading=load,
        settling=SETTLING_STEPS.scaled(usual / pace.mid),
        save=Interval(low=save.low, mid=save.mid, high=save.high + 0.5),
        evaluation=_evaluation(candidate, dataset, pace),
        publish=IMPORTS + load,
    )


def _spread(seconds: float) -> Interval:
    return Interval(low=seconds / 4, mid=seconds, high=4 * seconds)


def _over(amount: float, rate: Interval) -> Interval:
    """Seconds of an amount at a rate."""
    return Interval(low=amount / rate.high, mid=amount / rate.mid, high=amount / rate.low)


def _evaluation(candidate: Candidate, dataset: DatasetProfile, pace: Interval) -> Interval:
    held_out = (dataset.num_select + dataset.num_test) * dataset.avg_tokens_per_sample
    # A forward pass is a third of a full step's work and half of a LoRA step's.
    forward = 3.0 if candidate.method == "full" else 2.0
    return _over(held_out / forward, pace)
