import ast
from importlib.util import find_spec
from pathlib import Path

import pytest

from overnight.cli.aliases import ALIASES, DOTENV, NO_EFFECT, VALUES
from overnight.cli.schema import keys


def fields_of(package: str, file: str, name: str) -> set[str]:
    """The annotated names of a class, read from its source: importing it takes seconds."""
    spec = find_spec(package)
    assert spec and spec.origin
    tree = ast.parse((Path(spec.origin).parent / file).read_text(encoding="utf-8"))
    body = next(node.body for node in tree.body
                if isinstance(node, ast.ClassDef) and node.name == name)  # fmt: skip
    found = {node.target.id for node in body
             if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)}  # fmt: skip
    return {each for each in found if not each.startswith("_")}


@pytest.mark.parametrize("package, file, name", [
    ("transformers", "training_args.py", "TrainingArguments"),
    ("trl", "trainer/sft_config.py", "SFTConfig"),
])  # fmt: skip
def test_every_key_of_hugging_face_s_trainers_is_known(package: str, file: str, name: str) -> None:
    found = fields_of(package, file, name)
    assert len(found) > 15
    assert found <= set(keys()) | set(ALIASES) | NO_EFFECT


def test_every_alias_means_a_key_of_ours_and_hides_none() -> None:
    assert {alias.key for alias in ALIASES.values()} <= set(keys())
    assert {key for key, _ in VALUES} <= set(keys())
    assert not set(ALIASES) & set(keys())


def test_a_key_without_effect_is_neither_honoured_nor_an_alias() -> None:
    assert not NO_EFFECT & (set(keys()) | set(ALIASES))


def test_what_a_dotenv_may_say_is_known() -> None:
    assert set(keys()) | set(ALIASES) >= DOTENV


@pytest.mark.parametrize("name, written, read", [
    ("max_training_hours", 12.0, "12h"),
    ("max_training_hours", "0.5", "0.5h"),
    ("max_time", 3600, "3600s"),
    ("max_time", "00:12:00:00", "00d 12h 00m 00s"),
    ("max_duration", "3600sec", "3600sec"),
    ("warmup_steps", 0.03, 0.03),
    ("warmup_steps", 10, None),
    ("load_in_4bit", True, "qlora"),
    ("load_in_4bit", False, None),
    ("quantization_bit", 4, "qlora"),
    ("quantization_bit", 8, None),
    ("datasets", [{"path": "a.jsonl", "type": "alpaca"}], "a.jsonl"),
    ("local_dataset", ["a.jsonl"], "a.jsonl"),
])  # fmt: skip
def test_values_are_read_in_our_units(name: str, written: object, read: object) -> None:
    reader = ALIASES[name].read
    assert reader and reader(written) == read
