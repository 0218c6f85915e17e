"""The profile that a person reads."""

import numpy as np
import pytest

from overnight.planning import lengths as paper
from overnight.probe.dataset import Seen, TokenCounts, profile, usable
from overnight.probe.looks import Looks
from overnight.probe.split import split
from overnight.probe.tally import Tally
from overnight.values.rows import Row, Turn


def row(text, n=0):
    said = (Turn(role="user", text=text, learn=False), Turn(role="assistant", text="a", learn=True))
    return Row(turns=said, source=f"a:{n}")


def rows(count, word="row"):
    return [row(f"{word} {n}", n) for n in range(count)]


class Held:
    """A source whose rows lie in memory and have been read."""

    path, format, findings = "a", "text", ()

    def __init__(self, held):
        self.held, self.count = held, len(held)

    def some(self, indices):
        return {index: self.held[index] for index in indices}


def taken(held):
    """What a pass over the rows takes down."""
    tally, looks = Tally(seed=1), Looks()
    for one in tally.watch(held):
        looks.at(one)
    return Seen(source=Held(held), tally=tally, looks=looks)


def told(held, counts):
    seen = taken(held)
    sides = split(seen.tally.hashes, given=len(held), usable=usable(seen, counts))
    return profile(seen, split=sides, counts=counts)


def seen(held, **changes):
    """A profile of rows of 10 tokens of which 4 are learnt, cut at 8."""
    count = len(held)
    full = {name: np.full(count, n) for name, n in (("lengths", 10), ("learnt", 4), ("kept", 4))}
    for name, (index, value) in changes.items():
        full[name][index] = value
    return told(held, TokenCounts(**full, max_length=8, chat_template="none"))


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
    held = seen([*rows(100), row("ROW 1", 100)])
    assert ("duplicate", 1, "a:100") in [(f.kind, f.count, f.example) for f in held.findings]


def lengths(count, *, most=3000, seed=5):
    return np.random.default_rng(seed).integers(1, most, count)


def counts(found, *, rows=None, max_length=4096):
    return TokenCounts(lengths=found, learnt=found // 2 + 1, kept=found // 2 + 1, rows=rows,
                       max_length=max_length, chat_template="none")  # fmt: skip


def test_quantiles_are_those_of_the_rows_trained_on_each_the_length_of_a_row():
    full = lengths(1000)
    held = told(rows(1000), counts(full))
    assert len(held.row_lengths) == 201 and set(held.row_lengths) <= set(full.tolist())
    assert held.row_lengths[100] == pytest.approx(1500, rel=0.1)


def test_truncation_is_told_below_the_longest_row_as_shares_of_the_tokens():
    full = np.full(100, 1000)
    assert told(rows(100), counts(full)).truncation == {"512": pytest.approx(0.488)}
    assert told(rows(100), counts(full // 2)).truncation == {}


def test_padding_and_packing_are_those_that_plans_reckon_with():
    held = told(rows(1000), counts(lengths(1000), max_length=2048))
    assert held.padding_shares == {
        "shuffled": paper.shuffled_padding(held, 2048, rows=8),
        "bucketed": paper.bucketed_padding(held, 2048, rows=8),
    }
    assert held.packing_fill == paper.packing_fill(held, 2048)


def test_all_rows_counted_leave_no_doubt():
    held = told(rows(1000), counts(lengths(1000)))
    assert (held.counted_rows, held.tokens_interval) == (None, None)


def test_of_a_sample_the_whole_is_told_with_an_interval():
    full = lengths(1000)
    some = np.sort(np.random.default_rng(1).permutation(1000)[:250])
    held = told(rows(1000), counts(full[some], rows=some))
    assert (held.num_rows, held.counted_rows) == (1000, 250)
    assert held.tokens_interval.mid == held.num_tokens
    assert held.tokens_interval.low < full.sum() < held.tokens_interval.high
    width = held.tokens_interval.high - held.tokens_interval.low
    assert 0.05 < width / full.sum() < 0.2


def test_nine_in_ten_intervals_hold_what_they_are_of():
    full, draw, inside = lengths(400), np.random.default_rng(2), 0
    for _ in range(60):
        some = np.sort(draw.permutation(400)[:100])
        within = told(rows(400), counts(full[some], rows=some)).tokens_interval
        inside += within.low <= full.sum() <= within.high
    assert inside >= 48


def test_what_a_sample_shows_is_said_to_be_of_a_sample():
    some = np.arange(0, 100, 2)
    found = counts(np.full(50, 10), rows=some)
    found.kept[3] = 0
    held = told(rows(100), found)
    (lost,) = [finding for finding in held.findings if finding.kind == "cut-away"]
    assert (lost.count, lost.example) == (1, "a:6") and "of the 50 rows counted" in lost.what
    assert held.num_rows == 99


def test_rows_near_a_held_out_one_are_a_finding_with_both_places():
    words = [
        f"{n} the quick brown fox jumps over the lazy dog and runs home {n}" for n in range(90)
    ]
    held = [row(text, n) for n, text in enumerate(words)]
    near = [row(f"{text} again", 90 + n) for n, text in enumerate(words)]
    found = {finding.kind: finding for finding in seen([*held, *near]).findings}
    assert found["near-duplicate"].count > 10
    assert found["near-duplicate"].example.startswith("a:")
    assert "near-duplicate" not in {finding.kind for finding in seen(rows(200)).findings}
