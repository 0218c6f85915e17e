"""Rows learnt by heart: back to the best checkpoint, a fall to zero from there, and an end."""

from dataclasses import replace

import numpy as np
import pytest
from tests.training import tiny
from tests.training.sickness import Sick, meet
from tests.training.test_loop import course, kinds, night, of

from overnight.control.patience import OVERFIT, Guard
from overnight.training import methods
from overnight.training.loop import Loop
from overnight.training.session import Material
from overnight.values.ledger import Evaluated, Replanned, Stepped, Stopped
from overnight.values.troubles import Rewound


def risen(**acts: object) -> Loop:
    """A night of 60 steps that has looked three times in a row at a higher loss."""
    guard = Guard(active=True).at(2.0)
    for loss in (1.0, 1.1, 1.2, 1.3):
        guard = guard.after(loss)
    return night(begin=replace(course(horizon=60, eval_steps=900), guard=guard), **acts)


def test_it_goes_back_at_its_own_rate_anneals_and_gives_the_rest_back():
    events = list(risen().train())
    (back,), (ahead,) = of(Rewound, events), of(Replanned, events)
    assert kinds(events)[:2] == ["Rewound", "Replanned"]
    assert (back.why, back.rate_factor, back.name) == (OVERFIT, 1.0, "checkpoint-1")
    assert (ahead.why, ahead.horizon) == (OVERFIT, 2)
    assert events[-1] == Stopped(step=2, reason="overfit")


def test_where_no_checkpoint_was_looked_at_it_anneals_from_here():
    loop = risen(back=None)
    events = list(loop.train())
    assert kinds(events)[0] == "Replanned" and not of(Rewound, events)
    assert events[-1] == Stopped(step=1, reason="overfit")


def test_where_it_may_not_act_nothing_of_it_happens():
    loop = risen()
    loop.course = replace(loop.course, guard=replace(loop.course.guard, active=False))
    assert list(loop.train())[-1] == Stopped(step=60, reason="horizon")


@pytest.mark.tiny
def test_a_real_night_that_learns_random_rows_by_heart_ends_near_its_best(base, tmp_path):
    session = Sick(methods.load_base(str(base), tiny.CANDIDATE), tiny.CANDIDATE,
                   Material(tiny.corpus(), np.arange(12), pad_id=1))  # fmt: skip
    met = meet(tmp_path, session, horizon=400)
    met.loop.course = replace(met.loop.course, guard=Guard(active=True))
    met.live()
    looks = {one.step: one.loss.loss for one in met.kinds(Evaluated) if not one.base}
    (back,) = met.kinds(Rewound)
    best = min((step for step in looks if step <= back.step), key=lambda step: looks[step])
    assert (back.why, back.to_step) == (OVERFIT, best)
    assert met.kinds(Stopped)[-1].reason == "overfit"
    assert met.kinds(Stepped)[-1].step == best + max(1, best // 5) < 100
    assert met.loss() < looks[back.step]
