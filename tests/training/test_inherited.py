"""Another trainer's weights and moments in a live session: taken whole, or refused."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training import tiny
from transformers import Trainer, TrainingArguments

from overnight.training import foreign, inherited, methods
from overnight.training.session import Session
from overnight.values.errors import ModelError
from overnight.values.plan import Candidate

pytestmark = pytest.mark.tiny

STEPS = 3
ADAPTED = replace(tiny.LORA, lora_target_modules=("q_proj", "v_proj"))
ROWS = [{"input_ids": torch.arange(n, n + 8), "labels": torch.arange(n, n + 8)}
        for n in range(10, 34)]  # fmt: skip


def trained(model: Any, folder: Path) -> Path:
    """The checkpoint that a Trainer has saved after three steps."""
    arguments = TrainingArguments(
        output_dir=str(folder), max_steps=STEPS, save_steps=STEPS, learning_rate=1e-2,
        report_to=[], use_cpu=True, disable_tqdm=True, logging_steps=100,
        per_device_train_batch_size=2, adam_beta2=0.999,
    )  # fmt: skip
    Trainer(model=model, args=arguments, train_dataset=ROWS).train()
    return folder / f"checkpoint-{STEPS}"


@pytest.fixture(scope="module")
def whole(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = methods.load_base(str(base), tiny.CANDIDATE)
    return trained(model, tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = methods.prepare(methods.load_base(str(base), ADAPTED), ADAPTED)
    return trained(model, tmp_path_factory.mktemp("adapter"))


@pytest.fixture(params=["whole", "adapter"])
def checkpoint(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Either, as a copy that may be spoilt."""
    return Path(shutil.copytree(request.getfixturevalue(request.param), tmp_path / "checkpoint-3"))


def candidate_of(folder: Path) -> Candidate:
    return ADAPTED if (folder / "adapter_config.json").exists() else tiny.CANDIDATE


@pytest.fixture
def session(base: Path, checkpoint: Path) -> Session:
    return tiny.session(base, candidate_of(checkpoint))


def taken(session: Session, folder: Path) -> str:
    found = foreign.find(str(folder))
    inherited.check(session, found)
    return inherited.take(session, found)


def moments(session: Session) -> list[dict[str, torch.Tensor]]:
    return [dict(one) for one in session.optimizer.state.values()]


def saved_moments(folder: Path) -> dict[int, dict[str, torch.Tensor]]:
    found: Any = torch.load(folder / "optimizer.pt", weights_only=True)
    return found["state"]


def test_every_weight_is_the_trainer_s_bit_for_bit(session: Session, checkpoint: Path):
    before = tiny.weights(session)
    taken(session, checkpoint)
    session.save_into(checkpoint / "again")
    theirs = dict(foreign.tensors(foreign.find(str(checkpoint)).files))
    ours = dict(foreign.tensors(foreign.find(str(checkpoint / "again")).files))
    assert theirs.keys() == ours.keys() and not tiny.same(before, tiny.weights(session))
    assert all(torch.equal(theirs[name], ours[name]) for name in theirs)


def test_adamw_makes_the_same_of_the_moments_under_other_betas(session: Session, checkpoint: Path):
    assert taken(session, checkpoint) == "AdamW's moments are carried on"
    ours, theirs = moments(session), saved_moments(checkpoint)
    beta = session.candidate.adam_beta2
    assert len(ours) == len(theirs) and {float(one["step"]) for one in ours} == {STEPS}
    for one, other in zip(ours, theirs.values(), strict=True):
        assert torch.equal(one["exp_avg"], other["exp_avg"])
        mine, yours = (
            one["exp_avg_sq"] / (1 - beta**STEPS),
            other["exp_avg_sq"] / (1 - 0.999**STEPS),
        )
        assert torch.allclose(mine, yours, rtol=1e-5)


def test_training_goes_on_from_there(session: Session, checkpoint: Path):
    taken(session, checkpoint)
    before = tiny.weights(session)
    losses = tiny.train(session, 2)
    assert all(map(float.__le__, losses, [10.0] * 2)) and not tiny.same(
        before, tiny.weights(session)
    )
    assert {float(one["step"]) for one in moments(session)} == {STEPS + 2}


def drop(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def edited(change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        saved: Any = torch.load(folder / "optimizer.pt", weights_only=True)
        torch.save(change(saved), folder / "optimizer.pt")

    return spoil


def each(key: str, make: Callable[[torch.Tensor], Any]) -> Callable[[Any], Any]:
    def change(saved: Any) -> Any:
        for one in saved["state"].values():
            one[key] = make(one[key])
        return saved

    return change


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (drop("optimizer.pt"), "there is no optimizer.pt"),
        (edited(lambda saved: {}), "is not AdamW's"),
        (edited(lambda saved: [1]), "is not AdamW's"),
        (edited(lambda saved: saved | {"state": {}}), "is not AdamW's"),
        (edited(lambda saved: saved | {"param_groups": []}), "is not AdamW's"),
        (edited(lambda saved: saved | {"param_groups": saved["param_groups"][:0]}), "not AdamW's"),
        (
            edited(lambda s: s | {"param_groups": [s["param_groups"][0] | {"params": [0]}]}),
            "is of 1 parameters",
        ),
        (edited(each("exp_avg", lambda one: one[:1])), "of other parameters"),
        (edited(each("exp_avg", lambda one: one.int())), "of other parameters"),
        (edited(each("exp_avg_sq", lambda one: one * float("nan"))), "are not finite"),
        (edited(each("step", lambda one: torch.zeros(2))), "is not AdamW's"),
        (edited(each("step", lambda one: torch.tensor(0.0))), "are not finite"),
        (lambda folder: (folder / "optimizer.pt").write_bytes(b"rubbish"), "is not read"),
    ],
)
def test_moments_that_do_not_fit_begin_anew_and_it_is_said(session, checkpoint, spoil, says):
    spoil(checkpoint)
    said = taken(session, checkpoint)
    assert said.startswith("AdamW's moments begin anew: ") and says in said
    assert moments(session) == []


def test_neither_pickle_nor_arguments_are_run_or_opened(session, checkpoint, tmp_path):
    from tests.training.test_foreign import Bomb

    canary = tmp_path / "canary"
    names = ("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin", "scaler.pt")
    for name in names:
        torch.save(Bomb(canary), checkpoint / name)
    assert "begin anew" in taken(session, checkpoint)
    assert not canary.exists()


def test_a_base_of_another_size_is_named_by_a_tensor(tmp_path: Path, checkpoint: Path):
    wider = tiny.write_base(tmp_path / "wider", hidden_size=64, vocab_size=320)
    with pytest.raises(ModelError, match=r"is of another base: .* there and .* in --model") as said:
        taken(tiny.session(wider, candidate_of(checkpoint)), checkpoint)
    assert "\n" not in str(said.value)


def test_layers_that_the_model_has_not_are_named(base: Path):
    asked = replace(ADAPTED, lora_target_modules=("c_attn",))
    with pytest.raises(ModelError, match=r"of layers that the model has not \(c_attn\)"):
        tiny.session(base, asked)


@pytest.mark.parametrize(
    ("targets", "says"), [(("q_proj",), "which is not trained here"),
                          (("q_proj", "k_proj", "v_proj"), "lacks .*k_proj.*which is trained here")]
)  # fmt: skip
def test_more_or_less_than_is_trained_is_refused(base: Path, adapter: Path, targets, says):
    asked = replace(ADAPTED, lora_target_modules=targets)
    with pytest.raises(ModelError, match=says):
        taken(tiny.session(base, asked), adapter)


def test_weights_in_a_pickle_that_are_not_finite_are_refused(session, checkpoint):
    found = foreign.find(str(checkpoint))
    (file,) = found.files
    torch.save({name: one * float("nan") for name, one in foreign.tensors(found.files)},
               file.with_suffix(".bin").with_stem("adapter_model" if found.adapter
                                                  else "pytorch_model"))  # fmt: skip
    file.unlink()
    with pytest.raises(ModelError, match="its weights are not finite"):
        taken(session, checkpoint)


def test_the_real_checkpoint_of_a_trainer_is_taken_with_its_moments(shared_data, tmp_path):
    real = shared_data / "tiny_gpt2_full_checkpoint"
    assert json.loads((real / "trainer_state.json").read_text())["global_step"] == 250
    asked = replace(tiny.CANDIDATE, method="full")
    session = tiny.session(real, asked)
    with torch.no_grad():
        for parameter in session.parameters:
            parameter.zero_()
    assert taken(session, real) == "AdamW's moments are carried on"
    assert {float(one["step"]) for one in moments(session)} == {250.0}
    theirs = dict(foreign.tensors(foreign.find(str(real)).files))
    assert torch.equal(session.model.transformer.wte.weight, theirs["transformer.wte.weight"])
