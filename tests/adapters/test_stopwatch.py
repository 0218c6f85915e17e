from tests.fakes import FakeClock

from overnight.adapters.stopwatch import Stopwatch


def test_laps_follow_each_other_without_a_gap():
    clock = FakeClock()
    watch = Stopwatch(clock.boot)
    clock.advance(2.0)
    assert watch.lap() == 2.0
    clock.advance(3.0)
    assert watch.lap() == 3.0


def test_what_is_carried_over_belongs_to_the_next_step():
    clock = FakeClock()
    watch = Stopwatch(clock.boot)
    clock.advance(2.0)
    watch.carry()
    clock.advance(5.0)
    assert watch.lap() == 5.0
    clock.advance(1.0)
    assert watch.step() == 3.0
    assert watch.carried == 0.0
