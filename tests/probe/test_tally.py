"""What is taken down of rows that go by."""

from dataclasses import replace

import numpy as np
import pytest
from tests.probe.hashes import content_hash

from overnight.probe.tally import Tally, normal
from overnight.values.rows import Row, Turn


def row(*said, place="a.jsonl:1"):
    turns = tuple(Turn(role=role, text=text, learn=role == "assistant") for role, text in said)
    return Row(turns=turns, source=place)


def taken(*rows, seed=1):
    tally = Tally(seed=seed)
    assert list(tally.watch(rows)) == list(rows)
    return tally


def test_the_same_words_by_another_speaker_are_no_duplicate():
    assert content_hash(row(("user", "a b"), ("user", "a")), 1) != content_hash(
        row(("user", "a b a")), 1
    )


def test_a_hash_hangs_on_the_row_and_the_seed_and_not_on_its_neighbours():
    rows = [row(("user", f"q {n}"), ("assistant", "a")) for n in range(1200)]
    halves = taken(*rows, seed=3).hashes
    whole = [(int(high) << 64) + int(low) for high, low in halves]
    assert whole == [content_hash(each, 3) for each in rows]
    assert whole[0] != content_hash(rows[0], 4)


def test_case_and_spacing_do_not_count():
    assert normal(row(("user", " A\n\tb "))) == [("user", "a b")]


def test_places_are_remembered_over_two_files():
    rows = [
        row(("user", "a"), place=f"{name}:{n}") for name in ("x.jsonl", "y.txt") for n in (2, 9)
    ]
    tally = taken(*rows)
    places = [tally.place(index) for index in range(len(tally))]
    assert places == ["x.jsonl:2", "x.jsonl:9", "y.txt:2", "y.txt:9"]


def test_whether_anything_is_learnt_is_known_of_every_row():
    tally = taken(row(("user", "a")), row(("user", "a"), ("assistant", "b")))
    assert tally.learns.tolist() == [False, True]


def test_every_row_has_a_sketch_and_system_turns_have_no_part_in_it():
    said = "the quick brown fox jumps over the lazy dog"
    rows = [row(("system", f"rule {n}"), ("user", said)) for n in range(700)]
    sketched = taken(*rows).sketches
    assert sketched.shape == (700, 16)
    assert (sketched == sketched[0]).all() and sketched[0].any()


def test_the_fingerprint_is_that_of_the_rows_in_order():
    one, two = row(("user", "a")), row(("user", "b"))
    assert taken(one, two).fingerprint != taken(two, one).fingerprint


@pytest.mark.parametrize("place", ["", "nowhere"])
def test_a_row_without_a_line_is_no_trouble(place):
    assert len(taken(row(("user", "a"), place=place))) == 1


def test_runs_of_lines_with_gaps_between_them_are_told_apart():
    lines = [1, 2, 3, 7, 8, 2, 5, 6]
    tally = taken(*[row(("user", "a"), place=f"a.json:{line}") for line in lines])
    assert [tally.place(index) for index in range(8)] == [f"a.json:{line}" for line in lines]


def test_what_is_taken_down_can_be_read_in_between():
    tally = Tally(seed=1)
    for count, _ in enumerate(tally.watch([row(("user", f"{n}")) for n in range(3)]), 1):
        assert len(tally.hashes) == len(tally.sketches) == len(tally) == count


def test_figures_are_kept_where_rows_have_any():
    rows = [row(("user", f"{n}")) for n in range(3)]
    assert np.isnan(taken(*rows).engagement).tolist() == [True] * 3
    liked = taken(rows[0], replace(rows[1], engagement=7.0, time=5.0), rows[2])
    assert np.nan_to_num(liked.engagement, nan=-1.0).tolist() == [-1.0, 7.0, -1.0]
    assert np.nan_to_num(liked.times, nan=-1.0).tolist() == [-1.0, 5.0, -1.0]
