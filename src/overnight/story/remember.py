"""Remembering: what a rehearsal or a night was promised and did goes into the user's history.

In: a run folder's plan.json and journal; a new question. Out: a `Remembered` in the history; the
`Lessons` for the question. Never: text or paths of the data; a night stopped, or kept waiting for
long, by a history that cannot be used.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from overnight.planning import ranking
from overnight.planning.alike import Asked
from overnight.planning.lessons import lessons
from overnight.planning.question import Question
from overnight.probe.host import installed
from overnight.story import record
from overnight.story.begin import PLAN
from overnight.training import journal
from overnight.training.history import History, HistoryTrouble, place
from overnight.values.errors import OvernightError
from overnight.values.ledger import Entry
from overnight.values.lessons import Lessons
from overnight.values.plan import Candidate

if TYPE_CHECKING:
    from overnight.story.stage import Stage


def rehearsed(on: "Stage") -> None:
    """Remembers a night whose rehearsal is over; if it is killed, that much stays."""
    if on.teller.main:
        _keep(on.teller.run_folder, on.teller.entries, say=on.teller.note)


def ended(run_folder: Path) -> None:
    """Remembers a night that is over, in the place of what its rehearsal had left."""
    _keep(run_folder, journal.read(run_folder), say=_say)


def lessons_for(question: Question) -> Lessons:
    """What this machine's history says about a night like this; nothing where it cannot be read."""
    try:
        path = place(os.environ)
        if path is None:
            return Lessons()
        records = History(path).records(machine=record.machine(question.hardware))
        return lessons(records, asked(question)) if records else Lessons()
    except HistoryTrouble as error:
        _say(f"{error}; the plan goes without it")
    except Exception as error:  # whatever history holds, a night begins without it
        _say(f"nothing can be learnt from history ({type(error).__name__}: {error})")
    return Lessons()


def _keep(folder: Path, entries: Sequence[Entry], *, say: Callable[[str], None]) -> None:
    try:
        path = place(os.environ)
        written = json.loads((folder / PLAN).read_text(encoding="utf-8"))
        made = record.record(written, entries, run=folder.resolve().name) if path else None
        if path and made:
            History(path).remember(made)
    except HistoryTrouble as error:
        say(f"{error}; this night is not remembered")
    except Exception as error:  # whatever it is, it is less than the night
        say(f"this night cannot be remembered ({type(error).__name__}: {error})")


def _say(line: str) -> None:
    print(f"overnight: {line}", file=sys.stderr)


def asked(question: Question) -> Asked:
    """The question as far as it is settled before history is heard."""
    dataset, chosen = question.dataset, _without_history(question)
    length = min(dataset.avg_tokens_per_sample, chosen.max_length) if chosen else 0.0
    return Asked(
        **record.surroundings(question.model, dataset, question.hardware,
                              {name: installed(name) or "" for name in record.VERSIONED}),
        method=chosen.method if chosen else None,
        precision=chosen.precision if chosen else None,
        tokens=chosen.per_device_train_batch_size * length if chosen else None,
    )  # fmt: skip


def _without_history(question: Question) -> Candidate | None:
    """What would be chosen: history corrects the pace of all candidates alike."""
    try:
        return ranking.chosen(question)[0].candidate
    except OvernightError:
        return None  # nothing fits: whoever asks for the plan is told so
