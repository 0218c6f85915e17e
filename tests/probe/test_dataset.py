"""Sides by content alone, and the profile that a person reads."""

import random

import numpy as np
import pytest

from overnight.probe.dataset import TokenCounts, content_hash, profile, split
from overnight.probe.sources import Read
from overnight.values.errors import DataError
from overnight.values.rows import Row, Turn


def row(text, n=0):
    said = (Turn(role="user", text=text, learn=False), Turn(role="assistant", text="a", learn=True))
    return Row(turns=said, source=f"a:{n}")


def rows(count, word="row"):
    return [row(f"{word} {n}", n) for n in range(count)]


def said(held, side):
    return {held[i].turns[0].text for i in side}


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
    assert (sides.duplicates, len(sides.rows)) == (2, 100)
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
    assert (len(sides.select), len(sides.test), sides.leaked) == (25, 25, 50)
    assert min(*sides.select, *sides.test) == 100
    assert said(held, sides.train) == {f"row {n}" for n in range(50, 100)}


def test_few_held_out_rows_of_the_user_serve_as_both_parts():
    sides = split(rows(100), seed=1, held_out=rows(3, "own"))
    assert sides.shared and sorted(sides.select) == [100, 101, 102]


def test_rows_that_are_not_usable_are_on_no_side():
    usable = np.arange(100) % 2 == 0
    assert {i % 2 for i in split(rows(100), seed=1, usable=usable).rows} == {0}


def seen(held, **changes):
    """A profile of rows of 10 tokens of which 4 are learnt, cut at 8."""
    count = len(held)
    full = {name: np.full(count, n) for name, n in (("lengths", 10), ("learnt", 4), ("kept", 4))}
    for name, (index, value) in changes.items():
        full[name][index] = value
    counts = TokenCounts(**full, max_length=8, chat_template="none")
    read = Read(path="a", rows=tuple(held), format="text", findings=(), fingerprint="f")
    return profile(read, split=split(held, seed=1, usable=counts.kept > 0), counts=counts)


def test_the_profile_counts_rows_and_tokens():
    held = seen(rows(100), lengths=(3, 50))
    assert (held.num_rows, held.num_train, held.num_select, held.num_test) == (100, 60, 20, 20)
    assert (held.num_tokens, held.learnt_tokens, held.train_tokens) == (1040, 400, 480)
    assert held.length_percentiles == (10, 10, 10, 50, 50)


def test_a_shared_part_is_counted_once():
    held = seen(rows(9))
    assert (held.num_rows, held.num_select, held.num_test, held.shared_heldout) == (9, 3, 3, True)


def test_rows_left_out_or_cut_are_findings_with_their_first_place():
    changes = {"learnt": (5, 0), "kept": (slice(5, 8), [0, 0, 2])}
    held = seen(rows(100), **changes)
    kinds = {f.kind: (f.count, f.example) for f in held.findings if f.kind != "same-answer"}
    assert kinds == {"nothing-to-learn": (1, "a:5"), "cut-away": (1, "a:6"), "cut": (1, "a:7")}
    assert held.num_rows == 98


def test_duplicates_are_a_finding():
    held = seen([*rows(100), row("row 1")])
    assert ("duplicate", 1) in [(f.kind, f.count) for f in held.findings]
