"""A training loop on a fake clock, led by the pilot as the callback leads the Trainer."""

from dataclasses import replace
from itertools import pairwise

import pytest
from tests.fakes import FakeClock

from overnight.adapters.kept import Kept, Term
from overnight.adapters.manners import Manners
from overnight.adapters.pilot import Pilot

MANNERS = Manners(steps=10_000, unseen_look_steps=10.0, save_prior=1.0)


class Loop:
    """Steps, saves and evaluations that take what they are said to take."""

    def __init__(self, window=100.0, *, manners=MANNERS, step=0.5, save=0.2, look=1.0):
        self.clock = FakeClock()
        now = self.clock.boot()
        self.pilot = Pilot(manners, started_at=now, ends_at=now + window, clock=self.clock.boot)
        self.prices = {"step": step, "save": save, "look": look}
        self.step, self.saves, self.horizons = 0, [], []

    def run(self, most=100_000):
        """Until the pilot says stop; the reason."""
        for _ in range(most):
            self.take()
            wishes = self.pilot.wishes()
            self.pilot.obey(wishes)
            self.horizons += [wishes.horizon] if wishes.horizon is not None else []
            if wishes.save or wishes.stop:
                self.save()
            if wishes.stop:
                return wishes.stop
        return ""

    def take(self, seconds=None):
        self.clock.advance(self.prices["step"] if seconds is None else seconds)
        self.step += 1
        self.pilot.stepped(self.step)

    def save(self):
        self.clock.advance(self.prices["save"])
        self.saves.append((self.step, self.clock.boot()))
        self.pilot.saved()

    def look(self):
        self.clock.advance(self.prices["look"])
        self.pilot.looked()

    @property
    def left(self):
        return self.pilot.ends_at - self.clock.boot()


def test_it_ends_in_time_with_the_last_step_saved_and_little_left():
    loop = Loop()
    assert loop.run() == "window"
    assert loop.saves[-1][0] == loop.step
    assert 1.0 <= loop.left < 4.0


def test_no_step_begins_that_cannot_end_with_the_reserve():
    loop = Loop(window=60.0, step=7.0, save=3.0)
    loop.run()
    kept = loop.pilot.deadline.reserve
    assert loop.left >= kept.publish + kept.margin
    assert loop.left < 7.0 + kept.seconds


def test_all_steps_that_were_asked_for_are_done_where_they_fit():
    loop = Loop(manners=replace(MANNERS, steps=40))
    assert loop.run() == "horizon"
    assert loop.step == 40


def test_the_first_save_comes_after_the_first_step_and_the_others_by_price():
    loop = Loop(window=1000.0)
    loop.run()
    steps = [step for step, _ in loop.saves]
    assert steps[0] == 1
    apart = [later - sooner for (_, sooner), (_, later) in pairwise(loop.saves[:-1])]
    assert min(apart) >= 0.2 / 0.035


def test_minutes_between_saves_are_kept():
    loop = Loop(window=1000.0, manners=replace(MANNERS, save_seconds=120.0))
    loop.run()
    apart = [later - sooner for (_, sooner), (_, later) in pairwise(loop.saves[:-1])]
    assert all(120.0 <= one < 122.0 for one in apart)


def test_the_rate_falls_to_zero_at_the_last_step_and_never_jumps():
    loop = Loop()
    left = []
    for _ in range(1000):
        left.append(loop.pilot.descent.left.rate(loop.step))
        loop.take(0.5 if loop.step < 60 else 0.8)
        wishes = loop.pilot.wishes()
        loop.pilot.obey(wishes)
        if wishes.save:
            loop.save()
        if wishes.stop:
            break
    assert wishes.stop == "window"
    assert left[-1] < 0.03
    assert max(abs(a - b) for a, b in pairwise(left)) < 0.03


def test_the_first_measured_steps_set_the_horizon():
    loop = Loop()
    loop.run(30)
    assert 170 < loop.horizons[0] < 200
    assert loop.pilot.planned_steps == loop.horizons[0]


def test_a_slower_pace_moves_the_horizon():
    loop = Loop()
    loop.run(30)
    before = loop.pilot.deadline.horizon
    loop.prices["step"] = 1.0
    loop.run(40)
    assert loop.pilot.deadline.horizon < 0.8 * before
    assert not loop.pilot.on_track


def test_an_evaluation_is_let_through_while_it_fits_with_a_step_and_the_ending():
    loop = Loop(window=30.0, manners=replace(MANNERS, look_steps=10), look=5.0)
    loop.take()
    loop.look()
    assert loop.pilot.look_fits()
    loop.clock.advance(13.0)
    assert not loop.pilot.look_fits()
    assert loop.pilot.last_look_fits()


def test_the_last_evaluation_is_kept_time_for():
    loop = Loop(manners=replace(MANNERS, look_steps=10), look=5.0)
    loop.take()
    loop.look()
    loop.run()
    assert loop.pilot.last_look_fits()
    loop.look()
    assert loop.left > 0.0


def test_several_data_sets_at_one_step_are_one_evaluation():
    loop = Loop(look=2.0)
    loop.take()
    loop.look()
    loop.look()
    assert loop.pilot.deadline.select_seconds == pytest.approx(4.0)


def test_an_evaluation_that_was_never_seen_is_guessed():
    loop = Loop(window=10_000.0, manners=replace(MANNERS, look_steps=10))
    loop.take()
    assert loop.pilot.look_seconds == pytest.approx(10 * 0.5)
    assert loop.pilot.deadline.reserve.evaluation == pytest.approx(5.0)
    loop.look()
    assert loop.pilot.look_seconds == pytest.approx(1.0)


def test_a_price_that_was_guessed_gives_way_to_the_measured_one():
    loop = Loop()
    loop.take()
    loop.save()
    assert loop.pilot.deadline.save_seconds == pytest.approx(0.2)
    assert loop.pilot.deadline.publish_seconds == pytest.approx(0.2)


def test_what_follows_the_training_is_kept_time_for():
    loop = Loop(manners=replace(MANNERS, afterwards=30.0))
    loop.run()
    assert loop.left >= 30.0


def test_three_steps_without_finite_gradients_end_it():
    loop = Loop()
    loop.run(10)
    for _ in range(3):
        assert loop.pilot.wishes().stop == ""
        loop.step += 1
        loop.pilot.stepped(loop.step, dropped=True)
        loop.pilot.reported(2.0)
    assert loop.pilot.wishes().stop == "health"


def test_sound_steps_between_them_are_counted():
    loop = Loop()
    loop.run(10)
    for step in (11, 13, 15):
        loop.pilot.stepped(step, dropped=True)
        loop.pilot.stepped(step + 1)
    assert loop.pilot.health.dropped_in_a_row == 0
    assert loop.pilot.wishes().stop == ""


def test_a_step_that_has_no_time_for_another_micro_batch_is_late():
    loop = Loop(window=30.0)
    loop.take()
    loop.save()
    loop.clock.advance(13.0)
    assert not loop.pilot.late(2)
    loop.clock.advance(6.0)
    assert loop.pilot.late(2)


def term(clock):
    now = clock.utc()
    return Term(words="within 100s", started_utc=now, ends_utc=now + 100.0,
                started_boot=clock.boot(), boot_id=clock.boot_id())  # fmt: skip


def test_a_resumed_run_goes_on_with_rate_prices_and_pace():
    first = Loop()
    first.run(60)
    night = first.pilot.deadline
    kept = Kept(
        term=term(first.clock),
        step=60,
        descent=first.pilot.descent,
        seconds=tuple(s for s, _ in night.recent),
        save_seconds=0.2,
    )
    second = Loop(window=60.0)
    second.pilot.resume(kept, step=60)
    assert second.pilot.descent.left.rate(60) == pytest.approx(first.pilot.descent.left.rate(60))
    assert second.pilot.deadline.slowest_step == pytest.approx(0.5)
    second.step = 60
    assert second.run() == "window"
    assert second.left >= 0.0
    assert second.pilot.descent.left.rate(second.step - 1) < 0.03


def test_a_run_that_had_landed_climbs_back_and_lands_again():
    first = Loop(manners=replace(MANNERS, steps=40))
    first.run()
    kept = Kept(term=term(first.clock), step=40, descent=first.pilot.descent, ended="horizon")
    second = Loop(manners=replace(MANNERS, steps=120))
    second.pilot.resume(kept, step=40)
    assert second.pilot.nothing_left() == ""
    second.step = 40
    assert second.pilot.descent.left.rate(41) < second.pilot.descent.left.rate(60)
    assert second.run() == "horizon"
    assert second.pilot.descent.left.rate(119) < 0.02


def test_nothing_is_left_where_the_deadline_has_passed_or_every_step_is_done():
    late = Loop(window=1.0)
    assert late.pilot.nothing_left() == "window"
    done = Loop(manners=replace(MANNERS, steps=40))
    done.pilot.resume(Kept(term=term(done.clock)), step=40)
    assert done.pilot.nothing_left() == "horizon"


def test_the_accuracy_compares_the_steps_with_the_pace_first_measured():
    loop = Loop()
    loop.run(30)
    assert loop.pilot.accuracy == pytest.approx(100.0, rel=0.01)
    loop.prices["step"] = 1.0
    loop.run(60)
    assert 50.0 < loop.pilot.accuracy < 70.0


def test_the_finish_lies_before_the_deadline():
    loop = Loop()
    loop.run(30)
    finish = loop.pilot.finish()
    assert finish.low <= finish.mid <= finish.high < loop.pilot.ends_at
