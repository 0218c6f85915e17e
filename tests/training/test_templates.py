"""Learnt characters through templates that strip, rename, refuse and drop."""

import pytest
from tests.training.small_tokenizer import ALTERNATING, CHATML, HEADED, THINKING, make

from overnight.training import templates
from overnight.training.templates import OWN, PLAIN, Scribe, ensure_template
from overnight.values.errors import DataError, ModelError
from overnight.values.rows import Row, Turn


def row(*said, learn=True):
    """Turns from ("user", "text") pairs; every assistant is learnt."""
    turns = tuple(Turn(role=r, text=t, learn=learn and r == "assistant") for r, t in said)
    return Row(turns=turns, source="chats.jsonl:7")


TALK = row(("user", "Hello there"), ("assistant", "Hi!"), ("user", "12 + 30?"), ("assistant", "42"))


def learnt(template, talk, **made):
    """The learnt pieces of the rendered text."""
    tokenizer = make(template, **made)
    ensure_template(tokenizer)
    rendered = Scribe(tokenizer).render(talk)
    return [rendered.text[low:high] for low, high in rendered.spans]


def test_a_tokenizer_without_a_template_gets_the_plain_one_and_keeps_it():
    tokenizer = make()
    assert [ensure_template(tokenizer), ensure_template(tokenizer)] == [PLAIN, PLAIN]
    assert ensure_template(make(CHATML)) == OWN


def test_the_plain_template_writes_roles_as_text_and_an_end_after_every_answer():
    tokenizer = make()
    ensure_template(tokenizer)
    text = Scribe(tokenizer).render(TALK).text
    opening = "user:\nHello there\n\nassistant:\nHi!<|end|>\n\n"
    assert text == opening + "user:\n12 + 30?\n\nassistant:\n42<|end|>\n\n"
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Hello there"}], tokenize=False, add_generation_prompt=True
    )
    assert text.startswith(asked)


def test_without_an_end_of_text_token_no_plain_template_is_built():
    with pytest.raises(ModelError, match="eos_token"):
        ensure_template(make(eos=None))


def test_the_end_of_turn_is_learnt_with_every_answer():
    assert learnt(None, TALK) == ["Hi!<|end|>", "42<|end|>"]
    assert learnt(CHATML, TALK) == ["Hi!<|im_end|>", "42<|im_end|>"]
    assert learnt(HEADED, TALK) == ["Hi!<|eot|>", "42<|eot|>"]
    assert learnt(ALTERNATING, TALK) == ["Hi!</turn>", "42</turn>"]


def test_an_end_of_turn_that_is_no_special_token_is_learnt_too():
    template = "{% for m in messages %}{{ m.role + ': ' + m.content + '[done]\\n' }}{% endfor %}"
    assert learnt(template, TALK) == ["Hi![done]", "42[done]"]


def test_a_template_that_strips_leaves_exact_spans():
    talk = row(("user", " a "), ("assistant", "\n  b c \n"), ("user", "d"), ("assistant", "e\n"))
    assert learnt(HEADED, talk) == ["b c<|eot|>", "e<|eot|>"]


def test_the_same_words_in_question_and_answer_are_told_apart():
    talk = row(("user", "42"), ("assistant", "42"), ("user", "42"), ("assistant", "42"))
    tokenizer = make(CHATML)
    rendered = Scribe(tokenizer).render(talk)
    for low, _ in rendered.spans:
        assert rendered.text[:low].endswith("<|im_start|>assistant\n")


def test_an_answer_that_may_not_be_learnt_is_left_out():
    turns = (*TALK.turns[:1], Turn(role="assistant", text="Hi!", learn=False), *TALK.turns[2:])
    assert learnt(CHATML, Row(turns=turns)) == ["42<|im_end|>"]


def test_a_refused_system_turn_goes_into_the_first_question():
    tokenizer = make(ALTERNATING)
    talk = row(("system", "Be kind."), *[(turn.role, turn.text) for turn in TALK.turns])
    text = Scribe(tokenizer).render(talk).text
    assert text.startswith("<|begin|><turn>user\nBe kind.\n\nHello there</turn>\n<turn>model\nHi!")


def test_neighbours_of_one_role_are_merged_where_the_template_wants_it():
    turns = (
        *row(("user", "a"), ("user", "b"), ("assistant", "c")).turns,
        Turn(role="assistant", text="d", learn=False),
        Turn(role="assistant", text="e", learn=True),
    )
    assert learnt(ALTERNATING, Row(turns=turns)) == ["c", "e</turn>"]
    assert learnt(CHATML, Row(turns=turns)) == ["c<|im_end|>", "e<|im_end|>"]


def test_a_tool_turn_that_the_template_leaves_out_is_told_by_the_user():
    template = (
        "{% for m in messages %}{% if m.role != 'tool' %}{{ m.role + ' ' + m.content }}"
        "<|im_end|>\n{% endif %}{% endfor %}"
    )
    talk = row(("user", "a"), ("assistant", "call"), ("tool", "result"), ("assistant", "b"))
    rendered = Scribe(make(template)).render(talk)
    assert "user result<|im_end|>" in rendered.text


def test_a_template_that_drops_an_answer_is_an_error_with_the_row():
    template = "{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}"
    with pytest.raises(DataError, match=r"chats.jsonl:7: .*leaves out the assistant turn"):
        learnt(template, TALK)


def test_a_template_that_changes_an_answer_is_an_error_with_the_row():
    template = "{% for m in messages %}{{ m.content | upper }}<|im_end|>{% endfor %}"
    with pytest.raises(DataError, match=r"chats.jsonl:7: .*changes or drops.*'Hi!'"):
        learnt(template, TALK)


def test_a_refused_row_tells_the_templates_reason():
    with pytest.raises(DataError, match=r"chats.jsonl:7: .*must alternate"):
        learnt(ALTERNATING, row(("assistant", "I begin"), ("user", "no")))


def test_a_broken_template_is_the_models_fault():
    with pytest.raises(ModelError, match="broken"):
        learnt("{% for m in %}", TALK)


def test_a_block_that_a_template_puts_before_the_last_answer_is_not_learnt():
    assert learnt(THINKING, TALK) == ["Hi!<|im_end|>", "42<|im_end|>"]


def test_reasoning_that_a_template_drops_from_earlier_turns_is_noted_and_the_rest_learnt():
    thought = "<think>\nsum\n</think>\n\n42"
    talk = row(("user", "a"), ("assistant", thought), ("user", "b"), ("assistant", thought))
    rendered = Scribe(make(THINKING)).render(talk)
    pieces = [rendered.text[low:high] for low, high in rendered.spans]
    assert pieces == ["42<|im_end|>", thought + "<|im_end|>"]
    assert rendered.thoughts_dropped


def test_reasoning_may_not_be_dropped_from_the_last_answer():
    template = "{% for m in messages %}{{ m.content.split('</think>')[-1] }}<|im_end|>{% endfor %}"
    with pytest.raises(DataError, match="changes or drops"):
        learnt(template, row(("user", "a"), ("assistant", "<think>\nsum\n</think>\n\n42")))


ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


def test_a_template_that_has_no_end_is_the_models_fault(monkeypatch):
    monkeypatch.setattr(templates, "MOST_SECONDS", 0.2)
    with pytest.raises(ModelError, match="was not done with one conversation after"):
        learnt(ENDLESS, TALK)


@pytest.mark.parametrize(
    "template",
    ["{{ 1 / 0 }}", "{% for a in range(10**9) %}{% endfor %}", "{{ ''.__class__.__mro__ }}",
     "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{{ cycler.__init__.__globals__.os }}"],
)  # fmt: skip
def test_a_template_that_fails_or_reaches_out_is_an_error_with_the_row(template):
    with pytest.raises(DataError, match="the tokenizer's chat template"):
        learnt(template, TALK)
