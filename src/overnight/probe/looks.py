"""What looks wrong in rows: holes, empty turns, garbled text, one answer over and over.

In: rows. Out: findings, each with its count and first place. Never: a row changed or left out.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from overnight.values.facts import Finding
from overnight.values.rows import Row

_HOLE = re.compile(r"\{\{\s*[A-Za-z_][\w .-]{0,40}\}\}")
_GARBLED = re.compile("\ufffd|Ã[\x80-\xbf©¨¤¶¼±³¡­]|â€[™œ˜¦“”\x9d]|Â[\xa0-\xbf]")
"""The replacement character, and UTF-8 that was read as Latin-1 or Windows-1252."""
_SAME_SHARE = 0.02
_SAME_LEAST = 10


def looks(rows: Sequence[Row]) -> list[Finding]:
    """Findings about the text of `rows`; none where all looks well."""
    seen = (
        _count("hole", rows, "have a {{name}} hole that nobody filled", _has_hole),
        _count("garbled", rows, "hold garbled characters (wrong encoding)", _is_garbled),
        _count("empty", rows, "have a turn without text", _has_empty),
        _one_answer(rows),
        _other_answers(rows),
    )
    return [finding for finding in seen if finding is not None]


def _count(
    kind: str, rows: Sequence[Row], what: str, wrong: Callable[[Row], bool]
) -> Finding | None:
    places = [row.source for row in rows if wrong(row)]
    if not places:
        return None
    return Finding(kind=kind, count=len(places), what=what, example=places[0])


def _has_hole(row: Row) -> bool:
    return any(_HOLE.search(turn.text) for turn in row.turns)


def _is_garbled(row: Row) -> bool:
    return any(_GARBLED.search(turn.text) for turn in row.turns)


def _has_empty(row: Row) -> bool:
    return any(not turn.text.strip() for turn in row.turns)


def _one_answer(rows: Sequence[Row]) -> Finding | None:
    """The commonest answer, where it is suspiciously common."""
    answers = Counter(row.learnt for row in rows if row.learnt)
    (answer, count), *_ = answers.most_common(1) or [("", 0)]
    if count < max(_SAME_LEAST, _SAME_SHARE * len(rows)):
        return None
    place = next(row.source for row in rows if row.learnt == answer)
    what = f"have the same answer ({' '.join(answer.split())[:60]!r})"
    return Finding(kind="same-answer", count=count, what=what, example=place)


def _other_answers(rows: Sequence[Row]) -> Finding | None:
    """Rows that ask what another asks and answer otherwise: the two may stand on either side."""
    asked: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        before = tuple(turn.text for turn in row.turns if not turn.learn)
        if before and row.learnt:
            asked[before].append(row)
    again = [same for same in asked.values() if len({row.learnt for row in same}) > 1]
    if not again:
        return None
    what = "ask what another row asks and answer otherwise, so held-out loss may flatter"
    return Finding(
        kind="same-prompt", count=sum(map(len, again)), what=what, example=again[0][0].source
    )
