"""A trial alive: its session and its course, a slice at a time, parked on the disk between two.

In: a setting's plan, what to aim at. Out: slices taken, held-out rows looked at, checkpoints that a
trial goes on from bit for bit. Never: whose turn it is; more than one session in the memory.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from overnight.codec import from_json, to_json
from overnight.control.course import SETTLING, Course
from overnight.control.health import Health
from overnight.probe.clock import Clock
from overnight.story import packed
from overnight.story.comparing_course import Aim, OwnTime, course, with_margin
from overnight.story.intake import Data
from overnight.training import ahead, checkpoint, evaluation, manifest, methods, parking, stages
from overnight.training.batches import Corpus
from overnight.training.loop import Loop
from overnight.training.session import Session
from overnight.values.facts import ModelProfile
from overnight.values.ledger import Event, Promoted, Stepped, Stopped
from overnight.values.plan import Candidate
from overnight.values.request import Request
from overnight.values.trials import Sliced, Trial, Weighed
from overnight.values.troubles import Clipped, Dropped, Rewound, Shrunk

COURSE = "course.json"
"""In a trial's checkpoint: everything that its loop decides by."""
TROUBLES: dict[type[Event], str] = {
    Clipped: "clipped", Dropped: "dropped", Rewound: "rewound", Shrunk: "shrunk",
}  # fmt: skip
STEADY = 4
"""Steps in a slice from which on its first, which gets the machine going again, is left out."""
BEYOND = 2
"""Times the expected steps: what they hold is counted one by one, for the pace may be better."""
LAST_STEPS = 20
"""Before its end a trial aims anew after every step."""
LOOKED = 16
"""Rows looked at together, the same for all settings; fewer where memory runs out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all trials of a comparison stand on."""

    request: Request
    model: ModelProfile
    data: Data
    """Whole rows, held out for every setting alike."""
    own: dict[str, Data]
    """By setting: what it trains on, a sample of the same rows where it asks for one."""
    clock: Clock
    run: str
    """The comparison's random name."""
    now: Callable[[], float]
    """The journal's time."""
    versions: dict[str, str] = field(default_factory=dict)
    cuts: dict[tuple[str, int], Data] = field(default_factory=dict)
    """What a setting trains on as it cuts it, by `max_length`."""

    def cut(self, setting: str, max_length: int) -> Data:
        """What a setting trains on, with rows of at most so many tokens."""
        kept = self.cuts.get((setting, max_length))
        if kept is None:
            kept = self.cuts[setting, max_length] = self.own[setting].cut(max_length)
        return kept


def first_built(
    ground: Ground, setting: str, candidate: Candidate, *, request: Request,
    say: Callable[[str], None],
) -> Session:  # fmt: skip
    """A setting's first session; its attention is one that loads here.

    Raises:
        ModelError: the model cannot be loaded.
    """
    model, able = packed.loaded(say, request, candidate)
    return _session(ground, setting, able, model)


def built(ground: Ground, setting: str, candidate: Candidate) -> Session:
    """A fresh session for a candidate of a setting that was built before."""
    code = ground.request.trust_remote_code
    model = methods.load_base(ground.request.model, candidate, trust_remote_code=code)
    return _session(ground, setting, candidate, model)


def _session(ground: Ground, setting: str, candidate: Candidate, model: Any) -> Session:
    session = Session(model, candidate, ground.cut(setting, candidate.max_length).material())
    session.room.looked = LOOKED
    return session


def course_of(ground: Ground, session: Session, aim: Aim) -> Course:
    """The course of a trial on this session before its first step."""
    order, candidate = session.orders[0], session.candidate
    most = min(BEYOND * aim.horizon, stages.MOST_EPOCHS * order.steps_per_epoch)
    return course(
        aim,
        tokens_per_step=session.tokens_per_step,
        loads=ahead.loads(session.corpus, order, candidate, model=ground.model, steps=most),
        stages=stages.later(session, candidate, ground.model),
    )


@dataclass(slots=True)
class Live:
    """A trial in the memory. It is its loop's own disk: it goes back to where its slice began."""

    trial: Trial
    session: Session
    course: Course
    own: OwnTime
    folder: Path
    name: str = ""
    """The newest checkpoint."""
    learnt: int = 0
    fresh: bool = True
    """Whether the next step is the first since the session was built."""

    def asked(self) -> str:
        """Nothing: what the world wants is looked for between two steps of the slice."""
        return ""

    def save(self, session: Session) -> None:
        """Never by the loop."""

    def evaluate(self, session: Session) -> None:
        """Never by the loop."""

    def promotions(self, event: Event, health: Health) -> list[Promoted]:
        """Nothing of a trial is published."""
        return []

    def rewind(self, session: Session, *, best: bool = False) -> str | None:
        """Back to the beginning of the slice; its batches are not taken again."""
        if not self.name:
            return None
        reached = session.progress
        session.restore(self.folder / self.name)
        session.skip_to(reached.epoch, reached.batch, stage=reached.stage)
        return self.name


def begun(ground: Ground, trial: Trial, aim: Aim, folder: Path) -> Live:
    """A trial before its first step, its first checkpoint on the disk."""
    session = built(ground, trial.setting, aim.candidate)
    path = course_of(ground, session, aim)
    live = Live(trial, session, path, OwnTime(ground.clock.boot), folder)
    keep(ground, live)
    return live


def taken_up(ground: Ground, trial: Trial, aim: Aim, place: Path) -> Live | None:
    """A trial where its checkpoint `place` left it; None where that is gone or damaged."""
    if manifest.problem(place, run=ground.run) is not None:
        return None
    session = built(ground, trial.setting, aim.candidate)
    kept = json.loads((place / COURSE).read_text("utf-8"))
    session.rebuild(from_json(kept["candidate"], Candidate))
    session.restore(place)
    own = OwnTime(ground.clock.boot, float(kept["spent"]))
    live = Live(trial, session, from_json(kept["course"], Course), own, place.parent)
    live.name, live.learnt = place.name, int(kept["learnt"])
    return live


def keep(ground: Ground, live: Live) -> None:
    """Writes the trial's state as a whole checkpoint, or raises and leaves the one before.

    Raises:
        DiskTrouble: the disk refused.
    """
    step = live.session.progress.step
    if live.name == f"checkpoint-{step}":
        return
    live.folder.mkdir(parents=True, exist_ok=True)
    line = checkpoint.Lineage(run=ground.run, parent=live.name, t=ground.now(),
                              versions=ground.versions)  # fmt: skip
    live.name = checkpoint.write(live.folder, step=step, lineage=line,
                                 fill=lambda place: _fill(live, place)).name  # fmt: skip


def _fill(live: Live, place: Path) -> None:
    live.session.save_into(place)
    kept = {"course": to_json(live.course), "candidate": to_json(live.session.candidate),
            "spent": live.own(), "learnt": live.learnt}  # fmt: skip
    (place / COURSE).write_text(json.dumps(kept, allow_nan=False), "utf-8")


def forget_older(live: Live) -> None:
    """Deletes what the newest checkpoint has replaced."""
    for path in [*manifest.folders(live.folder), live.folder / "set-aside"]:
        if path.name != live.name:
            shutil.rmtree(path, ignore_errors=True)


def sliced(ground: Ground, live: Live, number: int, until: Callable[[Live], bool]) -> Sliced:
    """Trains until `until` says so after a step, or the trial is over; leaves it on the disk."""
    device = live.session.accelerator.device.type
    alone = parking.count_anew(device)
    loop = Loop(live.session, live.course, acts=live, clock=live.own, awake=ground.clock.awake)
    live.own.go()
    seen = list(_events(live, loop, until))
    live.own.halt()
    live.course = loop.course
    peak = parking.peak_bytes(device) if alone else 0
    over = next((one.reason for one in seen if isinstance(one, Stopped)), "")
    steps = [one for one in seen if isinstance(one, Stepped)]
    live.learnt += sum(step.learnt_tokens for step in steps)
    if live.session.finite():
        keep(ground, live)
    else:
        over = "health"
    told = _told(live, steps, number, peak)
    live.fresh = False
    return replace(told, over=over, troubles=_troubles(seen))


def _events(live: Live, loop: Loop, until: Callable[[Live], bool]) -> Iterator[Event]:
    began, stepped = live.own(), 0.0
    for event in loop.train():
        yield event
        if isinstance(event, Stepped | Dropped):
            stepped += event.seconds
            _aim_anew(live, loop, stepped / max(live.own() - began, 1e-9))
            if until(live):
                return


def _aim_anew(live: Live, loop: Loop, share: float) -> None:
    """Near its end a trial's horizon follows the pace from step to step, so that the rate is zero
    there; the loop itself waits for five steps and for more than a few per cent. `share`: of the
    time, what steps take."""
    deadline = loop.course.deadline
    if deadline.ends_at is None or not deadline.recent:
        return
    room = deadline.ends_at - deadline.reserve.seconds - live.own()
    left = int(max(room, 0.0) * min(share, 1.0) / max(deadline.seconds_per_step, 1e-9))
    if left <= LAST_STEPS and deadline.step + left != deadline.horizon:
        loop.happened(loop.replanned(deadline.step + left, "the end is near"))


def _troubles(seen: list[Event]) -> dict[str, int]:
    """How often each trouble came; a loss scaler that looks for its scale is none."""
    named = (TROUBLES[type(one)] for one in seen if type(one) in TROUBLES and not _settles(one))
    return dict(Counter(named))


def _settles(event: Event) -> bool:
    return isinstance(event, Dropped) and event.reason == SETTLING


def _told(live: Live, steps: list[Stepped], number: int, peak: int) -> Sliced:
    steady = steps[1:] if live.fresh and len(steps) >= STEADY else steps
    return Sliced(
        trial=live.trial,
        round=number,
        name=live.name,
        step=live.session.progress.step,
        spent=live.own(),
        learnt=live.learnt,
        steps=len(steady),
        seconds=sum(step.seconds for step in steady),
        tokens=sum(step.tokens for step in steady),
        learnt_tokens=sum(step.learnt_tokens for step in steady),
        loss=fmean(step.loss for step in steps) if steps else float("nan"),
        peak_bytes=peak,
    )


def weighed(ground: Ground, session: Session, rows: Any, trial: Trial | None) -> Weighed:
    """The losses of the held-out rows now, each row whole whatever the setting cuts."""
    began = ground.clock.awake()
    whole: Corpus = ground.data.corpus
    sums, counts = evaluation.row_losses(session, rows, corpus=whole)
    return Weighed(
        trial=trial,
        seconds=ground.clock.awake() - began,
        sums=tuple(float(f"{one:.6g}") for one in sums.tolist()),
        counts=tuple(counts.tolist()) if trial is None else (),
    )


def moved(live: Live, seconds: float) -> None:
    """The trial ends after so many seconds of its own, whatever it aimed at before."""
    ends = with_margin(seconds)
    deadline = live.course.deadline
    if deadline.ends_at is not None and abs(deadline.ends_at - ends) > 1e-6:
        live.course = replace(live.course, deadline=deadline.moved_to(ends, None))
