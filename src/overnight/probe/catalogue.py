"""Graphics cards by name, from what is published about them.

In: a name as people write it (`T4`, `2080 Ti`, `A100-80GB`), or as torch does. Out: `Hardware`, its
figures with their sources, or the facts that complete a live card's. Never: a measurement.
"""

import re
import shutil
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from overnight.probe.container import limits
from overnight.probe.host import host_memory, usable_processors
from overnight.values.errors import InputError
from overnight.values.facts import Hardware

FILE = Path(__file__).parent.parent / "assets" / "gpus.toml"
GIB, TERA, GIGA = 2**30, 1e12, 1e9
BF16_CAPABILITY = (8, 0)
"""Ampere is the first with bf16 tensor cores; older cards emulate it (NVIDIA's CUDA guide)."""
OTHER_MEMORY = 0.1
"""Share by which a card's memory may differ, since drivers keep back different amounts."""
EMPTY_WORDS = frozenset(("gpu", "card", "graphics", "generation", "hbm2", "hbm3"))
"""Words that tell no two cards of the catalogue apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is published about one card; bytes, FLOP/s, watts."""

    name: str
    devices: tuple[str, ...]
    """What torch calls it."""
    spellings: tuple[str, ...]
    size: str
    """Gigabytes on its box."""
    capability: tuple[int, int]
    memory_bytes: int
    bandwidth: float
    flops: dict[str, float]
    """Dense, sums kept in fp32; only precisions that the card has products for."""
    ceiling_flops: float | None
    power_watts: float
    power_limited: bool
    sources: dict[str, str]
    """Field of `Hardware` -> where its figure is from."""


def find(name: str) -> Hardware:
    """The card that `name` means, idle, in a machine like this one.

    `sources["name"]` says so where a name fits several cards and the usual one was taken.

    Raises:
        InputError: no card of that name; the near ones are named.
    """
    card = _meant(name)
    others = _others(name, card)
    sources = {**card.sources, "host_memory_bytes": "this machine's, which need not be the card's"}
    if others:
        sources["name"] = f"{name.strip()} was taken to be {card.name}; also: {', '.join(others)}"
    host, _ = host_memory(limits())
    return Hardware(
        device="cuda",
        name=card.name,
        num_devices=1,
        memory_bytes=card.memory_bytes,
        memory_free_bytes=card.memory_bytes,
        host_memory_bytes=host,
        cpu_count=usable_processors(limits()),
        disk_free_bytes=shutil.disk_usage(Path.cwd()).free,
        compute_capability=card.capability,
        flops=dict(card.flops),
        flops_source=f"the catalogue: {card.sources['flops']}",
        bandwidth=card.bandwidth,
        sources=sources,
        catalogue=card.name,
        undrivable=undrivable(card.name, card.capability),
        power_limited=card.power_limited,
        peak_flops=dict(card.flops),
        ceiling_flops=card.ceiling_flops,
        power_watts=card.power_watts,
    )


def of_device(name: str, memory_bytes: int) -> Card | None:
    """The card that torch calls `name` and gives that much memory; None where it is not known.

    A laptop's card and a slice of a card have names of their own; the same name with other memory
    (RTX 3080: 10 and 12 GB) may be another chip.
    """
    for card in _cards():
        if name in card.devices:
            alike = abs(memory_bytes / card.memory_bytes - 1) < OTHER_MEMORY
            return card if alike else None
    return None


def names() -> tuple[str, ...]:
    """All cards that `find` knows."""
    return tuple(card.name for card in _cards())


def undrivable(name: str, capability: tuple[int, int]) -> str:
    """One sentence where torch's default wheels have no code for a card; else nothing."""
    wheels = _read()["wheels"]
    if has_code(capability, wheels["default"]):
        return ""
    return no_code(name, capability, wheels["default"], wheels["default_name"])


def no_code(name: str, capability: tuple[int, int], built: list[Any], torch: str) -> str:
    """That `torch` was built for these (major, minor) and not for a card, and what to do."""
    legacy, wanted = _read()["wheels"], ".".join(map(str, capability))
    had = ", ".join(f"{major}.{minor}" for major, minor in sorted(map(tuple, built)))
    mend = "a newer torch or another card is needed"
    if has_code(capability, legacy["legacy"]):
        mend = f"install {legacy['legacy_name']}, which has it"
    return f"{torch} has code for compute capability {had}, none for the {wanted} of {name}; {mend}"


def has_code(capability: tuple[int, int], built: list[Any]) -> bool:
    """Whether code for one of these (major, minor) runs there: same major, no later minor."""
    major, minor = capability
    return any(major == other[0] and minor >= other[1] for other in built)


def _meant(name: str) -> Card:
    wanted = _words(name)
    for card in _cards():
        if wanted and any(
            wanted in (one, one | {card.size}) for one in map(_words, card.spellings)
        ):
            return card
    near = _near(wanted)
    known = f"near it: {', '.join(near)}" if near else f"known: {', '.join(names())}"
    raise InputError(f"no card {name!r} in the catalogue; {known}")


def _near(wanted: frozenset[str]) -> list[str]:
    """Cards that share a word with a figure in it, else those that are spelt alike."""
    figures = {word for word in wanted if any(sign.isdigit() for sign in word)}
    shared = [card.name for card in _cards() if figures & _words(card.name)]
    spelt = {
        " ".join(sorted(_words(one))): card.name for card in _cards() for one in card.spellings
    }
    alike = get_close_matches(" ".join(sorted(wanted)), spelt, cutoff=0.7)
    return shared or list(dict.fromkeys(spelt[one] for one in alike))


def _others(name: str, card: Card) -> list[str]:
    """Cards of the same model that `name` leaves possible too; none where it is torch's own."""
    if name in card.devices:
        return []
    kin = [other for other in _cards() if _model(other) == _model(card) and other != card]
    return [other.name for other in kin if _words(name) <= _words(other.name) | {other.size}]


def _words(name: str) -> frozenset[str]:
    """What a name says, in whatever order: `NVIDIA A100-80GB` and `a100 80g` say the same."""
    spaced = re.sub(r"nvidia|geforce|tesla|rtx|_", " ", name.lower())
    unitless = re.sub(r"\b(\d+) ?gi?b?\b", r"\1 ", spaced)
    return frozenset(re.findall(r"[a-z]+\d+[a-z]*|\d+|[a-z]+", unitless)) - EMPTY_WORDS


def _model(card: Card) -> str:
    """Cards of one model differ in memory or board: `A100`, `V100`, `H100`."""
    return re.split(r"[- ](?=\d+GB|SXM|PCIe)", card.name)[0]


@cache
def _read() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


@cache
def _cards() -> tuple[Card, ...]:
    texts = _read()["sources"]
    return tuple(_card(entry, texts) for entry in _read()["cards"])


def _card(entry: dict[str, Any], texts: dict[str, str]) -> Card:
    """One entry of the file in base units."""
    capability = (entry["capability"][0], entry["capability"][1])
    given = {"fp32": entry["fp32"]}
    if "tensor" in entry:
        given["fp16"] = entry["tensor"]
        given |= {"bf16": entry["tensor"]} if capability >= BF16_CAPABILITY else {}
    ceiling = entry.get("ceiling")
    return Card(
        name=entry["name"],
        devices=tuple(entry["devices"]),
        spellings=(entry["name"], *entry["devices"], *entry.get("also", ())),
        size=str(entry["size_gb"]),
        capability=capability,
        memory_bytes=int(entry["memory_gib"] * GIB),
        bandwidth=entry["bandwidth_gb"] * GIGA,
        flops={precision: rate * TERA for precision, rate in given.items()},
        ceiling_flops=None if ceiling is None else ceiling * TERA,
        power_watts=float(entry["watts"]),
        power_limited=entry.get("power_limited", False),
        sources=_sources(entry["sources"], texts),
    )


def _sources(given: dict[str, str], texts: dict[str, str]) -> dict[str, str]:
    """By the fields of `Hardware`."""
    tensor = given.get("tensor", given["fp32"])
    rates = f"fp32: {texts[given['fp32']]}; 16 bits: {texts[tensor]}"
    told = {
        "memory_bytes": texts[given["memory"]],
        "bandwidth": texts[given["bandwidth"]],
        "flops": texts[tensor] if tensor == given["fp32"] else rates,
        "power_watts": texts[given["watts"]],
    }
    return told | ({"ceiling_flops": texts[given["ceiling"]]} if "ceiling" in given else {})
