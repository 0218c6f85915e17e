"""Token losses: those of transformers, and the short way only where it is the same."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.training import tiny

from overnight.training.losses import Head, by_row

pytestmark = pytest.mark.tiny


def batch(*rows):
    return tiny.corpus().collate(np.array(rows or (0, 1, 2)))


def of_kind(kind, **changes):
    import transformers

    sizes = {**tiny.SIZES, "head_dim": 16, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 1}
    torch.manual_seed(1)
    config = getattr(transformers, f"{kind}Config")(**sizes | changes)
    return getattr(transformers, f"{kind}ForCausalLM")(config).eval()


def test_the_head_alone_gives_a_llamas_own_logits():
    model, some = tiny.llama(), batch()
    assert Head.of(model, some).bare
    short, long = (Head(bare=bare).logits(model, some) for bare in (True, False))
    assert torch.equal(short, long)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [("Gemma2", {"final_logit_softcapping": 30.0}), ("Granite", {"logits_scaling": 2.0}),
     ("Cohere", {"logit_scale": 0.5})],
)  # fmt: skip
def test_a_model_that_scales_or_caps_its_logits_goes_the_long_way(kind, changes):
    assert not Head.of(of_kind(kind, **changes), batch()).bare


def test_a_gemma_without_a_cap_may_go_the_short_way():
    assert Head.of(of_kind("Gemma2", final_logit_softcapping=None), batch()).bare


def test_the_trial_leaves_nothing_behind():
    model, some = tiny.llama(), batch()
    before = model(some["input_ids"]).logits
    Head.of(model, some)
    assert torch.equal(model(some["input_ids"]).logits, before)


@pytest.mark.parametrize("kind", ["Llama", "Gemma2"])
def test_the_losses_are_those_of_transformers_labels(kind):
    model, some = of_kind(kind), batch()
    ours = Head.of(model, some).token_losses(model, some)
    labels = torch.full_like(some["input_ids"], -100)
    labels.view(-1)[some["places"] + 1] = some["targets"]
    theirs = model(some["input_ids"], attention_mask=some["attention_mask"], labels=labels).loss
    assert ours.numel() == len(some["places"])
    assert torch.allclose(ours.mean(), theirs, atol=1e-5)


def test_padding_changes_no_loss():
    model, some = tiny.llama(), batch()
    head = Head(bare=True)
    together = by_row(head.token_losses(model, some), some)
    alone = [head.token_losses(model, batch(row)).sum() for row in (0, 1, 2)]
    assert torch.allclose(together, torch.stack(alone), atol=1e-4)


def test_losses_are_summed_row_by_row():
    some = {"input_ids": torch.zeros(3, 2), "places": torch.tensor([0, 4, 5])}
    assert by_row(torch.tensor([1.0, 2.0, 4.0]), some).tolist() == [1.0, 0.0, 6.0]


def test_without_gradients_logits_are_held_piece_by_piece(monkeypatch):
    model, some, seen = tiny.llama(), batch(), []
    with torch.no_grad():
        whole = Head(bare=False).token_losses(model, some)
    monkeypatch.setattr("overnight.training.losses.PIECE", 5)
    model.lm_head.register_forward_hook(lambda _module, _inputs, out: seen.append(len(out)))
    with torch.no_grad():
        pieces = Head(bare=True).token_losses(model, some)
    assert torch.allclose(pieces, whole, atol=1e-5)
    assert len(seen) > 1 and max(seen) == 5 and sum(seen) == len(whole)


def test_rows_without_a_supervised_token_have_no_losses():
    nothing = torch.zeros(0, dtype=torch.long)
    some = batch() | {"places": nothing, "targets": nothing}
    with torch.no_grad():
        assert Head(bare=True).token_losses(tiny.llama(), some).shape == (0,)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_in_chunks_losses_and_gradients_are_those_of_the_whole(chunk):
    some, found = batch(), []
    for size in (0, chunk):
        model = tiny.llama()
        losses = Head(bare=True, chunk=size).token_losses(model, some)
        losses.sum().backward()
        grads = torch.cat([p.grad.flatten() for p in model.parameters()])
        found.append((losses.detach(), grads))
    (whole, gradients), (pieces, others) = found
    assert torch.allclose(whole, pieces, atol=1e-5)
    assert (gradients - others).abs().max() <= 1e-5 * gradients.abs().max()


def test_with_gradients_no_more_logits_are_held_than_a_chunk():
    model, some, seen = tiny.llama(), batch(), []
    model.lm_head.register_forward_hook(lambda _module, _inputs, out: seen.append(len(out)))
    losses = Head(bare=True, chunk=5).token_losses(model, some)
    forth = len(seen)
    losses.sum().backward()
    assert max(seen) == 5 and sum(seen[:forth]) == len(losses)
    assert sum(seen[forth:]) == len(losses)  # once more on the way back


@pytest.mark.parametrize("kind", ["Llama", "Gemma2", "Qwen3"])
def test_padding_behind_rows_needs_no_mask_where_a_model_looks_back_only(kind):
    model, some = of_kind(kind), batch()
    head = Head.of(model, some)
    assert not head.masked
    masked = replace(head, masked=True).token_losses(model, some)
    assert torch.allclose(head.token_losses(model, some), masked, atol=1e-5)


def test_a_model_that_looks_ahead_needs_the_mask(monkeypatch):
    model = tiny.llama()
    monkeypatch.setattr(model.model, "forward", _with_all_in_view(model.model.forward))
    assert Head.of(model, batch()).masked


def _with_all_in_view(forward):
    """As if every place saw the mean of all."""

    def seeing(*args, **given):
        found = forward(*args, **given)
        states = found.last_hidden_state
        found.last_hidden_state = states + states.mean(dim=1, keepdim=True)
        return found

    return seeing


def test_the_trial_keeps_the_models_mode():
    model = tiny.llama().train()
    Head.of(model, batch())
    assert model.training


def test_rounded_numbers_of_positions_change_neither_loss_nor_gradient():
    model, some = tiny.llama(), batch()
    found = []
    for grid in (1, 64):
        losses = Head(bare=True, grid=grid).token_losses(model, some)
        model.zero_grad()
        losses.sum().backward()
        found.append((losses.detach(), model.lm_head.weight.grad.clone()))
    (plain, one), (rounded, other) = found
    assert len(plain) % 64
    torch.testing.assert_close(plain, rounded, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
