"""Values to JSON and back: the one place where the run folder's words are spelled.

In: the frozen values of `values/`, or the JSON that they were written as. Out: the other one.
Floats that JSON has no word for are written as the strings "NaN", "Infinity", "-Infinity".
What must not change on the disk carries its own checksum, against accidents, not against forgers.
Never: files, clocks, anything alive. Any floor from 2 up may import it.
"""

import json
import math
import zlib
from typing import Any, TypeVar, get_args

from cattrs import transform_error
from cattrs.errors import BaseValidationError
from cattrs.preconf.json import make_converter

from overnight.values.ledger import Entry, Event

T = TypeVar("T")

_SUM = "sum"
_SUM_LENGTH = len(',"sum":"01234567"}')
_EVENTS: dict[str, type[Any]] = {event.__name__: event for event in get_args(Event)}


def _plain_float(value: float) -> float | str:
    """Strings for what JSON cannot say; `float()` reads each of them back."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _listed(value: Any) -> Any:
    """Lists in place of tuples, so that a value equals what its JSON is read back as."""
    if isinstance(value, dict):
        return {str(key): _listed(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_listed(inner) for inner in value]
    return _plain_float(value) if isinstance(value, float) else value


_converter = make_converter()
_compact = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


def to_json(value: object) -> Any:
    """The value as JSON's own types; `json.dumps(..., allow_nan=False)` never fails on it."""
    return _listed(_converter.unstructure(value))


def from_json(data: object, kind: type[T]) -> T:
    """The value of type `kind` that `data` was written from; keys it does not know are ignored.

    Raises:
        ValueError: `data` is not such a value; one line that names the first field at fault.
    """
    try:
        return _converter.structure(data, kind)
    except (BaseValidationError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a {kind.__name__}: {transform_error(error)[0]}") from error


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


def sealed(value: object) -> str:
    """The value as the text of a JSON file whose last word is the checksum of all the others.

    The value must be written as an object, that is, be a dictionary or one of our values.
    """
    content: dict[str, Any] = to_json(value)
    plain = json.dumps(content, allow_nan=False)
    return json.dumps(content | {_SUM: _checksum(plain)}, allow_nan=False, indent=2) + "\n"


def unsealed(text: str) -> dict[str, Any]:
    """The object that `sealed` wrote as `text`.

    Raises:
        ValueError: it is not what was written, in so much as a space.
    """
    try:
        content = json.loads(text)
        content.pop(_SUM)
        if sealed(content) == text:
            return dict(content)
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        pass
    raise ValueError("not what was written")


def entry_to_json(entry: Entry) -> dict[str, Any]:
    """The entry as one flat object that names its kind."""
    head = {"t": entry.t, "utc": entry.utc, "kind": type(entry.event).__name__}
    words: dict[str, Any] = to_json(entry.event)
    return head | words


def entry_to_line(entry: Entry) -> str:
    """One line of events.jsonl, without its newline; ASCII, so a tear cannot split a character.

    Its last word is the checksum of all before it: a digit that the disk has changed would else
    be another deadline or another learning rate.
    """
    text = _compact.encode(entry_to_json(entry))
    return f'{text[:-1]},"{_SUM}":"{_checksum(text)}"}}'


def entry_from_line(line: str) -> Entry | None:
    """The entry that a line of events.jsonl holds; None for a kind that only a newer version knows.

    Raises:
        ValueError: the line is torn, is not an entry, or is not as it was written.
    """
    text = line[:-_SUM_LENGTH] + "}"
    if line[-_SUM_LENGTH:] != f',"{_SUM}":"{_checksum(text)}"}}':
        raise ValueError("torn, or not what was written")
    data = json.loads(text)
    kind = _EVENTS.get(data["kind"])
    if kind is None:
        return None
    return Entry(t=from_json(data["t"], float), utc=from_json(data["utc"], float),
                 event=from_json(data, kind))  # fmt: skip


def entries_from_text(text: str) -> tuple[tuple[Entry, ...], tuple[int, ...]]:
    """The entries of a whole events.jsonl, and the numbers (from 1) of lines that cannot be read.

    A kill tears the line that was being written: the last one, or one that a resumed night
    wrote behind. These lines are passed over, and told so that a reader can say it.
    """
    entries: list[Entry] = []
    torn: list[int] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            entry = entry_from_line(line)
        except (ValueError, KeyError, TypeError, RecursionError):
            torn.append(number)
        else:
            entries += [entry] if entry else []
    return tuple(entries), tuple(torn)
