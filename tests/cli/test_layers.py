from pathlib import Path

import pytest

from overnight.cli.layers import (
    Given,
    from_config,
    from_dotenv,
    from_environment,
    from_file,
    from_sets,
)
from overnight.values.errors import InputError

SETTINGS = frozenset({"learning_rate", "seed", "gradient_accumulation_steps"})


def pairs(givens: list[Given]) -> dict[str, object]:
    return {given.name: given.value for given in givens}


def file_of(folder: Path, name: str, text: str) -> list[Given]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return from_file(path, settings=SETTINGS)[0]


def dotenv(text: str) -> tuple[list[Given], list[str]]:
    return from_dotenv(text, where=".env", settings=SETTINGS)


def test_pairs_are_split_at_the_first_equals_sign_and_dashes_are_underscores() -> None:
    assert pairs(from_sets(["weight-decay=0.1", "name=a=b"])) == {
        "weight_decay": "0.1", "name": "a=b"}  # fmt: skip


@pytest.mark.parametrize("pair", ["seed", "=3", "seed=", "seed= "])
def test_half_a_pair_is_refused(pair: str) -> None:
    with pytest.raises(InputError, match="write key=value"):
        from_sets([pair])


def test_only_our_own_variables_are_read_and_empty_ones_say_nothing() -> None:
    given = from_environment({"OVERNIGHT_SEED": "3", "OVERNIGHT_NAME": "", "SEED": "4"})
    assert [(each.name, each.value, each.where) for each in given] == [
        ("seed", "3", "OVERNIGHT_SEED")]  # fmt: skip


@pytest.mark.parametrize("name, text", [
    ("run.yaml", "training:\n  learning_rate: 1e-4\nseed: 3\nname:\n"),
    ("run.yml", "Training:\n  learning-rate: 1e-4\nseed: 3\n"),
    ("run.toml", "seed = 3\n[training]\nlearning_rate = 1e-4\n"),
    ("run.json", '{"training": {"learning_rate": 1e-4}, "seed": 3, "name": null}'),
])  # fmt: skip
def test_every_form_of_file_gives_the_same_keys_with_their_headings(
    tmp_path: Path, name: str, text: str
) -> None:
    found = pairs(file_of(tmp_path, name, text))
    assert found == {"training.learning_rate": 1e-4, "seed": 3}


def test_an_instant_of_toml_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert pairs(file_of(tmp_path, "run.toml", "by = 2026-11-21T08:00:00")) == {
        "by": "2026-11-21 08:00:00"}  # fmt: skip
    assert pairs(file_of(tmp_path, "run.toml", "by = 08:00:00")) == {"by": "08:00:00"}


@pytest.mark.parametrize("name, text, said", [
    ("run.yaml", "", "found nothing"),
    ("run.yaml", "- 1\n", "found list"),
    ("run.yaml", "a: [", "run.yaml:1: not YAML"),
    ("run.toml", "a = ", "not TOML"),
    ("run.json", '{"a": 1, "a": 2}', "'a' is written twice"),
    ("run.ini", "a = 1", "ends in .yaml"),
])  # fmt: skip
def test_a_file_that_cannot_be_read_says_why(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        file_of(tmp_path, name, text)


def test_a_missing_file_a_folder_and_another_encoding_are_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("name: Zoë".encode("latin-1"))
    for path, said in ((tmp_path / "no.yaml", "No such file"), (tmp_path, "cannot be read|ends in"),
                       (tmp_path / "latin.yaml", "not UTF-8 at byte 8")):  # fmt: skip
        with pytest.raises(InputError, match=said):
            from_file(path, settings=SETTINGS)


@pytest.mark.parametrize("line, value", [
    ("LEARNING_RATE=2.5e-4                # Slightly higher", "2.5e-4"),
    ("export LEARNING_RATE = '2e-4'", "2e-4"),
    ('OVERNIGHT_LEARNING_RATE="2e-4" # quoted', "2e-4"),
    ("learning_rate=2e-4", "2e-4"),
])  # fmt: skip
def test_a_line_of_a_dotenv_is_read_as_shells_do(line: str, value: str) -> None:
    assert pairs(dotenv(line)[0]) == {"learning_rate": value}


def test_other_programs_words_are_passed_over_and_never_said() -> None:
    given, near = dotenv("# mine\nDISCORD_TOKEN=secret\nMODEL=gpt\nHF_TOKEN=x\nSEED=\nno equals\n")
    assert given == [] and near == []


def test_a_slip_in_one_of_our_names_is_said_without_its_value() -> None:
    given, near = dotenv("\nGRADIENT_ACUMULATION_STEPS=32\n")
    assert given == []
    assert near[0].startswith(".env:2: GRADIENT_ACUMULATION_STEPS is not a key of ours")
    assert "GRADIENT_ACCUMULATION_STEPS would be one" in near[0] and "32" not in near[0]


def test_a_dotenv_can_be_named_as_the_configuration(tmp_path: Path) -> None:
    given = file_of(tmp_path, "bot.env", "\nEPOCHS=2\n")
    assert [(each.name, each.where, each.spelled) for each in given] == [
        ("epochs", "bot.env:2", "EPOCHS")]  # fmt: skip


def test_where_history_is_kept_is_no_setting_of_a_night() -> None:
    given = from_environment({"OVERNIGHT_HISTORY": "off", "OVERNIGHT_SEED": "1"})
    assert [each.name for each in given] == ["seed"]


def test_a_name_of_the_guides_stands_for_its_values_and_says_whose_they_are() -> None:
    given, said = from_config("bot/recommended", settings=SETTINGS)
    assert pairs(given)["gradient_accumulation_steps"] == 32
    assert {each.where for each in given} == {"bot/recommended"}
    assert said == ["bot/recommended: guides 2 and 5, Recommended (Optimized)"]


def test_what_is_no_name_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "baseline.yaml"
    path.write_text("seed: 3")
    assert pairs(from_config(str(path), settings=SETTINGS)[0]) == {"seed": 3}


def test_neither_a_name_nor_a_file_is_told_the_nearest_name() -> None:
    with pytest.raises(InputError, match=r"bot/agressive: no such file.*near: bot/aggressive"):
        from_config("bot/agressive", settings=SETTINGS)
