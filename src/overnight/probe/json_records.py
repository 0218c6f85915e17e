"""Records of JSON files: one a line, an array, or an object that holds one array.

In: a path. Out: records, each at the line where it begins. Never: a row that is broken, too long or
nested too deeply without its line being named.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from overnight.probe.records import MAX_BYTES, BadRows, Record, lines_of, text_of, undecodable
from overnight.values.errors import DataError

MAX_DEPTH = 64
"""Real conversations nest about six levels; the parser itself gives up near a thousand."""

_SPACE = re.compile(r"[ \t\r\n]*")
_DEEP = f"nested deeper than {MAX_DEPTH} levels"
_scan = json.JSONDecoder().raw_decode


def json_records(path: Path, bad: BadRows) -> Iterator[Record]:
    """Records of a `.json` or `.jsonl` file, by what is in it: people mix the two names up.

    Raises:
        DataError: the file is no JSON, or an object without exactly one array of rows.
    """
    first, second = _opening(path)
    if first.startswith("[") and not (second and _whole(first)):
        return _array(text_of(path), path, bad)
    alone = not second if _whole(first) else not second.startswith("{")
    if path.suffix == ".json" and first.startswith("{") and alone:
        return _object(path, bad)
    return _lines(path, bad)


def _opening(path: Path) -> tuple[str, str]:
    """The first two lines that are not blank."""
    filled = (line.strip() for _, line in lines_of(path, BadRows(skip=True)))
    return next(filled, ""), next(filled, "")


def _whole(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def too_deep(value: object) -> bool:
    """Whether a value is nested deeper than rows are."""
    level = [value]
    for _ in range(MAX_DEPTH):
        inside = [inner for item in level for inner in _inside(item)]
        level = [item for item in inside if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _inside(item: object) -> Iterable[object]:
    if isinstance(item, dict):
        return item.values()
    return item if isinstance(item, list) else ()


def _wrong(text: str, value: object) -> str:
    """Why a parsed value cannot be a row, or nothing."""
    if len(text) > MAX_BYTES:
        return "row of over 4 MB"
    if text.count("[") + text.count("{") > MAX_DEPTH and too_deep(value):
        return _DEEP
    return undecodable(text)


def _told(error: ValueError) -> str:
    """The parser's words, some of which end in "at" themselves."""
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON ({error.msg.removesuffix(' at')} at column {error.colno})"
    return "holds a number of more digits than can be read"


def _lines(path: Path, bad: BadRows) -> Iterator[Record]:
    for place, line in lines_of(path, bad):
        try:
            value = json.loads(line)
        except ValueError as error:
            bad.report(place, _told(error))
        except RecursionError:
            bad.report(place, _DEEP)
        else:
            if why := _wrong(line, value):
                bad.report(place, why)
            else:
                yield Record(value, place)


def _value(text: str, at: int, path: Path) -> tuple[object, int]:
    """(value, offset after it); nothing can be read past a break, so it always raises."""
    try:
        return _scan(text, at)
    except ValueError as error:
        line = getattr(error, "lineno", text.count("\n", 0, at) + 1)
        raise DataError(f"{path.name}:{line}: {_told(error)}; mend the file") from None
    except RecursionError:
        line = text.count("\n", 0, at) + 1
        raise DataError(f"{path.name}:{line}: {_DEEP}; rows are flat conversations") from None


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _array(text: str, path: Path, bad: BadRows, start: int = 0) -> Iterator[Record]:
    """Elements of the array that opens at or after `start`."""
    at, seen, line = _skip(text, _skip(text, start) + 1), 0, 1
    while text[at : at + 1] != "]":
        value, end = _value(text, at, path)
        line += text.count("\n", seen, at)
        seen, place = at, f"{path.name}:{line}"
        if why := _wrong(text[at:end], value):
            bad.report(place, why)
        else:
            yield Record(value, place)
        at = _skip(text, end)
        if text[at : at + 1] not in (",", "]"):
            line = text.count("\n", 0, at) + 1
            raise DataError(f"{path.name}:{line}: not JSON (expected , or ] here); mend the file")
        at = _skip(text, at + 1) if text[at] == "," else at


def _is_row(value: dict[str, object]) -> bool:
    """Whether an object is itself one conversation: its array holds turns."""
    turns = [item[0] for item in value.values() if isinstance(item, list) and item]
    keys = [set(turn) for turn in turns if isinstance(turn, dict)]
    return any({"role", "content"} <= key or {"from", "value"} <= key for key in keys)


def _object(path: Path, bad: BadRows) -> Iterator[Record]:
    text = text_of(path)
    start = _skip(text, 0)
    value, _ = _value(text, start, path)
    if not isinstance(value, dict):
        raise DataError(f"{path.name}:1: expected a JSON array of rows")
    arrays = [key for key, item in value.items() if isinstance(item, list)]
    if not arrays or _is_row(value):
        return iter([Record(value, f"{path.name}:{text.count(chr(10), 0, start) + 1}")])
    if len(arrays) > 1:
        names = ", ".join(f"`{key}`" for key in arrays)
        raise DataError(
            f"{path.name}:1: an object with several arrays ({names}); expected one array of rows, "
            "so put the one that is meant into a file of its own"
        )
    return _array(text, path, bad, _member(text, arrays[0]))


def _member(text: str, key: str) -> int:
    """Offset of the value of `key` in a valid top-level object."""
    at = _skip(text, _skip(text, 0) + 1)
    while True:
        name, at = _scan(text, at)
        at = _skip(text, _skip(text, at) + 1)
        if name == key:
            return at
        at = _skip(text, _scan(text, at)[1])
        at = _skip(text, at + 1)
