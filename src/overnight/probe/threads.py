"""Messages of a group -> threads: who talks with whom, by reply, by name and by time.

In: `Said`, in the order of a channel. Out: threads, each a list of messages, as they end. Never:
more held than what may still be answered.

An explicit reply decides; then a name that a message begins with ("ann: have you ..."), best where
both have spoken; then the thread in which its author spoke last; among few people the newest one;
else a new one begins.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from overnight.probe.said import Said

GAP = 600.0
"""Seconds after which nobody goes on with a thread unless by replying to one of its messages."""
FEW = 3
"""People who talk within that time: among so many everybody hears everybody."""
MOST = 60
"""Messages of a thread; the next begins another one."""
MOST_OPEN = 200
"""Threads that are open at once; where no message has a time none would end by itself."""
REMEMBERED = 5000
"""Messages that may still be replied to."""
_ADDRESSED = re.compile(r"@?(\S{1,40}?)[:,]?(?:\s|$)")


@dataclass(slots=True, eq=False)
class Thread:
    """Messages that belong together."""

    messages: list[Said] = field(default_factory=list)
    answered: int = 0
    """Messages of it that another one replies to or calls by its author's name."""

    @property
    def time(self) -> float | None:
        """Of its last message."""
        return self.messages[-1].time

    def has(self, author: str) -> bool:
        """Whether they spoke in it."""
        return any(one.author == author for one in self.messages)


def first_name(text: str) -> str:
    """Whom a message calls at its beginning, in small letters: `@ann ...` or `ann: ...`; or ""."""
    found = _ADDRESSED.match(text)
    if not found:
        return ""
    called = text.startswith("@") or text[found.end(1) : found.end(1) + 1] in (":", ",")
    return found[1].casefold() if called else ""


def addressed(text: str, names: Iterable[str]) -> str:
    """Which of these a message calls by name at its beginning; "" for nobody of them."""
    plain = first_name(text)
    return next((name for name in names if name.casefold() == plain), "") if plain else ""


class Threads:
    """The threads of one channel that are still open."""

    def __init__(self, gap: float = GAP) -> None:
        self._gap = gap
        self._open: list[Thread] = []
        self._known: OrderedDict[str, tuple[Said, Thread]] = OrderedDict()

    def add(self, one: Said) -> list[Thread]:
        """Puts a message where it belongs; the threads that are over by then."""
        ended = [thread for thread in self._open if self._over(thread, one)]
        self._open = [thread for thread in self._open if not self._over(thread, one)]
        thread = self._belongs(one)
        thread.messages.append(one)
        if thread in self._open:
            self._open.remove(thread)
        self._open.append(thread)  # the newest stands last
        if len(self._open) > MOST_OPEN:
            ended.append(self._open.pop(0))
        if one.key:
            self._known[one.key] = (one, thread)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return ended

    def rest(self) -> list[Thread]:
        """The threads that are still open."""
        ended, self._open = self._open, []
        return ended

    def _over(self, thread: Thread, one: Said) -> bool:
        if len(thread.messages) >= MOST:
            return True
        if one.time is None or thread.time is None:
            return False
        return one.time - thread.time > self._gap

    def _belongs(self, one: Said) -> Thread:
        if one.answers in self._known:
            return self._replied(one)
        authors = dict.fromkeys(m.author for thread in self._open for m in thread.messages)
        called = addressed(one.text, (name for name in authors if name != one.author))
        for names in ((called, one.author), (called,), (one.author,)):
            thread = self._newest(names)
            if thread is not None:
                thread.answered += called in names
                return thread
        few = len(authors) + (one.author not in authors) <= FEW
        return self._open[-1] if few and self._open else Thread()

    def _newest(self, names: tuple[str, ...]) -> Thread | None:
        """The newest open thread in which all of these spoke."""
        if not all(names):
            return None
        both = (each for each in reversed(self._open) if all(map(each.has, names)))
        return next(both, None)

    def _replied(self, one: Said) -> Thread:
        before, thread = self._known[one.answers]
        if all(each is not thread for each in self._open):
            thread = Thread([before])  # what it replies to is the beginning of another one
        thread.answered += 1
        return thread


def threads(messages: Iterable[Said], gap: float = GAP) -> Iterator[Thread]:
    """The threads of a log, as they end; another file is another channel."""
    channel, file = Threads(gap), ""
    for one in messages:
        here = one.place.rpartition(":")[0]
        if here != file:
            yield from channel.rest()
            channel, file = Threads(gap), here
        yield from channel.add(one)
    yield from channel.rest()
