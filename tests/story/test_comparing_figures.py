"""What a journal of a comparison says."""

from typing import Any

import pytest
from tests.comparisons import (
    STARTED,
    divided,
    entries,
    looked,
    slices,
    trial,
    tried,
    whole,
)

from overnight.story.comparing_figures import compared
from overnight.values.comparison import Comparison
from overnight.values.ledger import Event
from overnight.values.trials import Refused

PACES = {"a": [1000.0, 1100.0], "b": [2000.0, 2200.0]}


def told(journal: Any, *names: str) -> Comparison:
    return compared(journal, data="d", model="m", machine="x", names=names or ("a", "b"))


def test_speed_is_paired_slice_by_slice_so_that_drift_cancels() -> None:
    found = told(whole({"a": 4.0, "b": 3.0}, paces=PACES))
    assert found.settings[1].speed.mid == pytest.approx(2.0)
    assert found.settings[1].speed.high - found.settings[1].speed.low < 1e-6


def test_pace_varies_between_the_slowest_and_the_fastest_slice() -> None:
    pace = told(whole({"a": 4.0, "b": 3.0}, paces=PACES)).reference.tokens_per_second
    assert (pace.low, pace.mid, pace.high, pace.n) == (1000.0, 1050.0, 1100.0, 2)


def test_the_whole_job_takes_its_tokens_at_that_pace() -> None:
    job = told(whole({"a": 4.0, "b": 3.0}, paces=PACES)).reference.job_seconds
    assert job.mid == pytest.approx(1e5 / 1050.0) and job.low < job.mid < job.high


def test_the_first_that_was_named_is_the_reference() -> None:
    found = told(whole({"a": 4.0, "b": 3.0}, paces=PACES), "b", "a")
    assert found.reference.name == "b"
    assert found.reference.at_time is not None and found.reference.at_time.difference is None


def test_losses_and_the_share_of_the_reference_gain_are_paired() -> None:
    found = told(whole({"a": 4.0, "b": 3.0}, paces=PACES)).settings[1].at_time
    assert found is not None and found.difference is not None and found.quality is not None
    assert found.difference.mid == pytest.approx(-1.0) and found.difference.high < 0
    assert found.quality.mid == pytest.approx(150.0)


def test_a_trial_of_equal_time_that_did_the_work_counts_as_equal_work() -> None:
    found = told(whole({"a": 4.0, "b": 3.0}, paces=PACES))
    assert found.reference.at_work is not None and found.settings[1].at_work is None
    assert found.work == 10500.0


def with_work() -> list[Event]:
    """Two seeds; `b` is twice as fast and so has trials of equal work of its own."""
    events: list[Event] = [STARTED, *tried("a"), *tried("b", pace=2000.0), looked(None, 6.0),
                           divided(seeds=2, work=True)]  # fmt: skip
    for seed in (1, 2):
        for name, loss in (("a", 4.0), ("b", 3.0)):
            one = trial(name, seed)
            events += [*slices(one, PACES[name]), looked(one, loss + 0.1 * seed)]
        again = trial("b", seed, "work")
        events += [*slices(again, [1000.0, 1100.0], over="horizon"), looked(again, 3.5)]
    return events


def test_a_faster_setting_has_its_own_trial_of_equal_work() -> None:
    found = told(entries(with_work()))
    at_work = found.settings[1].at_work
    assert at_work is not None and at_work.seeds == pytest.approx((3.5, 3.5)) and found.whole
    assert found.reference.at_work is not None
    assert found.reference.at_work.seeds == pytest.approx((4.1, 4.2))


def test_what_was_not_looked_at_is_not_told_and_the_comparison_is_not_whole() -> None:
    cut = entries(with_work()[:-1])
    found = told(cut)
    assert not found.whole and found.seeds == 2
    assert found.settings[1].at_work is not None
    assert found.settings[1].at_work.seeds == pytest.approx((3.5,))


def test_before_any_slice_the_first_steps_speak() -> None:
    found = told(entries([STARTED, *tried("a"), *tried("b", pace=3000.0), looked(None, 6.0)]))
    assert found.settings[1].speed.mid == pytest.approx(3.0) and not found.settings[1].speed.known
    assert found.reference.at_time is None and not found.whole


def test_troubles_of_all_slices_are_counted_together() -> None:
    events = with_work()
    events += slices(trial("b", 3), [2000.0], over="health", troubles={"rewound": 2})
    assert told(entries(events)).settings[1].troubles == {"rewound": 2, "gave up": 1}


def test_a_slice_that_was_interrupted_belongs_to_its_round() -> None:
    events = [*with_work(), *slices(trial("a", 1), [500.0], over="")]
    speed = told(entries(events)).settings[1].speed
    assert speed.n == 4 and speed.mid > 2.1


def test_a_setting_that_was_left_out_is_named_with_its_reason() -> None:
    events = [*with_work(), Refused(setting="c", why="it does not fit")]
    assert told(entries(events), "a", "b", "c").refused == {"c": "it does not fit"}


def test_one_setting_alone_is_no_comparison() -> None:
    with pytest.raises(ValueError, match="fewer than two"):
        told(entries([STARTED, *tried("a")]))
