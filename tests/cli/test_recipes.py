"""`overnight recipes`: what there is, a copy of it, one line for what is not meant."""

import json

import pytest

from overnight.cli.app import run
from overnight.story.recipes import every


def test_recipes_are_listed_for_people_and_for_programs(capsys):
    assert run(["recipes"]) == 0
    shown = capsys.readouterr().out
    assert all(one.name in shown and one.about in shown for one in every())
    assert run(["recipes", "ls", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == [{"name": one.name, "about": one.about} for one in every()]


def test_a_copy_says_where_to_begin(capsys, tmp_path):
    name = every()[0].name
    assert run(["recipes", "copy", name, "--output-dir", str(tmp_path / "mine")]) == 0
    assert str(tmp_path / "mine" / "README.md") in capsys.readouterr().out
    assert (tmp_path / "mine" / "README.md").is_file()


@pytest.mark.parametrize("words", [["recipes", "move"], ["recipes", "copy"]])
def test_what_is_not_meant_is_one_line(words, capsys):
    assert run(words) == 2
    assert capsys.readouterr().err.count("\n") == 1
