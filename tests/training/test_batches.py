"""Batches: every row once an epoch, in an order that only the seed and the epoch know."""

import numpy as np
import pytest
import torch
from tests.training import tiny

from overnight.training.batches import Corpus, Feed, Order, held, led, micro_batches, place, share
from overnight.training.render import Encoded
from overnight.values.decisions import Progress


def order(rows=150, *, per_step=4, seed=7):
    lengths = np.random.default_rng(0).integers(1, 200, rows)
    return Order(np.arange(rows), lengths, per_step, seed)


def flat(steps):
    return [step.tolist() for step in steps]


@pytest.mark.parametrize("rows", [1, 4, 127, 128, 129, 150])
def test_every_row_comes_exactly_once_an_epoch(rows):
    seen = np.concatenate(order(rows).epoch(3))
    assert sorted(seen.tolist()) == list(range(rows))


@pytest.mark.parametrize("rows", [1, 4, 127, 128, 129, 150])
def test_an_epoch_has_as_many_steps_as_it_says(rows):
    assert len(order(rows).epoch(0)) == order(rows).steps_per_epoch


def test_the_order_is_the_same_for_the_same_seed_and_epoch():
    np.random.seed(1)
    first = flat(order().epoch(2))
    np.random.seed(99)
    assert flat(order().epoch(2)) == first


def test_another_epoch_or_seed_has_another_order():
    assert flat(order().epoch(0)) != flat(order().epoch(1))
    assert flat(order(seed=7).epoch(0)) != flat(order(seed=8).epoch(0))


def test_rows_get_another_company_in_another_epoch():
    def pairs(epoch):
        return {frozenset(step.tolist()) for step in order().epoch(epoch)}

    assert len(pairs(0) & pairs(1)) < len(pairs(0)) / 4


def padding(steps, lengths):
    return sum(int((lengths[step].max() - lengths[step]).sum()) for step in steps)


def test_rows_of_like_length_come_together():
    one = order(600)
    shuffled = np.random.default_rng(5).permutation(one.rows)
    careless = padding(np.array_split(shuffled, 150), one.lengths)
    assert padding(one.epoch(0), one.lengths) < careless / 4


@pytest.mark.parametrize("seed", range(5))
def test_the_first_steps_are_of_every_size(seed):
    lengths = np.random.default_rng(seed).lognormal(4.0, 1.0, 1000).astype(np.int64) + 1
    steps = Order(np.arange(1000), lengths, 4, seed).epoch(0)
    sizes = [int(lengths[step].sum()) for step in steps]
    low, middle, high = np.quantile(sizes, (0.2, 0.5, 0.8))
    assert min(sizes[:8]) < low and max(sizes[:8]) > high
    assert sum(size > middle for size in sizes[:8]) == pytest.approx(4, abs=1)
    assert sum(size > middle for size in sizes[:5]) == pytest.approx(2.5, abs=1)
    assert sorted(np.concatenate(steps).tolist()) == list(range(1000))


def test_a_later_epoch_begins_with_any_steps_and_a_short_one_stays_as_it_was():
    steps = [np.array([row]) for row in range(15)]
    assert led(steps, np.arange(15)) is steps
    later = Order(np.arange(400), np.arange(400) + 1, 4, 3)
    assert [row.sum() for row in led(later.epoch(1), later.lengths)] != [
        row.sum() for row in later.epoch(1)
    ]


def test_a_used_up_epoch_is_followed_by_the_next_ones_beginning():
    one = order(8)
    moved = place(Progress(step=9, epoch=1, batch=2, batches_per_epoch=2, tokens=5), one)
    assert moved == Progress(step=9, epoch=2, batch=0, batches_per_epoch=2, tokens=5)


def test_a_place_within_an_epoch_stays():
    here = Progress(step=1, epoch=1, batch=1, batches_per_epoch=2)
    assert place(here, order(8)) is here


def test_micro_batches_hold_all_rows_longest_first():
    lengths = np.array([3, 9, 1, 7, 5])
    assert flat(micro_batches(np.arange(5), lengths, 2)) == [[1, 3], [4, 0], [2]]


def test_a_micro_batch_that_holds_too_much_is_halved_and_the_others_stay():
    lengths = np.array([90, 80, 70, 60, 9, 8, 7, 6])
    whole = flat(micro_batches(np.arange(8), lengths, 4))
    assert flat(micro_batches(np.arange(8), lengths, 4, most_tokens=360)) == whole
    assert flat(micro_batches(np.arange(8), lengths, 4, most_tokens=359)) == [
        [0, 1], [2, 3], whole[1]]  # fmt: skip
    assert flat(micro_batches(np.arange(8), lengths, 4, most_tokens=140)) == [
        [0], [1], [2, 3], whole[1]]  # fmt: skip


def test_a_single_row_is_never_cut():
    lengths = np.array([90, 80, 70])
    assert flat(micro_batches(np.arange(3), lengths, 3, most_tokens=1)) == [[0], [1], [2]]


@pytest.mark.parametrize("most", [0, 1, 50, 333, 10**6])
def test_whatever_is_cut_every_row_is_held_once_and_none_too_many(most):
    lengths = np.random.default_rng(1).integers(1, 200, 64)
    cut = micro_batches(np.arange(64), lengths, 8, most_tokens=most)
    assert sorted(np.concatenate(cut).tolist()) == list(range(64))
    assert all(len(one) == 1 or not most or held(one, lengths) <= most for one in cut)


def test_processes_share_the_micro_batches_without_rest():
    micro = micro_batches(np.arange(10), np.arange(10), 3)
    shares = [row for rank in range(3) for rows in share(micro, rank, 3) for row in rows]
    assert sorted(shares) == list(range(10))


def small():
    encoded = Encoded(
        tokens=np.array([5, 6, 7, 8, 9, 10, 11], dtype=np.int32),
        learn=np.array([False, True, True, True, False, True, True]),
        offsets=np.array([0, 4, 7], dtype=np.int64),
        chat_template="none",
    )
    return Corpus.cut(encoded, 3)


def test_rows_are_cut_and_padded_on_the_right():
    batch = small().collate(np.array([0, 1]))
    assert batch["input_ids"].tolist() == [[5, 6, 7], [9, 10, 11]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 1]]
    wide = Corpus.cut(small().encoded, 9).collate(np.array([1, 0]))
    assert wide["input_ids"].tolist() == [[9, 10, 11, 0], [5, 6, 7, 8]]
    assert wide["attention_mask"].tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]


def test_places_are_where_a_learnt_token_is_predicted_and_targets_are_these():
    batch = Corpus.cut(small().encoded, 9).collate(np.array([1, 0]))
    assert batch["places"].tolist() == [0, 1, 4, 5, 6]
    assert batch["targets"].tolist() == [10, 11, 6, 7, 8]


def test_the_counts_are_those_of_what_is_collated():
    rows = tiny.corpus(9)
    for row in range(9):
        batch = rows.collate(np.array([row]))
        assert len(batch["places"]) == rows.learnt[row]
        assert int(batch["attention_mask"].sum()) == rows.lengths[row]


def test_by_length_brings_the_longest_first_and_every_row_once():
    rows = tiny.corpus(9)
    batches = rows.by_length(range(9), 4)
    lengths = [int(rows.lengths[row]) for batch in batches for row in batch]
    assert lengths == sorted(lengths, reverse=True)
    assert sorted(row for batch in batches for row in batch) == list(range(9))


def fed(progress, *, workers=0):
    rows = tiny.corpus(11)
    one = Order(np.arange(11), rows.lengths, 4, 7)
    feed = Feed(one, rows.collate, workers=workers)
    cut = lambda step: micro_batches(step, rows.lengths, 2)  # noqa: E731
    steps = list(feed.steps(progress, cut))
    return [[batch["input_ids"].tolist() for batch in micro] for micro in steps]


@pytest.mark.tiny
@pytest.mark.parametrize("workers", [0, 2])
def test_a_feed_goes_on_in_the_middle_of_an_epoch(workers):
    whole = fed(Progress(epoch=1))
    assert len(whole) == 3
    assert fed(Progress(epoch=1, batch=1), workers=workers) == whole[1:]


@pytest.mark.tiny
@pytest.mark.parametrize("workers", [0, 2])
def test_a_feed_draws_nothing_from_the_global_random_state(workers):
    before = torch.get_rng_state()
    fed(Progress(), workers=workers)
    assert torch.equal(torch.get_rng_state(), before)


def staged(shares, *, rows=151, per_step=4):
    lengths = np.random.default_rng(0).integers(1, 200, rows)
    return [Order(np.arange(rows), lengths, per_step, 7, stage, share)
            for stage, share in enumerate(shares)]  # fmt: skip


THIRDS = ((0.0, 1 / 3), (1 / 3, 2 / 3), (2 / 3, 1.0))


def test_stages_of_the_same_rows_begin_with_rows_of_their_own():
    begun = [np.concatenate(one.epoch(0)[:12]) for one in staged(THIRDS)]
    assert len(set(np.concatenate(begun).tolist())) == 3 * 12 * 4


@pytest.mark.parametrize("epoch", [0, 1])
@pytest.mark.parametrize("rows", [7, 128, 151])
def test_a_stages_epoch_holds_every_row_in_as_many_steps_as_it_says(rows, epoch):
    for one in staged(THIRDS, rows=rows):
        steps = one.epoch(epoch)
        assert sorted(np.concatenate(steps).tolist()) == list(range(rows))
        assert len(steps) == one.steps_per_epoch


def test_stages_have_orders_of_their_own_and_the_first_that_of_a_night_without():
    first, second, _ = staged([(0.0, 1.0)] * 3)
    assert flat(first.epoch(0)) == flat(order(151).epoch(0))
    assert flat(second.epoch(0)) != flat(first.epoch(0))
    assert flat(second.epoch(0)) == flat(staged([(0.0, 1.0)] * 3)[1].epoch(0))


def test_the_next_epoch_keeps_the_stage():
    late = Progress(stage=1, before=0.5, epoch=0, batch=38, batches_per_epoch=38)
    moved = place(late, staged(THIRDS)[1])
    assert (moved.stage, moved.before, moved.epoch, moved.batch) == (1, 0.5, 1, 0)
