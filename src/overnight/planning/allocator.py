"""What a caching allocator holds for a sequence of allocations and frees.

In: events, in bytes, and a capacity. Out: `Held`: bytes in use and reserved at their peaks. Never:
a device; this is arithmetic on the rules that PyTorch documents for its native CUDA allocator
(c10/cuda/CUDACachingAllocator.cpp, torch 2.13, without expandable segments).
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

MIB = 2**20
GRAIN = 512
"""Every size is rounded up to a multiple of this."""
SMALL = MIB
"""Up to this a request is served from the small pool."""
SMALL_SEGMENT = 2 * MIB
LARGE_SEGMENT = 20 * MIB
"""Asked of the driver for requests between `SMALL` and `LARGE`."""
LARGE = 10 * MIB
"""From here on a segment is the request itself, in multiples of `SMALL_SEGMENT`."""

Events = Iterable[tuple[int, int]]
"""(key, bytes): an allocation; (key, 0): that one is freed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The peaks of a replay, in bytes."""

    allocated: int
    reserved: int
    """What the device shows as taken, its context apart."""
    flushes: int
    """How often everything unused had to be given back to serve one request: each is slow."""
    fits: bool
    """False where even that did not make room; the figures then say what would have been taken."""


@dataclass(slots=True, eq=False)
class _Block:
    """A piece of a segment and its neighbours in it."""

    size: int
    address: int
    small: bool
    free: bool = False
    before: "_Block | None" = None
    after: "_Block | None" = None

    @property
    def whole(self) -> bool:
        """Whether it is a segment by itself."""
        return self.before is None and self.after is None


def replay(events: Events, *, capacity: int | None = None) -> Held:
    """The peaks that these events would have on a device with `capacity` bytes (None: endless)."""
    allocator = _Allocator(capacity)
    for key, size in events:
        if size:
            allocator.take(key, size)
        else:
            allocator.give(key)
    return Held(
        allocated=allocator.most_allocated,
        reserved=allocator.most_reserved,
        flushes=allocator.flushes,
        fits=allocator.fits,
    )


def rounded(size: int) -> int:
    """What a request takes."""
    return max(-(-size // GRAIN) * GRAIN, GRAIN)


def _segment(size: int) -> int:
    """What is asked of the driver to serve a request."""
    if size <= SMALL:
        return SMALL_SEGMENT
    if size < LARGE:
        return LARGE_SEGMENT
    return -(-size // SMALL_SEGMENT) * SMALL_SEGMENT


@dataclass(slots=True)
class _Pool:
    """Free blocks, the smallest first; of equals the one at the lowest address."""

    places: list[tuple[int, int]] = field(default_factory=list)
    blocks: dict[int, _Block] = field(default_factory=dict)

    def add(self, block: _Block) -> None:
        block.free = True
        insort(self.places, (block.size, block.address))
        self.blocks[block.address] = block

    def remove(self, block: _Block) -> None:
        block.free = False
        del self.places[bisect_left(self.places, (block.size, block.address))]
        del self.blocks[block.address]

    def best(self, size: int) -> _Block | None:
        """The smallest that is large enough."""
        at = bisect_left(self.places, (size, 0))
        return self.blocks[self.places[at][1]] if at < len(self.places) else None

    def whole(self) -> Iterator[_Block]:
        return iter([block for block in self.blocks.values() if block.whole])


class _Allocator:
    """The state while events are replayed."""

    def __init__(self, capacity: int | None) -> None:
        self.capacity = capacity
        self.fits, self.flushes = True, 0
        self.allocated = self.reserved = self.most_allocated = self.most_reserved = 0
        self._pools = {True: _Pool(), False: _Pool()}
        self._live: dict[int, _Block] = {}
        self._top = 0

    def take(self, key: int, size: int) -> None:
        wanted = rounded(size)
        pool = self._pools[wanted <= SMALL]
        block = pool.best(wanted)
        if block is None:
            block = self._reserve(wanted)
        else:
            pool.remove(block)
        self._split(block, wanted)
        self._live[key] = block
        self.allocated += block.size
        self.most_allocated = max(self.most_allocated, self.allocated)

    def give(self, key: int) -> None:
        block = self._live.pop(key, None)
        if block is None:
            return
        self.allocated -= block.size
        pool = self._pools[block.small]
        for neighbour in (block.before, block.after):
            if neighbour is not None and neighbour.free:
                pool.remove(neighbour)
                block = _joined(block, neighbour)
        pool.add(block)

    def _reserve(self, wanted: int) -> _Block:
        size = _segment(wanted)
        if self._too_much(size):
            self._flush()
            self.fits = self.fits and not self._too_much(size)
        block = _Block(size=size, address=self._top, small=wanted <= SMALL)
        self._top += size
        self.reserved += size
        self.most_reserved = max(self.most_reserved, self.reserved)
        return block

    def _too_much(self, size: int) -> bool:
        return self.capacity is not None and self.reserved + size > self.capacity

    def _flush(self) -> None:
        """Gives every segment back of which nothing is in use."""
        self.flushes += 1
        for pool in self._pools.values():
            for block in pool.whole():
                pool.remove(block)
                self.reserved -= block.size

    def _split(self, block: _Block, wanted: int) -> None:
        left = block.size - wanted
        if left < GRAIN if block.small else left <= SMALL:
            return
        rest = _Block(
            size=left, address=block.address + wanted, small=block.small,
            before=block, after=block.after,
        )  # fmt: skip
        if block.after is not None:
            block.after.before = rest
        block.size, block.after = wanted, rest
        self._pools[block.small].add(rest)


def _joined(one: _Block, other: _Block) -> _Block:
    """Two neighbours as one block, at the address of the first."""
    first, last = (one, other) if one.address < other.address else (other, one)
    first.size += last.size
    first.after = last.after
    if last.after is not None:
        last.after.before = first
    return first
