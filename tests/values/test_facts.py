"""Arithmetic of facts."""

from dataclasses import FrozenInstanceError, replace

import pytest

from overnight.values.facts import DatasetProfile, Interval, Sampled


def profile(*, num_rows: int, num_tokens: int) -> DatasetProfile:
    return DatasetProfile(
        path="chats.jsonl",
        format="messages",
        fingerprint="f",
        num_rows=num_rows,
        num_train=num_rows,
        num_select=0,
        num_test=0,
        shared_heldout=False,
        num_tokens=num_tokens,
        learnt_tokens=num_tokens,
        train_tokens=num_tokens,
        length_percentiles=(1, 2, 3, 4, 5),
        chat_template="none",
    )


def test_intervals_add_end_by_end() -> None:
    total = Interval(low=1, mid=2, high=4) + Interval(low=10, mid=20, high=40)
    assert total == Interval(low=11, mid=22, high=44)


def test_an_interval_scales_to_other_units() -> None:
    hours = Interval(low=1, mid=2, high=4)
    assert hours.scaled(3600) == Interval(low=3600, mid=7200, high=14400)


def test_a_certain_figure_adds_without_widening() -> None:
    moved = Interval(low=1, mid=2, high=4) + Interval.exactly(5)
    assert moved.high - moved.low == 3


def test_rows_have_a_mean_length_and_no_rows_have_none() -> None:
    assert profile(num_rows=4, num_tokens=10).avg_tokens_per_sample == 2.5
    assert profile(num_rows=0, num_tokens=0).avg_tokens_per_sample == 0


def test_a_fact_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Interval.exactly(1).mid = 2  # type: ignore[misc]


def test_a_sample_is_told_by_what_was_kept_for_what() -> None:
    told = Sampled(kept=31_204, of=63_394, engaged=15_848, recent=2_000, drawn=13_356,
                   engagement="likes", time="sent")  # fmt: skip
    assert told.words == (
        "kept 31,204 of 63,394: 15,848 by engagement (`likes`), 2,000 of the last 90 days "
        "(`sent`), 13,356 drawn from the rest"
    )


def test_all_rows_are_read_to_pick_some() -> None:
    whole = profile(num_rows=100, num_tokens=1000)
    assert whole.tokens_read == 1000
    assert replace(whole, sampled=Sampled(kept=80, of=880)).tokens_read == 9000
