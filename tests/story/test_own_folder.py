"""The run folder is the user's alone, and nothing in it leads out of it."""

import os
import stat
from pathlib import Path

import pytest

from overnight.story import own_folder
from overnight.values.errors import InputError

posix = pytest.mark.skipif(os.name != "posix", reason="modes and links are Unix's")


def mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


@posix
def test_a_new_folder_can_be_read_by_its_user_alone(tmp_path: Path):
    own_folder.make(tmp_path / "runs" / "night")
    assert mode(tmp_path / "runs" / "night") == 0o700
    assert mode(tmp_path / "runs") & 0o055 == 0o055 & ~_umask()


def _umask() -> int:
    found = os.umask(0)
    os.umask(found)
    return found


@posix
def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path):
    tmp_path.chmod(0o755)
    own_folder.make(tmp_path)
    assert mode(tmp_path) == 0o755


@posix
@pytest.mark.parametrize("name", ["events.jsonl", ".ballast", "checkpoint-5", "final", "plan.json"])
def test_a_link_in_the_place_of_our_own_is_refused_and_not_followed(tmp_path: Path, name: str):
    (tmp_path / name).symlink_to("/etc/passwd")
    with pytest.raises(InputError, match=f"{name} is a link"):
        own_folder.refuse_links(tmp_path)


@posix
def test_links_of_other_names_are_the_user_s(tmp_path: Path):
    (tmp_path / "best").symlink_to(tmp_path)
    (tmp_path / "plan.json").write_text("{}")
    own_folder.refuse_links(tmp_path)
    assert (tmp_path / "best").is_symlink()


def test_a_folder_that_is_not_there_holds_no_links(tmp_path: Path):
    own_folder.refuse_links(tmp_path / "absent")
    assert not (tmp_path / "absent").exists()
