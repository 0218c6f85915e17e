"""Candidate and model to peak memory, part by part, in closed form.

In: a candidate, a model's profile, the kind of device. Out: `MemoryEstimate`, in bytes. Never: a
measurement (a rehearsal's peak replaces this). The micro-batch is taken as full: every row
`max_length` tokens long and all of them learnt, since the fullest batch is what must fit.
"""

from overnight.values.facts import ModelProfile
from overnight.values.plan import Candidate, MemoryEstimate

MIB = 2**20
BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}
ADAM_BYTES = 8
"""Two moments in fp32 for each trained weight (torch AdamW)."""
NF4_BYTES = 0.5 + 0.127 / 8
"""4 bits and 0.127 bits of doubly quantised block constants a weight (QLoRA, Dettmers 2023)."""
LOGIT_BYTES = 12
"""Log-probabilities, their gradient and the gradient of the logits, each fp32, at the peak of the
backward pass (counted by tracing, and against published peaks: within 0.4 % on bf16 LoRA)."""
STORED = {("fp32", False): 1.1, ("fp32", True): 1.2, ("mixed", False): 1.4, ("mixed", True): 1.55}
"""(precision, whether all weights are trained) -> bytes kept for the backward pass, over those of
every linear layer's input and output. Counted with torch's saved-tensor hooks, torch 2.13, on
Llama, Qwen3, GPT-2 and GPT-NeoX shapes: 0.8 to 1.8; the rest is norms and unfused activations."""
CONTEXT_BYTES = {"cpu": 600 * MIB, "cuda": 500 * MIB, "mps": 500 * MIB}
"""On a CPU the training process with a 260k-parameter model, less its own parts: about 630 MiB
after a rehearsal (700 and 710 seen, 75 of them its own); on a card its context and library
workspaces (the default of fitcheck-llm; a T4 takes 141 MiB)."""
FRAGMENTATION = {("cuda", False): 0.3, ("cuda", True): 0.3, ("cpu", False): 2.5, ("cpu", True): 2.5}
"""(device, whether all weights are trained) -> what the allocator holds beyond what is in use, over
activations and logits. CUDA: 0.27 to 0.57, mostly 0.3, by eight published A100 runs that give both
figures. CPU: the holes that rows of every length leave in glibc's heap: rough, two nights' peaks
give 3 to 4; 0.1 to 1.3 while all rows are equally long."""


def trainable_parameters(candidate: Candidate, model: ModelProfile) -> int:
    """Weights that the method trains: all, or LoRA's two factors beside every linear layer."""
    if candidate.method == "full":
        return model.num_parameters
    return candidate.lora_r * sum(wide + long for wide, long in model.linear_shapes)


def estimate(candidate: Candidate, model: ModelProfile, *, device: str) -> MemoryEstimate:
    """Peak bytes on one device (`cpu`, `cuda`, `mps`); on a CPU of all its processes together."""
    trained = trainable_parameters(candidate, model)
    tokens = _tokens(candidate, model)
    logits = tokens * model.vocab_size * LOGIT_BYTES
    activations = tokens * _activation_bytes(candidate, model)
    if candidate.gradient_checkpointing:
        # A layer is computed again only when the logits are gone.
        activations += max(tokens * _layer_bytes(candidate, model) - logits, 0)
    share = FRAGMENTATION.get((device, candidate.method == "full"), 0.0)
    parts = {
        "weights": _weight_bytes(candidate, model),
        "adapters": 0 if candidate.method == "full" else 4 * trained,
        "gradients": 4 * trained,
        "optimizer": ADAM_BYTES * trained,
        "activations": activations,
        "logits": logits,
        "fragmentation": share * (activations + logits),
        "context": CONTEXT_BYTES[device],
    }
    copies = candidate.processes if device == "cpu" else 1
    return MemoryEstimate(
        parts={name: int(copies * amount) for name, amount in parts.items() if amount}
    )


def _tokens(candidate: Candidate, model: ModelProfile) -> int:
    """Of the fullest micro-batch."""
    longest = min(candidate.max_length, model.max_positions)
    return candidate.per_device_train_batch_size * longest


def _weight_bytes(candidate: Candidate, model: ModelProfile) -> float:
    """Of the base: in fp32 where it is trained, else in the precision that it runs in."""
    if candidate.method == "full":
        # Autocast keeps a copy in 16 bits of what it casts until the backward pass is over.
        cast = 0 if candidate.precision == "fp32" else BYTES[candidate.precision]
        return (4 + cast) * model.num_parameters
    if candidate.method == "lora":
        return BYTES[candidate.precision] * model.num_parameters
    quantised = sum(wide * long for wide, long in model.linear_shapes)
    # peft puts into fp32 what is left unquantised: embeddings, norms, head.
    return NF4_BYTES * quantised + 4 * (model.num_parameters - quantised)


def _activation_bytes(candidate: Candidate, model: ModelProfile) -> float:
    """A token, kept for the backward pass over all layers: everything, or each layer's input."""
    if not candidate.gradient_checkpointing:
        return model.num_layers * _layer_bytes(candidate, model)
    fp32_stream = candidate.method != "lora" or candidate.precision == "fp32"
    return model.num_layers * model.hidden_size * (4 if fp32_stream else 2)


def _layer_bytes(candidate: Candidate, model: ModelProfile) -> float:
    """A token, kept in one layer: inputs and outputs of its seven linear layers and some more."""
    kv = model.hidden_size * model.num_kv_heads / model.num_heads
    elements = 9 * model.hidden_size + 2 * kv + 3 * model.intermediate_size
    kind = "fp32" if candidate.precision == "fp32" else "mixed"
    factor = STORED[kind, candidate.method == "full"]
    return factor * BYTES[candidate.precision] * elements
