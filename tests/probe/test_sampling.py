"""Samples of the training rows."""

import random
from dataclasses import replace

import numpy as np
import pytest

from overnight.planning.sampling import Wish
from overnight.probe.marks import Marks
from overnight.probe.sampling import DAY, newest, sampled, top
from overnight.probe.split import Split, split
from overnight.probe.tally import Tally
from overnight.values.errors import DataError
from overnight.values.facts import Sampled
from overnight.values.rows import Row, Turn

BOTH = Marks("likes", "created_at")
NOW = 1.7e9


def row(n: int, *, likes: float | None = 0.0, days: float | None = 0.0) -> Row:
    said = (Turn(role="user", text=f"row {n}", learn=False),
            Turn(role="assistant", text="a", learn=True))  # fmt: skip
    time = None if days is None else NOW - days * DAY
    return Row(turns=said, source=f"a:{n + 1}", engagement=likes, time=time)


def kept(rows: list[Row], seed: int = 1, **wish: object) -> tuple[set[str], Sampled, Split]:
    tally = Tally(seed=seed)
    held = list(tally.watch(rows))
    sides = split(tally.hashes, given=len(held), usable=np.ones(len(held), bool))
    found, told = sampled(sides, tally, Wish(**wish), BOTH)  # type: ignore[arg-type]
    return {held[at].turns[0].text for at in found.train}, told, found


OLD = [row(n, likes=float(n), days=200.0 + n) for n in range(1000)]


def test_a_plain_share_keeps_so_many_and_leaves_held_out_rows_alone() -> None:
    words, told, sides = kept(OLD, share=0.5)
    assert (len(words), told.drawn, told.of) == (450, 450, 900)
    assert (len(sides.select), len(sides.test)) == (50, 50)
    assert told.words == "kept 450 of 900: 450 drawn from the rest"


def test_the_same_rows_in_another_order_are_kept_alike_and_another_seed_keeps_others() -> None:
    mixed = list(OLD)
    random.Random(0).shuffle(mixed)
    first = kept(OLD, share=0.3, prefer=("engagement",))[0]
    assert kept(mixed, share=0.3, prefer=("engagement",))[0] == first
    assert kept(OLD, seed=2, share=0.3)[0] != kept(OLD, share=0.3)[0]


def test_the_top_quarter_by_engagement_is_kept_whole() -> None:
    words, told, sides = kept(OLD, share=0.2, prefer=("engagement",))
    trained = kept(OLD, share=1.0)[0]
    best = sorted(trained, key=lambda text: -int(text[4:]))[:225]
    assert set(best) <= words
    assert (told.engaged, told.drawn, told.kept) == (225, 135, 360)
    assert len(sides.train) == 360


def test_rows_of_the_last_90_days_before_the_newest_are_kept_whole() -> None:
    rows = [row(n, days=5000.0 + n) for n in range(400)]
    words, told, _ = kept(rows, share=0.0001, prefer=("recent",))
    assert all(int(text[4:]) <= 91 for text in words)
    assert (told.recent, told.drawn) == (len(words), 0)
    assert told.recent > 60
    assert told.words.endswith("of the last 90 days (`created_at`), 0 drawn from the rest")


def test_what_is_both_counts_once() -> None:
    told = kept(OLD, share=0.5, prefer=("engagement", "recent"))[1]
    assert told.engaged + told.recent + told.drawn == told.kept
    assert told.drawn == round(0.5 * (900 - told.engaged - told.recent))


@pytest.mark.parametrize("total", [1, 100, 300, 5000])
def test_a_number_fixes_the_whole(total: int) -> None:
    words, told, _ = kept(OLD, total=total, prefer=("engagement",))
    assert len(words) == told.kept == min(total, 900)
    assert told.engaged == min(total, 225)


def test_rows_that_all_had_the_same_engagement_are_no_top() -> None:
    figures = np.array([0.0] * 90 + [1.0] * 10)
    order = np.arange(100)
    assert np.flatnonzero(top(figures, order)).tolist() == list(range(90, 100))
    assert not top(np.zeros(100), order).any()
    assert not top(np.full(100, np.nan), order).any()


def test_rows_without_a_time_are_not_recent() -> None:
    times = np.array([np.nan, NOW, NOW - 89 * DAY, NOW - 91 * DAY])
    assert newest(times).tolist() == [False, True, True, False]
    assert not newest(np.full(3, np.nan)).any()


def test_the_name_is_that_of_the_kept_rows() -> None:
    one, other = (kept(rows, share=0.5, prefer=("engagement",))[1].name
                  for rows in (OLD, [replace(each, engagement=1.0) for each in OLD]))  # fmt: skip
    assert one == kept(OLD, share=0.5, prefer=("engagement",))[1].name != other


def test_a_sample_of_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="keeps none"):
        kept(OLD[:60], share=0.001)
