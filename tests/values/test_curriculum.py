from overnight.values.curriculum import Curriculum, Leg

THIRDS = Curriculum(later=(Leg(rows_per_step=8, begins=1 / 3), Leg(rows_per_step=16, begins=2 / 3)))


def test_a_night_without_stages_is_in_its_first_forever() -> None:
    plain = Curriculum().to(0, 100).opened()
    assert [plain.at(step) for step in (0, 50, 99)] == [0, 0, 0]
    assert plain.borders == ()


def test_a_step_belongs_to_the_stage_whose_border_it_has_reached() -> None:
    night = THIRDS.opened().to(0, 30)
    assert [night.at(step) for step in (0, 9, 10, 19, 20, 29)] == [0, 0, 1, 1, 2, 2]


def test_the_rehearsal_is_the_first_stages_whatever_the_guess_was() -> None:
    assert THIRDS.to(0, 6).at(5) == 0
    corrected = THIRDS.to(0, 6).opened().to(5, 30)
    assert (corrected.borders, corrected.at(5), corrected.at(10)) == ((10, 20), 0, 1)
    assert THIRDS.to(0, 30).opened().to(5, 6).at(5) == 2


def test_another_horizon_moves_the_borders_that_are_still_to_come() -> None:
    night = THIRDS.opened().to(0, 30).to(12, 60)
    assert night.borders == (10, 40)
    assert night.to(41, 90).borders == (10, 40)


def test_a_horizon_that_is_cut_begins_the_next_stage_at_once_and_never_earlier() -> None:
    assert THIRDS.opened().to(0, 90).to(29, 33).borders == (29, 29)


def test_a_border_by_step_comes_first_where_the_share_lies_later() -> None:
    leg = Leg(rows_per_step=32, begins=0.17, step=500)
    assert (leg.border(1000), leg.border(3000), leg.border(9000)) == (170, 500, 500)


def test_after_a_rewind_what_had_begun_goes_on() -> None:
    night = THIRDS.opened().to(0, 30).rewound(12, 4)
    assert (night.borders, night.at(4)) == ((4, 20), 1)
    assert night.to(4, 60).borders == (4, 40)
