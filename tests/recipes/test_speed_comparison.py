"""Guide 5's recipe: its pictures for another job, and measured in a window."""

import pytest
from tests.recipes.copied import Copied

pytestmark = pytest.mark.recipes


@pytest.fixture(scope="module")
def recipe(shared_data, tmp_path_factory):
    made = Copied.of("speed-comparison", tmp_path_factory.mktemp("speed"))
    rows = (shared_data / "gsm8k/train.jsonl").read_text("utf-8").splitlines()[:400]
    (made.folder / "chats.jsonl").write_text("\n".join(rows) + "\n", "utf-8")
    return made


@pytest.mark.parametrize("more", [(), ("--gpu", "RTX 2080 Ti")])
def test_everything_of_the_guide_is_drawn_for_this_job(recipe, more):
    done = recipe.run("speed_comparison.py", "chats.jsonl", "--model", "base", *more)
    assert done.status == 0, done.said
    for part in ("Timelines", "Side by side", "saved against baseline", "If it began now",
                 "Hours by the guides' formula", "aggressive"):  # fmt: skip
        assert part.lower() in done.said.lower(), part
    assert "None of these hours was measured" in done.said


def test_the_three_and_ours_are_measured_in_turns(recipe):
    words = ("speed_comparison.py", "chats.jsonl", "--model", "base", "--measure", "90s")
    done = recipe.run(*words)
    assert done.status == 0, done.said
    assert "tokens/s" in done.said and "overnight" in done.said


@pytest.mark.parametrize("name", ["optimized", "overnight"])
def test_its_configurations_can_be_copied(recipe, name):
    done = recipe.run("-m", "overnight", "plan", "chats.jsonl", "--model", "base", "--config",
                      f"{name}.env", "--json")  # fmt: skip
    assert done.status == 0, done.said
