"""What is: the data, the model, the machine, and what was measured on it.

In: nothing. Out: frozen values with units in their names. Never: how they are found out (probe/).
"""

from dataclasses import dataclass, field

NAMES_OF_EXPERTS = frozenset(("gate", "gate_proj", "up_proj", "down_proj", "w1", "w2", "w3"))
"""Linear layers that LoRA leaves alone in a mixture of experts: whoever names one of them to peft
0.21 (`peft/utils/transformers_weight_conversion.py`) has all routed experts adapted with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure that is not certain: low and high enclose it nine times in ten."""

    low: float
    mid: float
    high: float

    def __add__(self, other: "Interval") -> "Interval":
        return Interval(low=self.low + other.low, mid=self.mid + other.mid,
                        high=self.high + other.high)  # fmt: skip

    def scaled(self, factor: float) -> "Interval":
        """The same interval in other units."""
        return Interval(low=self.low * factor, mid=self.mid * factor, high=self.high * factor)

    @classmethod
    def exactly(cls, value: float) -> "Interval":
        """A figure that is certain."""
        return cls(low=value, mid=value, high=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something in the data that a person should look at."""

    kind: str
    """A short stable word: `duplicate`, `hole`, `cut`, `nothing-to-learn`, `bad-row` ..."""
    count: int
    what: str
    """One sentence for people."""
    example: str = ""
    """Where the first one stands: `train.jsonl:17`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """What a sample kept of the training rows."""

    kept: int
    of: int
    engaged: int = 0
    """Kept whole: the top quarter by engagement."""
    recent: int = 0
    """Kept whole besides: not older than the last 90 days before the newest row."""
    drawn: int = 0
    """A share of the others, by the seed."""
    engagement: str = ""
    """The column that it went by."""
    time: str = ""
    name: str = ""
    """Of exactly these rows: a night goes on with no others."""

    @property
    def words(self) -> str:
        """For people: "kept 31,204 of 63,394: 15,848 by engagement (`likes`), ..."."""
        parts = [f"{self.engaged:,} by engagement (`{self.engagement}`)"] * bool(self.engagement)
        parts += [f"{self.recent:,} of the last 90 days (`{self.time}`)"] * bool(self.time)
        parts.append(f"{self.drawn:,} drawn from the rest")
        return f"kept {self.kept:,} of {self.of:,}: {', '.join(parts)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetProfile:
    """What the data is, in the model's own tokens."""

    path: str
    format: str
    """How it was read: `messages`, `sharegpt`, `alpaca`, `prompt-completion`, `turns`, `text`;
    `imagined` where there is none."""
    fingerprint: str
    """Hash of the content; the same rows give the same one wherever they lie."""
    num_rows: int
    """Rows that can be learnt from, held-out ones included."""
    num_train: int
    num_select: int
    num_test: int
    shared_heldout: bool
    """True where *select* and *test* had to be one part because there were too few rows."""
    num_tokens: int
    """Of all rows, uncut."""
    learnt_tokens: int
    train_tokens: int
    """Tokens of one epoch after cutting at `max_length`."""
    length_percentiles: tuple[int, int, int, int, int]
    """Row length in tokens: minimum, median, 90th, 99th percentile, maximum."""
    chat_template: str
    """`the tokenizer's own`, `built-in plain` or `none` (plain text)."""
    findings: tuple[Finding, ...] = ()
    counted_rows: int | None = None
    """Rows whose tokens were counted, where they are a sample; None: all of them, exactly."""
    tokens_interval: Interval | None = None
    """Of `num_tokens`, where it was estimated from a sample."""
    row_lengths: tuple[int, ...] = ()
    """Evenly spaced quantiles (201: 0 %, 0.5 % ... 100 %) of the training rows' uncut lengths."""
    padding_shares: dict[str, float] = field(default_factory=dict)
    """Batching -> share of its tokens that are padding, at 8 rows a micro-batch: `shuffled`,
    `bucketed`."""
    packing_fill: float | None = None
    """Share of the places that rows fill when packed into rows of `max_length` tokens."""
    truncation: dict[str, float] = field(default_factory=dict)
    """`max_length` (512, 1024 ...) -> share of the tokens that would be cut off."""

    engagement: str = ""
    """The column that rows can be ranked by (reactions, replies ...); else they have none."""
    sampled: Sampled | None = None
    """Where only some of the rows are trained on: which, and why."""

    @property
    def avg_tokens_per_sample(self) -> float:
        """Mean row length in tokens, uncut."""
        return self.num_tokens / max(self.num_rows, 1)

    @property
    def tokens_read(self) -> float:
        """Tokens that are read and counted to come by these rows: a sample picks from all."""
        left = self.sampled.of - self.sampled.kept if self.sampled else 0
        return self.num_tokens + left * self.avg_tokens_per_sample


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProfile:
    """What a model is, from its configuration alone."""

    path: str
    architecture: str
    num_parameters: int
    embedding_parameters: int
    """Of the tables in which tokens are looked up: the input embedding (and the head, where it is
    tied to it), and those by layer that Gemma 3n has."""
    hidden_size: int
    intermediate_size: int
    """Of a feed-forward block; of one expert, where there are experts."""
    num_layers: int
    num_heads: int
    num_kv_heads: int
    vocab_size: int
    max_positions: int
    """Longest row in tokens that the model has positions for."""
    weight_bytes: int
    """Bytes of the weights as stored."""
    linear_shapes: tuple[tuple[int, int], ...] = ()
    """(in, out) of every linear layer of the blocks that LoRA wraps: experts are not among them."""
    kind: str = "causal-lm"
    """What it is built as: `causal-lm`, or `vision-encoder-decoder`, which is not trained here."""
    active_parameters: int | None = None
    """Weights that one token of text passes through, where experts or a tower for pictures make
    them fewer than all."""
    tied_embeddings: bool = False
    """Whether head and input embedding are one weight."""
    head_dim: int = 0
    """Of one attention head; 0 where it is `hidden_size / num_heads`."""
    num_experts: int = 0
    experts_per_token: int = 0
    sliding_window: int | None = None
    """Positions that a token may look back on, where that is limited in some layers."""
    stored_dtype: str = ""
    """`float32`, `bfloat16` ... of most weights as stored or as the configuration says."""
    writes_scores: bool = False
    """Whether transformers knows no attention for its class but the one that writes every score
    out (GPT-J, BLOOM, MPT, Gemma 2, gpt-oss)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """What a machine is; every figure with its source."""

    device: str
    """`cpu`, `cuda` or `mps`."""
    name: str
    num_devices: int
    memory_bytes: int
    """Of one device; on a CPU the host's."""
    memory_free_bytes: int
    host_memory_bytes: int
    cpu_count: int
    disk_free_bytes: int
    compute_capability: tuple[int, int] | None = None
    flops: dict[str, float] = field(default_factory=dict)
    """Matrix FLOP/s by precision: `fp32`, `bf16`, `fp16`; only those that the device runs well."""
    flops_source: str = ""
    """`measured`, or the catalogue that the figures are from."""
    peak_flops: dict[str, float] = field(default_factory=dict)
    """Dense FLOP/s by precision as published, sums kept in fp32, where the card is known; what
    `flops` holds too for a card from the catalogue. Products measured reach 0.6 to 0.9 of it."""
    ceiling_flops: float | None = None
    """16-bit FLOP/s that others measured as the most on such a card."""
    power_watts: float | None = None
    """The limit that it runs under, else its design power."""
    driver: str = ""
    """Version of the card's driver."""
    others_bytes: int | None = None
    """Of the device's memory: what other processes hold now."""
    bandwidth: float | None = None
    """Bytes a second between processor and memory."""
    disk_bytes_per_second: float | None = None
    """Write and fsync, measured."""
    sources: dict[str, str] = field(default_factory=dict)
    """Field -> where its figure is from."""
    catalogue: str = ""
    """The card's name in the catalogue, where this is not the machine that we are on."""
    undrivable: str = ""
    """One sentence where this torch has no code for the card (V100)."""
    varlen_attention: str = ""
    """What transformers calls an installed attention that takes rows end to end, where the card
    can run it: `flash_attention_2`, `flash_attention_3`."""
    power_limited: bool = False
    """Whether a low power limit keeps the clock far below its boost (T4, L4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What a rehearsal or a night has measured."""

    steps: int
    step_seconds: float
    """Mean over the steps, the first ones left out."""
    tokens_per_second: float
    warmup_seconds: float
    """What the first steps took beyond the later ones."""
    peak_bytes: int
