"""What steps hold and take, in one stage and in several."""

from dataclasses import replace
from typing import Any

import pytest

from overnight.control.deadline import Deadline
from overnight.control.paced import Paced
from overnight.values.curriculum import Curriculum, Leg
from overnight.values.ledger import Rehearsed, Stepped
from overnight.values.troubles import Rewound

STAGES = Curriculum(later=(Leg(rows_per_step=8, begins=0.5, loads=(0.0, 4.0, 8.0, 12.0)),))
EVEN = Paced(tokens_per_step=9.0, loads=(0.0, 1.0, 2.0, 3.0), fixed_load=1.0, horizon=10)
STAGED = replace(EVEN, stages=STAGES.opened().to(0, 10))


def step(number: int, seconds: float = 1.0) -> Stepped:
    return Stepped(step=number, epoch=0.0, loss=1.0, tokens=7, learnt_tokens=7, seconds=seconds,
                   learning_rate=1e-3, grad_norm=1.0, peak_bytes=0)  # fmt: skip


def test_steps_of_a_later_stage_hold_what_theirs_do() -> None:
    assert [EVEN.load(0, last) for last in (5, 10)] == [10.0, 20.0]
    assert [STAGED.load(0, last) for last in (5, 10)] == [10.0, 10.0 + 5 * 5.0]
    assert [STAGED.held(step(number)) for number in (5, 6)] == [1.0, 4.0]


def test_a_step_changes_what_it_says_and_nothing_else() -> None:
    night = Deadline(tokens_per_step=9.0, started_at=1.0, ends_at=90.0, steps_wanted=7, horizon=9,
                     publish_seconds=2.0, saved_at=3.0, stages=STAGES)  # fmt: skip
    after = night.stepped(step(4, 0.5))
    held = night.held(step(4))
    assert after == replace(night, step=4, recent=((0.5, held),), under_way=(0.5, held, 1))
    assert night.step == 0 and type(after) is Deadline


def test_without_loads_a_step_holds_its_tokens() -> None:
    assert replace(EVEN, loads=()).held(step(3)) == 7.0


def test_before_the_rehearsal_is_over_every_step_is_the_first_stages() -> None:
    early = replace(EVEN, stages=STAGES.to(0, 2), horizon=2)
    assert early.held(step(2)) == 1.0


def test_a_pace_measured_in_one_stage_foretells_another() -> None:
    paced = STAGED.stepped(step(1, 2.0)).stepped(step(2, 2.0))
    assert paced.pace == 1.0
    assert paced.seconds_per_step == (3 * 2.0 + 5 * 5.0) / 8


def test_the_next_stages_first_step_is_expected_to_take_longer() -> None:
    paced = replace(STAGED, step=4).stepped(step(5, 2.0))
    assert paced.slowest_step == 5.0
    assert replace(EVEN, step=4).stepped(step(5, 2.0)).slowest_step == 2.0


@pytest.mark.parametrize("room", [10.0, 70.0, 700.0])
def test_a_horizon_has_room_for_its_stages(room: float) -> None:
    found = STAGED.farthest(room)
    work = [replace(STAGED, horizon=end).load(0, end) for end in (found, found + 1)]
    assert work[0] <= room < work[1]


def night(**given: Any) -> Deadline:
    return Deadline(started_at=0.0, ends_at=None, steps_wanted=100, publish_seconds=1.0,
                    tokens_per_step=1.0, stages=STAGES, **given)  # fmt: skip


REHEARSED = Rehearsed(steps=5, seconds=1.0, tokens_per_second=1.0, peak_bytes=0)


def test_a_deadline_moves_borders_with_its_horizon_and_opens_them_after_the_rehearsal() -> None:
    planned = night().replanned(20, 0.0)
    assert (planned.stages.borders, planned.stages.at(15)) == ((10,), 0)
    begun = planned.after(REHEARSED, 1.0).replanned(40, 1.0)
    assert (begun.stages.borders, begun.stages.at(20)) == ((20,), 1)


def test_a_stage_that_has_begun_goes_on_after_a_rewind() -> None:
    begun = replace(night().after(REHEARSED, 1.0).replanned(20, 0.0), step=14)
    back = Rewound(step=14, to_step=6, name="checkpoint-6", rate_factor=0.5, why="a spike")
    assert begun.after(back, 2.0).stages.at(6) == 1
