"""How far a run has come, where somebody knows how long it will be."""

from overnight.control.figures import Figure


def test_the_share_done_is_that_of_the_horizon():
    assert Figure(step=30, horizon=120).share == 0.25


def test_without_a_horizon_nothing_is_done_as_far_as_anybody_knows():
    assert Figure(step=30).share == 0.0
