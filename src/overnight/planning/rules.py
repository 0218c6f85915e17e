"""Learning rate, batch, schedule, epochs: each rule beside its source.

In: facts and priorities. Out: single settings. Never: a comparison of candidates (search.py).
"""

import math

from overnight.values.facts import DatasetProfile, Hardware, ModelProfile
from overnight.values.ledger import Loss
from overnight.values.request import Priority, Request

HIDDEN_REFERENCE = 2000
RATE_REFERENCE = 5e-5
HIDDEN_EXPONENT = 0.781
LORA_FACTOR = 10.0
"""LR = 5e-5 x (10 for LoRA) x (2000 / hidden)^0.781, the rule fitted for Llama shapes by Thinking
Machines (tinker-cookbook, hyperparam_utils.get_lr, 2025)."""
NARROW, NARROW_EXPONENT = 256, 0.4
"""Below this width LoRA's best rate falls again: 5e-3 at 256 (NOTES.md), 2.5e-3 at 64, where the
rule above would say 1.4e-2 and lose 0.4 nats (bench/results/rule.md). Two points, on a processor;
for full fine-tuning it holds at 64 too."""
STEPS_REFERENCE = 2000
STEPS_EXPONENT = 0.3
SHORT_LIMIT = 4.0
"""The best rate falls with the horizon as D^-0.3 (Bjorck et al., ICLR 2025, arXiv:2409.19913; 0.22
to 0.38 in fine-tuning). The reference is ours: with it the rule gives 5.4e-4 (full) and 5.4e-3
(LoRA) for the demo's model and 150 steps; a sweep's best there were 1e-3 and 6e-3 (NOTES.md)."""
RATE_LIMITS = {"full": (1e-6, 3e-3), "lora": (1e-5, 1e-2)}
"""Where the rule is extrapolated it stays within what anyone has reported as good."""

GUESSING, ALIKE = 0.04, 0.06
"""A base that has learnt nothing guesses among all tokens alike: its loss is that of guessing, and
the same on every row. Random weights are 0.4 % off with rows that differ by 0.5 % of it; the demo's
base on questions of another kind has 0.73 times the loss of guessing, a model of stories 1.18
times. `ALIKE` is of rows' standard deviations, four of them, over the loss."""
UNTRAINED_FACTOR = 3.0
UNTRAINED_LIMIT = 1e-2
"""From random weights the best rate was two to four times the rule's (bench/results/rule.md)."""

BETA2_REFERENCE = 0.99
BETA2_TOKENS = 8192
BETA2_LIMITS = (0.95, 0.9999)
"""beta2 keeps its half-life in tokens: beta2^(B / B_ref) (Marek et al., arXiv:2507.07101)."""

LORA_RANK, MOST_RANK = 16, 64
"""Every rank from 4 to 512 wants the same rate and comes to the same loss as long as the adapter
can hold the data (Schulman et al., LoRA Without Regret, 2025); beyond 64 it costs memory."""
BITS_A_WEIGHT, BITS_A_TOKEN = 2.0, 1.0
"""What a weight can hold, and what a learnt token has to say, about (the same source)."""

WASTEFUL_EPOCHS = 4.0
"""Beyond about four passes repeated data is worth little (Muennighoff et al., arXiv:2305.16264)."""
FAST_EPOCHS = 1.0
WARMUP_RATIO = 0.03
"""2 to 6 % is what the budgeted runs took (24hBERT, arXiv:2104.07705: 6 %)."""

MIN_ROWS = 4
"""Fewer rows a step make the gradient's noise depend on single rows."""
MAX_ROWS = 64
FULL_PARAMETERS = 100_000_000
"""A judgement. On two AMX cores LoRA took steps no faster than full fine-tuning at 5 and 15 M
parameters and 1.2 times as fast at 62 M (bf16); nothing larger was compared."""


def learning_rate(method: str, hidden_size: int, steps: int) -> float:
    """Peak rate for a model of this width and a run of so many steps, linear decay to zero."""
    kind = "full" if method == "full" else "lora"
    factor = LORA_FACTOR if kind == "lora" else 1.0
    low, high = RATE_LIMITS[kind]
    width = float(HIDDEN_REFERENCE / hidden_size) ** HIDDEN_EXPONENT
    if kind == "lora" and hidden_size < NARROW:
        width = float(HIDDEN_REFERENCE / NARROW) ** HIDDEN_EXPONENT
        width *= float(hidden_size / NARROW) ** NARROW_EXPONENT
    short = float(STEPS_REFERENCE / max(steps, 1)) ** STEPS_EXPONENT
    rate = RATE_REFERENCE * factor * width * min(max(short, 1.0), SHORT_LIMIT)
    return float(f"{min(max(rate, low), high):.3g}")


def untrained(loss: Loss | None, vocab_size: int) -> bool:
    """Whether a base with this held-out loss only guesses."""
    if loss is None:
        return False
    guessing = math.log(vocab_size)
    apart = (loss.high - loss.low) * math.sqrt(loss.n) / guessing
    return abs(loss.loss / guessing - 1.0) <= GUESSING and apart <= ALIKE


def from_scratch(rate: float, method: str) -> float:
    """The rule's rate for a base that has learnt nothing; what is frozen stays as it is."""
    faster = min(UNTRAINED_FACTOR * rate, max(UNTRAINED_LIMIT, rate))
    return float(f"{faster:.3g}") if method == "full" else rate


def lora_rank(dataset: DatasetProfile, model: ModelProfile) -> int:
    """The smallest power of two from 16 on whose adapters can hold what is learnt, at most 64."""
    each = BITS_A_WEIGHT * sum(wide + long for wide, long in model.linear_shapes)
    rank = LORA_RANK
    while rank < MOST_RANK and rank * each < BITS_A_TOKEN * dataset.learnt_tokens:
        rank *= 2
    return min(rank, max(min(map(min, model.linear_shapes), default=MOST_RANK) // 4, LORA_RANK))


def beta2(tokens_per_step: float) -> float:
    """Adam's second decay for steps of so many tokens, between 0.95 and 0.9999."""
    kept: float = BETA2_REFERENCE ** (tokens_per_step / BETA2_TOKENS)
    low, high = BETA2_LIMITS
    return round(min(max(kept, low), high), 4)


def max_length(dataset: DatasetProfile, model: ModelProfile) -> int:
    """The longest row that is worth its cost: all rows if they fit, else the model's positions."""
    longest = max(dataset.length_percentiles[-1], 8)
    return min(longest, model.max_positions)


def fewest_rows(dataset: DatasetProfile) -> int:
    """Rows that a step has at least."""
    return min(MIN_ROWS, most_rows(dataset))


def most_rows(dataset: DatasetProfile) -> int:
    """Rows that a step has at most: an epoch is eight steps at least."""
    return max(1, min(MAX_ROWS, dataset.num_train // 8))


def epochs_wanted(priority: Priority) -> float | None:
    """Epochs that a window alone is planned for; None fills the window (DESIGN 6)."""
    return {"fast": FAST_EPOCHS, "quality": None}.get(priority, WASTEFUL_EPOCHS)


def guarded(request: Request) -> bool:
    """Whether a night ends when rows seen again are learnt by heart: where their number was left
    open, and the window is not to be filled whatever comes (DESIGN 6)."""
    open_ = request.settings.num_train_epochs is None and request.settings.max_steps is None
    return open_ and epochs_wanted(request.priority) is not None


def precisions(hardware: Hardware) -> tuple[str, ...]:
    """Precisions that this device runs well, the fastest first."""
    capability = hardware.compute_capability
    if capability is not None:
        # Older cards emulate bf16 and say that they have it (T4): only the capability tells.
        return (
            ("bf16",) if capability >= (8, 0) else ("fp16",) if capability >= (7, 0) else ("fp32",)
        )
    known = [name for name in ("bf16", "fp32") if hardware.flops.get(name)]
    return tuple(sorted(known, key=lambda name: -hardware.flops[name])) or ("fp32",)


def warmup_steps(horizon: int, given: float | None) -> int:
    """Steps of warm-up: the given share of the horizon.

    Where none was given 3 % of it, ten at least and a fifth of the horizon at most.
    """
    if given is not None:
        return round(given * horizon)
    return max(1, min(max(round(WARMUP_RATIO * horizon), 10), horizon // 5))
