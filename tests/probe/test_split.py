"""Sides by content alone."""

import random

import numpy as np
import pytest
from tests.probe.hashes import content_hash

from overnight.probe.split import split as sides_of
from overnight.probe.tally import Tally
from overnight.values.errors import DataError
from overnight.values.rows import Row, Turn


def row(text, n=0):
    said = (Turn(role="user", text=text, learn=False), Turn(role="assistant", text="a", learn=True))
    return Row(turns=said, source=f"a:{n}")


def rows(count, word="row"):
    return [row(f"{word} {n}", n) for n in range(count)]


def said(held, side):
    return {held[i].turns[0].text for i in side}


def split(held, *, seed, held_out=(), usable=None):
    taken = Tally(seed=seed)
    every = list(taken.watch([*held, *held_out]))
    fit = np.ones(len(every), bool) if usable is None else usable
    return sides_of(taken.hashes, given=len(held), usable=fit)


@pytest.mark.parametrize(("count", "size"), [(60, 20), (400, 20), (1000, 50), (30_000, 1000)])
def test_select_and_test_are_a_twentieth_at_least_20_at_most_1000(count, size):
    sides = split(rows(count), seed=1)
    assert (len(sides.select), len(sides.test), sides.shared) == (size, size, False)
    assert sorted(sides.rows) == list(range(count))


@pytest.mark.parametrize(("count", "size"), [(2, 1), (3, 1), (9, 3), (59, 19)])
def test_few_rows_share_one_part_of_at_most_a_third(count, size):
    sides = split(rows(count), seed=1)
    assert sides.shared and sides.select == sides.test
    assert (len(sides.select), len(sides.rows)) == (size, count)


def test_one_row_alone_cannot_be_split():
    with pytest.raises(DataError, match="two different rows"):
        split([row("a"), row("A ")], seed=1)


def test_duplicates_collapse_blind_to_case_and_spacing():
    held = [*rows(100), row("ROW   7"), row("row 7\n")]
    sides = split(held, seed=1)
    assert (sides.duplicates.tolist(), len(sides.rows)) == ([100, 101], 100)
    assert not {100, 101} & {*sides.rows}


def test_the_same_words_by_another_speaker_are_no_duplicate():
    turns = (Turn(role="user", text="a b", learn=False), Turn(role="user", text="a", learn=False))
    joined = (Turn(role="user", text="a b a", learn=False),)
    assert content_hash(Row(turns=turns), 1) != content_hash(Row(turns=joined), 1)


def test_sides_do_not_depend_on_the_order_of_the_rows():
    held = rows(500)
    mixed = random.Random(3).sample(held, len(held))
    one, two = split(held, seed=1), split(mixed, seed=1)
    assert [held[i].turns for i in one.select] == [mixed[i].turns for i in two.select]
    assert said(held, one.test) == said(mixed, two.test)


def test_another_seed_gives_other_sides():
    assert split(rows(500), seed=1).select != split(rows(500), seed=2).select


def test_when_rows_are_added_none_moves_between_select_and_test_and_few_leave():
    held = rows(1000)
    more = [*held, *rows(100, "new")]
    one, two = split(held, seed=1), split(more, seed=1)
    before = {name: said(held, getattr(one, name)) for name in ("select", "test")}
    after = {name: said(more, getattr(two, name)) for name in ("select", "test")}
    assert not before["select"] & after["test"] and not before["test"] & after["select"]
    assert len(before["select"] & after["select"]) >= 40


def test_held_out_rows_of_the_user_are_halved_and_leave_the_training():
    held, own = rows(100), rows(50)
    sides = split(held, seed=1, held_out=own)
    assert (len(sides.select), len(sides.test)) == (25, 25)
    assert sides.leaked.tolist() == list(range(50))
    assert min(*sides.select, *sides.test) == 100
    assert said(held, sides.train) == {f"row {n}" for n in range(50, 100)}


def test_few_held_out_rows_of_the_user_serve_as_both_parts():
    sides = split(rows(100), seed=1, held_out=rows(3, "own"))
    assert sides.shared and sorted(sides.select) == [100, 101, 102]


def test_rows_that_are_not_usable_are_on_no_side():
    usable = np.arange(100) % 2 == 0
    assert {i % 2 for i in split(rows(100), seed=1, usable=usable).rows} == {0}


def test_copies_within_the_users_own_rows_are_left_out_there_too():
    sides = split(rows(100), seed=1, held_out=[*rows(3, "own"), row("own 1")])
    assert (sides.duplicates.tolist(), len(sides.select)) == ([103], 3)


@pytest.mark.parametrize(("held", "own"), [(3, 0), (3, 2), (0, 3)])
def test_the_sides_are_those_that_plain_sets_give(held, own):
    """A hundred small draws with many copies, against the definition written with dictionaries."""
    draw = random.Random(held + own)
    for _ in range(100):
        given = [row(f"r {draw.randrange(90)}") for _ in range(100 + held)]
        judged = [row(f"r {draw.randrange(400)}") for _ in range(50 * own)]
        one = split(given, seed=1, held_out=judged)
        every = [content_hash(each, 1) for each in (*given, *judged)]
        first = {}
        for n, digest in enumerate(every[: len(given)]):
            first.setdefault(digest, n)
        theirs = set(every[len(given) :])
        fresh = {digest: n for digest, n in first.items() if digest not in theirs}
        out = set() if judged else {*one.select, *one.test}
        assert one.train.tolist() == [n for n in sorted(fresh.values()) if n not in out]
        assert one.leaked.tolist() == sorted(first[digest] for digest in theirs & set(first))
        ordered = [first[digest] for digest in sorted(fresh)]
        small = [n for n in ordered if every[n] % 2 == 0][: len(one.select)]
        assert judged or one.shared or list(one.select[: len(small)]) == small
