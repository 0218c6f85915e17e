"""The stages of a live session: their rows, their orders, what their steps hold.

In: a session's material and candidate. Out: the best rows, one `Order` a stage, a `Curriculum`; a
session that has entered a stage. Never: decides when (control/deadline.py), asks a model which rows
are best.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from overnight.planning import curriculum
from overnight.planning.rules import BETA2_LIMITS
from overnight.training import ahead
from overnight.training.batches import WHOLE, Corpus, Order, Rows
from overnight.values.curriculum import Curriculum, Leg
from overnight.values.facts import ModelProfile
from overnight.values.ledger import StageBegan
from overnight.values.plan import Candidate

if TYPE_CHECKING:
    from overnight.training.session import Session

MOST_EPOCHS = 5
"""Epochs whose steps are counted one by one; in later ones they are like those in the mean."""


@dataclass(frozen=True, slots=True)
class Material:
    """What a session trains on."""

    corpus: Corpus
    train: Rows
    pad_id: int
    engagement: NDArray[np.float64] | None = None
    """How people took each row of the corpus; None where no row says."""


def best(material: Material, count: int) -> Rows:
    """The best training rows: by engagement where rows have any, of equals and else the longest."""
    train, lengths = material.train, material.corpus.lengths[material.train]
    liked = np.zeros(len(train))
    if material.engagement is not None:
        liked = np.nan_to_num(material.engagement[train], nan=-np.inf)
    ranked = np.lexsort((np.arange(len(train)), -lengths, -liked))
    return np.asarray(np.sort(train[ranked[:count]]))


def orders(material: Material, candidate: Candidate) -> tuple[Order, ...]:
    """One a stage; a night without stages has one."""
    found, made = legs(material, candidate), []
    shared = len(found) > 1 and all(leg.pool == "all" for leg in found)
    shares = curriculum.row_shares(found) if shared else (WHOLE,) * len(found)
    for stage, (leg, share) in enumerate(zip(found, shares, strict=True)):
        rows = material.train if leg.pool == "all" else best(material, candidate.stage2_rows)
        made.append(Order(rows, material.corpus.lengths, leg.rows_per_step, candidate.seed,
                          stage, share))  # fmt: skip
    return tuple(made)


def legs(material: Material, candidate: Candidate) -> tuple[Leg, ...]:
    """The stages of a candidate on these rows."""
    longer = 1.0
    if candidate.strategy == "two-stage":
        lengths = material.corpus.lengths
        rows = best(material, candidate.stage2_rows)
        longer = float(lengths[rows].mean() / lengths[material.train].mean())
    return curriculum.legs(candidate, longer=longer)


def later(session: "Session", candidate: Candidate, model: ModelProfile) -> Curriculum:
    """The stages after the first, with what their steps hold as planned."""
    found = legs(session.material, candidate)
    pairs = zip(found[1:], session.orders[1:], strict=True)
    return Curriculum(later=tuple(
        replace(leg, loads=ahead.loads(session.corpus, order, candidate, model=model,
                                       steps=MOST_EPOCHS * order.steps_per_epoch))
        for leg, order in pairs
    ))  # fmt: skip


def enter(session: "Session", stage: int) -> StageBegan | None:
    """Goes on in a later stage, from the beginning of its rows; never backwards."""
    before = session.progress
    if stage <= before.stage:
        return None
    order = session.orders[stage]
    session.progress = replace(
        before, stage=stage, epoch=0, batch=0, batches_per_epoch=order.steps_per_epoch,
        before=before.epochs_done, weight=len(order.rows) / len(session.orders[0].rows),
    )  # fmt: skip
    settle(session)
    return StageBegan(
        step=before.step, stage=stage, stages=len(session.orders), rows=len(order.rows),
        pool="all" if len(order.rows) == len(session.train_rows) else "best",
        rows_per_step=order.rows_per_step,
    )  # fmt: skip


def settle(session: "Session") -> None:
    """The order and Adam's memory of the stage that the session stands in."""
    if len(session.orders) == 1:
        return
    session.order = session.orders[session.progress.stage]
    for group in session.optimizer.param_groups:
        group["betas"] = (group["betas"][0], beta2(session))


def most_rows(session: "Session") -> int:
    """Rows of a step of the stage that has most."""
    return max(order.rows_per_step for order in session.orders)


def beta2(session: "Session") -> float:
    """Adam's second decay for steps of this stage: it keeps its half-life in tokens, as the
    candidate's does for its own rows a step (arXiv:2507.07101)."""
    candidate, lengths, order = session.candidate, session.corpus.lengths, session.order
    usual = candidate.rows_per_step * float(lengths[session.train_rows].mean())
    tokens = order.rows_per_step * float(lengths[order.rows].mean())
    low, high = BETA2_LIMITS
    kept: float = candidate.adam_beta2 ** (tokens / usual)
    return round(min(max(kept, low), high), 4)
