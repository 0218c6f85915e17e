"""What a sample of the rows is to keep: as it was asked for.

In: a Request. Out: a `Wish`, or a refusal. Never: rows (probe/sampling.py).
"""

from dataclasses import dataclass

from overnight.values.errors import InputError
from overnight.values.request import Request

TOP_SHARE = 0.25
"""Of the rows, those that high engagement means: the guide gives no number, a quarter is ours."""
RECENT_DAYS = 90.0
"""Before the newest row: guide 2's last three months."""
KINDS = ("engagement", "recent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A sample as it was asked for."""

    share: float | None = None
    """Of the rows that are not preferred."""
    total: int | None = None
    """Rows in all."""
    prefer: tuple[str, ...] = ()
    """Of `KINDS`: what is kept whole."""


def wish(request: Request) -> Wish | None:
    """The sample that a request asks for; None where all rows are wanted.

    Raises:
        InputError: it contradicts itself, or prefers what is not known.
    """
    prefer = _kinds(request.prefer or "")
    if request.sample is not None and request.sample_total is not None:
        raise InputError("--sample and --sample-total both say how much is kept; keep one")
    if prefer and request.sample is None and request.sample_total is None:
        raise InputError(f"--prefer {request.prefer} says what a sample keeps whole; give "
                         "--sample 0.5 or --sample-total 10000 with it")  # fmt: skip
    if request.sample is None and request.sample_total is None:
        return None
    return Wish(share=request.sample, total=request.sample_total, prefer=prefer)


def _kinds(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(word.strip().lower() for word in text.split(",") if word.strip()))
    for word in found:
        if word not in KINDS:
            raise InputError(f"--prefer {text}: expected {' or '.join(KINDS)}, or both with a "
                             "comma")  # fmt: skip
    return found
