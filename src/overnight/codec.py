"""Values to JSON and back: the one place where the run folder's words are spelled.

In: the frozen values of `values/`, or the JSON that they were written as. Out: the other one.
Floats that JSON has no word for are written as the strings "NaN", "Infinity", "-Infinity".
Never: files, clocks, anything alive. Any floor from 2 up may import it.
"""

import json
import math
from typing import Any, TypeVar, get_args

from cattrs import transform_error
from cattrs.errors import BaseValidationError
from cattrs.preconf.json import make_converter

from overnight.values.ledger import Entry, Event

T = TypeVar("T")

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


def entry_to_line(entry: Entry) -> str:
    """One line of events.jsonl, without its newline; ASCII, so a tear cannot split a character."""
    head = {"t": entry.t, "utc": entry.utc, "kind": type(entry.event).__name__}
    return json.dumps(head | to_json(entry.event), allow_nan=False, separators=(",", ":"))


def entry_from_line(line: str) -> Entry | None:
    """The entry that a line of events.jsonl holds; None for a kind that only a newer version knows.

    Raises:
        ValueError: the line is torn or is not an entry.
    """
    data = json.loads(line)
    if not isinstance(data, dict) or "kind" not in data:
        raise ValueError("not an entry: no `kind`")
    kind = _EVENTS.get(data["kind"])
    if kind is None:
        return None
    return Entry(t=from_json(data.get("t"), float), utc=from_json(data.get("utc"), float),
                 event=from_json(data, kind))  # fmt: skip


def entries_from_text(text: str) -> tuple[tuple[Entry, ...], tuple[int, ...]]:
    """The entries of a whole events.jsonl, and the numbers (from 1) of lines that are torn.

    A kill tears the line that was being written: the last one, or one that a resumed night
    wrote behind. Torn lines are passed over, and told so that a reader can say it.
    """
    entries: list[Entry] = []
    torn: list[int] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            entry = entry_from_line(line)
        except ValueError:
            torn.append(number)
        else:
            entries += [entry] if entry else []
    return tuple(entries), tuple(torn)
