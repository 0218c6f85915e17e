"""What people export is not conversations yet: logs, messengers' files and trees become some.

In: records of any file. Out: the same, or records of `messages` where the file is a log or a tree;
what became of its messages. Never: a message left out uncounted.
"""

from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import chain, islice

from overnight.probe import messengers, trees, voices
from overnight.probe.messengers import Read
from overnight.probe.records import Record
from overnight.probe.said import NoTalk, Said
from overnight.probe.threads import GAP, threads
from overnight.probe.voices import Names
from overnight.values.errors import DataError
from overnight.values.facts import Finding

LOOKED = 50
HEARD = 5000
"""Names that are remembered, to say who is near to one that nobody has."""


class Export:
    """The conversations of one export, and what was left out of it."""

    def __init__(self, learn: str | None = None, gap: float = GAP) -> None:
        self.known = False
        """Whether the file was one."""
        self._learn, self._gap = learn, gap
        self._read = self._made = 0
        self._out: Counter[str] = Counter()
        self._names = Names()
        self._heard: dict[str, None] = {}
        self._first = ""

    def opened(self, records: Iterator[Record]) -> Iterator[Record]:
        """The records that rows are read from.

        Raises:
            DataError: nobody speaks as `learn`.
        """
        head = list(islice(records, LOOKED))
        every = chain(head, records)
        self._first = head[0].place if head else ""
        if any(trees.is_tree(one.value) for one in head):
            self.known = self._learn is None  # a tree's roles are roles: whoever names one is heard
            return self._counted(trees.conversations(every))
        spoken = any(isinstance(one.value, Said) for one in head)
        read = next((found for one in head if (found := messengers.reader_of(one.value))), None)
        if not spoken and read is None:
            return every
        self.known = True
        return self._conversations(self._talk(every, read))

    def _counted(self, records: Iterator[Record]) -> Iterator[Record]:
        for record in records:
            self._read += 1
            if isinstance(record.value, str):
                self._out[record.value] += 1
            else:
                self._made += 1
                yield record

    def _talk(self, records: Iterator[Record], read: Read | None) -> Iterator[Said]:
        """What was said; the rest is counted."""
        for record in records:
            one = record.value
            if not isinstance(one, Said | NoTalk):
                one = messengers.said(record, read) if read else NoTalk("no message")
            self._read += 1
            if isinstance(one, NoTalk):
                self._out[one.why] += 1
            else:
                self._names.hear(one.author, one.text)
                if len(self._heard) < HEARD:
                    self._heard[one.author] = None
                yield one

    def _conversations(self, said: Iterator[Said]) -> Iterator[Record]:
        for thread in threads(said, self._gap):
            found = voices.conversation(thread, self._learn, self._names)
            if isinstance(found, str):
                self._out[found] += len(thread.messages)
            else:
                self._made += 1
                yield Record(found, thread.messages[0].place)
        self._check()

    def _check(self) -> None:
        if not self._learn or self._names.heard[self._learn.casefold()]:
            return
        near = get_close_matches(self._learn, self._heard, n=1)
        hint = f"; near: `{near[0]}`" if near else ""
        some = ", ".join(list(self._heard)[:8])
        raise DataError(f"{self._first}: nobody speaks as `{self._learn}`; heard: {some}{hint}")

    def nothing(self) -> str:
        """Why no conversation came of it; "" where it was no export."""
        left = f"no conversation came of its {self._read:,} lines: {self._left()}"
        return f"{self._first}: {left}" if self._read else ""

    def _left(self) -> str:
        return ", ".join(f"{count:,} {why}" for why, count in self._out.most_common())

    def findings(self) -> tuple[Finding, ...]:
        """What became of its messages."""
        if not self._read:
            return ()
        left = self._left() or "nothing"
        what = f"conversations were made of {self._read:,} lines; left out: {left}"
        return (Finding(kind="threads", count=self._made, what=what, example=self._first),)
