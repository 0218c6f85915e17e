"""What is known beside guide 4's figures: pace, hours and memory by arithmetic, with intervals.

In: a profile, the data's size, a model, a card of the catalogue. Out: `Truth`. Never: a
measurement; these are priors too, but with their source, and they hold nine times in ten.
"""

from dataclasses import dataclass
from typing import Literal

from overnight.adapters.profiles import OptimizationProfile
from overnight.planning import memory, pace
from overnight.planning.rules import precisions
from overnight.values.errors import ArgumentError
from overnight.values.facts import Hardware, Interval, ModelProfile
from overnight.values.plan import Candidate

CARD = "H100"
PUBLISHED = (
    "Published, all weights trained on H100 cards: MPT-13B 4,717 to 5,502 tokens/s a card at 4,096 "
    "to 1,024 tokens a row (MosaicML llm-foundry, scripts/train/benchmarking/README.md)."
)
CLAIMED_PEAK = 1500.0
"""Guide 4's "theoretical" tokens a second of an H100."""
_LAYER = ((5120, 4096), (5120, 1024), (5120, 1024), (4096, 5120),
          (5120, 14336), (5120, 14336), (14336, 5120))  # fmt: skip
TWELVE_B = ModelProfile(
    path="a 12B of Mistral-Nemo's shape",
    architecture="MistralForCausalLM",
    num_parameters=12_247_782_400,
    embedding_parameters=131_072 * 5120,
    hidden_size=5120,
    intermediate_size=14_336,
    num_layers=40,
    num_heads=32,
    num_kv_heads=8,
    head_dim=128,
    vocab_size=131_072,
    max_positions=128_000,
    weight_bytes=2 * 12_247_782_400,
    linear_shapes=_LAYER * 40,
    stored_dtype="bfloat16",
)
"""Source: config.json of mistralai/Mistral-Nemo-Base-2407. The guide's base model is a 12B too."""

Method = Literal["lora", "qlora", "full"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One way to train, on the same rows."""

    method: Method
    tokens_per_second: Interval
    hours: Interval
    """Without padding."""
    padded_hours: Interval
    """With every row padded to `max_length`: as slow as it can be made."""
    peak_bytes: int
    """Where every row of the micro-batch is `max_length` tokens long."""
    fits: bool
    """Into one such card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is known of a profile's figures."""

    card: str
    model: str
    ways: tuple[Known, ...]
    sentences: tuple[str, ...]
    source: str

    @property
    def likely(self) -> Known:
        """The first way that fits: LoRA, else QLoRA, else all weights; LoRA where none does."""
        return next((way for way in self.ways if way.fits), self.ways[0])


def beside_what_is_true(
    profile: OptimizationProfile,
    *,
    tokens: float,
    row_tokens: float,
    model: ModelProfile = TWELVE_B,
    card: Hardware | str = CARD,
) -> Truth:
    """Beside the profile's throughput and memory: what such a card does with such a model.

    `tokens` are those of all epochs, `row_tokens` those of a mean row; `card` is one of the
    catalogue's by name, or a `Hardware` whose matrix rates are known. Padding is not counted.

    Raises:
        InputError: the catalogue has no card of that name.
        ArgumentError: the card's matrix rates are not known.
    """
    on = (model, _looked_up(card))
    known = on[1]
    ways = tuple(_known(method, profile, tokens=tokens, row_tokens=row_tokens, on=on)
                 for method in ("lora", "qlora", "full"))  # fmt: skip
    guides = (_ceiling(profile, row_tokens, on=on), PUBLISHED) if CARD in known.name else ()
    return Truth(
        card=known.name,
        model=model.path,
        ways=ways,
        sentences=(_compared(profile, ways[0], card=known, model=model), *guides),
        source=f"arithmetic from the card's matrix rate ({known.flops_source}) and published "
               "utilisation; measured on no card of ours",
    )  # fmt: skip


def _looked_up(card: Hardware | str) -> Hardware:
    from overnight.probe import catalogue

    found = catalogue.find(card) if isinstance(card, str) else card
    if not found.flops:
        raise ArgumentError(f"card: the matrix rates of {found.name} are not known; look at it "
                            "with measure=True, or name a card of the catalogue")  # fmt: skip
    return found


def _candidate(method: Method, profile: OptimizationProfile, *, card: Hardware) -> Candidate:
    """Half precision is whichever the card runs well."""
    return Candidate(
        method=method,
        per_device_train_batch_size=profile.batch_size,
        gradient_accumulation_steps=profile.gradient_accumulation_steps,
        max_length=profile.max_length,
        learning_rate=1e-4,
        precision=precisions(card)[0] if profile.use_bf16 else "fp32",  # type: ignore[arg-type]
        gradient_checkpointing=profile.use_gradient_checkpointing,
    )


def _known(
    method: Method,
    profile: OptimizationProfile,
    *,
    tokens: float,
    row_tokens: float,
    on: tuple[ModelProfile, Hardware],
) -> Known:
    model, card = on
    candidate = _candidate(method, profile, card=card)
    rate = pace.tokens_per_second(candidate, model, card, row_tokens)
    padded = pace.tokens_per_second(candidate, model, card, profile.max_length)
    peak = memory.estimate(candidate, model, device=card.device).peak_bytes
    return Known(
        method=method,
        tokens_per_second=rate,
        hours=_hours(tokens, rate),
        padded_hours=_hours(tokens / row_tokens * profile.max_length, padded),
        peak_bytes=peak,
        fits=peak <= card.memory_free_bytes,
    )


def _hours(tokens: float, rate: Interval) -> Interval:
    return Interval(low=tokens / rate.high / 3600, mid=tokens / rate.mid / 3600,
                    high=tokens / rate.low / 3600)  # fmt: skip


def _compared(
    profile: OptimizationProfile, known: Known, *, card: Hardware, model: ModelProfile
) -> str:
    rate, mean = known.tokens_per_second, known.hours.mid
    padded = f"; with every row padded to max_length {_span(known.padded_hours)}"
    return (
        f"The profile's {profile.estimated_throughput:,.0f} tokens/s is a belief. LoRA on "
        f"{model.path} takes {rate.low:,.0f} to {rate.high:,.0f} tokens/s on one {card.name}, "
        f"so {_span(known.hours)}{padded if known.padded_hours.mid > mean else ''}."
    )


def show_hours(hours: float) -> str:
    """Hours as the guide writes them, "4.17"; of short ones two digits.

    >>> show_hours(25 / 6), show_hours(0.00123)
    ('4.17', '0.0012')
    """
    return f"{hours:.2f}" if hours >= 0.1 else f"{hours:.2g}"


def _span(hours: Interval) -> str:
    return f"{show_hours(hours.low)} to {show_hours(hours.high)} h"


def _ceiling(
    profile: OptimizationProfile, row_tokens: float, *, on: tuple[ModelProfile, Hardware]
) -> str:
    """What the card's matrix rate alone would allow, beside the guide's "peak"."""
    model, card = on
    candidate = _candidate("lora", profile, card=card)
    peak = card.flops[candidate.precision] / pace.flops_per_token(candidate, model, row_tokens)
    return (
        f"The guide's theoretical peak of {CLAIMED_PEAK:,.0f} tokens/s for an H100 is none: at "
        f"the full matrix rate of one {card.name} it would be {peak:,.0f}."
    )
