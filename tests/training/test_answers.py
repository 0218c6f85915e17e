"""Answers: what the model would say, without a trace in training."""

import pytest
import torch
from tests.training import tiny
from tests.training.small_tokenizer import make

from overnight.training import answers, state

pytestmark = pytest.mark.tiny
PROMPT = [5, 60, 70, 80]


def greedy(session, prompt, count):
    """The most likely tokens, one after another, computed anew each time."""
    ids = list(prompt)
    with torch.no_grad():
        for _ in range(count):
            ids.append(int(session.model(torch.tensor([ids])).logits[0, -1].argmax()))
    return ids[len(prompt) :]


def test_an_answer_is_the_most_likely_continuation(base, monkeypatch):
    monkeypatch.setattr(answers, "NEW_TOKENS", 6)
    session, tokenizer = tiny.session(base), make()
    wanted = greedy(session, PROMPT, 6)
    text = tokenizer.decode(wanted[: wanted.index(1)] if 1 in wanted else wanted,
                            skip_special_tokens=True)  # fmt: skip
    assert answers.answer(session, PROMPT, tokenizer) == text.strip()


def test_an_answer_leaves_random_state_and_mode(base):
    session = tiny.session(base, tiny.LORA)
    tiny.train(session, 1)
    before = state.random_state()["torch"]
    answers.answer(session, PROMPT, make())
    assert torch.equal(state.random_state()["torch"], before)
    assert session.model.training


def test_a_long_prompt_is_cut_at_its_beginning(base):
    session, tokenizer = tiny.session(base), make()
    long = [9] * 50 + list(range(20, 20 + session.corpus.max_length))
    short = long[-session.corpus.max_length :]
    assert answers.answer(session, long, tokenizer) == answers.answer(session, short, tokenizer)


def test_an_answer_that_has_no_time_is_a_short_one(base):
    session, tokenizer = tiny.session(base), make()
    whole = answers.answer(session, PROMPT, tokenizer)
    assert len(answers.answer(session, PROMPT, tokenizer, seconds=0.0)) < len(whole)
