"""What cutting, padding and packing do, against rows that are really cut, padded and packed."""

from dataclasses import replace

import numpy as np
import pytest
from tests.planning.facts import DATA

from overnight.planning import lengths
from overnight.training.batches import Order, micro_batches


def rows(kind: str, count: int = 4000) -> np.ndarray:
    random = np.random.default_rng(3)
    drawn = {
        "even": random.uniform(5, 400, count),
        "long-tailed": random.lognormal(5.0, 0.9, count),
        "two kinds": np.where(random.random(count) < 0.7, 40, 900) + random.normal(0, 5, count),
    }[kind]
    return np.maximum(drawn, 2).astype(np.int64)


def profile(found: np.ndarray):
    points = np.quantile(found, np.linspace(0, 1, 201), method="nearest")
    return replace(
        DATA, num_train=len(found), num_rows=len(found), num_tokens=int(found.sum()),
        row_lengths=tuple(int(point) for point in points),
    )  # fmt: skip


def percentiles_only(found: np.ndarray):
    points = np.quantile(found, lengths.PERCENTILES)
    return replace(
        profile(found), row_lengths=(), length_percentiles=tuple(int(point) for point in points)
    )


KINDS = pytest.mark.parametrize("kind", ["even", "long-tailed", "two kinds"])


@KINDS
@pytest.mark.parametrize("longest", [64, 256, 100_000])
def test_the_mean_of_cut_rows_is_that_of_the_rows(kind: str, longest: int):
    found = rows(kind)
    true = np.minimum(found, longest).mean()
    assert lengths.mean_cut(profile(found), longest) == pytest.approx(true, rel=0.02)


@pytest.mark.parametrize("kind", ["even", "long-tailed"])
@pytest.mark.parametrize("longest", [64, 256, 100_000])
def test_five_percentiles_and_the_mean_come_near(kind: str, longest: int):
    found = rows(kind)
    true = np.minimum(found, longest).mean()
    assert lengths.mean_cut(percentiles_only(found), longest) == pytest.approx(true, rel=0.15)


@KINDS
@pytest.mark.parametrize(("micro", "accumulated"), [(1, 8), (8, 1), (8, 4), (64, 1)])
def test_bucketed_padding_is_that_of_the_training_order(kind: str, micro: int, accumulated: int):
    found = rows(kind)
    order = Order(np.arange(len(found)), found, rows_per_step=micro * accumulated, seed=1)
    steps = [step for epoch in range(8) for step in order.epoch(epoch)]
    batches = [part for step in steps for part in micro_batches(step, found, micro)]
    true = 1 - 8 * found.sum() / sum(len(part) * found[part].max() for part in batches)
    said = lengths.bucketed_padding(
        profile(found), 100_000, rows=micro, rows_per_step=micro * accumulated
    )
    assert said == pytest.approx(true, abs=0.02)


@KINDS
@pytest.mark.parametrize("micro", [1, 4, 32])
def test_shuffled_padding_is_that_of_random_batches(kind: str, micro: int):
    found = np.minimum(rows(kind), 600)
    drawn = np.random.default_rng(5).permutation(found).reshape(-1, micro)
    true = 1 - found.sum() / (drawn.max(axis=1).sum() * micro)
    assert lengths.shuffled_padding(profile(rows(kind)), 600, rows=micro) == pytest.approx(
        true, abs=0.02
    )


@KINDS
def test_packing_fills_as_much_as_packing_the_rows(kind: str):
    found = np.minimum(rows(kind), 512)
    room: list[int] = []
    for length in sorted((int(one) for one in found), reverse=True):
        near = min((at for at in range(len(room)) if room[at] >= length), default=None,
                   key=lambda at: room[at])  # fmt: skip
        if near is None:
            room.append(512 - length)
        else:
            room[near] -= length
    true = found.sum() / (512 * len(room))
    assert lengths.packing_fill(profile(rows(kind)), 512) == pytest.approx(true, abs=0.02)


def test_a_row_alone_is_never_padded():
    found = profile(rows("long-tailed"))
    assert lengths.shuffled_padding(found, 512, rows=1) == pytest.approx(0.0, abs=1e-9)
    assert lengths.bucketed_padding(found, 512, rows=1) < 0.01


def test_buckets_pad_less_than_chance_and_more_rows_pad_more():
    found = profile(rows("long-tailed"))
    few, many = (lengths.bucketed_padding(found, 2048, rows=size) for size in (4, 32))
    assert few < many < lengths.shuffled_padding(found, 2048, rows=32)


def test_quantiles_are_those_of_the_rows():
    found = rows("even")
    assert lengths.quantile(profile(found), 0.5) == pytest.approx(np.median(found), rel=0.02)
    assert lengths.quantile(profile(found), 1.0) == found.max()


def test_what_is_cut_off_is_a_share_of_the_tokens():
    found = rows("even")
    true = 1 - np.minimum(found, 100).sum() / found.sum()
    assert lengths.truncated(profile(found), 100) == pytest.approx(true, abs=0.01)
    assert lengths.truncated(profile(found), 1000) == 0.0
