from dataclasses import fields

import pytest

from overnight.cli.schema import LIMITS, check, expected, keys
from overnight.values.errors import InputError
from overnight.values.request import Request, Settings


def checked(**values: object) -> dict[str, object]:
    return check(values, places=dict.fromkeys(values, "run.yaml"))


def test_every_field_of_a_request_is_a_key() -> None:
    named = {each.name for each in (*fields(Request), *fields(Settings))}
    assert set(keys()) == named - {"window", "settings"} | {"within", "by"}
    assert set(LIMITS) <= set(keys())


def test_words_become_what_the_key_holds() -> None:
    found = checked(seed="7", learning_rate="2e-4", fp16="yes", num_train_epochs=3, name=2026)
    assert found == {"seed": 7, "learning_rate": 2e-4, "fp16": True, "num_train_epochs": 3.0,
                     "name": "2026"}  # fmt: skip


@pytest.mark.parametrize("key, value, wanted", [
    ("seed", "1.5", "a whole number from 0 up and below 4294967296"),
    ("seed", True, "a whole number"),
    ("per_device_train_batch_size", 0, "a whole number from 1 up"),
    ("learning_rate", "fast", "a number above 0 and at most 1"),
    ("learning_rate", float("nan"), "a number"),
    ("learning_rate", 0, "above 0"),
    ("weight_decay", True, "a number from 0 up"),
    ("fp16", "perhaps", "true or false"),
    ("lr_scheduler_type", "linaer", "one of linear, constant, cosine, wsd"),
    ("priority", "best", "one of fast, balanced, quality, memory_efficient"),
    ("data", ["a", "b"], "text"),
])  # fmt: skip
def test_a_wrong_value_is_named_with_its_place_and_what_is_expected(
    key: str, value: object, wanted: str
) -> None:
    with pytest.raises(InputError, match=f"^run.yaml: {key} is .*; expected .*{wanted}"):
        checked(**{key: value})


def test_other_wrong_values_are_named_in_the_same_line() -> None:
    with pytest.raises(InputError, match=r"seed is .*\(wrong too: lora_r\)$"):
        checked(seed=-1, lora_r=0)


def test_a_key_without_limits_says_only_its_kind() -> None:
    assert expected("bf16") == "true or false"
