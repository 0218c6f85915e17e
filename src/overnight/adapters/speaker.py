"""Lines for people who sit before a Trainer's bar.

In: sentences. Out: lines on standard output, from one process. Never: a line twice where once is
enough; the figures, which go through the Trainer's own log.
"""

from dataclasses import dataclass, field


def say(line: str) -> None:
    """One line for people, above the Trainer's bar."""
    from tqdm import tqdm

    tqdm.write(f"overnight: {line}")


@dataclass(slots=True)
class Speaker:
    """Lines from the first process alone."""

    aloud: bool
    said: set[str] = field(default_factory=set)

    def say(self, line: str) -> None:
        """One line."""
        if self.aloud:
            say(line)

    def once(self, line: str) -> None:
        """One line, unless it was said before."""
        if line not in self.said:
            self.said.add(line)
            self.say(line)
