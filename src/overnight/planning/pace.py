"""Candidate, model, machine -> seconds a step and tokens a second, before anything is measured.

In: facts and a candidate. Out: an interval that holds nine times in ten. Never: a clock, a
measurement; everything here is a prior, and a rehearsal takes its place.
"""

import math
from dataclasses import dataclass

from overnight.planning import packing
from overnight.planning.lengths import mean_cut, widths
from overnight.planning.shapes import mean_width
from overnight.planning.work import Work, flops_per_token, micro_batch
from overnight.values.facts import DatasetProfile, Hardware, Interval, ModelProfile
from overnight.values.plan import Candidate

__all__ = ["data_pace", "flops_per_token", "step_seconds", "tokens_per_second"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How well a kind of machine does its work."""

    matrix: float
    """Share of the peak in products with weights of a wide model."""
    attention: float
    """Share of the peak in attention's products."""
    traffic: float
    """Times that `Work.stream` goes through memory: norms, activations, residuals, casts."""
    adapted: float
    """Times more where layers are adapted."""
    unpack: float
    """Times `Work.unpacked` that unpacking costs."""
    layer_seconds: float
    """Least time of one layer in one pass: launching it, whatever it computes."""
    narrow: float = 0.0
    """Hidden size at which products reach half of their share; narrower ones reach less."""
    scores: float = 0.0
    """Bytes that one attention score counts as beside its products."""
    sharpness: float = 1.0
    """1 where launching and computing take turns, as on a processor; more where a card computes
    while its host launches, so that the longer of the two counts."""


CUDA = Rates(matrix=0.862, attention=0.296, traffic=3.71, adapted=0.877, unpack=1.86,
             layer_seconds=1.38e-3, sharpness=3.0)  # fmt: skip
"""Fitted by bench/pace.py to published runs, all sources alike (bench/results/pace.md). At small
batches it is the stack that is timed: 0.14 s a step of 1,000 tokens of a 3B model with LoRA (PEFT's
published results, L40S, torch 2.13), 0.15 by this."""
CPU = {
    "fp32": Rates(matrix=1.01, attention=0.448, traffic=2.26, adapted=1.28, unpack=2.0,
                  layer_seconds=8.1e-4, narrow=62.6, scores=71.6),
    "bf16": Rates(matrix=0.896, attention=0.365, traffic=4.2, adapted=1.28, unpack=2.0,
                  layer_seconds=8.1e-4, narrow=148.0, scores=71.6),
}  # fmt: skip
"""Fitted by bench/cpu_pace.py to sessions of 0.26 to 62 M parameters on one processor, its
measured products as the peak (bench/results/cpu_pace.md)."""
HOPPER = 0.722
"""Compute capability 9 and above: share of the peak ratio to older cards that training sees
(bench/pace.py; H100 over A100 2.29 measured, 3.17 by peaks)."""
POWER_LIMITED = 0.43
"""Of the peak: a T4 sustains 24 of 65 TFLOPS in matrix products at its 70 W (reported at
forums.developer.nvidia.com, 264462): 0.43 of the share that an A100 sustains of its own."""
CEILING = 0.85
"""What a burst of products measures of a card's peak (0.80 to 0.87: MAMF, ml-engineering)."""
FLOPS_PER_BYTE = 150.0
"""A card's peak over its bandwidth, where that is not known (A100 in 16 bits: 153)."""
LEAST_FLOPS = 1e11
"""Of a machine of which nothing is known."""
HOST_BANDWIDTH = 5e10
"""Bytes a second of a host's memory where it was not measured; 4 to 5e10 on two processors."""
SPREAD = {"cuda": 0.35, "cpu": 0.4, "mps": 0.9}
"""Natural logarithm of the interval's half width (sources held out: bench/results/pace.md; shapes
held out: bench/results/cpu_pace.md). `mps` has the cards' constants, on which nothing was tried."""
SHORT_SPREAD = 0.35
"""Added in full where nothing but launching takes time: processors differ more than cards."""
POWER_SPREAD = 0.55
"""Added for power-limited cards: one reading each was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a device sustains."""

    flops: float
    bandwidth: float


def sustained(hardware: Hardware, precision: str, *, processes: int = 1) -> Machine:
    """Operations and bytes a second that one process has; on a CPU they share them."""
    flops = hardware.flops.get(precision) or hardware.flops.get("fp32") or LEAST_FLOPS
    if hardware.device == "cpu":
        bandwidth = hardware.bandwidth or HOST_BANDWIDTH
        return Machine(flops=flops / processes, bandwidth=bandwidth / processes)
    sheet = hardware.peak_flops.get(precision)
    bandwidth = hardware.bandwidth or (sheet or flops) / FLOPS_PER_BYTE
    return Machine(flops=_lasting(hardware, flops, sheet), bandwidth=bandwidth)


def rates_of(hardware: Hardware, precision: str) -> Rates:
    """The constants of a kind of machine at a precision."""
    return CPU.get(precision, CPU["fp32"]) if hardware.device == "cpu" else CUDA


def micro_seconds(work: Work, machine: Machine, rates: Rates) -> float:
    """Seconds of one micro-batch, forward and backward."""
    launching = work.layers * rates.layer_seconds
    computing = _computing(work, machine, rates)
    sharp = rates.sharpness
    together: float = (computing**sharp + launching**sharp) ** (1.0 / sharp)
    return together


def step_seconds(
    candidate: Candidate,
    model: ModelProfile,
    hardware: Hardware,
    length: float,
    *,
    learnt: float = 1.0,
) -> Interval:
    """Seconds of one optimizer step whose micro-batches are all `length` tokens wide.

    `learnt` is the share of positions at which the head is computed.
    """
    work = micro_batch(candidate, model, length, learnt=learnt)
    machine = sustained(hardware, candidate.precision, processes=candidate.processes)
    kind = rates_of(hardware, candidate.precision)
    micro = micro_seconds(work, machine, kind)
    middle = candidate.gradient_accumulation_steps * micro + work.update / machine.bandwidth
    wide = spread(work, machine, kind, hardware.device)
    wide = math.exp(wide + (POWER_SPREAD if hardware.power_limited else 0.0))
    return Interval(low=middle / wide, mid=middle, high=middle * wide)


def tokens_per_second(
    candidate: Candidate,
    model: ModelProfile,
    hardware: Hardware,
    length: float,
    *,
    learnt: float = 1.0,
) -> Interval:
    """Tokens a second, all processes together, of rows that are all `length` tokens long."""
    tokens = candidate.rows_per_step * length
    step = step_seconds(candidate, model, hardware, length, learnt=learnt)
    return Interval(low=tokens / step.high, mid=tokens / step.mid, high=tokens / step.low)


def data_pace(
    candidate: Candidate, model: ModelProfile, hardware: Hardware, dataset: DatasetProfile
) -> Interval:
    """Tokens of real rows a second, all processes together: padding is no progress."""
    if candidate.packing:
        shaped, width = packing.like(candidate, dataset)
        learnt = dataset.learnt_tokens / max(dataset.num_tokens, 1)
        return tokens_per_second(shaped, model, hardware, width, learnt=learnt)
    rows = candidate.per_device_train_batch_size
    wide = widths(dataset, candidate.max_length, rows=rows, rows_per_step=candidate.rows_per_step)
    padded = mean_width(candidate, sum(wide) / len(wide))
    filled = min(mean_cut(dataset, candidate.max_length) / padded, 1.0)
    learnt = filled * dataset.learnt_tokens / max(dataset.num_tokens, 1)
    return tokens_per_second(candidate, model, hardware, padded, learnt=learnt).scaled(filled)


def _lasting(hardware: Hardware, flops: float, sheet: float | None) -> float:
    """What of a card's peak is there for hours, before any kernel's own loss.

    A burst that was measured shows a card that others use or that is capped; never more than the
    data sheet's peak.
    """
    if hardware.flops_source == "measured":
        flops = min(flops / CEILING, sheet or math.inf)
    if hardware.power_limited:
        flops = min(flops, POWER_LIMITED * (sheet or flops))
    capability = hardware.compute_capability or (0, 0)
    return flops * (HOPPER if capability[0] >= 9 else 1.0)


def _computing(work: Work, machine: Machine, rates: Rates) -> float:
    matrix = rates.matrix * work.width / (work.width + rates.narrow)
    products = work.matrices / matrix + work.attention / rates.attention
    moved = (
        rates.traffic * work.stream
        + rates.adapted * work.adapted
        + rates.unpack * work.unpacked
        + rates.scores * work.scores
        + work.moved
    )
    return products / machine.flops + moved / machine.bandwidth


def spread(work: Work, machine: Machine, rates: Rates, device: str) -> float:
    """Half the interval's width, as a natural logarithm."""
    launching = work.layers * rates.layer_seconds
    computing = _computing(work, machine, rates)
    base = SPREAD.get(device, SPREAD["cpu"])
    return base + SHORT_SPREAD * launching / (launching + computing)
