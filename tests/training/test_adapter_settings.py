"""What an adapter's own file says, and what of it a night cannot go on with."""

from pathlib import Path

import pytest
from tests.training.foreign_folders import CONFIG, LAYER

from overnight.training import adapter_settings
from overnight.training.adapter_settings import Adapter
from overnight.values.errors import ModelError

WHERE = Path("checkpoint-5/adapter_config.json")
NAMES = [f"{LAYER}.lora_A.weight", f"{LAYER}.lora_B.weight"]


def read(**changes: object) -> Adapter:
    return adapter_settings.read(CONFIG | changes, NAMES, WHERE)


def test_rank_alpha_dropout_layers_and_base_are_read():
    assert read() == Adapter(r=4, alpha=32, dropout=0.05, targets=("q_proj",), base="org/base")


def test_a_list_of_layers_has_one_order_whatever_the_file_s():
    assert read(target_modules=["v_proj", "q_proj"]).targets == ("q_proj", "v_proj")


@pytest.mark.parametrize(
    "changes",
    [
        {"target_modules": r".*\.q_proj"},
        {"target_modules": ["q_proj"], "layers_to_transform": [0]},
        {"target_modules": ["q_proj"], "exclude_modules": ["k_proj"]},
        {"target_modules": None},
    ],
)
def test_layers_that_the_file_does_not_list_are_those_with_tensors(changes: dict[str, object]):
    assert read(**changes).targets == ("model.layers.0.self_attn.q_proj",)


def test_layers_that_neither_file_nor_tensors_name_are_refused():
    with pytest.raises(ModelError, match="does not say which layers are adapted"):
        adapter_settings.read(CONFIG | {"target_modules": "all"}, ["other"], WHERE)


@pytest.mark.parametrize(
    "changes",
    [
        {"use_dora": True}, {"use_rslora": True}, {"modules_to_save": ["lm_head"]},
        {"bias": "all"}, {"rank_pattern": {"q_proj": 8}}, {"init_lora_weights": "pissa"},
        {"task_type": "SEQ_CLS"}, {"peft_type": "IA3"}, {"invented_later": 1},
    ],
    ids=lambda changes: next(iter(changes)),
)  # fmt: skip
def test_what_is_more_than_plain_lora_is_named_and_refused(changes: dict[str, object]):
    (key,) = changes
    with pytest.raises(ModelError, match=f"says {key}=.*merge the adapter into its base"):
        read(**changes)


@pytest.mark.parametrize(
    ("key", "value"),
    [("r", 0), ("r", True), ("r", "16"), ("r", None), ("r", float("inf")), ("r", 2**40),
     ("lora_alpha", 1.5), ("lora_alpha", [1]), ("lora_dropout", 1.0), ("lora_dropout", "much")],
)  # fmt: skip
def test_a_figure_that_cannot_be_is_refused_with_its_name(key: str, value: object):
    with pytest.raises(ModelError, match=f"says {key}="):
        read(**{key: value})


def test_an_alpha_written_as_a_fraction_of_one_is_the_whole_number():
    assert read(lora_alpha=16.0).alpha == 16
