"""Candidate -> tokens per second, and prices, before anything is measured.

In: facts, prices, a candidate. Out: seconds by phase, each an interval with its source. Never: a
clock; before a rehearsal everything here is a prior.
"""

from overnight.planning.memory import trainable_parameters
from overnight.values.facts import Hardware, Interval, ModelProfile
from overnight.values.plan import Candidate

UTILISATION = {
    ("cpu", "bf16"): (0.03, 0.15, 0.30),
    ("cpu", "fp32"): (0.10, 0.50, 0.75),
    ("cuda", "bf16"): (0.15, 0.35, 0.55),
    ("cuda", "fp16"): (0.10, 0.30, 0.50),
}
"""Share of the measured matrix peak (low, middle, high). CPU: 5-62 M Llama shapes on two AMX cores,
bf16 10-28 %, fp32 48-73 %, less below 5 M; CUDA: published LoRA and full runs of 8B models."""
LAYER_SECONDS = {"cpu": 1.0e-3, "cuda": 4.0e-4, "mps": 8.0e-4}
"""Fixed cost of one layer's forward and backward, whatever it computes: a prior, not measured; the
rehearsal takes its place."""


def flops_per_token(candidate: Candidate, model: ModelProfile, length: float) -> float:
    """Floating-point operations of forward and backward a token.

    Full: 6N; LoRA: 4N + 6P, since a frozen weight needs no gradient of its own; checkpointing
    adds one forward, 2N; causal attention adds 6 x layers x hidden x length.
    """
    weights = model.num_parameters - model.embedding_parameters
    head = model.vocab_size * model.hidden_size
    matrices = weights + head
    attention = 6.0 * model.num_layers * model.hidden_size * length
    recompute = 2.0 * weights if candidate.gradient_checkpointing else 0.0
    if candidate.method == "full":
        return 6.0 * matrices + attention + recompute
    return 4.0 * matrices + 6.0 * trainable_parameters(candidate, model) + attention + recompute


def tokens_per_second(
    candidate: Candidate, model: ModelProfile, hardware: Hardware, length: float
) -> Interval:
    """The pace before anything is measured: a prior over utilisation and a layer's fixed cost."""
    peak = hardware.flops.get(candidate.precision) or hardware.flops.get("fp32") or 1e11
    shares = UTILISATION.get((hardware.device, candidate.precision), (0.05, 0.25, 0.6))
    work = flops_per_token(candidate, model, length)
    tokens = candidate.per_device_train_batch_size * length
    fixed = model.num_layers * LAYER_SECONDS.get(hardware.device, 1e-3)
    low, mid, high = (
        tokens / (tokens * work / (peak * share) + fixed * slack)
        for share, slack in zip(shares, (2.0, 1.0, 0.5), strict=True)
    )
    return Interval(low=low, mid=mid, high=high).scaled(candidate.processes)
