"""A limit of tokens for micro-batches, so that only the few with the longest rows are cut.

In: a question, a candidate. Out: the candidate, and where few rows are long also the one with a
limit; what cutting costs. Never: which of them is taken (ranking.py); a step's rows changed.
"""

from dataclasses import replace

from overnight.planning.lengths import widths
from overnight.planning.question import Question
from overnight.planning.shapes import piece
from overnight.values.facts import DatasetProfile
from overnight.values.plan import Candidate

WHOLE = 0.9
"""Of the micro-batches stay as they are."""
WORTH = 0.75
"""Of the fullest one: a limit above that frees too little to be worth a thought."""
FIXED = 0.15
"""Of a micro-batch's seconds that it takes whatever it holds (planning/measure.py): what each piece
costs more that one is cut into."""

LEAST = 0.02
"""Of a step's time that cutting is thought to cost at least: what fits whole is not cut."""


def ways(question: Question, candidate: Candidate) -> tuple[Candidate, ...]:
    """The candidate as it is, and with a limit where a tenth of its micro-batches are far fuller
    than the rest. Packs have limits of their own, and so has what an earlier night has fitted."""
    rows, longest = candidate.per_device_train_batch_size, candidate.max_length
    if candidate.packing or rows == 1 or question.lessons.fitted is not None:
        return (candidate,)
    wide = _widths(candidate, question.dataset)
    most = max(longest, round(rows * wide[round((1.0 - WHOLE) * (len(wide) - 1))]))
    if most > WORTH * min(rows * longest, piece(candidate) or rows * longest):
        return (candidate,)
    return candidate, replace(candidate, max_tokens_per_micro_batch=most)


def slowed(question: Question, candidate: Candidate) -> float:
    """By what factor cutting makes steps longer: 1.0 where nothing is cut, or where an earlier
    night has been cut likewise: a plan keeps its rows then."""
    most = candidate.max_tokens_per_micro_batch
    if not most or candidate.packing or question.lessons.fitted is not None:
        return 1.0
    wide = _widths(candidate, question.dataset)
    rows = candidate.per_device_train_batch_size
    more = sum(_pieces(rows, one, most) - 1 for one in wide) / len(wide)
    return 1.0 + max(FIXED * more, LEAST)


def _widths(candidate: Candidate, dataset: DatasetProfile) -> tuple[float, ...]:
    return widths(dataset, candidate.max_length, rows=candidate.per_device_train_batch_size,
                  rows_per_step=candidate.rows_per_step)  # fmt: skip


def _pieces(rows: int, width: float, most: int) -> int:
    """Of a micro-batch that is halved until each piece is within the limit, or a single row."""
    pieces = 1
    while rows > 1 and rows * width > most:
        rows, pieces = -(-rows // 2), 2 * pieces
    return pieces
