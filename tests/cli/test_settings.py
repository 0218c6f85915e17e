from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.fakes import FakeClock

from overnight.cli.settings import Surroundings, gather
from overnight.values.errors import InputError
from overnight.values.request import Request, Window

NOW = datetime(2026, 11, 20, 22, 15, tzinfo=UTC).timestamp()
ENOUGH = {"data": "chats.jsonl", "model": "base", "within": "12h"}


def gathered(
    folder: Path, *, environ: Mapping[str, str] | None = None, need: str = "night",
    past: bool = False, **flags: object
) -> tuple[Request, tuple[str, ...]]:  # fmt: skip
    around = Surroundings(environ=environ or {}, folder=folder, clock=FakeClock(utc=NOW), zone=UTC)
    return gather({**ENOUGH, **flags}, around=around, need=need, past=past)


def refused(folder: Path, *, environ: Mapping[str, str] | None = None, **flags: object) -> str:
    with pytest.raises(InputError) as error:
        gathered(folder, environ=environ, **flags)
    return str(error.value)


def config(folder: Path, text: str, *, name: str = "run.yaml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_each_source_counts_over_the_next(tmp_path: Path) -> None:
    config(tmp_path, "SEED=1", name=".env")
    sources: dict[str, object] = {}
    environ: dict[str, str] = {}
    assert gathered(tmp_path)[0].settings.seed == 1
    sources["config"] = config(tmp_path, "seed: 2")
    assert gathered(tmp_path, **sources)[0].settings.seed == 2
    environ["OVERNIGHT_SEED"] = "3"
    assert gathered(tmp_path, environ=environ, **sources)[0].settings.seed == 3
    sources["seed"] = "4"
    assert gathered(tmp_path, environ=environ, **sources)[0].settings.seed == 4
    sources["set"] = ["seed=5"]
    assert gathered(tmp_path, environ=environ, **sources)[0].settings.seed == 5


def test_what_counts_over_what_is_said(tmp_path: Path) -> None:
    said = gathered(tmp_path, config=config(tmp_path, "lr_scheduler: linear\nseed: 2"),
                    set=["seed=5"])[1]  # fmt: skip
    assert "seed: 5 (--set) counts, not 2 (run.yaml)" in said


def test_auto_leaves_open_what_a_weaker_source_gave(tmp_path: Path) -> None:
    path = config(tmp_path, "learning_rate: 1e-4\nbf16: auto")
    request, said = gathered(tmp_path, config=path, set=["learning_rate=auto"])
    assert request.settings.given() == {}
    assert "learning_rate: left open (--set) counts, not 0.0001 (run.yaml)" in said


def test_each_foreign_spelling_is_said_once(tmp_path: Path) -> None:
    config(tmp_path, "EPOCHS=1", name=".env")
    path = config(tmp_path, "micro_batch_size: 2\nnum_epochs: 1\noptim: adamw\nreport_to: wandb")
    said = gathered(tmp_path, config=path)[1]
    spelled = "micro_batch_size -> per_device_train_batch_size (as Axolotl spells it)"
    assert said.count(spelled) == 1
    assert "run.yaml: without effect here: optim, report_to" in said
    assert "EPOCHS -> num_train_epochs (as LitGPT and the guides spell it)" in said


def test_two_spellings_of_one_key_must_agree(tmp_path: Path) -> None:
    same = config(tmp_path, "micro_batch_size: 2\nper_device_train_batch_size: 2")
    assert gathered(tmp_path, config=same)[0].settings.per_device_train_batch_size == 2
    said = refused(tmp_path, config=config(tmp_path, "micro_batch_size: 2\nbatch_size: 4"))
    assert said.startswith("run.yaml: micro_batch_size=2 and batch_size=4 both set")


def test_other_tools_words_for_values_are_ours_too(tmp_path: Path) -> None:
    settings = gathered(tmp_path, set=["lr_scheduler_type=warmup_stable_decay", "max_steps=-1",
                                       "gradient_checkpointing=unsloth"])[0].settings  # fmt: skip
    assert settings.given() == {"lr_scheduler_type": "wsd", "gradient_checkpointing": True}


@pytest.mark.parametrize("name, near", [("learning_rat", "learning_rate"), ("lora_rnak", "lora_r")])
def test_an_unknown_key_is_refused_with_the_nearest(tmp_path: Path, name: str, near: str) -> None:
    for flags in ({"set": [f"{name}=1"]}, {"config": config(tmp_path, f"{name}: 1")}):
        assert f"{name} is no key that we know; did you mean {near}" in refused(tmp_path, **flags)
    said = refused(tmp_path, environ={f"OVERNIGHT_{name.upper()}": "1"})
    assert said.startswith(f"OVERNIGHT_{name.upper()}: ")


def test_a_key_like_no_other_and_an_unknown_heading_are_refused(tmp_path: Path) -> None:
    assert "--help" in refused(tmp_path, set=["zzz=1"])
    assert "wrong.seed is no key" in refused(tmp_path, set=["wrong.seed=1"])


def test_a_wrong_value_says_the_name_that_it_bears_in_its_file(tmp_path: Path) -> None:
    path = config(tmp_path, "training:\n  micro_batch_size: two")
    assert refused(tmp_path, config=path) == (
        "run.yaml: training.micro_batch_size: per_device_train_batch_size is 'two'; "
        "expected a whole number from 1 up")  # fmt: skip


def test_several_data_sets_are_refused(tmp_path: Path) -> None:
    path = config(tmp_path, "datasets: [{path: a}, {path: b}]\nmodel: base\nwithin: 1h")
    around = Surroundings(environ={}, folder=tmp_path, clock=FakeClock(utc=NOW), zone=UTC)
    with pytest.raises(InputError, match="expected text"):
        gather({"config": path}, around=around)


@pytest.mark.parametrize("pairs, said", [
    (["fp16=true", "bf16=true"], r"fp16 (--set) and bf16 (--set)"),
    (["precision=bf16", "fp16=true"], r"fp16 (--set) and precision (--set)"),
])  # fmt: skip
def test_two_precisions_are_refused(tmp_path: Path, pairs: list[str], said: str) -> None:
    assert refused(tmp_path, set=pairs).startswith(said)


def test_one_precision_said_twice_is_one(tmp_path: Path) -> None:
    request = gathered(tmp_path, set=["precision=fp16", "fp16=true", "bf16=false"])[0]
    assert (request.precision, request.settings.fp16, request.settings.bf16) == (
        "fp16", True, False)  # fmt: skip


def test_both_windows_on_the_command_line_are_refused(tmp_path: Path) -> None:
    assert "--within and --by both say when" in refused(tmp_path, by="8:00")
    assert "both say when" in refused(tmp_path, set=["by=8:00"])


def test_a_window_on_the_command_line_counts_over_the_other_kind_in_a_file(tmp_path: Path) -> None:
    request, said = gathered(tmp_path, config=config(tmp_path, "by: 8:00"))
    assert request.window == Window(seconds=43200.0, label="12h")
    assert "within: 12h (--within) counts, not by: 8:00 (run.yaml)" in said


@pytest.mark.parametrize("line, seconds", [
    ("max_training_hours: 12.0", 43200),
    ("train: {max_time: 3600}", 3600),
    ("time_limit: 8:30", 30600),
    ("within: 7h30m", 27000),
])  # fmt: skip
def test_the_window_may_stand_in_a_file(tmp_path: Path, line: str, seconds: float) -> None:
    request = gathered(tmp_path, within=None, config=config(tmp_path, line))[0]
    assert request.window.seconds == seconds


def test_the_deadline_is_the_next_such_instant(tmp_path: Path) -> None:
    window = gathered(tmp_path, within=None, by="sat 8am")[0].window
    assert window == Window(ends_utc=NOW + 9.75 * 3600, label="sat 8am")


@pytest.mark.parametrize("flags, said", [
    ({"within": "12"}, "--within: '12' is not a duration"),
    ({"within": None, "by": "someday"}, "--by: 'someday' is not a clock time"),
    ({"within": None, "by": "2026-11-20 08:00"}, "--by: '2026-11-20 08:00' is past"),
    ({"within": None}, "--within 12h"),
    ({"data": None}, "no data given"),
    ({"model": None}, "no model given"),
])  # fmt: skip
def test_what_is_missing_or_unreadable_says_how_to_mend_it(
    tmp_path: Path, flags: dict[str, object], said: str
) -> None:
    assert said in refused(tmp_path, **flags)


def test_a_deadline_that_is_over_is_kept_for_a_night_that_resumes(tmp_path: Path) -> None:
    window = gathered(tmp_path, within=None, by="2026-11-20 08:00", past=True)[0].window
    assert window.ends_utc == NOW - 14.25 * 3600


@pytest.mark.parametrize("flags", [{"num_train_epochs": "3"}, {"max_steps": "100"}])
def test_epochs_or_steps_do_without_a_window(tmp_path: Path, flags: dict[str, object]) -> None:
    assert not gathered(tmp_path, within=None, **flags)[0].window.bounded


def test_looking_at_data_needs_nothing_but_data(tmp_path: Path) -> None:
    request = gathered(tmp_path, within=None, model=None, need="data")[0]
    assert (request.data, request.model) == ("chats.jsonl", "")


def test_a_guides_configuration_counts_like_a_file(tmp_path: Path) -> None:
    request, said = gathered(tmp_path, config="bot/today", set=["learning_rate=1e-4"])
    given = request.settings.given()
    assert (given["gradient_accumulation_steps"], given["fp16"]) == (64, True)
    assert (request.sample, request.method) == (0.5, "lora")
    assert "learning_rate: 1e-4 (--set) counts, not 0.0003 (bot/today)" in said
    assert "bot/today: guide 2, Quick Decision Guide, results today" in said


def test_a_sample_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    assert "keep one" in refused(tmp_path, sample="0.5", sample_total="100")
    assert "give --sample" in refused(tmp_path, prefer="recent")


def test_strategies_and_samples_arrive(tmp_path: Path) -> None:
    request, _ = gathered(tmp_path, strategy="two-stage", stage2_rows="500", sample="0.5",
                          prefer="engagement,recent", time_column="sent")  # fmt: skip
    assert (request.settings.strategy, request.settings.stage2_rows) == ("two-stage", 500)
    assert (request.sample, request.prefer) == (0.5, "engagement,recent")
    assert request.time_column == "sent"
