"""Rows that nearly say the same are found, others are not, and none is compared with all."""

import random

import numpy as np
import pytest

from overnight.probe import nearness
from overnight.probe.nearness import near, sketches

WORDS = [f"word{n}" for n in range(3000)]


def texts(count, *, words=80, seed=1):
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=words)) for _ in range(count)]


def changed(text, times, draw):
    said = text.split(" ")
    for place in draw.sample(range(len(said)), times):
        said[place] = "other"
    return " ".join(said)


def pieces(text):
    said = text.split(" ")
    return {tuple(said[n : n + 3]) for n in range(len(said) - 2)}


def share(one, other):
    return len(pieces(one) & pieces(other)) / len(pieces(one) | pieces(other))


@pytest.mark.parametrize(
    ("times", "least", "most"), [(1, 0.95, 1.0), (2, 0.8, 1.0), (12, 0.0, 0.1)]
)
def test_few_changed_words_leave_rows_alike_and_many_do_not(times, least, most):
    draw, held = random.Random(7), texts(300)
    other = [changed(text, times, draw) for text in held]
    found = near(sketches(other), sketches(held))
    assert least <= (found == np.arange(300)).mean() <= most
    assert set(found.tolist()) <= {-1, *range(300)}


def test_pairs_that_are_found_share_most_of_their_pieces():
    draw, held = random.Random(7), texts(400)
    other = [changed(text, draw.randrange(1, 10), draw) for text in held]
    found = near(sketches(other), sketches(held))
    shares = [share(other[n], held[at]) for n, at in enumerate(found.tolist()) if at >= 0]
    assert len(shares) > 100 and min(shares) > 0.4 and np.mean(shares) > 0.8


def test_rows_that_have_nothing_in_common_are_not_near():
    assert (near(sketches(texts(500)), sketches(texts(500, seed=2))) == -1).all()


def test_rows_of_few_words_are_like_nothing():
    few = sketches(["", "yes", "what is 12 + 5 ?", "a b c d e f g"])
    assert not few.any() and (near(few, few) == -1).all()


def test_a_text_has_the_same_sketch_in_any_company():
    one, other = "größe 你好 fox jumps over lazy dog runs home", texts(3)
    assert (sketches([*other, one])[3] == sketches([one])[0]).all()
    assert (sketches(other)[0] == sketches([*other, one])[0]).all()


def test_chinese_letters_are_words():
    text = "我昨天去公园散步看见一只红色的狐狸在树下睡觉然后它醒来跑回家了"
    found = near(sketches([text + "吗"]), sketches([texts(1)[0], text]))
    assert found.tolist() == [1]


def test_a_thousand_like_rows_are_compared_with_a_few_each():
    held = texts(1) * 1000
    found = near(sketches(held * 5), sketches(held))
    assert (found >= 0).all()


def test_no_rows_are_near_nothing():
    none = sketches([])
    assert none.shape == (0, 16)
    assert near(none, sketches(texts(2))).tolist() == []
    assert near(sketches(texts(2)), none).tolist() == [-1, -1]


def test_some_rows_alone_can_be_asked_for_and_many_in_pieces(monkeypatch):
    held = sketches(texts(40))
    assert near(held, held[:20], np.array([3, 25, 5])).tolist() == [3, -1, 5]
    monkeypatch.setattr(nearness, "_CHUNK", 7)
    assert near(held, held[:20]).tolist() == [*range(20), *[-1] * 20]
