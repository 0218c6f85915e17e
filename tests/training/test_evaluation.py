"""Looking: right figures in any order, and fewer rows together where memory is scarce."""

import pytest
import torch
from tests.training import tiny

from overnight.training import evaluation
from overnight.training.losses import Head
from overnight.values.errors import OvernightError

pytestmark = pytest.mark.tiny
ROWS = [13, 2, 7, 0, 5, 9, 1, 4, 11]


def test_every_rows_loss_is_its_own_in_the_order_asked_for(base):
    session = tiny.session(base)
    sums, counts = evaluation.row_losses(session, ROWS)
    alone = [evaluation.row_losses(session, [row]) for row in ROWS]
    assert sums == pytest.approx([float(one[0][0]) for one in alone], abs=1e-4)
    assert counts.tolist() == [int(one[1][0]) for one in alone]


def test_the_loss_of_tokens_is_that_of_transformers(base):
    session, tokens = tiny.session(base), [5, 60, 7, 80]
    ids = torch.tensor([tokens])
    theirs = session.model(ids, labels=ids).loss.item()
    assert evaluation.loss_of(session, tokens) == pytest.approx(theirs, abs=1e-5)


def scarce(monkeypatch, most):
    """More than so many rows together do not fit."""
    real = Head.token_losses

    def losses(self, model, batch):
        if len(batch["input_ids"]) > most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(self, model, batch)

    monkeypatch.setattr(Head, "token_losses", losses)


@pytest.mark.parametrize("most", [1, 3])
def test_where_memory_is_scarce_fewer_rows_are_looked_at_together(base, monkeypatch, most):
    session = tiny.session(base)
    plenty = session.evaluate(ROWS)[0]
    scarce(monkeypatch, most)
    assert session.evaluate(ROWS)[0] == pytest.approx(plenty, abs=1e-4)
    assert 1 <= session.room.looked <= most  # the next look begins with as many


def test_a_row_that_does_not_fit_alone_is_said(base, monkeypatch):
    scarce(monkeypatch, 0)
    with pytest.raises(OvernightError, match="max_length"):
        tiny.session(base).evaluate(ROWS)


def test_another_error_comes_through_and_the_mode_is_put_back(base, monkeypatch):
    session = tiny.session(base)
    session.model.train()
    monkeypatch.setattr(Head, "token_losses", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        session.evaluate(ROWS)
    assert session.model.training


def test_a_look_that_is_given_up_leaves_everything_as_it_was(base):
    session, before = tiny.session(base), torch.get_rng_state()
    session.model.train()
    asked = iter([False, True])
    with pytest.raises(evaluation.OutOfTime):
        evaluation.row_losses(session, list(range(14)) * 3, lambda: next(asked))
    assert session.model.training
    assert torch.equal(torch.get_rng_state(), before)
