"""Contents found in the text that a template has made of them."""

import numpy as np
import pytest
from tests.training.small_tokenizer import ALTERNATING, CHATML, HEADED, make

from overnight.training import places
from overnight.training.shapes import as_is
from overnight.training.templates import Scribe, ensure_template
from overnight.values.rows import Row, Turn


def messages(*texts):
    return as_is([Turn(role="user", text=text, learn=False) for text in texts])


def test_what_stands_around_the_marks():
    marked = messages(places.mark(0), places.mark(1))
    text = f"<a>{places.mark(0)}<b>{places.mark(1)}</b>"
    assert places.around(text, marked) == ("<a>", "<b>", "</b>")
    assert places.around(text[:10], marked) == ()
    assert places.around(text + places.mark(1), marked) == ()


def test_contents_are_found_whole_or_stripped_and_nothing_else_may_be_there():
    pieces = ("<a>", "<b>", "</b>")
    assert places.found("<a> x<b>y</b>", pieces, [" x", " y\n"]) == [(3, 5, 0), (8, 9, 1)]
    assert places.found("<a>x<b>y</b>!", pieces, ["x", "y"]) is None
    assert places.found("<a>X<b>y</b>", pieces, ["x", "y"]) is None


def test_joined_pieces_are_what_is_found_in_them():
    pieces, contents = ("<a>", "<b>", "</b>"), [" x ", "y"]
    text, known = places.joined(pieces, ["x", "y"], contents)
    assert (text, known) == ("<a>x<b>y</b>", places.found(text, pieces, contents))


def test_how_contents_were_copied():
    forms = places.forms([" a ", " b "], [" a ", "b"])
    assert [form(" c ") for form in forms] == [" c ", "c"]
    assert places.forms([" a "], ["A"]) == places.forms([" a "], []) == ()


def test_what_is_odd_stands_on_both_sides_of_every_turn():
    (made,) = places.odd(messages("a"))
    assert made.content.strip() != "a" and made.content.count("a</think>") == 2
    assert made.content != made.content.strip()


def test_an_answer_stands_shortly_after_its_prompt_or_not_at_all():
    assert places.answered("q<think>\n\n</think>\n\na", "q<think>\n", "a") == (20, 21, 0)
    assert places.answered("q, well: a", "q", "a") is None
    assert places.answered("other", "q", "a") is None


def said(draw):
    bits = [
        "fox",
        " ",
        "\n",
        "</think>",
        "{{ x }}",
        "<|im_end|>",
        "é🦊",
        "'\"\\",
        "\t",
        "<turn>",
        "0",
    ]
    return "".join(draw.choice(bits, draw.integers(1, 9)))


@pytest.mark.parametrize("template", [CHATML, HEADED, ALTERNATING, None])
def test_text_put_together_is_what_the_template_writes(template, monkeypatch):
    tokenizer, draw = make(template), np.random.default_rng(3)
    ensure_template(tokenizer)
    rows = [
        Row(turns=tuple(Turn(role=("user", "assistant")[n % 2], text=said(draw), learn=n % 2 == 1)
                        for n in range(draw.integers(1, 6))))
        for _ in range(300)
    ]  # fmt: skip
    swift, plain = Scribe(tokenizer), Scribe(tokenizer)
    monkeypatch.setattr(plain, "_copies", False)
    assert [swift.render(row) for row in rows] == [plain.render(row) for row in rows]
    assert all(pattern.forms for pattern in swift._patterns.values())
