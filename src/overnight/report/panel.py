"""A night in a few lines of a terminal: how far, when over, how well, how fast.

In: a `Glance`. Out: lines that fit into the columns there are, whatever they hold. Never: the
present time, a decision, a line that wraps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from overnight.report.glance import Glance
from overnight.report.words import day_clock, rate
from overnight.values.units import show_bytes, show_count, show_duration

WIDEST = 100
"""Columns that the lines take at most: longer ones are harder to read."""
_BLOCKS = "▁▂▃▄▅▆▇█"
_PLAIN = "_.-=+*%#"
_SPARK = 24
_NAMES = {"starting": "Getting ready", "rehearsing": "Rehearsing", "training": "Training",
          "ending": "Ending", "finished": "Finished", "stopped": "Stopped early",
          "failed": "Ended without a model"}  # fmt: skip


def sparkline(values: Sequence[float], width: int, *, plain: bool = False) -> str:
    """The newest course of a curve in `width` signs, the lowest value lowest."""
    signs = _PLAIN if plain else _BLOCKS
    shown = _shortened(values, width)
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    scale = (len(signs) - 1) / (high - low) if high > low else 0.0
    return "".join(signs[round((value - low) * scale)] for value in shown)


def _shortened(values: Sequence[float], width: int) -> list[float]:
    """Means of equal stretches, so that all of it is seen."""
    count = min(len(values), width)
    edges = [len(values) * place // count for place in range(count + 1)] if count else []
    return [sum(values[start:end]) / (end - start) for start, end in pairwise(edges)]


def bar(share: float, width: int, *, plain: bool = False) -> Text:
    """How far it is, as a bar of `width` columns."""
    done = round(share * width)
    full, rest = ("#", ".") if plain else ("━", "─")
    return Text(full * done, style="green").append(rest * (width - done), style="dim")


def fitted(pieces: Sequence[str | Text], width: int) -> Text:
    """The pieces with dots between them; those at the end that find no room are left out."""
    line = Text()
    for piece in pieces:
        longer = line.copy().append(" · " if line else "").append(piece)
        if line and longer.cell_len > width:
            break
        line = longer
    return line


def lines(glance: Glance, width: int, *, plain: bool = False) -> list[Text]:
    """The whole panel; no line is wider than `width` columns."""
    wide = min(width, WIDEST)
    said = [_head(glance, wide)]
    if glance.share is not None:
        said.append(bar(glance.share, wide, plain=plain))
    said += [_finish(glance, wide), fitted(_times(glance), wide), fitted(_pace(glance), wide),
             fitted(_losses(glance, plain=plain), wide), fitted(_resources(glance), wide),
             fitted(_phases(glance), wide)]  # fmt: skip
    kept = [_plain(line) if plain else line for line in said if line]
    for line in kept:
        line.truncate(width)
    return kept


def _plain(line: Text) -> Text:
    """The same in ASCII, for terminals that have nothing else."""
    return Text(line.plain.replace("·", "-").encode("ascii", "replace").decode("ascii"))


def _head(glance: Glance, width: int) -> Text:
    line = Text(_NAMES.get(glance.state, glance.state), style="bold")
    if not glance.step:
        return line
    total = f" of {glance.horizon:,}" if glance.horizon else ""
    line.append(f"  step {glance.step:,}{total}")
    if glance.share is not None:
        share = f"{100 * glance.share:.0f} %"
        line.append(" " * max(width - line.cell_len - len(share), 1)).append(share, style="bold")
    return line


def _finish(glance: Glance, width: int) -> Text:
    """ "Finishes 07:12-07:31, deadline 08:00, 29 min spare, on track"."""
    if glance.finish is None or glance.state in ("finished", "stopped", "failed"):
        return Text()
    finish = glance.finish
    bare = Text(f"finishes {finish.span}, ").append(finish.held or "no deadline")
    every = (finish.words(), finish.words(short=True), bare)
    line = next((line for line in every if line.cell_len <= width), bare)
    return Text("F").append(line[1:])


def _times(glance: Glance) -> list[str]:
    said = [f"{show_duration(glance.t)} gone"]
    if glance.left is not None and glance.mid_utc is not None and glance.state != "finished":
        said[0] += f" < {show_duration(glance.left)} left"
        said.append(f"done {day_clock(glance.mid_utc)}")
    return said


def _pace(glance: Glance) -> list[str]:
    said = []
    if glance.step_seconds:
        each = 1.0 / glance.step_seconds
        said = [f"{each:.2f} it/s" if each >= 0.1 else f"{glance.step_seconds:.1f} s/it",
                f"{show_count(round(3600 * each))} steps/hour"]  # fmt: skip
    if glance.tokens_per_second:
        said.insert(1, f"{show_count(round(glance.tokens_per_second))} tokens/s")
    return said


def _losses(glance: Glance, *, plain: bool) -> list[str | Text]:
    said: list[str | Text] = []
    if glance.loss is not None:
        said.append(Text(f"loss {glance.loss:.3f} ").append(
            sparkline(glance.trail.means, _SPARK, plain=plain), style="cyan"))  # fmt: skip
    if glance.held_out is not None:
        said.append(f"held out {glance.held_out.loss:.3f}")
    if glance.base is not None:
        said.append(f"base model {glance.base.loss:.3f}")
    return said


def _resources(glance: Glance) -> list[str]:
    said = []
    if glance.peak_bytes:
        of = f" of {show_bytes(glance.limit_bytes)}" if glance.limit_bytes else ""
        said.append(f"peak memory {show_bytes(glance.peak_bytes)}{of}")
    if glance.learning_rate is not None:
        said.append(f"learning rate {rate(glance.learning_rate)}")
    return said


def _phases(glance: Glance) -> list[str]:
    return [f"{phase} {show_duration(seconds)}" for phase, seconds in glance.seconds.items()
            if seconds >= 0.5]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Panel:
    """The lines of a glance as something that rich redraws, with what was notable below them."""

    glance: Glance
    below: tuple[str, ...] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width - 1
        yield from lines(self.glance, width, plain=options.ascii_only)
        for said in self.below:
            line = _plain(Text(said)) if options.ascii_only else Text(said, style="dim")
            line.truncate(width, overflow="crop" if options.ascii_only else "ellipsis")
            yield line


def one_line(glance: Glance) -> Text:
    """The same for a log: everything on one line, however long."""
    if glance.state == "training" or (glance.state == "rehearsing" and glance.step):
        total = f"/{glance.horizon:,}" if glance.horizon else ""
        share = f" ({100 * glance.share:.0f} %)" if glance.share is not None else ""
        head = f"step {glance.step:,}{total}{share}"
    else:
        head = glance.state
    pieces: list[str | Text] = [head, *_times(glance)[:1]]
    if glance.loss is not None:
        pieces.append(f"loss {glance.loss:.3f}")
    pieces += _pace(glance)[:2]
    if glance.finish is not None:
        pieces.append(glance.finish.words())
    return Text(" · ").join(piece if isinstance(piece, Text) else Text(piece) for piece in pieces)
