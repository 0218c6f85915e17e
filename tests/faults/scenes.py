"""What is killed: one save with its rotation, a tidy start, an appended line, small files.

In: a base model and texts. Out: scenes, each with a folder to begin from, an act to be killed, and
a check of what a fresh start makes of it. Never: autograd in the process that forks; whatever needs
gradients runs in a child.
"""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.killing import Gate
from tests.faults.live import (
    END,
    EVERY,
    READY,
    Live,
    evaluated,
    hand_over,
    rubbish,
    saved_steps,
    stepped,
)
from tests.planning.remembered import night

from overnight.probe.clock import SystemClock
from overnight.training import journal, lineage, sealed
from overnight.training.history import History
from overnight.training.journal import Journal
from overnight.values.errors import InputError
from overnight.values.ledger import Noted, Promoted, Resumed
from overnight.values.plan import Candidate
from overnight.values.troubles import Rewound


@dataclass
class Scene:
    """One thing that may be killed. `base`, `candidate` and `texts` are what it trains on."""

    base: Path
    candidate: Candidate
    texts: list[str]
    more: bool = True
    """Whether torn writes and power cuts are tried too."""
    onward: bool = True
    """Whether a check goes on to the end, after it has found the state to be right."""
    truth: dict[str, Any] = field(default_factory=dict)
    """What the undisturbed act led to."""

    def live(self, folder: Path) -> Live:
        return Live(folder, self.base, self.candidate, self.texts)

    def prepare(self, folder: Path) -> None:
        """Fills the folder that every try begins from (in a child)."""
        live = self.live(folder).open()
        for step in (EVERY, 2 * EVERY):
            live.step(step)
            live.save()
            live.tell(Promoted(step=step, name=f"checkpoint-{step}", why="a test"))
        live.journal.close()

    def ready(self, before: Path) -> None:
        """What the parent takes over of it, so that no child has to do it again."""

    def act(self, folder: Path, gate: Gate) -> None:
        """What is killed, from the gate on (in a child)."""
        raise NotImplementedError

    def undisturbed(self, folder: Path) -> dict[str, Any]:
        """The truth, from a folder in which `act` was done (in a child)."""
        raise NotImplementedError

    def check(self, folder: Path) -> dict[str, Any]:
        """What a fresh start makes of the folder: {"wrong": sentence or "", ...} (in a child)."""
        raise NotImplementedError


class Save(Scene):
    """The third save of a night; the first one is deleted for it."""

    def prepare(self, folder: Path) -> None:
        super().prepare(folder)
        live = self.live(folder).open()
        live.begin_from(folder / f"checkpoint-{2 * EVERY}")
        live.step(3 * EVERY)
        at = folder.with_name("at")
        at.mkdir(exist_ok=True)
        live.session.gather()
        live.session.save_into(at)
        live.journal.close()

    def ready(self, before: Path) -> None:
        session = READY[0][0]
        session.restore(before.with_name("at"))
        hand_over(session)

    def act(self, folder: Path, gate: Gate) -> None:
        live = self.live(folder).open()
        live.keeper.parent = f"checkpoint-{2 * EVERY}"
        gate()
        live.save()

    def undisturbed(self, folder: Path) -> dict[str, Any]:
        states = {}
        live = self.live(folder).open()
        for step in (2 * EVERY, 3 * EVERY):
            live.begin_from(folder / f"checkpoint-{step}")
            states[str(step)] = live.state()
        live.step(END)
        return {**states, str(END): live.state(), "left": sorted(saved_steps(folder))}

    def check(self, folder: Path) -> dict[str, Any]:
        live = self.live(folder).open()
        found = lineage.tidy(folder, live.entries)
        if found.path is None:
            return {"wrong": f"bricked: {found.passed_over}"}
        live.begin_from(found.path)
        live.tell(Resumed(step=found.step, name=found.name, steps_lost=0,
                          passed_over=found.passed_over))  # fmt: skip
        wrong = [f"{step}: {what}" for step, what in saved_steps(folder).items() if what]
        wrong += [f"left: {rubbish(folder)}"] if rubbish(folder) else []
        if live.state() != self.truth.get(str(found.step)):
            wrong.append(f"wrong state at {found.name}")
        if self.onward and self._end(live, found.step) != self.truth[str(END)]:
            wrong.append("wrong state at the end")
        return {"wrong": "; ".join(wrong), "step": found.step, "lost": 3 * EVERY - found.step}

    def _end(self, live: Live, step: int) -> str:
        for stop in range(step + EVERY, END + 1, EVERY):
            live.step(stop)
            live.save()
        live.step(END)
        return live.state()


class Append(Scene):
    """A step and an evaluation are written into the journal."""

    def act(self, folder: Path, gate: Gate) -> None:
        with Journal.open(folder, SystemClock()) as written:
            gate()
            written.append(stepped(11, 2.0))
            written.append(evaluated(11))

    def undisturbed(self, folder: Path) -> dict[str, Any]:
        lines = (folder / journal.EVENTS).read_text().splitlines()
        return {"events": [repr(entry.event) for entry in journal.read(folder)],
                "lines": len(lines)}  # fmt: skip

    def check(self, folder: Path) -> dict[str, Any]:
        with Journal.open(folder, SystemClock()) as written:
            again = repr(written.append(Noted(text="after the kill")).event)
        entries, torn = journal.read_counting(folder)
        *seen, last = [repr(entry.event) for entry in entries]
        whole, wrong = self.truth["events"], []
        if last != again or whole[: len(seen)] != seen or len(seen) < len(whole) - 2:
            wrong.append("entries differ")
        if torn > 1:
            wrong.append(f"{torn} lines torn")
        return {"wrong": "; ".join(wrong), "lost": len(whole) - len(seen)}


class Tidy(Save):
    """A start that finds what kills, rewinds and a bad disk have left."""

    def prepare(self, folder: Path) -> None:
        super().prepare(folder)
        live = self.live(folder).open()
        live.begin_from(folder / f"checkpoint-{2 * EVERY}")
        live.step(3 * EVERY)
        live.save()
        live.tell(Rewound(step=3 * EVERY, to_step=2 * EVERY, name=f"checkpoint-{2 * EVERY}",
                          rate_factor=0.5, why="spike"))  # fmt: skip
        live.begin_from(folder / f"checkpoint-{2 * EVERY}")
        live.step(3 * EVERY)
        live.save()
        live.journal.close()
        staged = folder / f".staging-checkpoint-{3 * EVERY}-ab"
        (folder / f"checkpoint-{3 * EVERY}").rename(staged)
        shutil.copytree(staged, folder / f".staging-checkpoint-{3 * EVERY}-cd")
        shutil.copytree(staged, folder / ".trash-checkpoint-1-ef")
        shutil.copytree(staged, folder / "checkpoint-99")  # COMPLETE says another step
        (folder / ".plan.json.ab.tmp").write_text("torn")

    def act(self, folder: Path, gate: Gate) -> None:
        entries = journal.read(folder)
        gate()
        lineage.tidy(folder, entries)

    def check(self, folder: Path) -> dict[str, Any]:
        found = super().check(folder)
        lost = f"checkpoint-{3 * EVERY} is lost; " if found.get("lost") else ""
        return found | {"wrong": lost + found["wrong"]}


class Files(Scene):
    """plan.json is decided anew, and a glance is left."""

    def prepare(self, folder: Path) -> None:
        sealed.write(folder / "plan.json", {"plan": "old", "steps": list(range(500))}, twice=True)
        journal.write_json(folder / "status.json", {"state": "old"})

    def act(self, folder: Path, gate: Gate) -> None:
        gate()
        sealed.write(folder / "plan.json", {"plan": "new", "steps": list(range(400))}, twice=True)
        journal.write_json(folder / "status.json", {"state": "new"})

    def undisturbed(self, folder: Path) -> dict[str, Any]:
        return {}

    def check(self, folder: Path) -> dict[str, Any]:
        glance = self._glance(folder)
        said, plan = sealed.mend(folder / "plan.json"), sealed.read(folder / "plan.json")
        lineage.tidy(folder, [])
        same = sealed.copy_of(folder / "plan.json").read_bytes()
        wrong = [f"left: {rubbish(folder)}"] if rubbish(folder) else []
        if said or same != (folder / "plan.json").read_bytes():
            wrong.append(f"the plan had to be mended: {said}")
        if glance not in ("old", "new", "a line") or plan["plan"] not in ("old", "new"):
            wrong.append("neither old nor new")
        return {"wrong": "; ".join(wrong), "was": plan["plan"]}

    def _glance(self, folder: Path) -> str:
        """It is replaced as a whole and never flushed: a power cut may take it."""
        try:
            return (journal.read_json(folder / "status.json", dict[str, str]) or {})["state"]
        except InputError:
            return "a line"


class Remember(Scene):
    """A night goes into the user's history, beside one that is there."""

    def prepare(self, folder: Path) -> None:
        History(folder / "history.sqlite3").remember(night(1.0, when_utc=1.0))

    def act(self, folder: Path, gate: Gate) -> None:
        gate()
        History(folder / "history.sqlite3").remember(night(2.0, when_utc=2.0))

    def undisturbed(self, folder: Path) -> dict[str, Any]:
        return {}

    def check(self, folder: Path) -> dict[str, Any]:
        kept = History(folder / "history.sqlite3")
        old, new = night(1.0, when_utc=1.0), night(2.0, when_utc=2.0)
        found = kept.records()
        wrong = "" if found in ((old,), (new, old)) else f"{len(found)} nights are remembered"
        kept.remember(new)
        if kept.records() != (new, old):
            wrong = "nothing can be remembered any more"
        return {"wrong": wrong, "was": len(found)}
