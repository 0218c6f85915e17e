"""What a comparison teaches: every trial of equal time goes into the user's history.

In: what was journalled of a trial. Out: a `Remembered` in the history, as of a rehearsal: pace,
memory, rate, loss. Never: text or paths of the data; a comparison stopped by its history.
"""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from overnight.story import record
from overnight.training.history import History, HistoryTrouble, place
from overnight.values.ledger import Started
from overnight.values.lessons import Remembered
from overnight.values.plan import Candidate
from overnight.values.trials import Sliced, Trial

if TYPE_CHECKING:
    from overnight.story.comparing_stage import Comparing


def remember(on: "Comparing", trial: Trial, candidate: Candidate) -> None:
    """Remembers a trial that was looked at; where the history cannot be used one line says so."""
    try:
        path = place(os.environ)
        made = remembered(on, trial, candidate) if path else None
        if path and made:
            History(path).remember(made)
    except HistoryTrouble as error:
        print(f"overnight: {error}; what was compared is not remembered", file=sys.stderr)


def remembered(on: "Comparing", trial: Trial, candidate: Candidate) -> Remembered | None:
    """A trial as history keeps it; None where it is one of equal work or took no steady step."""
    slices = [one for one in on.told.every(Sliced) if one.trial == trial]
    steady = [one for one in slices if one.seconds > 0.0]
    if trial.kind == "work" or not steady:
        return None
    question, plan = on.questions[trial.setting], on.plans[trial.setting]
    begun = on.told.every(Started)[0]
    gain = _gain(on, trial)
    troubles = sum((sum(one.troubles.values()) for one in slices), 0)
    return Remembered(
        when_utc=on.ground.clock.utc(),
        kind="rehearsal",
        run=on.folder.resolve().name,
        **record.surroundings(question.model, question.dataset, question.hardware, begun.versions),
        candidate=candidate,
        prior=plan.prior,
        predicted={"tokens_per_second": plan.time.tokens_per_second.mid,
                   "peak_bytes": float(plan.memory.peak_bytes)},
        actual=_actual(steady),
        night=f"{begun.run}-{list(on.questions).index(trial.setting) + 1}-{trial.seed}",
        rows=question.dataset.num_train,
        ended=slices[-1].over,
        gain=gain,
        well=gain is not None and gain > 0.0 and not troubles,
    )  # fmt: skip


def _actual(steady: Sequence[Sliced]) -> dict[str, float]:
    """What was measured, under the keys of `Plan.prior`."""
    seconds, tokens = sum(one.seconds for one in steady), sum(one.tokens for one in steady)
    found = {"tokens_per_second": tokens / seconds, "steps": float(steady[-1].step)}
    peak = max(one.peak_bytes for one in steady)
    return found | ({"peak_bytes": float(peak)} if peak else {})


def _gain(on: "Comparing", trial: Trial) -> float | None:
    """Base minus trial, in nats a token."""
    mine, base = on.told.look(trial), on.told.base()
    if mine is None or base is None or not base.counts:
        return None
    return (sum(base.sums) - sum(mine.sums)) / max(sum(base.counts), 1)
