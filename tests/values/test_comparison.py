"""Figures with what they varied between."""

from overnight.values.comparison import Spread


def test_one_look_tells_no_variation() -> None:
    assert not Spread(mid=1.0, low=1.0, high=1.0, n=1).known
    assert Spread(mid=1.0, low=0.9, high=1.1, n=2).known


def test_another_unit_keeps_what_it_varied_by() -> None:
    scaled = Spread(mid=2.0, low=1.0, high=3.0, n=4).scaled(60.0)
    assert (scaled.low, scaled.mid, scaled.high, scaled.n) == (60.0, 120.0, 180.0, 4)
