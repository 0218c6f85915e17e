"""What the loop has done by others: saves, held-out figures, promotions, going back.

In: a run folder, its journal's entries so far, the held-out rows. Out: events for the loop to
yield. Never: decides when; a refused save never stops training.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from overnight.control.health import Health, finite
from overnight.training import checkpoint, lineage, scores, shelf
from overnight.training.disk import DiskTrouble
from overnight.training.evaluation import OutOfTime
from overnight.training.journal import started
from overnight.training.session import Session
from overnight.values.errors import OvernightError
from overnight.values.ledger import Entry, Evaluated, Event, Loss, Part, Promoted, Saved, Stepped
from overnight.values.troubles import Rewound

HEALTHY_STEPS = 20
"""Steps after which a checkpoint is promoted, if an evaluation has not come first (DESIGN 5)."""


@dataclass(slots=True)
class Keeper:
    """The disk side of one night's loop."""

    run_folder: Path
    entries: list[Entry]
    """The journal so far; whoever journals appends to it."""
    held_out: dict[Part, Sequence[int]]
    clock: Callable[[], float]
    awake: Callable[[], float]
    """A clock that stands still while the machine sleeps: what a save or a look takes."""
    wanted: Callable[[], str]
    """What the world wants: an end (`signal`, `stop`), a `save`, or nothing."""
    tell: Callable[[str], None]
    now: Callable[[], float]
    """The journal's time, everything before it written: seconds since the night's first start."""
    leaving: Callable[[], bool] = bool
    """Whether looks are to be given up because the end is wanted at once."""
    latest: float | None = None
    """On `clock`: when publishing must begin, so that looks are given up."""
    limit: int = 2
    parent: str = ""
    """The checkpoint that training went on from last."""
    pending: list[tuple[int, str]] = field(default_factory=list)
    """(step, name) of checkpoints that have not proved healthy yet."""
    rows: dict[tuple[Part, bool], tuple[scores.Sums, scores.Counts]] = field(default_factory=dict)
    """The newest row losses by part and by whether they are the base's."""

    def asked(self) -> str:
        """What the world wants, or nothing."""
        return self.wanted()

    def save(self, session: Session) -> Saved | None:
        """A whole checkpoint of the session, or None with one line said where the disk refused."""
        session.gather()
        saved = session.agreed(self._write(session) if session.main else None)
        if saved is not None:
            self.pending.append((saved.step, saved.name))
        return saved

    def _write(self, session: Session) -> Saved | None:
        begun, step = self.awake(), session.progress.step
        if not session.finite():
            self.tell(f"step {step}: a weight is not finite, nothing is saved")
            return None
        try:
            written = checkpoint.write(
                self.run_folder, step=step, lineage=self.line(), fill=session.save_into
            )
        except DiskTrouble as trouble:
            self.tell(f"checkpoint-{step} was not saved: {trouble}")
            return None
        self.parent = written.name
        for gone in written.gave_up:
            self.tell(f"{gone} was deleted: {written.name} needed the room")
        self._prune(written.name)
        return Saved(
            step=step,
            name=written.name,
            parent=written.parent,
            seconds=self.awake() - begun,
            bytes=written.bytes,
        )

    def _prune(self, newest: str) -> None:
        # The one that has waited longest is promoted next; without it the chain would break.
        keep = [newest, *(name for _, name in self.pending[:1])]
        try:
            gone = lineage.prune(self.run_folder, self.entries, keep=keep, limit=self.limit)
            self.pending = [one for one in self.pending if one[1] not in gone]
            for name in shelf.give_up(self.run_folder):
                self.tell(f"{name} was deleted: of what is set aside the newest {shelf.KEPT} stay")
        except (DiskTrouble, OSError) as trouble:
            self.tell(f"an old checkpoint could not be deleted: {trouble}")

    def line(self) -> checkpoint.Lineage:
        """Where the next checkpoint comes from."""
        begun = started(self.entries)
        if begun is None:
            raise OvernightError(f"{self.run_folder} has no beginning to save under")
        return checkpoint.Lineage(
            run=begun.run, parent=self.parent, t=self.now(), versions=dict(begun.versions)
        )

    def evaluate(self, session: Session) -> Evaluated | None:
        """The *select* part's loss, unless time runs out over it."""
        return self.measure(session, "select")

    def measure(self, session: Session, part: Part, *, base: bool = False) -> Evaluated | None:
        """A held-out part's loss now; its row losses are kept for paired comparison.

        None, with one line said, where it would have gone on past `latest`.
        """
        begun = self.awake()
        try:
            sums, counts = session.evaluate(self.held_out[part], self._late)
        except OutOfTime:
            why = "the end is wanted" if self.leaving() else "it would have ended too late"
            self.tell(f"a look at the {part} part was given up: {why}")
            return None
        self.rows[part, base] = (sums, counts)
        return Evaluated(
            step=session.progress.step,
            part=part,
            loss=scores.held_out(sums, counts),
            seconds=self.awake() - begun,
            base=base,
        )

    def _late(self) -> bool:
        late = self.latest is not None and self.clock() > self.latest
        return late or self.leaving()

    def gain(self) -> Loss | None:
        """Base minus tuned on the test part, paired by row, where both were measured."""
        base, tuned = self.rows.get(("test", True)), self.rows.get(("test", False))
        if base is None or tuned is None or len(base[0]) != len(tuned[0]):
            return None
        return scores.gain(base[0], tuned[0], base[1])

    def rewind(self, session: Session, *, best: bool = False) -> str | None:
        """Back to the newest promoted checkpoint, or to the one with the lowest *select* loss; the
        batches since then are not taken again."""
        choose = lineage.best_whole if best else lineage.newest_promoted
        found = session.agreed(choose(self.run_folder, self.entries))
        if found.path is None:
            return None
        reached = session.progress
        session.restore(found.path)
        session.skip_to(reached.epoch, reached.batch, stage=reached.stage)
        self.pending.clear()
        self.parent = found.name
        return found.name

    def promotions(self, event: Event, health: Health) -> list[Promoted]:
        """Checkpoints that 20 healthy steps or a finite evaluation have proved."""
        if not self.pending or isinstance(event, Rewound) or not health.calm:
            return []
        if isinstance(event, Stepped):
            return self._promote(event.step - HEALTHY_STEPS, f"{HEALTHY_STEPS} healthy steps")
        if isinstance(event, Evaluated) and finite(event.loss.loss):
            return self._promote(event.step, "a finite evaluation")
        return []

    def promote_all(self, why: str) -> list[Promoted]:
        """Every checkpoint that waits for its proof."""
        return self._promote(max((step for step, _ in self.pending), default=0), why)

    def _promote(self, up_to: int, why: str) -> list[Promoted]:
        ready = [(step, name) for step, name in self.pending if step <= up_to]
        self.pending = [one for one in self.pending if one not in ready]
        return [Promoted(step=step, name=name, why=why) for step, name in ready]
