"""Each sign once, at the figure that gives it; what is healthy is not called sick."""

import csv
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from overnight.control.figures import Figure, Sign
from overnight.control.signs import Signs

DATA = Path(__file__).parents[3] / "shared" / "data"
FOLDER = DATA / "trainer_states"


def given(figures: list[Figure]) -> list[Sign]:
    signs, said = Signs(), []
    for figure in figures:
        signs = signs.after(figure)
        said += signs.fresh
    return said


def diverging(steps: int = 40) -> list[Figure]:
    return [Figure(step=n, loss=1.2**n, horizon=1000) for n in range(1, steps)]


def test_a_sign_is_given_once():
    assert [sign.name for sign in given(diverging())] == ["divergence"]


def test_steps_that_are_done_again_say_nothing_new():
    falling = [Figure(step=n, loss=2.0 - 0.01 * n, epoch=0.01 * n) for n in range(1, 90)]
    again = [Figure(step=f.step, loss=f.loss, epoch=1.0 + (f.epoch or 0)) for f in falling]
    assert given([*falling, *again]) == []


def test_a_look_and_a_step_of_the_same_number_are_both_read_in_either_order():
    rising = [(0.9, 1), (0.8, 2), (1.0, 3), (1.3, 4)]
    looks = [Figure(step=10 * n, held_out=loss) for loss, n in rising]
    steps = [Figure(step=10 * n, loss=1.0 - 0.1 * n) for _, n in rising]
    for first, second in ((looks, steps), (steps, looks)):
        both = [figure for pair in zip(first, second, strict=True) for figure in pair]
        assert "overfitting" in [sign.name for sign in given(both)]


def test_figures_may_lack_anything():
    assert given([Figure(step=n) for n in range(50)]) == []


def test_all_sentences_fit_on_the_line_that_shows_them():
    noise = random.Random(2)
    flat = [Figure(step=100_000 * n, loss=2.2 + 0.01 * noise.random(), epoch=n / 7,
                   horizon=10_000_000) for n in range(1, 101)]  # fmt: skip
    texts = [sign.text for sign in (*given(diverging()), *given(flat))]
    assert len(texts) >= 2
    assert all(len(text) <= 200 and text.endswith((".", "?")) for text in texts)


def history(number: str, row: dict[str, str]) -> Iterator[Figure]:
    """The figures of a real run, from its trainer_state.json or its series of bare numbers."""
    state, series = FOLDER / f"{number}.json", DATA / "loss_series" / f"{number}.csv"
    if state.is_file():
        logged = json.loads(state.read_text(encoding="utf-8"))["log_history"]
    else:
        logged = list(csv.DictReader(series.read_text(encoding="utf-8").splitlines()))
    names = ("loss", "grad_norm", "learning_rate", "epoch")
    for one in logged:
        known = {name: float(one[name]) for name in names if one.get(name) not in (None, "")}
        seen = one.get("eval_loss")
        yield Figure(step=int(float(one["step"])), horizon=int(row["max_steps"]), **known,
                     held_out=float(seen) if seen not in (None, "") else None)  # fmt: skip


SICK = {"004": "divergence", "039": "divergence", "054": "plateau", "055": "plateau",
        "082": "plateau", "005": "overfitting", "018": "overfitting", "060": "overfitting",
        "061": "overfitting"}  # fmt: skip


@pytest.mark.skipif(not FOLDER.is_dir(), reason="no real histories beside the checkout")
def test_no_healthy_history_is_called_sick_and_most_sick_ones_are():
    with (FOLDER / "manifest_keep.csv").open(encoding="utf-8") as file:
        rows = {row["file"].removesuffix(".json"): row for row in csv.DictReader(file)}
    said = {number: {sign.name for sign in given(list(history(number, row))) if not sign.good}
            for number, row in rows.items()}  # fmt: skip
    healthy = [number for number, row in rows.items() if "healthy" in row["labels"]]
    assert len(healthy) >= 25
    assert {number: said[number] for number in healthy if said[number]} == {}
    assert [number for number, sign in SICK.items() if sign not in said[number]] == []
