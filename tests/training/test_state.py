"""State: what goes on after a restart is what would have been, bit for bit."""

import json
import random
import sys

import numpy as np
import psutil
import pytest
import torch
from tests.training import tiny

from overnight.training import methods, state
from overnight.training.session import Material, Session
from overnight.values.errors import OvernightError

pytestmark = pytest.mark.tiny
CANDIDATES = [tiny.CANDIDATE, tiny.LORA]


@pytest.mark.parametrize("candidate", CANDIDATES, ids=["full", "lora"])
def test_a_restored_session_goes_on_bit_for_bit(base, tmp_path, candidate):
    whole = tiny.session(base, candidate)
    losses = tiny.train(whole, 7)  # three steps an epoch: two boundaries are crossed
    first = tiny.session(base, candidate)
    begun = tiny.train(first, 4)
    first.save_into(tmp_path)
    second = tiny.session(base, candidate)
    second.restore(tmp_path)
    assert begun + tiny.train(second, 3) == losses
    assert second.progress == whole.progress
    assert tiny.same(tiny.weights(second), tiny.weights(whole))


def test_a_live_session_goes_back_in_the_middle_of_an_epoch(base, tmp_path):
    session = tiny.session(base, tiny.LORA)
    tiny.train(session, 1)
    session.save_into(tmp_path)
    losses = tiny.train(session, 3)
    tiny.train(session, 1)
    session.restore(tmp_path)
    assert tiny.train(session, 3) == losses


def test_saving_changes_nothing(base, tmp_path):
    quiet = tiny.session(base, tiny.LORA)
    losses = tiny.train(quiet, 3)
    saving = tiny.session(base, tiny.LORA)
    begun = tiny.train(saving, 1)
    saving.save_into(tmp_path)
    assert begun + tiny.train(saving, 2) == losses


@pytest.mark.parametrize(
    ("candidate", "weights"),
    [(tiny.CANDIDATE, ("config.json", "model.safetensors")),
     (tiny.LORA, ("adapter_config.json", "adapter_model.safetensors"))],
)  # fmt: skip
def test_the_files_have_their_hugging_face_names(base, tmp_path, candidate, weights):
    tiny.session(base, candidate).save_into(tmp_path)
    names = {path.name for path in tmp_path.iterdir()} - {"generation_config.json"}
    assert names == {*weights, "optimizer.pt", "rng_state.pth", "trainer_state.json"}


def test_the_trainer_state_tells_step_and_epoch(base, tmp_path):
    session = tiny.session(base)
    tiny.train(session, 4)
    session.save_into(tmp_path)
    told = json.loads((tmp_path / "trainer_state.json").read_text())
    assert (told["global_step"], told["epoch"]) == (4, pytest.approx(4 / 3))


@pytest.mark.parametrize("candidate", CANDIDATES, ids=["full", "lora"])
def test_a_checkpoint_of_another_model_is_refused(base, tmp_path, candidate):
    other = tiny.write_base(tmp_path / "other", num_hidden_layers=3)
    tiny.session(other, candidate).save_into(tmp_path / "checkpoint-1")
    with pytest.raises(RuntimeError):
        tiny.session(base, candidate).restore(tmp_path / "checkpoint-1")


def test_a_checkpoint_of_a_smaller_model_is_refused(base, tmp_path):
    other = tiny.write_base(tmp_path / "other", num_hidden_layers=1)
    tiny.session(other).save_into(tmp_path / "checkpoint-1")
    with pytest.raises(RuntimeError, match="checkpoint-1 does not belong to this model"):
        tiny.session(base).restore(tmp_path / "checkpoint-1")


def test_tied_embeddings_stay_tied(tmp_path):
    tied = tiny.write_base(tmp_path / "tied", tie_word_embeddings=True)
    first, second = tiny.session(tied), tiny.session(tied)
    tiny.train(first, 2)
    first.save_into(tmp_path)
    second.restore(tmp_path)
    assert second.model.lm_head.weight is second.model.model.embed_tokens.weight
    assert tiny.same(tiny.weights(first), tiny.weights(second))


def experts():
    from transformers import MixtralConfig, MixtralForCausalLM

    torch.manual_seed(1)
    return MixtralForCausalLM(MixtralConfig(**tiny.SIZES, num_local_experts=2, pad_token_id=1))


def test_a_mixture_of_experts_survives_its_other_names(tmp_path):
    rows = Material(tiny.corpus(), np.arange(12), 1)
    first, second = (Session(experts(), tiny.CANDIDATE, rows) for _ in range(2))
    tiny.train(first, 2)
    first.save_into(tmp_path)
    second.restore(tmp_path)
    assert tiny.same(tiny.weights(first), tiny.weights(second))


def test_the_optimizer_file_holds_no_pickled_code(base, tmp_path):
    session = tiny.session(base)
    tiny.train(session, 1)
    session.save_into(tmp_path)
    for name in ("optimizer.pt", "rng_state.pth"):
        torch.load(tmp_path / name, weights_only=True)


def draws():
    return random.random(), float(np.random.normal()), torch.rand(1).item()


def test_every_random_state_is_put_back():
    np.random.normal()  # an odd number of them: one is kept for the next call
    saved = state.random_state()
    first = draws()
    draws()
    state.set_random_state(saved)
    assert draws() == first


def test_every_process_draws_its_own():
    told = []
    for rank in (0, 1, 0):
        state.seed_everything(5, rank)
        told.append(draws())
    assert told[0] == told[2] != told[1]


def test_a_look_is_undone_even_when_it_fails():
    model = methods.prepare(tiny.llama(), tiny.CANDIDATE).train()
    saved = state.random_state()["torch"]
    with pytest.raises(ZeroDivisionError), state.undisturbed(model):
        assert not model.training
        torch.rand(1)
        raise ZeroDivisionError
    assert model.training
    assert torch.equal(state.random_state()["torch"], saved)


@pytest.mark.parametrize(
    ("error", "memory"),
    [(torch.OutOfMemoryError("CUDA out of memory."), True), (MemoryError(), True),
     (RuntimeError("DefaultCPUAllocator: can't allocate memory"), True),
     (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling"), True),
     (RuntimeError("size mismatch"), False)],
)  # fmt: skip
def test_memory_that_ran_out_is_told_from_other_errors(error, memory):
    assert state.out_of_memory(error) is memory


def test_memory_that_runs_out_while_something_is_loaded_is_one_line():
    says = "memory ran out while the model was loaded: free"
    with pytest.raises(OvernightError, match=says), state.loading("the model was loaded"):
        raise torch.OutOfMemoryError("CUDA out of memory.")
    with pytest.raises(RuntimeError, match="size mismatch"), state.loading("x"):
        raise RuntimeError("size mismatch")


def test_freeing_memory_needs_no_device():
    state.free_memory("cpu")
    assert state.peak_bytes("cpu") > 2**20


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc alone keeps what is free")
def test_what_is_free_is_given_back_to_the_system():
    held = [np.ones(8_000) for _ in range(4_000)]
    last = np.ones(8_000)  # above the others on the heap, which therefore does not shrink by itself
    full = psutil.Process().memory_info().rss
    held.clear()
    state.give_back()
    assert full - psutil.Process().memory_info().rss > 150_000_000
    assert last.sum() == 8_000
