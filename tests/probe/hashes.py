"""What a tally takes down of one row that goes by alone."""

from overnight.probe.tally import Tally
from overnight.values.rows import Row


def content_hash(row: Row, seed: int) -> int:
    """The 128 bits by which duplicates are known."""
    tally = Tally(seed=seed)
    assert list(tally.watch([row])) == [row]
    ((high, low),) = tally.hashes
    return (int(high) << 64) + int(low)
