"""Promised against done, phase by phase; before the rehearsal and after it."""

from dataclasses import replace

import pytest
from tests.report import samples

from overnight.report.promises import phases, promises
from overnight.report.verdict import judge
from overnight.values.ledger import Entry, Started


def test_promises_stay_open_while_the_night_goes_on():
    done = {p.what: p.done for p in promises(samples.report(samples.going()))}
    assert (done["finish"], done["training"], done["steps"]) == (None, None, 610)


def test_promises_are_held_against_what_was_done():
    kept = {p.what: p.kept for p in promises(samples.report(samples.healthy()))}
    assert (kept["finish"], kept["pace"], kept["ending"]) == (True, True, False)


def test_what_hangs_on_a_deadline_that_was_moved_is_not_judged():
    entries = samples.healthy()
    begun = next(one for one in entries if isinstance(one.event, Started))
    later = replace(begun.event, deadline_utc=begun.event.deadline_utc + 3600.0)
    again = Entry(t=begun.t + 100.0, utc=begun.utc + 100.0, event=later)
    moved = sorted((*entries, again), key=lambda one: one.t)
    told = {p.what: p for p in promises(samples.report(moved))}
    assert (told["finish"].moved, told["finish"].kept) == (True, None)
    assert (told["pace"].moved, told["pace"].kept) == (False, True)
    assert not any(p.moved for p in promises(samples.report(entries)))
    said = " ".join(judge(samples.report(moved)).sentences)
    assert "before its end was moved" in said


def test_what_was_lost_stands_beside_a_promise_of_nothing():
    lost = [p for p in promises(samples.report(samples.resumed())) if p.what == "lost"]
    assert [p.promised.high for p in lost] == [0.0]
    down_and_done_again = 31 + 64 + 55 * 20.45 + 3.8
    assert lost[0].done == pytest.approx(down_and_done_again, abs=10.0)


def test_a_plan_that_foresees_phases_together_is_held_against_them_together():
    report = samples.report(samples.healthy())
    together = {"start": samples.seconds(300, 310, 320), "looking": samples.seconds(0, 900, 999)}
    time = replace(samples.PLAN.time, phases=together)
    told = promises(replace(report, plan=replace(samples.PLAN, time=time)))
    done, seconds = {p.what: p.done for p in told}, report.seconds
    assert done["looking"] == seconds["evaluations"] + seconds["saves"]
    assert done["start"] == seconds["start"] + seconds["rehearsal"]
    assert done["training"] == seconds["training"] and "rehearsal" not in done


APART = {
    "imports": samples.seconds(9, 9, 9), "tokenising": samples.seconds(21, 21, 21),
    "loading": samples.seconds(22, 22, 22), "first look": samples.seconds(90, 90, 90),
    "settling": samples.seconds(2, 2, 2), "training": samples.seconds(23_000, 24_000, 26_000),
    "evaluations": samples.seconds(700, 800, 950), "saves": samples.seconds(90, 120, 200),
    "ending": samples.seconds(100, 150, 200), "publish": samples.seconds(10, 30, 40),
}  # fmt: skip


@pytest.fixture
def report():
    """A whole night whose plan tells every phase by itself."""
    plan = replace(samples.PLAN, time=replace(samples.PLAN.time, phases=APART))
    return replace(samples.report(samples.healthy()), plan=plan)


def test_every_phase_of_the_plan_stands_against_its_own_seconds(report):
    spent, seconds = phases(report), report.seconds
    assert list(spent) == list(APART)
    assert (spent["imports"], spent["tokenising"], spent["loading"]) == (9.0, 21.0, 22.0)
    assert spent["training"] == seconds["rehearsal"] + seconds["training"]
    assert spent["publish"] == report.published.seconds
    assert sum(spent.values()) == pytest.approx(sum(seconds.values()))


def test_what_settling_took_is_no_training(report):
    told = replace(report.rehearsed, event=replace(report.rehearsed.event, settling_seconds=7.0))
    settled = phases(replace(report, rehearsed=told))
    assert settled["settling"] == 7.0
    assert settled["training"] == phases(report)["training"] - 7.0


def test_what_was_planned_first_stands_beside_what_the_rehearsal_made_of_it(report):
    first = replace(report.plan, time=replace(report.plan.time, phases=samples.PLAN.time.phases))
    told = {one.what: one for one in promises(replace(report, first_plan=first))}
    assert told["training"].before == samples.PLAN.time.phases["training"]
    assert told["training"].promised == APART["training"]
    assert told["publish"].before.high == 0.0


def test_a_plan_that_nothing_corrected_is_told_once(report):
    told = promises(replace(report, first_plan=report.plan))
    assert all(one.before is None for one in told)
