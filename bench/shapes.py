"""Shapes of published models by name, for benches: their configurations' numbers, no weights."""

from dataclasses import dataclass

from overnight.values.facts import ModelProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The numbers of a decoder's configuration."""

    hidden: int
    inner: int
    layers: int
    heads: int
    kv_heads: int
    vocab: int
    head_dim: int = 0
    tied: bool = False
    gated: bool = True
    """Whether the feed-forward part has three matrices (gate, up, down) or two."""
    experts: int = 0
    used_experts: int = 0
    positions: int = 4096

    @property
    def matrices(self) -> list[tuple[int, int]]:
        """(in, out) of the linear layers of one block, one expert's of those that are used."""
        head = self.head_dim or self.hidden // self.heads
        wide, narrow = self.heads * head, self.kv_heads * head
        attention = [(self.hidden, wide), (self.hidden, narrow), (self.hidden, narrow),
                     (wide, self.hidden)]  # fmt: skip
        up, down = (self.hidden, self.inner), (self.inner, self.hidden)
        return [*attention, *([up, up, down] if self.gated else [up, down])]


SMALL = {
    "5m": Shape(hidden=256, inner=688, layers=6, heads=8, kv_heads=8, vocab=4096, tied=True),
    "15m": Shape(hidden=384, inner=1024, layers=8, heads=6, kv_heads=6, vocab=4096, tied=True),
    "60m": Shape(hidden=768, inner=2048, layers=8, heads=12, kv_heads=12, vocab=4096, tied=True),
}
"""Fresh Llamas that a processor trains: 5.8, 15.7 and 59.8 M weights."""
SHAPES = {
    "llama-2-7b": Shape(hidden=4096, inner=11008, layers=32, heads=32, kv_heads=32, vocab=32000),
    "llama-2-13b": Shape(hidden=5120, inner=13824, layers=40, heads=40, kv_heads=40, vocab=32000),
    "llama-2-70b": Shape(hidden=8192, inner=28672, layers=80, heads=64, kv_heads=8, vocab=32000),
    "llama-3-8b": Shape(hidden=4096, inner=14336, layers=32, heads=32, kv_heads=8, vocab=128256,
                        positions=8192),
    "llama-3.2-1b": Shape(hidden=2048, inner=8192, layers=16, heads=32, kv_heads=8, vocab=128256,
                          tied=True, positions=131072),
    "llama-3.2-3b": Shape(hidden=3072, inner=8192, layers=28, heads=24, kv_heads=8, vocab=128256,
                          tied=True, positions=131072),
    "llama-3-70b": Shape(hidden=8192, inner=28672, layers=80, heads=64, kv_heads=8, vocab=128256),
    "llama-3-405b": Shape(hidden=16384, inner=53248, layers=126, heads=128, kv_heads=8,
                          vocab=128256),
    "mistral-7b": Shape(hidden=4096, inner=14336, layers=32, heads=32, kv_heads=8, vocab=32000),
    "mixtral-8x7b": Shape(hidden=4096, inner=14336, layers=32, heads=32, kv_heads=8, vocab=32000,
                          experts=8, used_experts=2),
    "qwen-1.8b": Shape(hidden=2048, inner=5504, layers=24, heads=16, kv_heads=16, vocab=151936),
    "qwen-7b": Shape(hidden=4096, inner=11008, layers=32, heads=32, kv_heads=32, vocab=151936),
    "qwen-14b": Shape(hidden=5120, inner=13696, layers=40, heads=40, kv_heads=40, vocab=152064),
    "qwen-72b": Shape(hidden=8192, inner=24576, layers=80, heads=64, kv_heads=64, vocab=152064),
    "qwen2.5-1.5b": Shape(hidden=1536, inner=8960, layers=28, heads=12, kv_heads=2, vocab=151936,
                          tied=True),
    "santacoder": Shape(hidden=2048, inner=8192, layers=24, heads=16, kv_heads=1, vocab=49280,
                        tied=True, gated=False),
    "starcoderbase-1b": Shape(hidden=2048, inner=8192, layers=24, heads=16, kv_heads=1,
                              vocab=49152, tied=True, gated=False, positions=8192),
    "powerlm-3b": Shape(hidden=2304, inner=9216, layers=40, heads=36, kv_heads=36, vocab=49152,
                        tied=True),
    "yi-34b": Shape(hidden=7168, inner=20480, layers=60, heads=56, kv_heads=8, vocab=64000),
    "tinyllama-1.1b": Shape(hidden=2048, inner=5632, layers=22, heads=32, kv_heads=4, vocab=32000,
                            positions=2048),
}  # fmt: skip
MPT = {"125m": (768, 12, 12), "350m": (1024, 24, 16), "760m": (1536, 24, 12),
       "1b": (2048, 24, 16), "3b": (2560, 32, 20), "7b": (4096, 32, 32),
       "13b": (5120, 40, 40), "30b": (7168, 48, 56)}  # fmt: skip
"""Size -> hidden, layers, heads of the pretraining shapes of llm-foundry; two matrices, tied."""
SHAPES |= {
    f"mpt-{size}": Shape(hidden=hidden, inner=4 * hidden, layers=layers, heads=heads,
                         kv_heads=heads, vocab=50368, tied=True, gated=False, positions=65536)
    for size, (hidden, layers, heads) in MPT.items()
}  # fmt: skip


def profile(name: str) -> ModelProfile:
    """The profile of a model of this shape; norms and biases are left out."""
    shape = SHAPES[name]
    layer = shape.matrices
    attention = sum(wide * long for wide, long in layer[:4])
    expert = sum(wide * long for wide, long in layer[4:])
    embedding = shape.vocab * shape.hidden
    tables = embedding * (1 if shape.tied else 2)
    total = shape.layers * (attention + max(shape.experts, 1) * expert) + tables
    active = shape.layers * (attention + max(shape.used_experts, 1) * expert) + tables
    return ModelProfile(
        path=name, architecture=name, num_parameters=total, embedding_parameters=embedding,
        hidden_size=shape.hidden, intermediate_size=shape.inner, num_layers=shape.layers,
        num_heads=shape.heads, num_kv_heads=shape.kv_heads, vocab_size=shape.vocab,
        max_positions=shape.positions, weight_bytes=2 * total,
        linear_shapes=tuple(layer[:4] if shape.experts else layer) * shape.layers,
        active_parameters=active if shape.experts else None, tied_embeddings=shape.tied,
        head_dim=shape.head_dim, num_experts=shape.experts,
        experts_per_token=shape.used_experts,
    )  # fmt: skip
