import doctest
import json
from pathlib import Path

import pytest
from tests.adapters.cards import estimate
from tests.fakes import FakeClock

from overnight.adapters import guide_files
from overnight.adapters.guide_files import accuracy, is_good, read_training_config, save_report
from overnight.adapters.profiles import PROFILES
from overnight.values.errors import ArgumentError, InputError

GUIDE = {"num_train_epochs": 3, "optimization_priority": "balanced", "max_training_hours": 12.0,
         "base_model": "LatitudeGames/Wayfarer-2-12B"}  # fmt: skip


def config(folder: Path, text: str) -> Path:
    path = folder / "training_config.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_examples_in_the_docstrings_run() -> None:
    assert doctest.testmod(guide_files).failed == 0


def test_the_guides_configuration_is_read(tmp_path: Path) -> None:
    found = read_training_config(config(tmp_path, json.dumps(GUIDE)))
    assert found.arguments == {"num_epochs": 3, "priority": "balanced", "max_hours": 12.0}
    assert found.base_model == "LatitudeGames/Wayfarer-2-12B"


def test_what_it_does_not_say_is_left_out(tmp_path: Path) -> None:
    found = read_training_config(config(tmp_path, '{"max_training_hours": 8, "wandb": true}'))
    assert found.arguments == {"max_hours": 8} and found.base_model is None


@pytest.mark.parametrize("text, said", [
    ("{", "not JSON"),
    ("[1]", "expected one JSON object"),
    ('{"num_train_epochs": "3"}', "num_train_epochs is '3'; expected a number, without quotes"),
    ('{"max_training_hours": -1}', "max_training_hours is -1; expected a number above 0"),
    ('{"max_training_hours": NaN}', "max_training_hours is nan"),
    ('{"optimization_priority": "quick"}', "optimization_priority is 'quick'; expected one of"),
    ('{"base_model": 12}', "base_model is 12; expected text"),
])  # fmt: skip
def test_a_wrong_configuration_is_named_by_file_and_key(
    tmp_path: Path, text: str, said: str
) -> None:
    path = config(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_training_config(path)
    assert str(path) in str(caught.value) and said in str(caught.value)


def test_a_missing_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json: cannot be read: No such file"):
        read_training_config(tmp_path / "none.json")


def test_the_report_has_the_guides_keys_and_figures(tmp_path: Path) -> None:
    path = save_report(tmp_path / "runs/report.json", profile=PROFILES["balanced"],
                       estimate=estimate(), clock=FakeClock())  # fmt: skip
    told = json.loads(path.read_text(encoding="utf-8"))
    assert told.pop("truth")["source"] == "none"
    assert len(told.pop("timestamp")) == len("2024-10-27T10:00:00")
    assert told == {
        "max_training_hours": 12.0,
        "profile_name": "balanced",
        "profile": {"batch_size": 4, "gradient_accumulation_steps": 8,
                    "estimated_throughput": 800.0},
        "estimate": {"total_steps": 750, "estimated_hours": 4.17, "fits_in_window": True},
        "dataset_info": {"num_samples": 8000, "avg_tokens_per_sample": 500},
    }  # fmt: skip


def test_a_report_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        save_report(tmp_path / "file/report.json", profile=PROFILES["fast"], estimate=estimate())


def test_the_guides_accuracy_is_good_from_85_to_115() -> None:
    assert [is_good(percent) for percent in (84.9, 85.0, 115.0, 115.1)] == [
        False, True, True, False]  # fmt: skip
    with pytest.raises(ArgumentError, match=r"^actual_hours is 0; expected"):
        accuracy(4.17, actual_hours=0)
