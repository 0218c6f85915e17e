"""The closed form against traces of our own step: eight architectures, every kind of candidate.

python bench/memory_own.py        about six minutes
"""

from collections.abc import Iterator
from dataclasses import replace
from statistics import median, quantiles
from typing import Any

import nights
from overnight.planning import allocator, memory
from overnight.probe import counting
from overnight.story import tracing
from overnight.values.facts import ModelProfile
from overnight.values.plan import Candidate

POSITIONS = {"max_position_embeddings": 8192}
GQA = {"num_attention_heads": 32, "num_key_value_heads": 8}
SMALL = {"hidden_size": 1024, "num_attention_heads": 16}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "Llama, 8B's width": ("Llama", {"vocab_size": 128256, "hidden_size": 4096,
                          "intermediate_size": 14336, "num_hidden_layers": 4, **GQA}),
    "Llama, tied, 1B's width": ("Llama", {"vocab_size": 128256, "hidden_size": 2048,
                                "intermediate_size": 8192, "num_hidden_layers": 6, **GQA,
                                "tie_word_embeddings": True}),
    "Llama, 7 M": ("Llama", {"vocab_size": 4096, "hidden_size": 256, "intermediate_size": 688,
                   "num_hidden_layers": 6, "num_attention_heads": 8}),
    "Qwen3": ("Qwen3", {"vocab_size": 151936, **SMALL, "intermediate_size": 3072,
              "num_key_value_heads": 8, "num_hidden_layers": 5, "head_dim": 128,
              "tie_word_embeddings": True}),
    "GPT-NeoX": ("GPTNeoX", {"vocab_size": 50304, **SMALL, "intermediate_size": 4096,
                 "num_hidden_layers": 6}),
    "GPT-2": ("GPT2", {"n_positions": 8192, "resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0}),
    "Phi-3": ("Phi3", {"vocab_size": 32064, "hidden_size": 3072, "intermediate_size": 8192,
              "num_attention_heads": 32, "num_hidden_layers": 4, "pad_token_id": 0}),
    "Mixtral": ("Mixtral", {"vocab_size": 32000, **SMALL, "intermediate_size": 2816,
                "num_key_value_heads": 4, "num_hidden_layers": 4, "num_local_experts": 8,
                "num_experts_per_tok": 2}),
}  # fmt: skip
METHODS = (("lora", "bf16"), ("qlora", "bf16"), ("full", "bf16"), ("full", "fp32"))
CHOICES: tuple[dict[str, Any], ...] = (
    {"gradient_checkpointing": False}, {}, {"checkpoint_every": 2},
    {"gradient_accumulation_steps": 4}, {"attn_implementation": "eager"},
)  # fmt: skip
BATCHES = ((1, 2048), (8, 512))


def candidates() -> Iterator[Candidate]:
    """Every method, choice and batch together."""
    for method, precision in METHODS:
        for choice in CHOICES:
            for rows, length in BATCHES:
                plain = Candidate(
                    method=method, precision=precision,  # type: ignore[arg-type]
                    per_device_train_batch_size=rows, gradient_accumulation_steps=1,
                    max_length=length, learning_rate=1e-4, gradient_checkpointing=True,
                )  # fmt: skip
                yield replace(plain, **choice)


def built(kind: str, sizes: dict[str, Any]) -> tuple[Any, ModelProfile]:
    """A configuration and its profile."""
    import torch
    import transformers

    limits = {} if kind == "GPT2" else POSITIONS
    config = getattr(transformers, f"{kind}Config")(**sizes | limits)
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    head = getattr(config, "head_dim", None) or 0
    inner = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    heads = config.num_attention_heads
    return config, ModelProfile(
        path=kind, architecture=type(model).__name__,
        num_parameters=sum(p.numel() for p in model.parameters()),
        embedding_parameters=model.get_input_embeddings().weight.numel(),
        hidden_size=config.hidden_size, intermediate_size=inner,
        num_layers=config.num_hidden_layers, num_heads=heads,
        num_kv_heads=getattr(config, "num_key_value_heads", None) or heads,
        vocab_size=config.vocab_size, max_positions=8192, weight_bytes=0,
        linear_shapes=tuple(counting.linear_shapes(model)), head_dim=head,
        tied_embeddings=bool(config.tie_word_embeddings),
        num_experts=getattr(config, "num_local_experts", 0) or 0,
        experts_per_token=getattr(config, "num_experts_per_tok", 0) or 0,
    )  # fmt: skip


def errors(name: str) -> tuple[list[float], ...]:
    """For one architecture: closed form over trace, reserved over in use by replay, and the closed
    form's reserved over the replay's."""
    config, profile = built(*MODELS[name])
    found: tuple[list[float], ...] = ([], [], [])
    for candidate in candidates():
        batch = tracing.fullest(candidate, profile)
        seen = tracing.step(config, candidate, batch, device="cuda")
        parts = memory.estimate(candidate, profile, device="cuda").parts
        whole = sum(parts.values()) - parts["context"]
        used = whole - parts.get("fragmentation", 0)
        held = allocator.replay(seen.events).reserved
        ratios = used / seen.peak_bytes, held / seen.peak_bytes, whole / held
        for errors_of_one, ratio in zip(found, ratios, strict=True):
            errors_of_one.append(ratio - 1)
    return found


def line(name: str, off: list[float], reserved: list[float], held: list[float]) -> str:
    """One row."""
    size, sizes_held = ([abs(error) for error in one] for one in (off, held))
    p90, p90_held = (quantiles(s, n=10, method="inclusive")[8] for s in (size, sizes_held))
    return (
        f"| {name} | {len(off)} | {100 * median(off):+.2f} % | {100 * median(size):.2f} % | "
        f"{100 * p90:.1f} % | {100 * min(off):+.1f} to {100 * max(off):+.1f} % | "
        f"{100 * median(reserved):.0f} % | {100 * median(held):+.1f} % | "
        f"{100 * median(sizes_held):.1f} % | {100 * p90_held:.1f} % |"
    )


def main() -> None:
    """Traces, compares, writes the page."""
    found = {name: errors(name) for name in MODELS}
    every = [[e for one in found.values() for e in one[place]] for place in (0, 1, 2)]
    page = "\n".join((
        "# The closed form against traces of our own step", "", nights.machine(), "",
        "Bytes in use at the peak of the second optimizer step: what the closed form says over "
        "what a trace counts. LoRA and QLoRA in bf16, full training in bf16 and fp32; without "
        "checkpointing, with it in all layers and in every other one, with accumulation, with "
        "eager attention; 1 x 2048 and 8 x 512 tokens, the latter with a mask. `reserved`: what "
        "the caching allocator holds beyond that, by replay; the last three: what the closed form "
        "says of all that it holds, over the replay.", "",
        "| architecture | settings | signed median | median | 90th percentile | all | reserved | "
        "held, signed median | held, median | held, 90th percentile |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *(line(name, *one) for name, one in found.items()), line("all", *every), "",
        "Repeat: `python bench/memory_own.py`", "",
    ))  # fmt: skip
    (nights.RESULTS / "memory_own.md").write_text(page, "utf-8")
    print(page)


if __name__ == "__main__":
    main()
