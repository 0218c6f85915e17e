import pytest

from overnight.report.glance import TRAIL, Glance, Trail
from overnight.report.reading import seconds_by_phase, segments
from overnight.values.ledger import Ended, Evaluated, Forecast, Stepped

from . import samples
from .test_live import NOW, STATUS


def seen(entries) -> Glance:
    glance = Glance(horizon=samples.STEPS)
    for entry in entries:
        glance.add(entry)
    return glance


def test_a_glance_holds_what_the_last_entries_said():
    entries = samples.going()
    glance = seen(entries)
    steps = [e.event for e in entries if isinstance(e.event, Stepped)]
    looks = [e.event for e in entries if isinstance(e.event, Evaluated)]
    assert (glance.step, glance.loss) == (steps[-1].step, steps[-1].loss)
    assert glance.held_out == [e.loss for e in looks if e.part == "select" and not e.base][-1]
    assert glance.base == next(e.loss for e in looks if e.base and e.part == "select")
    assert glance.peak_bytes == max(step.peak_bytes for step in steps)
    assert glance.share == pytest.approx(steps[-1].step / samples.STEPS)


def test_the_time_left_is_that_of_the_newest_forecast():
    entries = samples.going()
    newest = [e.event for e in entries if isinstance(e.event, Forecast)][-1]
    assert seen(entries).left == pytest.approx(newest.mid_utc - entries[-1].utc)


@pytest.mark.parametrize("make", [samples.healthy, samples.resumed])
def test_the_phases_add_up_to_the_night_and_are_the_report_s(make):
    entries = make()
    glance, told = seen(entries), seconds_by_phase(segments(entries))
    assert sum(glance.seconds.values()) == pytest.approx(entries[-1].t)
    for phase in ("training", "evaluations", "saves"):  # what is lost is known only afterwards
        gone = told.get("lost", 0.0) + told.get("away", 0.0)
        assert abs(glance.seconds.get(phase, 0.0) - told.get(phase, 0.0)) <= gone + 1e-6


def test_the_end_is_told_by_its_exit_status():
    assert seen(samples.healthy()).state == "finished"
    ended = samples.healthy()[-1]
    assert isinstance(ended.event, Ended)


def test_a_status_knows_the_step_better():
    glance = seen(samples.going()[:80])
    glance.overrule(STATUS, now_utc=NOW)
    assert (glance.step, glance.horizon, glance.loss) == (700, 1180, 1.111)
    assert glance.finish is not None and glance.finish.high == NOW + 4000
    glance.overrule(None, now_utc=NOW)
    assert glance.step == 700


def test_a_trail_keeps_its_length_and_its_mean():
    trail = Trail()
    values = [float(number % 37) for number in range(10_000)]
    for value in values:
        trail.add(value)
    assert TRAIL // 2 <= len(trail.means) < TRAIL
    whole = len(trail.means) * trail.each
    assert sum(trail.means) / len(trail.means) == pytest.approx(sum(values[:whole]) / whole)
