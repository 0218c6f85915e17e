"""The traced step against the same step taken for real, storage by storage."""

from dataclasses import replace

import pytest
import torch
from tests.training import tiny

from overnight.probe import architecture
from overnight.probe.trace import Recorder
from overnight.story import tracing
from overnight.story.tracing import Batch
from overnight.training import methods
from overnight.training.losses import Head
from overnight.training.optimizer import adamw
from overnight.values.errors import ModelError
from overnight.values.facts import Hardware

pytestmark = pytest.mark.tiny
SIZES = {"hidden_size": 128, "intermediate_size": 352, "num_hidden_layers": 3}
BATCH = Batch(rows=4, length=64, padded=False)
METHODS = [
    tiny.CANDIDATE,
    replace(tiny.LORA, lora_dropout=0.0),
    replace(tiny.LORA, lora_dropout=0.0, precision="bf16"),
    replace(tiny.CANDIDATE, precision="bf16", gradient_checkpointing=True),
    replace(tiny.CANDIDATE, gradient_checkpointing=True, checkpoint_every=2),
]
CARD = Hardware(
    device="cuda", name="a card", num_devices=1, memory_bytes=2**33, memory_free_bytes=2**33,
    host_memory_bytes=2**34, cpu_count=2, disk_free_bytes=2**34,
)  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny.write_base(tmp_path_factory.mktemp("base"))


def real_peak(candidate, batch):
    """Bytes in use at the peak of two real steps, by the same recorder."""
    full, runs = candidate.method == "full", getattr(torch, methods.DTYPES[candidate.precision])
    model = tiny.llama(**SIZES).to(torch.float32 if full else runs)
    model = methods.prepare(model, candidate).train()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer, recorder = adamw(trained, candidate, "cpu"), Recorder(lambda tensor: "")
    recorder.name("weights", [*model.parameters(), *model.buffers()])
    ids = torch.zeros(batch.rows, batch.length, dtype=torch.long)
    places = torch.arange(ids.numel())
    tensors = {"input_ids": ids, "attention_mask": None, "places": places, "targets": places * 0}
    with recorder.watching():
        for _ in range(2):
            with torch.autocast("cpu", torch.bfloat16, enabled=runs is torch.bfloat16):
                loss = Head(bare=True).token_losses(model, tensors).sum()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
    return recorder.trace().peak_bytes


def traced(candidate, batch=BATCH, **changes):
    with torch.device("meta"):
        config = tiny.llama(**SIZES | changes).config
    once = replace(candidate, gradient_accumulation_steps=1)
    return tracing.step(config, once, batch)


@pytest.mark.parametrize("candidate", METHODS)
def test_what_is_traced_is_what_a_real_step_takes(candidate):
    assert traced(candidate).peak_bytes == pytest.approx(real_peak(candidate, BATCH), rel=0.01)


def test_checkpointing_every_other_layer_lies_between():
    asked = replace(tiny.CANDIDATE, gradient_checkpointing=True)
    all_of_them, some, none = (
        traced(candidate, num_hidden_layers=8).peak_bytes
        for candidate in (asked, replace(asked, checkpoint_every=2), tiny.CANDIDATE)
    )
    assert all_of_them < some < none


def test_parts_have_their_names():
    parts = traced(replace(tiny.LORA, precision="bf16", method="qlora")).peak()
    assert {"weights", "quantised weights", "adapters", "optimizer", "activations"} <= set(parts)


def test_8_bit_moments_take_a_byte_each():
    wide = {"hidden_size": 256, "intermediate_size": 1024}
    small, large = (
        traced(replace(tiny.CANDIDATE, optim=optim), **wide).peak()["optimizer"]
        for optim in ("adamw_bnb_8bit", "adamw_torch")
    )
    assert 0.25 * large < small < 0.27 * large


def test_several_micro_batches_hold_gradients_while_they_run():
    several = replace(tiny.CANDIDATE, gradient_accumulation_steps=4)
    with torch.device("meta"):
        config = tiny.llama(**SIZES).config
    assert tracing.step(config, several, BATCH).peak_bytes > traced(tiny.CANDIDATE).peak_bytes


def test_eager_attention_grows_with_the_square_of_the_length():
    def kept(attention, length):
        asked = replace(tiny.LORA, attn_implementation=attention, max_length=length)
        return traced(asked, Batch(rows=1, length=length, padded=False)).peak()["activations"]

    assert kept("sdpa", 512) == pytest.approx(2 * kept("sdpa", 256), rel=0.01)
    assert kept("eager", 512) > 2.2 * kept("eager", 256)


def test_a_model_folder_and_a_card_give_an_estimate(base):
    asked = replace(tiny.CANDIDATE, precision="bf16")
    found = tracing.traced(asked, architecture.profile(str(base)), CARD)
    assert found.how == "trace"
    assert {"weights", "optimizer", "context", "fragmentation"} <= set(found.parts)


def test_near_the_limit_the_allocator_holds_on_to_no_more_than_it(base):
    profile, asked = architecture.profile(str(base)), replace(tiny.CANDIDATE, max_length=64)
    free = tracing.traced(asked, profile, CARD).peak_bytes
    limit = free - 2**20
    assert tracing.traced(asked, profile, CARD, limit=limit).peak_bytes <= free


def test_a_folder_that_has_gone_is_named(base):
    lost = replace(architecture.profile(str(base)), path="/nowhere/at/all")
    with pytest.raises(ModelError, match="/nowhere/at/all"):
        tracing.traced(tiny.CANDIDATE, lost, CARD)


def test_what_cannot_be_traced_is_said_in_one_line(base, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("data-dependent\nand much more of it")

    monkeypatch.setattr(tracing, "step", fails)
    with pytest.raises(ModelError, match=r"cannot be traced \(data-dependent\)") as caught:
        tracing.traced(tiny.CANDIDATE, architecture.profile(str(base)), CARD)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_mixture_of_experts_is_traced(method):
    from transformers import MixtralConfig

    sizes = tiny.SIZES | {"num_local_experts": 4, "num_experts_per_tok": 2}
    asked = replace(tiny.CANDIDATE, method=method, gradient_accumulation_steps=1)
    assert tracing.step(MixtralConfig(**sizes), asked, BATCH).peak_bytes > 0
