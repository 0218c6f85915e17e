from dataclasses import replace

import pytest

from overnight.report.account import Promise, Report
from overnight.report.reading import Timed
from overnight.values.facts import Interval

from . import samples


def with_steps(count: int, *, training: float, rehearsed: int = 0) -> Report:
    """The night so far after `count` steps that took `training` seconds together."""
    steps = tuple(Timed(300.0 + n - rehearsed, samples.START + n, samples.step(n, 1.0))
                  for n in range(1, count + 1))  # fmt: skip
    so_far = replace(samples.report(samples.going()), steps=steps, as_of=training)
    return replace(so_far, as_of_utc=samples.START + training, seconds={"training": training})


def test_accuracy_compares_planned_and_actual_time_of_the_steps_done():
    # 24,600 s were planned for 1,200 steps, five of which the rehearsal had already taken.
    planned = 24_600.0 / 1_195 * 600
    report = with_steps(600, training=planned / 0.9)
    assert report.planned_seconds == pytest.approx(planned)
    assert report.accuracy == pytest.approx(90.0)


def test_steps_of_the_rehearsal_prove_nothing():
    report = with_steps(605, rehearsed=5, training=24_600.0 / 1_195 * 600)
    assert report.rehearsed is not None and report.rehearsed.t < 300.0
    rehearsed = replace(report, rehearsed=replace(report.rehearsed, t=300.0))
    assert rehearsed.steps_trained == 600
    assert rehearsed.accuracy == pytest.approx(100.0)


def test_there_is_no_accuracy_before_the_rehearsal_is_over():
    assert replace(with_steps(5, training=99.0), rehearsed=None).accuracy is None


def test_a_figure_so_far_neither_keeps_nor_breaks_a_promise():
    promised = Interval(low=0.0, mid=5.0, high=10.0)
    promise = Promise(what="x", unit="pace", promised=promised, done=99.0, settled=False)
    assert promise.kept is None


def test_there_is_no_accuracy_before_a_step():
    assert with_steps(0, training=0.0).accuracy is None


def test_on_track_means_that_the_planned_steps_will_be_done_by_the_deadline():
    assert with_steps(600, training=12_300.0).on_track is True
    assert with_steps(600, training=16_000.0).on_track is False


def test_a_night_that_ended_short_of_its_steps_was_not_on_track():
    assert samples.report(samples.healthy()).on_track is True
    assert samples.report(samples.resumed()).on_track is False


def test_without_a_deadline_there_is_no_track_and_no_rest():
    free = replace(samples.report(samples.going()), started=None)
    assert (free.on_track, free.spare_seconds) == (None, None)


def test_work_left_is_counted_to_the_newest_forecast():
    report = samples.report(samples.going())
    newest = report.forecasts[-1].event
    assert report.eta_seconds == newest.mid_utc - report.as_of_utc
    assert samples.report(samples.healthy()).eta_seconds == 0.0


def test_pace_is_tokens_over_the_steps_own_seconds():
    steps = [samples.step(1, 1.0, took=10.0), samples.step(2, 1.0, took=30.0)]
    timed = tuple(Timed(0.0, 0.0, step) for step in steps)
    report = replace(samples.report(samples.going()), steps=timed)
    assert report.tokens_per_second == 2 * 13_400 / 40.0


def test_the_horizon_is_the_last_one_set():
    assert samples.report(samples.going()).horizon == samples.STEPS
    assert samples.report(samples.resumed()).horizon == 1180


def test_only_nights_under_an_hour_are_told_to_the_second():
    report = samples.report(samples.going())
    short = replace(report, plan=replace(report.plan, window_seconds=180.0))
    assert (report.clock.exact, short.clock.exact) == (False, True)


@pytest.mark.parametrize(("done", "kept"), [(5.0, True), (10.1, False), (None, None)])
def test_a_promise_is_kept_inside_its_interval(done, kept):
    promised = Interval(low=0.0, mid=5.0, high=10.0)
    assert Promise(what="x", unit="seconds", promised=promised, done=done).kept is kept


def test_a_promise_of_a_single_figure_is_neither_kept_nor_broken():
    promise = Promise(what="x", unit="count", promised=Interval.exactly(5.0), done=4.0)
    assert promise.kept is None
