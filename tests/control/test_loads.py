"""What steps hold, known and expected."""

import pytest

from overnight.control.loads import Loads

FOUR = Loads((0.0, 1.0, 3.0, 6.0, 10.0), fixed=0.5, otherwise=99.0)


def test_known_steps_hold_what_is_known_and_their_fixed_part():
    assert [FOUR.to(step) for step in range(5)] == [0.0, 1.5, 4.0, 7.5, 12.0]


def test_later_steps_are_like_the_mean_of_the_known():
    assert FOUR.mean == 3.0
    assert FOUR.to(6) == 12.0 + 2 * 3.0


def test_where_nothing_is_known_every_step_is_what_is_expected():
    blank = Loads((), fixed=1.0, otherwise=9.0)
    assert (blank.mean, blank.to(3)) == (10.0, 30.0)
    assert blank.within(5, 25.0) == 2


@pytest.mark.parametrize(("room", "steps"), [(0.0, 0), (2.4, 0), (2.5, 1), (8.0, 2), (13.6, 4)])
def test_only_whole_steps_have_room(room: float, steps: int):
    assert FOUR.within(1, room) == steps
