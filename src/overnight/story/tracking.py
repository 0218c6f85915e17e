"""Trackers fed from the journal, in a process of their own: none of them can hold a night up.

In: a run folder, names of trackers. Out: their own files under RUN/trackers, or what their
environment variables say; how far each has come. Never: a word to the night; a second process
beside the first; an account or a network where the user named none.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from overnight.report import metrics
from overnight.report.following import Following
from overnight.training.disk import replace_text
from overnight.values.errors import InputError, first_line
from overnight.values.ledger import Ended, Entry, Started

NAMES = ("tensorboard", "wandb", "trackio")
FOLDER = "trackers"
TICK = 2.0  # seconds between two looks at the journal
PATIENCE = 900.0
"""Seconds without a word from the night after which its trackers are closed; they are opened again
when it goes on."""
QUIETLY = {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "GRADIO_ANALYTICS_ENABLED": "False"}
"""Unless the user says otherwise: files, no account, no telemetry."""


def named(text: str) -> tuple[str, ...]:
    """The trackers of `--report-to`; none for `none`.

    Raises:
        InputError: a name that is not known.
    """
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in (*NAMES, "none")]
    if unknown:
        raise InputError(f"--report-to {unknown[0]}: expected {', '.join(NAMES)} or none")
    return tuple(dict.fromkeys(name for name in names if name != "none"))


@dataclass(slots=True)
class Feed:
    """One tracker, and how many entries of the journal it has had."""

    name: str
    tracker: Any
    had: int = 0
    dead: str = ""
    """Why it gets nothing any more."""

    def log(self, values: metrics.Values, step: int) -> None:
        """Gives it some figures; a tracker that fails is left alone from then on."""
        if self.dead or not values:
            return
        try:
            # W&B counts by itself: it drops whatever comes for a step that is past.
            self.tracker.log(values, step=None if self.name == "wandb" else step)
        except Exception as error:
            self.dead = first_line(error) or type(error).__name__

    def close(self) -> None:
        """Lets it write what it still holds."""
        try:
            self.tracker.finish()
        except Exception as error:
            self.dead = self.dead or first_line(error)


@dataclass(slots=True)
class Tracking:
    """All trackers of one night."""

    run: Path
    names: tuple[str, ...]
    say: Callable[[str], object]
    feeds: list[Feed] = field(default_factory=list)
    following: Following = field(init=False)
    _metrics: metrics.Metrics | None = None

    def __post_init__(self) -> None:
        self.following = Following(self.run)
        (self.run / FOLDER).mkdir(exist_ok=True)

    def catch_up(self) -> list[Entry]:
        """Gives every tracker what was journalled since; the entries of this look."""
        news = self.following.news()
        first = len(self.following.entries) - len(news)
        if self._metrics is None:
            if not self._opened():
                return news
            first = 0  # what was read before there was a plan
        for place, entry in enumerate(self.following.entries[first:], start=first):
            self._give(place, entry)
        if news:
            self._keep_places()
        return news

    def _give(self, place: int, entry: Entry) -> None:
        assert self._metrics is not None
        values = self._metrics.of(entry)
        if isinstance(entry.event, Ended):
            values = metrics.ended(self.following.report())
        for feed in self.feeds:
            if place >= feed.had:
                feed.log(values, self._metrics.step)
                feed.had = place + 1

    def _opened(self) -> bool:
        """Opens the trackers once there is a plan."""
        begun = next(
            (e.event for e in self.following.entries if isinstance(e.event, Started)), None
        )
        try:
            report = self.following.report()
        except InputError:
            return False
        if begun is None:
            return False
        places = _places(self.run)
        for name in self.names:
            feed = self._feed(name, begun, metrics.settings(report))
            if feed is not None:
                feed.had = places.get(name, 0)
                self.feeds.append(feed)
        self._metrics = metrics.Metrics(plan=report.plan)
        return True

    def _feed(self, name: str, begun: Started, settings: dict[str, Any]) -> Feed | None:
        try:
            tracker = opened(name, self.run, begun)
            tracker.store_init_configuration(settings)
        except Exception as error:  # a package that is missing, an account that is not there ...
            self.say(f"{name} cannot be opened and is left out: {first_line(error)}")
            return None
        return Feed(name, tracker)

    def _keep_places(self) -> None:
        told = {feed.name: feed.had for feed in self.feeds}
        replace_text(_places_file(self.run), json.dumps(told) + "\n")

    def close(self) -> None:
        """Closes all; says which failed."""
        for feed in self.feeds:
            feed.close()
            if feed.dead:
                self.say(f"{feed.name} failed and was left alone: {feed.dead}")


def opened(name: str, run: Path, begun: Started) -> Any:
    """A tracker of accelerate's, writing under the run folder unless its environment says else."""
    from accelerate import PartialState, tracking

    PartialState(cpu=True)  # trackers ask it who speaks; the card is the night's
    folder, label = run / FOLDER, run.resolve().name
    if name == "tensorboard":
        made: Any = tracking.TensorBoardTracker(label, logging_dir=folder / name)
    elif name == "wandb":
        made = tracking.WandBTracker(os.environ.get("WANDB_PROJECT", "overnight"), id=begun.run,
                                     name=label, dir=str(folder), resume="allow")  # fmt: skip
    else:
        os.environ.setdefault("TRACKIO_DIR", str(folder / name))
        made = tracking.TrackioTracker("overnight", name=f"{label}-{begun.run[:6]}", resume="allow")
    if hasattr(made, "start"):  # before accelerate 1.9 the constructor did it
        made.start()
    return made


def _places_file(run: Path) -> Path:
    return run / FOLDER / "places.json"


def _places(run: Path) -> dict[str, int]:
    try:
        found = json.loads(_places_file(run).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): int(had) for name, had in found.items()} if isinstance(found, dict) else {}


def track(run: Path, names: tuple[str, ...], *, wait: Callable[[float], None] = time.sleep,
          now: Callable[[], float] = time.monotonic) -> int:  # fmt: skip
    """Feeds the trackers until the night is over, or silent for long; 0."""
    for name, value in QUIETLY.items():
        os.environ.setdefault(name, value)
    try:
        with FileLock(run / f".{FOLDER}.lock", timeout=0):
            return _tracked(Tracking(run, names, _said), wait, now)
    except Timeout:
        return 0  # there is one already


def _tracked(tracking: Tracking, wait: Callable[[float], None], now: Callable[[], float]) -> int:
    heard, over = now(), False
    while not over and now() - heard < PATIENCE:
        news = tracking.catch_up()
        if news:
            heard = now()
            over = isinstance(news[-1].event, Ended)
        if not over:
            wait(TICK)
    tracking.close()
    return 0


def _said(line: str) -> None:
    print(f"overnight: {line}", file=sys.stderr, flush=True)
