"""The loop at the borders of stages."""

from dataclasses import replace

from tests.training.test_loop import LOST, WELL, course, kinds, night, of

from overnight.control.course import Course
from overnight.values.curriculum import Curriculum, Leg
from overnight.values.ledger import StageBegan
from overnight.values.troubles import Rewound


def staged(*, horizon: int, begins: float) -> Course:
    begun = course(horizon=horizon)
    stages = Curriculum(later=(Leg(rows_per_step=4, begins=begins),)).opened().to(0, horizon)
    return replace(begun, deadline=replace(begun.deadline, stages=stages))


def test_a_stage_begins_before_the_step_at_its_border():
    events = kinds(list(night(begin=staged(horizon=6, begins=0.5)).train()))
    at = events.index("StageBegan")
    assert (events[:at].count("Stepped"), events[at + 1]) == (3, "Stepped")
    assert events.count("StageBegan") == 1


def test_a_rewind_says_which_stage_the_data_is_in():
    told = [*[WELL] * 4, *[LOST] * 4]
    events = list(night(*told, begin=staged(horizon=9, begins=0.3)).train())
    assert [event.stage for event in of(Rewound, events)] == [1]
    assert len(of(StageBegan, events)) == 1
