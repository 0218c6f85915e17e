import json

import pytest
from tests.fakes import FakeClock

from overnight.adapters import kept
from overnight.adapters.kept import Kept
from overnight.adapters.rates import Descent
from overnight.values.errors import ArgumentError, InputError


def within(clock, text="100s"):
    return kept.term(by=None, within=text, clock=clock)


def test_a_length_counts_from_now():
    clock = FakeClock()
    term = within(clock, "7h30m")
    assert term.seconds == 27_000.0
    assert term.ends_at(clock) == clock.boot() + 27_000.0


def test_a_clock_time_is_the_next_one(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    clock = FakeClock(utc=1_800_000_000.0)  # a Friday, 08:00:00
    assert kept.term(by="8:30", within=None, clock=clock).seconds == 1800.0


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"by": None, "within": None}, "by or within"),
        ({"by": "8:00", "within": "2h"}, "by or within"),
        ({"by": "some day", "within": None}, "by:"),
        ({"by": None, "within": "8 o'clock"}, "within:"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_line(given, name):
    with pytest.raises(ArgumentError, match=f"^{name}"):
        kept.term(**given, clock=FakeClock())


def test_the_wall_clock_may_be_set_without_moving_the_deadline():
    clock = FakeClock()
    term = within(clock)
    before = term.ends_at(clock)
    clock.set_wall(clock.utc() + 86_400.0)
    assert term.ends_at(clock) == before


def test_after_a_reboot_the_instant_counts():
    clock = FakeClock()
    term = within(clock, "10m")
    clock.reboot(down_seconds=60.0)
    assert term.ends_at(clock) - clock.boot() == pytest.approx(540.0)


def test_it_comes_back_from_json_as_it_was():
    clock = FakeClock()
    before = Kept(term=within(clock), step=7, descent=Descent.over(100, 5), seconds=(0.5, 0.25),
                  save_seconds=0.2, ended="window", ours=(3, 5))  # fmt: skip
    text = json.dumps({"args": {}, "attributes": {"kept": kept.as_json(before)}}, allow_nan=False)
    after = kept.from_state(json.loads(text))
    assert after.descent == before.descent
    assert (after.term, after.step, after.seconds) == (before.term, 7, (0.5, 0.25))
    assert (after.ended, after.ours) == ("window", (3, 5))


@pytest.mark.parametrize("entry", [None, {}, {"args": {}, "attributes": {"kept": {}}}, []])
def test_where_there_is_nothing_of_ours_nothing_is_read(entry):
    assert kept.from_state(entry) is None


def test_a_damaged_entry_is_refused_in_a_line():
    with pytest.raises(InputError, match=r"trainer_state\.json.*damaged"):
        kept.from_state({"attributes": {"kept": {"step": "seven"}}})


def test_a_run_is_finished_at_its_end_under_the_same_words_and_steps():
    clock = FakeClock()
    term = within(clock)
    over = Kept(term=term, step=40, ended="window", steps_wanted=100)
    assert over.finished(term, step=40, steps_wanted=100)
    assert not over.finished(within(clock, "200s"), step=40, steps_wanted=100)
    assert not over.finished(term, step=40, steps_wanted=200)
    assert not over.finished(term, step=30, steps_wanted=100)
    assert not Kept(term=term, step=40, steps_wanted=100).finished(term, step=40, steps_wanted=100)
