import pytest

from overnight.cli.yaml12 import read_yaml
from overnight.values.errors import InputError


@pytest.mark.parametrize("word, read", [
    ("1e-4", 1e-4),
    ("2.5E-4", 2.5e-4),
    (".5", 0.5),
    ("no", "no"),
    ("on", "on"),
    ("true", True),
    ("8:30", "8:30"),
    ("12:00:00", "12:00:00"),
    ("2026-11-21", "2026-11-21"),
    ("010", 10),
    ("0x10", 16),
    ("-3", -3),
    ("~", None),
    ("", None),
    ("1_000", "1_000"),
    ("'7'", "7"),
])  # fmt: skip
def test_plain_words_are_read_as_version_1_2_has_them(word: str, read: object) -> None:
    found = read_yaml(f"key: {word}", where="run.yaml")["key"]
    assert found == read and type(found) is type(read)


def test_anchors_are_merged() -> None:
    text = "one: &one\n  a: 1\ntwo:\n  <<: *one\n  b: 2\n"
    assert read_yaml(text, where="run.yaml")["two"] == {"a": 1, "b": 2}


@pytest.mark.parametrize("text, line", [
    ("a: 1\nb: [\n", "3"),
    ("a: 1\na: 2\n", "2"),
    ("a: !!python/object:os.system x\n", "1"),
])  # fmt: skip
def test_what_is_no_yaml_of_ours_is_refused_with_its_line(text: str, line: str) -> None:
    with pytest.raises(InputError, match=rf"^run.yaml:{line}: not YAML"):
        read_yaml(text, where="run.yaml")


def test_control_characters_are_refused_in_one_line() -> None:
    with pytest.raises(InputError) as refused:
        read_yaml("a: \x07", where="run.yaml")
    assert "\n" not in str(refused.value)


def test_mappings_that_take_each_other_in_are_bounded() -> None:
    lines = ["a0: &a0 {seed: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 30)]
    with pytest.raises(InputError, match="more than 10,000 keys are merged"):
        read_yaml("\n".join(lines), where="x.yaml")
    assert read_yaml("a: &a {b: 1}\nc: {<<: *a}", where="x.yaml")["c"] == {"b": 1}
