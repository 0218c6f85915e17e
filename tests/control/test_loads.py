"""What steps hold, known and expected."""

import pytest

from overnight.control.loads import Loads, Path, farthest

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


TWO = Path((FOUR, Loads((0.0, 5.0, 12.0), fixed=0.5, otherwise=99.0)), (2,))


def test_a_single_step_holds_what_is_known_or_the_mean():
    assert [FOUR.step(number) for number in (1, 4, 5)] == [1.0, 4.0, 2.5]


def test_steps_of_a_later_stage_are_counted_from_its_border():
    assert [TWO.to(step) for step in range(5)] == [0.0, 1.5, 4.0, 9.5, 17.0]
    assert [TWO.step(number) for number in (2, 3, 4, 5)] == [2.0, 5.0, 7.0, 6.0]


def test_stages_that_begin_at_once_leave_none_before_them():
    assert Path((FOUR, FOUR, FOUR), (2, 2)).to(3) == 4.0 + 1.5


@pytest.mark.parametrize("room", [3.0, 10.0, 400.0, 12_345.0])
def test_the_farthest_horizon_has_room_and_the_next_has_not(room: float):
    even, heavy = Loads((), fixed=0.0, otherwise=1.0), Loads((), fixed=0.0, otherwise=3.0)

    def to(horizon: int) -> Path:
        return Path((even, heavy), (max(5, horizon // 2),))

    found = farthest(5, room, to)
    spent = [to(horizon).to(horizon) - 5.0 for horizon in (found, found + 1)]
    assert spent[0] <= room < spent[1]


def test_no_room_leaves_the_horizon_where_it_is():
    assert farthest(7, 0.5, lambda horizon: Path((FOUR,), ())) == 7
