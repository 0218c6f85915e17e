"""Recipes: listed with what they are about, copied whole, never over anything."""

import pytest

from overnight.story import recipes
from overnight.values.errors import InputError

NAMES = [
    "colab-adapter",
    "document-translation",
    "message-bot",
    "speed-comparison",
    "twelve-hour-window",
]


def test_every_recipe_says_what_it_is_about():
    assert [one.name for one in recipes.every()] == NAMES
    assert all(len(one.about) > 20 for one in recipes.every())


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_copied_whole_and_not_what_was_made_in_it(name, tmp_path):
    (home,) = [one.folder for one in recipes.every() if one.name == name]
    target = recipes.copy(name, tmp_path / "mine")
    wanted = sorted(str(path.relative_to(home)) for path in home.rglob("*")
                    if "__pycache__" not in path.parts)  # fmt: skip
    assert sorted(str(path.relative_to(target)) for path in target.rglob("*")) == wanted
    assert (target / "README.md").is_file()


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "a.txt").touch()
    with pytest.raises(InputError, match="is there and holds something"):
        recipes.copy(NAMES[0], tmp_path)


def test_a_name_that_is_none_is_told_what_is_near(tmp_path):
    with pytest.raises(InputError, match="near: message-bot; there are colab-adapter"):
        recipes.copy("mesage-bot", tmp_path / "x")
