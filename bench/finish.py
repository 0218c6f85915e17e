"""When other people's runs would have been said to end, against what their own tool said.

python bench/finish.py             reads shared/data and writes bench/results/finish.md, seconds
        --work FOLDER              with the nights of plans.py, whose folder that is
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import finish_own
import nights
from finish_own import MISSES, SCORED
from overnight.control.deadline import Deadline
from overnight.control.forecast import finish
from overnight.values.facts import Interval
from overnight.values.ledger import Evaluated, Loss, Stepped

SHARES = (0.05, 0.25, 0.5)
FIRST_SHARE = 0.01
"""From here on every line of a log is a forecast whose interval is counted."""
ELAPSED = re.compile(r"(?:(\d+) days?, )?(\d+):(\d+):(\d+)")
SPEEDRUN = re.compile(
    r"step:(\d+)/(\d+) (val_loss:[\d.]+ )?train_time:(\d+)ms step_avg:([\d.]+|nan)ms"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a log: after which step it was written, when, and what the tool expected."""

    step: int
    seconds: float
    """Since the beginning, by the log's own clock."""
    total: float | None
    """When the tool thinks that all will be over, on the same clock."""
    looked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One run from its first line to its last."""

    name: str
    tool: str
    lines: tuple[Line, ...]
    steps: int

    @property
    def end(self) -> float:
        """When it was over."""
        return self.lines[-1].seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What was expected at a line, by us and by the tool."""

    line: Line
    ours: Interval
    end: float
    naive: float
    """When it would be over at the mean pace so far."""

    def error(self, total: float) -> float:
        """Of the time that was still to come, relatively."""
        left = self.end - self.line.seconds
        return (total - self.line.seconds - left) / left

    @property
    def held(self) -> bool:
        """Whether the interval holds the end."""
        return self.ours.low <= self.end <= self.ours.high

    @property
    def score(self) -> float:
        """The interval score (Gneiting and Raftery 2007), relative to the time still to come: the
        width, and 2 / MISSES times whatever the end lies outside; less is better."""
        outside = max(self.ours.low - self.end, self.end - self.ours.high, 0.0)
        return self.width + 2 / MISSES * outside / (self.end - self.line.seconds)

    @property
    def naive_score(self) -> float:
        """Of elapsed / steps x remaining steps, an interval without width."""
        return 2 / MISSES * abs(self.error(self.naive))

    @property
    def width(self) -> float:
        """Of the interval, relatively to the time still to come."""
        return (self.ours.high - self.ours.low) / (self.end - self.line.seconds)


def clock(text: str) -> float:
    """Seconds of "9 days, 21:39:23"."""
    found = ELAPSED.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return 86400.0 * days + 3600.0 * hours + 60.0 * minutes + seconds


def factory(path: Path) -> Log:
    """A trainer_log.jsonl of LLaMA-Factory: elapsed and remaining time at every fifth step."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    lines = tuple(
        Line(step=row["current_steps"], seconds=clock(row["elapsed_time"]),
             total=clock(row["elapsed_time"]) + clock(row["remaining_time"]))
        for row in rows
    )  # fmt: skip
    return Log(name=path.stem.split("_", 1)[1], tool="elapsed + remaining", lines=lines,
               steps=rows[-1]["total_steps"])  # fmt: skip


def speedrun(path: Path) -> Log:
    """A modded-nanogpt log: every step, looks in between; its clock starts after ten steps."""
    found = [SPEEDRUN.match(line) for line in path.read_text(encoding="utf-8").splitlines()]
    told = [match.groups() for match in found if match]
    begun = next(at for at, row in enumerate(told) if int(row[0]) == 11)
    steps = int(told[0][1])
    lines = []
    for step, _, looked, passed, average in told[begun:]:
        known = float(average) / 1e3 * (steps - 10) if average != "nan" else None
        lines.append(Line(step=int(step), seconds=float(passed) / 1e3, total=known,
                          looked=bool(looked)))  # fmt: skip
    return Log(name=path.stem, tool="step_avg x steps", lines=tuple(lines), steps=steps)


def guesses(log: Log) -> Iterator[Guess]:
    """Each line read as the night reads its own events; what was expected then."""
    night = Deadline(started_at=0.0, ends_at=None, steps_wanted=log.steps, tokens_per_step=1.0,
                     publish_seconds=0.0, horizon=log.steps)  # fmt: skip
    before = Line(step=min(log.lines[0].step - 1, 10), seconds=0.0, total=None)
    before = before if log.tool.startswith("step") else Line(step=0, seconds=0.0, total=None)
    for line in log.lines:
        took = line.seconds - before.seconds
        steps = line.step - before.step
        if line.looked:
            seen = Loss(loss=0.0, low=0.0, high=0.0, n=1)
            look = Evaluated(step=line.step, part="select", loss=seen, seconds=took)
            night = night.after(look, line.seconds)
        for n in range(steps):
            step = Stepped(step=before.step + n + 1, epoch=0.0, loss=1.0, tokens=1, grad_norm=1.0,
                           learnt_tokens=1, seconds=took / steps, learning_rate=1.0,
                           peak_bytes=1)  # fmt: skip
            night = night.after(step, before.seconds + took * (n + 1) / steps)
        before = line
        if line.seconds < log.end and line.step >= FIRST_SHARE * log.steps:
            ours = finish(night, line.seconds, publish_seconds=0.0)
            done = line.step - log.lines[0].step + 1 if log.tool.startswith("step") else line.step
            left = (log.steps - line.step) * line.seconds / max(done, 1)
            yield Guess(line=line, ours=ours, end=log.end, naive=line.seconds + left)


def logs(data: Path) -> list[Log]:
    """Every log that lies there."""
    found = [factory(path) for path in sorted((data / "trainer_logs").glob("*.jsonl"))]
    return found + [speedrun(path) for path in sorted((data / "nanogpt_logs").glob("2*.txt"))]


def at(log: Log, made: list[Guess], share: float) -> Guess:
    """What was expected at the first line with so much of the run behind it."""
    return next(guess for guess in made if guess.line.step >= share * log.steps)


def cell(guess: Guess) -> str:
    """Ours with its interval, then the tool's."""
    low, mid, high = (guess.error(end) for end in (guess.ours.low, guess.ours.mid, guess.ours.high))
    theirs = "none" if guess.line.total is None else f"{guess.error(guess.line.total):+.2%}"
    return f"{mid:+.2%} ({low:+.1%} to {high:+.1%}) | {theirs}"


def row_of(log: Log, made: list[Guess]) -> str:
    """One line of the first table."""
    cells = " | ".join(cell(at(log, made, share)) for share in SHARES)
    return f"| {log.name} | {log.tool} | {log.steps:,} | {log.end:,.0f} | {cells} |"


def everywhere(log: Log, forecasts: list[Guess]) -> str:
    """One line of the second table: all forecasts of a log."""
    made = [guess for guess in forecasts if guess.line.total is not None]
    ours = [abs(guess.error(guess.ours.mid)) for guess in made]
    theirs = [abs(guess.error(guess.line.total or 0.0)) for guess in made]
    nearer = sum(a < b for a, b in zip(ours, theirs, strict=True)) / len(made)
    held = sum(guess.held for guess in made) / len(made)
    wide = median(guess.width for guess in made)
    return (f"| {log.name} | {len(made):,} | {median(ours):.2%} | {median(theirs):.2%} | "
            f"{nearer:.0%} | {held:.1%} | {wide:.1%} |")  # fmt: skip


def scores(log: Log, made: list[Guess]) -> str:
    """One line of the third table: interval scores at three places of a log."""
    cells = [f"{one.score:.1%} | {one.naive_score:.1%}" for share in SCORED
             for one in [at(log, made, share)]]  # fmt: skip
    return f"| {log.name} | {' | '.join(cells)} |"


def medians(found: list[tuple[Log, list[Guess]]]) -> Iterator[str]:
    """The middle error over the logs, and how many intervals hold, by the share done."""
    for share in SHARES:
        made = [at(log, forecasts, share) for log, forecasts in found]
        ours = median(abs(guess.error(guess.ours.mid)) for guess in made)
        theirs = median(abs(guess.error(guess.line.total or 0.0)) for guess in made)
        held = f"{sum(guess.held for guess in made)} of {len(made)} held"
        yield f"at {share:.0%}: ours {ours:.2%}, the tool's {theirs:.2%}, {held}"


METHOD = """\
Each log is read once from its beginning. Its steps (and looks, where it names them) go through \
`Deadline.after` and `forecast.finish` as the events of a night do; after each line the end is \
foretold. Errors are of the time still to come. Our forecasts come with the interval that is to \
hold nine times in ten; the tools give none. LLaMA-Factory prints the time that remains; \
modded-nanogpt prints the mean step, taken times the steps."""
SCORES = """\
Interval score of our 90 % interval against elapsed / steps x remaining steps, which claims no \
width and so pays for every error twenty times; relative to the time still to come, less is \
better."""
READING = """\
Where the pace is constant, as on the machines of the first three, the plain mean of the tool is \
as near as ours or nearer: we are no better there, and by the interval score a tool that claims no \
width wins where it happens to be right to the second. Where the pace changes (the speed run's \
attention window grows, so that steps become slower) ours follows and is nearer; what is still to \
change no log can tell, in a night of our own it is known what each step holds. The intervals \
start from what is usual on machines that others use and are weighed with how much the quarters of \
the run so far differed: over all lines together they hold about nine times in ten, more often \
where nothing changes, less often in the speed run. Saves and looks do not stand in \
LLaMA-Factory's logs; the steps that they held up count in part."""


def main() -> None:
    """Everything into one file."""
    asked = nights.arguments("finishing times against other tools' own")
    found = [(log, list(guesses(log))) for log in logs(asked.data)]
    head = " | ".join(f"ours at {share:.0%} | tool's" for share in SHARES)
    middle = "; ".join(medians(found))
    lines = [
        "# Finishing times of other people's runs", "", nights.machine(), "", METHOD, "",
        f"Median of the {len(found)} logs' errors, without sign, {middle}.", "",
        f"| log | tool says | steps | seconds | {head} |",
        "|---|---|---|---|" + "---|" * 2 * len(SHARES), *(row_of(*one) for one in found), "",
        "At every line from 1 % of the steps on:", "",
        "| log | forecasts | ours, median error | tool's | ours nearer | interval held | width |",
        "|---|---|---|---|---|---|---|", *(everywhere(*one) for one in found), "", SCORES, "",
        f"| log | {' | '.join(f'ours at {share:.0%} | naive' for share in SCORED)} |",
        "|---|" + "---|" * 2 * len(SCORED), *(scores(*one) for one in found), "",
        *finish_own.table(asked.work), READING, "",
        "Repeat: `python bench/finish.py`",
    ]  # fmt: skip
    (nights.RESULTS / "finish.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
