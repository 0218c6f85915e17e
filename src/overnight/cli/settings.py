"""Settings from anywhere people keep them, as one `Request`.

In: flags, `--set`, `OVERNIGHT_*` variables, a configuration file, a `.env` (each over the next).
Out: a `Request`, and lines that say what was translated, taken, overridden or has no effect.
Never: choosing a setting that nobody gave.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import tzinfo
from pathlib import Path
from typing import Any

from overnight.cli.aliases import ALIASES, NO_EFFECT, SECTIONS, VALUES, Alias
from overnight.cli.layers import Given, from_config, from_dotenv, from_environment, from_sets
from overnight.cli.schema import check, keys
from overnight.planning.sampling import wish
from overnight.probe.clock import Clock, local_zone, parse_instant
from overnight.values.errors import InputError
from overnight.values.request import Request, Settings, Window
from overnight.values.units import parse_duration

SETTINGS = frozenset(each.name for each in fields(Settings))
_FLAGS = {"num_train_epochs": "--epochs", "eval_data": "--eval"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where the command was given."""

    environ: Mapping[str, str]
    folder: Path
    clock: Clock
    zone: tzinfo | None = None
    """The user's time zone; the machine's where it is None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """One value under our own name; None leaves the key open."""

    key: str
    value: Any
    given: Given
    level: int
    """0 `.env`, 1 configuration file, 2 environment, 3 command line."""

    @property
    def where(self) -> str:
        return self.given.where


def gather(
    flags: Mapping[str, object], *, around: Surroundings, need: str = "night", past: bool = False
) -> tuple[Request, tuple[str, ...]]:
    """The request, and what is to be said about how it was read.

    `flags` holds values by key, and `config` (a path) and `set` (pairs). `need` is `night`, `data`
    (neither model nor end is asked for) or `imagined` (no data is). `past` keeps a deadline that is
    over, for a resumed night.

    Raises:
        InputError: a value, a key or a file is wrong, two contradict, or one is missing.
    """
    notes: list[str] = []
    merged: dict[str, _Read] = {}
    for level, givens in enumerate(_layers(flags, around=around, notes=notes)):
        for read in _translated(givens, level=min(level, 3), notes=notes):
            _put(read, merged=merged, notes=notes)
    chosen = {key: read.value for key, read in merged.items() if read.value is not None}
    places = {key: _place(read) for key, read in merged.items()}
    values = check(chosen, places=places)
    _refuse_contradictions(values, places=places)
    _refuse_gaps(values, need=need)
    request = _request(values, places=places, around=around, past=past)
    wish(request)  # a sample that contradicts itself is refused before anything is begun
    return request, tuple(dict.fromkeys(notes))


def _layers(
    flags: Mapping[str, object], *, around: Surroundings, notes: list[str]
) -> Iterable[list[Given]]:
    """Every source, the weakest first."""
    dotenv, near = _dotenv(around.folder / ".env")
    _refuse_empty(flags)
    path = flags.get("config")
    file, more = from_config(str(path), settings=SETTINGS) if path else ([], [])
    notes += [*near, *more]
    pairs = flags.get("set") or []
    direct = [Given(name=key, value=value, where=_flag(key), spelled=key)
              for key, value in flags.items() if key not in ("config", "set")
              and value not in (None, False)]  # fmt: skip
    return (dotenv, file, from_environment(around.environ), direct,
            from_sets(pairs if isinstance(pairs, list) else []))  # fmt: skip


def _refuse_empty(flags: Mapping[str, object]) -> None:
    """An unset variable of a shell looks like this: `--within "$HOURS"`."""
    for key, value in flags.items():
        if isinstance(value, str) and not value.strip():
            raise InputError(f"{_flag(key)} is given and empty; write a value or leave it out")


def _dotenv(path: Path) -> tuple[list[Given], list[str]]:
    """A `.env` is other programs' file too: what cannot be read of it is not our trouble."""
    if not path.is_file():
        return [], []
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    return from_dotenv(text, where=".env", settings=SETTINGS)


def _flag(key: str) -> str:
    return "DATA" if key == "data" else _FLAGS.get(key, f"--{key.replace('_', '-')}")


def _place(read: _Read) -> str:
    """Where a value came from, with the name that it bears there."""
    plain = read.given.name == read.key or read.where.startswith(("--", "OVERNIGHT_", "DATA"))
    return read.where if plain else f"{read.where}: {read.given.spelled}"


def _translated(givens: list[Given], *, level: int, notes: list[str]) -> list[_Read]:
    """One source's values under our own names."""
    reads: dict[str, _Read] = {}
    idle: dict[str, list[str]] = {}
    for given in givens:
        read = _translate(given, level=level, notes=notes)
        if read is None:
            idle.setdefault(given.where.partition(":")[0], []).append(given.spelled)
        elif read.value is not None or read.key not in reads:
            reads[read.key] = _one_of(reads.get(read.key), read)
    notes += [f"{where}: without effect here: {', '.join(names)}" for where, names in idle.items()]
    taken = [read for read in reads.values() if read.where.startswith(".env:")]
    if taken:
        shown = ", ".join(f"{read.key}={read.value}" for read in taken)
        notes.append(f"taken from .env: {shown}")
    return list(reads.values())


def _translate(given: Given, *, level: int, notes: list[str]) -> _Read | None:
    """The value under our own name; None where it is known and does nothing here."""
    key, alias = _look_up(given)
    if key is None:
        return None
    value = given.value
    if alias:
        value = alias.read(value) if alias.read else value
        if value is None:
            return None
        shown = f"{key}={value}" if alias.read else key
        notes.append(f"{given.spelled} -> {shown} ({alias.who})")
    return _Read(key=key, value=_plain(key, value=value), given=given, level=level)


def _look_up(given: Given) -> tuple[str | None, Alias | None]:
    *headings, leaf = given.name.split(".")
    alias = ALIASES.get(given.name) or ALIASES.get(leaf)
    if all(heading in SECTIONS for heading in headings):
        if leaf in keys():
            return leaf, None
        if alias:
            return alias.key, alias
        if leaf in NO_EFFECT:
            return None, None
    raise InputError(f"{given.where}: {given.spelled} is no key that we know{_nearest(leaf)}")


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, [*keys(), *ALIASES, *NO_EFFECT], n=1)
    return f"; did you mean {close[0]}?" if close else "; `overnight train --help` lists the flags"


def _plain(key: str, *, value: Any) -> Any:
    """The value as we write it; None where it leaves the key open."""
    if isinstance(value, str) and value.lower() in ("auto", "none", "null") and key in SETTINGS:
        return None
    if isinstance(value, str | int | bool):
        word = value.lower() if isinstance(value, str) else value
        return VALUES.get((key, word), value)
    return value


def _one_of(first: _Read | None, second: _Read) -> _Read:
    """One source's two spellings of a key: equal, or QLoRA said as LoRA and 4 bits."""
    if first is None or first.value is None or str(first.value) == str(second.value):
        return second
    if {str(first.value), str(second.value)} == {"lora", "qlora"}:
        return first if first.value == "qlora" else second
    one, other = (f"{read.given.spelled}={read.value}" for read in (first, second))
    raise InputError(f"{first.where}: {one} and {other} both set {second.key}; keep one")


def _put(read: _Read, *, merged: dict[str, _Read], notes: list[str]) -> None:
    """A stronger source's value takes the place of a weaker one's, and says so."""
    rival = {"within": "by", "by": "within"}.get(read.key, "")
    for key in (read.key, rival):
        old = merged.get(key)
        if old is None or old.value is None:
            continue
        if key == rival and old.level == read.level:
            raise InputError(f"{_place(old)} and {_place(read)} both say when it is over; "
                             "keep one")  # fmt: skip
        if key == rival or str(old.value) != str(read.value):
            value = "left open" if read.value is None else read.value
            other = f"{key}: {old.value}" if key == rival else old.value
            notes.append(f"{read.key}: {value} ({_place(read)}) counts, "
                         f"not {other} ({_place(old)})")  # fmt: skip
            del merged[key]
    merged[read.key] = read


def _refuse_contradictions(values: Mapping[str, Any], *, places: Mapping[str, str]) -> None:
    """Two precisions cannot both be."""
    asked = {key: key for key in ("fp16", "bf16") if values.get(key)}
    if values.get("precision", "auto") != "auto":
        asked["precision"] = values["precision"]
    if len(set(asked.values())) > 1:
        said = " and ".join(f"{key} ({places[key]})" for key in asked)
        raise InputError(f"{said} ask for two precisions; keep one, or set the other to false")


def _refuse_gaps(values: Mapping[str, Any], *, need: str) -> None:
    """What a command cannot do without."""
    if "data" not in values and need != "imagined":
        raise InputError("no data given; name a file, a folder or a data set of the hub")
    if need == "data":
        return
    if "model" not in values:
        raise InputError("no model given; write --model FOLDER or a name of the hub")
    if not {"within", "by", "num_train_epochs", "max_steps"} & set(values):
        raise InputError('say how long it may take: --within 12h or --by "sat 8am", '
                         "or how much: --epochs 3 or --max-steps 500")  # fmt: skip


def _request(
    values: Mapping[str, Any], *, places: Mapping[str, str], around: Surroundings, past: bool
) -> Request:
    settings = {key: value for key, value in values.items() if key in SETTINGS}
    rest = {key: value for key, value in values.items()
            if key not in SETTINGS and key not in ("within", "by")}  # fmt: skip
    window = _window(values, places=places, around=around, past=past)
    return Request(
        **{"data": "", "model": "", **rest}, settings=Settings(**settings), window=window
    )


def _window(
    values: Mapping[str, Any], *, places: Mapping[str, str], around: Surroundings, past: bool
) -> Window:
    within, by = values.get("within"), values.get("by")
    try:
        if within is not None:
            return Window(seconds=parse_duration(within), label=within)
        if by is not None:
            zone = around.zone or local_zone()
            now = around.clock.utc()
            return Window(ends_utc=parse_instant(by, now_utc=now, zone=zone, past=past), label=by)
    except InputError as error:
        raise InputError(f"{places['within' if within is not None else 'by']}: {error}") from error
    return Window()
