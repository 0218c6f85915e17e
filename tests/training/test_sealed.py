"""Small files that a night cannot do without: damage is noticed, and mended from a copy."""

from pathlib import Path

import pytest

from overnight.training import sealed
from overnight.values.errors import InputError

CONTENT = {"request": {"data": "a.jsonl"}, "seed": 42}


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    sealed.write(tmp_path / "plan.json", CONTENT, twice=True)
    return tmp_path / "plan.json"


def flip(path: Path, at: int = 20) -> None:
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)


def test_what_was_written_is_read_again(plan: Path) -> None:
    assert sealed.read(plan) == CONTENT
    assert sealed.mend(plan) == ""
    assert sorted(path.name for path in plan.parent.iterdir()) == [".plan.json.copy", "plan.json"]


def test_every_bit_that_is_another_is_noticed_and_the_copy_taken(plan: Path) -> None:
    good = plan.read_bytes()
    for at in range(len(good)):
        flip(plan, at)
        assert sealed.read(plan) == CONTENT
        assert sealed.mend(plan).startswith("plan.json was not what was written: its copy")
        assert plan.read_bytes() == good


def test_a_damaged_one_is_kept_aside_when_the_copy_takes_its_place(plan: Path) -> None:
    flip(plan)
    damaged = plan.read_bytes()
    assert sealed.mend(plan).endswith("; the damaged one lies in set-aside/")
    assert (plan.parent / "set-aside/plan.json-1").read_bytes() == damaged


def test_one_that_is_gone_comes_back(plan: Path) -> None:
    plan.unlink()
    assert sealed.mend(plan) == "plan.json was gone: its copy was put in its place"
    assert sealed.read(plan) == CONTENT


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"[" * 100_000])
def test_where_both_are_damaged_one_line_says_what_to_do(plan: Path, content: bytes) -> None:
    plan.write_bytes(content)
    sealed.copy_of(plan).write_bytes(content)
    assert sealed.mend(plan) == ""
    with pytest.raises(
        InputError, match=r"plan\.json is gone or damaged \(not what was written\), .*--fresh"
    ):
        sealed.read(plan)


def test_a_file_without_a_copy_has_none(tmp_path: Path) -> None:
    sealed.write(tmp_path / "base.json", CONTENT)
    assert [path.name for path in tmp_path.iterdir()] == ["base.json"]
    flip(tmp_path / "base.json")
    with pytest.raises(InputError, match=r"base\.json is gone or damaged"):
        sealed.read(tmp_path / "base.json")


def test_a_copy_that_a_kill_left_behind_is_made_like_the_file_again(plan: Path) -> None:
    sealed.write(plan, CONTENT | {"plan": 7})
    assert sealed.mend(plan) == ""
    assert sealed.copy_of(plan).read_bytes() == plan.read_bytes()
