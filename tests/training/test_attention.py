"""Attention by blocks: torch's own figures, nothing seen ahead, torch itself where it must be."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.training import tiny

from overnight.training import attention

BF16 = replace(tiny.CANDIDATE, precision="bf16")
LENGTHS = (2, 63, 64, 65, 200, attention.KEPT + 1)
sdpa = torch.nn.functional.scaled_dot_product_attention


def sides(length: int, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    torch.manual_seed(length)
    return [torch.randn(2, 3, length, 16).to(dtype).requires_grad_() for _ in range(3)]


def gradients(out: torch.Tensor, of: list[torch.Tensor]) -> list[torch.Tensor]:
    torch.manual_seed(0)
    return list(torch.autograd.grad(out, of, torch.randn(out.shape).to(out.dtype)))


def far(one: torch.Tensor, other: torch.Tensor) -> float:
    return ((one.double() - other.double()).norm() / other.double().norm()).item()


@pytest.mark.parametrize("length", LENGTHS)
def test_in_32_bits_it_is_torch_s_own(length: int):
    given = sides(length)
    ours, theirs = attention.causal(*given, 0.25), sdpa(*given, is_causal=True, scale=0.25)
    assert far(ours, theirs) < 1e-6
    pairs = zip(gradients(ours, given), gradients(theirs, given), strict=True)
    assert max(far(one, other) for one, other in pairs) < 1e-5


@pytest.mark.parametrize("length", LENGTHS)
def test_in_16_bits_it_is_no_further_from_the_truth_than_torch_s(length: int):
    given = sides(length, torch.bfloat16)
    exact = [one.detach().double().requires_grad_() for one in given]
    true = gradients(sdpa(*exact, is_causal=True, scale=0.25), exact)
    outs = (attention.causal(*given, 0.25), sdpa(*given, is_causal=True, scale=0.25))
    ours, theirs = (max(map(far, gradients(out, given), true)) for out in outs)
    assert ours < 1.5 * theirs < 0.05


def test_nothing_is_seen_ahead():
    given = sides(200)
    before = attention.causal(*given, 0.25)
    with torch.no_grad():
        for side in given:
            side[:, :, 130:] += 1.0
    after = attention.causal(*given, 0.25)
    assert torch.equal(before[:, :, :130], after[:, :, :130])
    assert not torch.equal(before[:, :, 130:], after[:, :, 130:])


def installed(candidate: Any = BF16, *, device: str = "cpu", **changes: Any) -> Any:
    model = tiny.llama(num_attention_heads=4, num_key_value_heads=2, **changes)
    attention.install(model, candidate, device)
    return model


IDS = torch.randint(10, 300, (2, 40), generator=torch.Generator().manual_seed(3))


def loss(model: Any, **more: Any) -> torch.Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        found: torch.Tensor = model(input_ids=IDS, labels=IDS, use_cache=False, **more).loss
    return found


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[torch.Size]:
    """The queries that came here."""
    found: list[torch.Size] = []
    here = attention.causal

    def watched(query: torch.Tensor, *rest: Any) -> torch.Tensor:
        found.append(query.shape)
        return here(query, *rest)

    monkeypatch.setattr(attention, "causal", watched)
    return found


def test_a_model_with_fewer_keys_than_queries_learns_the_same(seen: list[torch.Size]):
    ours, theirs = installed(), tiny.llama(num_attention_heads=4, num_key_value_heads=2)
    losses = [loss(model) for model in (ours, theirs)]
    for one in losses:
        one.backward()
    assert len(seen) == 2 and losses[0].item() == pytest.approx(losses[1].item(), abs=2e-3)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert far(one.grad, other.grad) < 0.05


def test_a_mask_stays_with_torch(seen: list[torch.Size]):
    hidden = torch.ones_like(IDS)
    hidden[1, 30:] = 0
    plain = loss(tiny.llama(num_attention_heads=4, num_key_value_heads=2), attention_mask=hidden)
    assert torch.equal(loss(installed(), attention_mask=hidden), plain)
    assert seen == []


def test_writing_with_a_cache_stays_with_torch_but_for_the_prompt(seen: list[torch.Size]):
    model = installed().to(torch.bfloat16)
    model.generate(IDS[:1, :5], max_new_tokens=4, do_sample=False)
    assert {shape[2] for shape in seen} == {5}


@pytest.mark.parametrize(
    "candidate",
    [replace(BF16, precision="fp32"), replace(BF16, torch_compile=True)],
)
def test_other_precisions_and_compiled_models_keep_theirs(candidate: Any):
    assert installed(candidate).config._attn_implementation == "sdpa"


def test_other_devices_keep_theirs():
    assert installed(device="cuda").config._attn_implementation == "sdpa"


def test_a_model_of_eager_attention_keeps_it():
    assert installed(attn_implementation="eager").config._attn_implementation == "eager"


def test_the_name_is_not_written_into_a_checkpoint(tmp_path):
    installed().save_pretrained(tmp_path)
    assert attention.NAME not in (tmp_path / "config.json").read_text()
