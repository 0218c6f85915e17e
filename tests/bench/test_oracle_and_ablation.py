"""bench/oracle.py and bench/ablation.py without their nights: what comes next, what is said."""

import pytest
from tests.bench.results import COUNTS, HEAD, rows

import ablation
import ablation_night
import oracle

CANDIDATE = {"precision": "fp32", "learning_rate": 2e-3}
CELL = oracle.cell_of("fresh/gsm8k")


def result(run, loss: float) -> dict:
    return HEAD | {"key": run.key, "arm": run.arm, "cell": run.cell.name, "seed": run.seed,
                   "window": 60.0, "loss": loss, "rows": rows(loss), "steps": 9, "tokens": 900,
                   "candidate": CANDIDATE, "pilots": 0, "sizing": 1}  # fmt: skip


def swept(ours: float) -> dict[str, dict]:
    """A whole sweep: the best setting is the first, at 4."""
    known = {}
    while (following := next(oracle.coming(["fresh/gsm8k"], known), None)) is not None:
        run, setting = following
        loss = ours if setting is None else 4.0 + 0.1 * oracle.SETTINGS.index(setting)
        known[run.key] = result(run, loss)
    return known


def test_the_sweep_has_twenty_four_settings_that_differ():
    words = {one.words("fp32") for one in oracle.SETTINGS}
    assert len(words) == len(oracle.SETTINGS) == 24


def test_a_second_seed_is_for_ours_and_the_best_three():
    known = swept(ours=4.2)
    again = [one["arm"] for one in known.values() if one["seed"] == 2]
    assert len(known) == 25 + 4
    assert again == ["overnight", *(oracle.arm_of(one) for one in oracle.SETTINGS[:3])]


def test_regret_is_what_ours_lies_above_the_best_in_hindsight():
    assert oracle.regrets(CELL, swept(ours=4.2)) == pytest.approx([0.05, 0.05])
    assert max(oracle.regrets(CELL, swept(ours=3.9))) < 0


def test_the_page_of_the_sweep_ranks_ours_among_them():
    text = oracle.page(swept(ours=4.15))
    assert "median +3.75%" in text
    assert text.index(oracle.SETTINGS[1].name) < text.index("**ours**")


def test_an_other_precision_is_the_one_that_was_not_found():
    other = next(one for one in oracle.SETTINGS if one.other_precision)
    assert "bf16" in other.words("fp32")
    assert "fp32" in other.words("bf16")


def test_every_piece_is_left_out_once_a_cell_and_a_seed_after_the_whole_night():
    runs = list(ablation.coming({}))
    assert len({run.key for run, _ in runs}) == len(runs) == 2 * 2 * (1 + len(ablation.PIECES))
    assert [piece for _, piece in runs[:1]] == [""]


def test_a_piece_that_a_night_did_not_use_is_not_run_without_it(tmp_path):
    cell = ablation.cell_of(ablation.CELLS[0])
    ours, without = (ablation.Run(ablation.arm_of(piece), cell, 1) for piece in ("", "pilots"))
    whole = result(ours, 4.0)
    found = ablation.one_run(without, "pilots", None, tmp_path, whole)
    text = ablation.page({ours.key: whole, without.key: found}, {ablation.CELLS[0]: COUNTS})
    assert "| pilots | | | not used |" in text


def test_what_a_piece_is_worth_is_the_loss_without_it_less_the_whole_nights():
    name = ablation.CELLS[0]
    cell = ablation.cell_of(name)
    known = {}
    for piece, loss in (("", 4.0), ("head", 4.4)):
        run = ablation.Run(ablation.arm_of(piece), cell, 1)
        known[run.key] = result(run, loss)
    text = ablation.page(known, {name: COUNTS})
    assert "| head | 4.0000 | 4.4000 | +0.4000" in text


@pytest.mark.parametrize("piece", sorted(ablation_night.PIECES))
def test_every_piece_that_is_replaced_is_there_to_be_replaced(piece, monkeypatch):
    replaced = []
    monkeypatch.setattr(ablation_night, "_replace", lambda *what: replaced.append(what))
    ablation_night.PIECES[piece]()
    assert all(hasattr(holder, name) for holder, name, _ in replaced)
    assert replaced


def test_a_piece_of_another_make_is_told():
    with pytest.raises(SystemExit, match="otherwise now"):
        ablation_night._replace(ablation_night, "nothing_of_that_name", 1)
