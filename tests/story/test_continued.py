"""A night that goes on from another trainer's checkpoint: what is decided by it, what is said."""

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests import small_nights
from tests.fakes import FakeClock
from tests.small_nights import Small, told
from tests.training import foreign_folders as folders

from overnight.story import begin, continued
from overnight.values.errors import InputError, ModelError
from overnight.values.ledger import Chosen, Continued, Evaluated, Promoted, Published, Saved
from overnight.values.plan import Plan
from overnight.values.request import Request, Settings, Window

HOUR = Window(seconds=3600.0, label="1h")


def request(folder: Path | None, **changes: Any) -> Request:
    named = None if folder is None else str(folder)
    return Request(data="d", model="m", window=HOUR, resume_from_checkpoint=named, **changes)


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    return folders.adapter(tmp_path / "stock" / "checkpoint-500")


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return folders.whole(tmp_path / "stock" / "checkpoint-500")


def asked(folder: Path, **changes: Any) -> Request:
    wanted = request(folder, **changes)
    return continued.asked(wanted, continued.find(wanted, thorough=False))


def test_a_night_that_names_none_is_as_it_was_asked():
    plain = request(None)
    assert continued.find(plain) is None and continued.asked(plain, None) == plain


def test_an_adapter_decides_method_rank_alpha_and_dropout(adapter: Path):
    found = asked(adapter)
    assert (found.method, found.settings) == (
        "lora", Settings(lora_r=4, lora_alpha=32, lora_dropout=0.05))  # fmt: skip


def test_whole_weights_decide_the_method(whole: Path):
    assert asked(whole).method == "full"


def test_an_adapter_may_go_on_over_a_base_in_four_bits(adapter: Path):
    assert asked(adapter, method="qlora").method == "qlora"


@pytest.mark.parametrize(
    ("given", "says"),
    [(Settings(lora_r=8), "lora_r=8 was asked for, and the adapter in .* has 4"),
     (Settings(lora_alpha=16), "lora_alpha=16 was asked for, and .* has 32")],
)  # fmt: skip
def test_another_rank_or_alpha_is_refused_with_both_figures(adapter: Path, given, says: str):
    with pytest.raises(InputError, match=says):
        asked(adapter, settings=given)


def test_what_is_given_and_the_same_or_not_in_the_weights_counts(adapter: Path):
    given = Settings(lora_r=4, lora_dropout=0.3, learning_rate=1e-4)
    settings = asked(adapter, settings=given).settings
    assert settings == Settings(lora_r=4, lora_alpha=32, lora_dropout=0.3, learning_rate=1e-4)


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_an_adapter_asked_for_over_whole_weights_is_refused(whole: Path, method: str):
    with pytest.raises(InputError, match=f"--method {method}: .* whole weights.*as --model"):
        asked(whole, method=method)


def test_whole_training_asked_for_over_an_adapter_is_refused(adapter: Path):
    with pytest.raises(InputError, match=r"--method full: .* holds an adapter.*merge it"):
        asked(adapter, method="full")


def test_the_plan_has_the_adapter_s_layers(adapter: Path, plan: Plan):
    found = continued.find(request(adapter), thorough=False)
    assert continued.planned(plan, found).candidate.lora_target_modules == ("q_proj",)
    assert continued.planned(plan, None) == plan


@pytest.fixture
def plan() -> Plan:
    from tests.report.samples import PLAN

    return PLAN


def stage(model: str, template: str | None) -> Any:
    tokenizer = SimpleNamespace(chat_template=template)
    data = SimpleNamespace(data=SimpleNamespace(tokenizer=tokenizer))
    return SimpleNamespace(request=Request(data="d", model=model), found=data)


def test_another_base_s_name_and_another_template_are_said(adapter: Path):
    (adapter / "chat_template.jinja").write_text("theirs")
    found = continued.find(request(adapter), thorough=False)
    assert found is not None
    base, template = continued._differences(stage("/models/other", "ours"), found)
    assert "trained on org/base, and is gone on with on /models/other" in base
    assert "its chat template is not that of --model" in template
    assert continued._differences(stage("/models/base", "theirs"), found) == []


def test_a_night_with_a_bad_one_does_not_begin(tmp_path: Path):
    with pytest.raises(ModelError, match="there is no such folder"):
        begin.night(request(tmp_path / "absent"), tmp_path / "run", FakeClock(), renew=False)
    assert not (tmp_path / "run").exists()


def test_a_trainer_s_own_folder_as_output_is_refused_with_the_words_to_use(tmp_path: Path):
    stock = folders.run(tmp_path / "adapter_training", 500, 1500)
    with pytest.raises(InputError) as said:
        begin.night(request(None), stock, FakeClock(), renew=False)
    assert f"--resume-from-checkpoint {stock}" in str(said.value)
    assert "checkpoint-1500 is its newest" in str(said.value)


def test_the_path_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    adapter = folders.adapter(tmp_path / "stock" / "checkpoint-500")
    monkeypatch.chdir(adapter.parent)
    here = request(Path("checkpoint-500"))
    begin.night(here, tmp_path / "run", FakeClock(), renew=False)
    written = json.loads((tmp_path / "run" / begin.PLAN).read_text())
    assert written["request"]["resume_from_checkpoint"] == str(adapter)


# A whole night from a real trainer's checkpoints.

STOCK = """
import sys, torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments
torch.manual_seed(0)
model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
if sys.argv[3] == "lora":
    model = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, task_type="CAUSAL_LM",
                                             target_modules=["q_proj", "v_proj"]))
rows = [{"input_ids": torch.arange(n, n + 9), "labels": torch.arange(n, n + 9)} for n in range(40)]
arguments = TrainingArguments(output_dir=sys.argv[2], max_steps=6, save_steps=2, use_cpu=True,
                              learning_rate=1e-3, report_to=[], save_total_limit=3)
Trainer(model=model, args=arguments, train_dataset=rows).train()
"""
SHORT = ("--set", "max_steps=12", "--set", "save_steps=6",
         "--set", "per_device_train_batch_size=4")  # fmt: skip


def run_python(*words: str) -> None:
    import subprocess

    subprocess.run([sys.executable, "-c", *words], check=True, capture_output=True, timeout=120)


@pytest.fixture(scope="module", params=["lora", "full"])
def night(request: Any, small: Small, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A night from the newest of a Trainer's checkpoints that is whole: its newest is torn."""
    folder = tmp_path_factory.mktemp(request.param)
    run_python(STOCK, str(small.model), str(folder / "stock"), request.param)
    (folder / "stock" / "checkpoint-6" / "trainer_state.json").unlink()
    done = small_nights.train(small, folder / "run", *SHORT,
                              "--resume-from-checkpoint", str(folder / "stock"))  # fmt: skip
    assert done.returncode == 0, done.stderr
    return SimpleNamespace(run=folder / "run", stock=folder / "stock", method=request.param,
                           said=done.stdout)  # fmt: skip


def events(night: Any, kind: type) -> list[Any]:
    return [one.event for one in told(night.run, kind)]


@pytest.mark.tiny
def test_the_guide_s_lines_are_said_and_what_comes_along(night: Any):
    lines = night.said.splitlines()
    at = lines.index("Found checkpoint: checkpoint-4")
    assert lines[at + 1] == "Resuming training from step 4..."
    assert "checkpoint-6 is passed over: " in lines[at + 2] and "not finished" in lines[at + 2]
    assert lines[at + 3] == "AdamW's moments are carried on"
    assert lines[at + 4] == continued.ANEW


@pytest.mark.tiny
def test_the_base_is_measured_first_and_the_first_checkpoint_is_the_trainer_s(night: Any):
    kinds = [type(one.event) for one in told(night.run, Evaluated, Continued, Saved, Promoted)]
    assert kinds[:6] == [Evaluated, Evaluated, Continued, Saved, Evaluated, Promoted]
    based = [(one.base, one.part, one.step) for one in events(night, Evaluated)[:3]]
    assert based == [(True, "select", 0), (True, "test", 0), (False, "select", 0)]
    assert events(night, Evaluated)[0].loss != events(night, Evaluated)[2].loss
    assert events(night, Saved)[0].name == "checkpoint-0"


@pytest.mark.tiny
def test_our_steps_count_from_the_beginning_and_the_gain_from_the_base(night: Any):
    (chosen,) = {one.name for one in events(night, Chosen)}
    assert events(night, Published)[-1].name == chosen
    last = events(night, Chosen)[-1]
    assert last.loss["base"] == events(night, Evaluated)[1].loss
    assert last.step in (0, 6, 12) and last.gain is not None


@pytest.mark.tiny
def test_the_same_command_says_finished_without_the_trainer_s_folder(night: Any, small: Small):
    moved = night.stock.with_name("gone")
    night.stock.rename(moved)
    again = small_nights.train(small, night.run, *SHORT,
                               "--resume-from-checkpoint", str(night.stock))  # fmt: skip
    moved.rename(night.stock)
    assert again.returncode == 0 and "is finished" in again.stdout


@pytest.mark.tiny
def test_a_checkpoint_of_another_base_is_refused_before_a_step(
    night: Any, small: Small, tmp_path: Path
):
    from tests.training import tiny

    tiny.write_base(tmp_path / "other", hidden_size=64, vocab_size=512)
    done = small_nights.train(small, tmp_path / "run", *SHORT, "--model", str(tmp_path / "other"),
                              "--resume-from-checkpoint", str(night.stock))  # fmt: skip
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("overnight: ")]
    assert "is of another base" in line
    assert not (tmp_path / "run").exists()


@pytest.mark.tiny
@pytest.mark.parametrize("night", ["full"], indirect=True)
def test_what_nothing_made_better_is_published_as_what_it_is(
    night: Any, small: Small, tmp_path: Path
):
    done = small_nights.train(
        small, tmp_path / "run", "--set", "max_steps=3", "--set", "learning_rate=1",
        "--resume-from-checkpoint", str(shutil.copytree(night.stock, tmp_path / "stock")),
    )  # fmt: skip
    published = [one.event for one in told(tmp_path / "run", Published)][-1]
    assert done.returncode == 0 and published.name == "checkpoint-0"
    assert published.note == "no step of this night made it better: this is checkpoint-4 as it came"
