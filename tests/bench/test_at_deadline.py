"""bench/at_deadline.py without its runs: the order, what is on the disk, pairing, the page."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from tests.bench.results import CELL, base, by_key, of

import at_deadline
import at_deadline_night
import at_deadline_page
import at_deadline_runs
from at_deadline_disk import artefacts
from at_deadline_paired import paired, reached, token_mean
from at_deadline_plans import (
    Cell,
    Part,
    Plan,
    Run,
    best_rate,
    coming,
    next_rate,
    plan,
    price,
    tuned_rate,
)
from at_deadline_standings import Table, by_run

GRID = (3e-4, 1e-3, 3e-3)


def test_a_tuning_begins_with_its_grid_and_ends_with_worse_rates_on_both_sides():
    assert next_rate({}, GRID) == 3e-4
    assert next_rate({3e-4: 5.0, 1e-3: 4.0}, GRID) == 3e-3
    assert next_rate({3e-4: 5.0, 1e-3: 4.0, 3e-3: 4.5}, GRID) is None


def test_a_tuning_whose_best_rate_lies_at_an_edge_goes_on_there():
    assert next_rate({3e-4: 6.0, 1e-3: 5.0, 3e-3: 4.5}, GRID) == 9e-3
    assert next_rate({3e-4: 4.0, 1e-3: 5.0, 3e-3: 6.0}, GRID) == 9e-5


def test_a_rate_whose_run_was_lost_is_worse_than_any():
    assert best_rate({1e-3: 5.0, 1e-2: float("inf")}) == 1e-3


def test_a_tuning_that_never_turns_ends_all_the_same():
    tried = {}
    while (rate := next_rate(tried, GRID)) is not None:
        tried[rate] = -rate
    assert len(tried) == 7


def small_plan(*tuned: str) -> Plan:
    part = Part(CELL, (1, 2), ("trl", "constant", "overnight"), tuned)
    return Plan((part,), {"full": CELL})


def walked(of_plan: Plan) -> list[str]:
    """Every run's key, in order; the loss of a rate is its distance from 1e-3."""
    known, keys = {}, []
    while (run := next(coming(of_plan, known), None)) is not None:
        loss = 5.0 if run.rate is None else 4.0 + abs(np.log(run.rate / 1e-3))
        known[run.key] = of(run.arm, loss, seed=run.seed, rate=run.rate, cell=run.cell)
        keys.append(run.key)
    return keys


def test_every_run_comes_once_the_base_first_and_others_begin_with_each_seed():
    keys = walked(small_plan())
    assert keys[0].startswith("base ")
    assert len(keys) == len(set(keys)) == 7
    assert keys[1].split()[0] != keys[4].split()[0]


def test_tuned_arms_run_with_the_rate_that_was_found_and_not_before():
    keys = walked(small_plan("trl"))
    rates = [key.split()[0] for key in keys if "@" in key]
    assert rates == ["trl@0.0003", "trl@0.001", "trl@0.003", "trl@0.001"]


def test_a_plan_goes_on_where_it_stopped():
    whole = [run.key for run in coming(small_plan(), {})]
    known = by_key(base(), of("trl", 5.0), of("overnight", 4.0, seed=2))
    assert [run.key for run in coming(small_plan(), known)] == [k for k in whole if k not in known]


def test_a_tuning_under_way_has_no_rate_yet():
    known = by_key(of("trl", 5.0, rate=1e-3))
    assert tuned_rate("trl", "full", small_plan("trl"), known) is None


@pytest.mark.parametrize("name", ["full", "hour", "small"])
def test_every_plan_names_arms_and_data_that_there_are(name):
    from at_deadline_arms import ARMS
    from at_deadline_ready import DATA

    for part in plan(name).parts:
        assert part.cell.data in DATA
        assert set(part.arms) | set(part.tuned) <= ARMS.keys()
    assert price(plan(name)) > 0


def put(folder, *names: str, weights: str = "model.safetensors"):
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / weights).write_bytes(b"0")


def test_the_newest_artefact_is_the_final_one_then_the_highest_step(tmp_path):
    put(tmp_path, "checkpoint-9", "checkpoint-10", "final", "set-aside/checkpoint-99")
    (tmp_path / "checkpoint-11").mkdir()  # nothing in it yet
    found = artefacts(tmp_path)
    assert [one.name for one in found] == ["final", "checkpoint-10", "checkpoint-9"]


def test_a_folder_that_was_never_made_holds_no_artefact(tmp_path):
    assert artefacts(tmp_path / "nowhere") == []


def test_arms_alike_are_not_apart():
    sums = np.array([[10.0, 20.0, 30.0]])
    apart = paired(sums, sums, np.array([5.0, 10.0, 15.0]))
    assert (apart.mid, apart.low, apart.high) == (0.0, 0.0, 0.0)


def test_a_difference_in_every_row_is_told_by_a_narrow_interval_though_losses_vary():
    random = np.random.default_rng(1)
    counts = random.integers(5, 50, 200).astype(float)
    ours = counts * random.uniform(1.0, 9.0, (2, 200))
    apart = paired(ours, ours + 0.1 * counts, counts)
    assert apart.mid == pytest.approx(0.1)
    assert apart.high - apart.low < 0.001


def test_long_rows_weigh_by_their_tokens():
    assert token_mean(np.array([[10.0, 300.0]]), np.array([10.0, 90.0])) == pytest.approx(3.1)


def test_seeds_that_differ_widen_the_interval():
    counts = np.full(50, 10.0)
    ours = np.zeros((2, 50))
    theirs = np.vstack([np.full(50, 1.0), np.full(50, -1.0)])
    apart = paired(ours, theirs, counts)
    assert apart.low < -0.09 < 0.09 < apart.high


def test_a_curve_is_moved_by_what_its_rows_differ_from_the_judges():
    curve = [(10.0, 6.0), (20.0, 5.0), (30.0, 4.0)]
    assert reached(curve, 5.0, 0.0) == 20.0
    assert reached(curve, 5.0, 0.5) == 30.0
    assert reached(curve, 3.0, 0.0) is None


NIGHT = (
    {"kind": "Prepared", "t": 9.0, "import_seconds": 5.0, "data_seconds": 2.0, "load_seconds": 1.0},
    {"kind": "Evaluated", "t": 10.0, "part": "select", "base": True, "seconds": 1.0,
     "loss": {"loss": 8.0}},
    {"kind": "Stepped", "t": 12.0, "seconds": 2.0, "tokens": 4000},
    {"kind": "Evaluated", "t": 13.0, "part": "select", "base": False, "seconds": 0.5,
     "loss": {"loss": 5.0}},
    {"kind": "Saved", "t": 14.0, "seconds": 0.25},
    {"kind": "Published", "t": 20.0, "seconds": 3.0},
)  # fmt: skip


def test_the_phases_of_a_night_add_up_to_its_window():
    found = at_deadline_night.phases(NIGHT, 30.0, 21.0)
    assert sum(found.values()) == pytest.approx(30.0)
    assert (found["start"], found["unused"], found["publishing"]) == (1.0, 9.0, 3.0)


def test_a_night_without_a_journal_has_spent_its_window_unseen(tmp_path):
    assert at_deadline_night.told(tmp_path, 30.0, 30.0)["phases"]["rest"] == 30.0


def test_the_torn_last_line_of_a_killed_night_is_left_out(tmp_path):
    lines = [json.dumps(one) for one in NIGHT]
    (tmp_path / "events.jsonl").write_text("\n".join(lines)[:-5])
    assert at_deadline_night.lines(tmp_path) == list(NIGHT[:-1])


def test_the_curve_leaves_the_base_out():
    assert at_deadline_night.curve(NIGHT) == [(13.0, 5.0)]


def table(*some) -> Table:
    return Table([base(), of("overnight", 4.0), of("overnight", 4.1, seed=2), *some])


def test_an_arm_is_held_against_ours_over_the_seeds_that_both_have():
    found = table(of("trl", 5.0), of("trl", 5.0, seed=3)).standing(CELL.name, "trl")
    assert found.losses == (5.0,)
    assert found.behind.mid == pytest.approx(1.0)
    assert found.surely_not_worse


def test_an_arm_that_left_nothing_has_what_it_began_with():
    found = table(of("trl", None)).standing(CELL.name, "trl")
    assert (found.loss, found.nothing) == (pytest.approx(8.0), 1)


def test_ours_comes_first_then_the_best_peer():
    found = table(of("trl", 5.0), of("constant", 4.5)).shipped(CELL.name)
    assert [one.arm for one in found] == ["overnight", "constant", "trl"]


def test_only_the_best_rate_stands_in_the_tuned_table():
    some = [of("trl", loss, rate=rate) for rate, loss in ((3e-4, 5.0), (1e-3, 4.2), (3e-3, 6.0))]
    found = table(*some)
    assert found.rates("full") == {"trl": 1e-3}
    assert [one.rate for one in found.tuned(CELL.name)] == [None, 1e-3]


def test_runs_are_won_seed_by_seed():
    some = table(of("trl", 3.9), of("trl", 5.0, seed=2))
    assert by_run(some, [some.standing(CELL.name, "trl")]) == (1, 2)


def test_how_soon_is_read_from_the_looks_and_from_a_night_of_a_third():
    short = of("overnight", 4.8, cell=Cell("fresh", "gsm8k", "full", 20.0))
    found = Table([base(), of("overnight", 4.0), of("trl", 5.0), short]).third(CELL.name)
    assert found.share == pytest.approx(0.5)
    assert found.shorter == pytest.approx(4.8)
    page = at_deadline_page.page([base(), of("overnight", 4.0), of("trl", 5.0), short])
    assert "below the best peer's final loss in 1 of 1 cells" in page


def test_the_page_has_every_part_and_says_where_ours_has_lost():
    some = table(of("trl", 3.9), of("trl", 3.9, seed=2), of("constant", None))
    text = at_deadline_page.page(some.results)
    for title in ("As shipped", "With the rate tuned", "The tuning", "Where our window goes"):
        assert f"## {title}" in text
    assert "lower in 1 of 2 pairings of a peer and a cell (1 of 3 single runs)" in text
    assert "left nothing readable: 1" in text


def test_a_page_can_be_written_of_a_plan_that_has_only_begun():
    assert "## As shipped" in at_deadline_page.page([base()])


def test_the_newest_result_of_a_run_counts(tmp_path):
    file = tmp_path / "results.jsonl"
    lines = [json.dumps(of("trl", loss)) for loss in (6.0, 5.0)]
    file.write_text("\n".join(lines))
    assert [one["loss"] for one in at_deadline.results(file).values()] == [5.0]


def alive(pid: int) -> bool:
    import psutil

    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_at_the_deadline_everything_that_an_arm_has_started_is_gone(tmp_path):
    note = tmp_path / "pid"
    program = ("import subprocess, sys, time\n"
               "one = subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
               f"open({str(note)!r}, 'w').write(str(one.pid))\n"
               "time.sleep(60)\n")  # fmt: skip
    process = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    while not (note.exists() and note.read_text()):
        os.sched_yield()
    assert at_deadline_runs.until(0.0, process) is None
    assert process.returncode == -9
    assert not alive(int(note.read_text()))


def test_an_arm_that_ends_by_itself_is_not_waited_for(tmp_path):
    with open(tmp_path / "log", "wb") as log:
        ended = at_deadline_runs.timed(
            [sys.executable, "-c", "raise SystemExit(3)"], window=60.0, log=log, env={}
        )
    assert ended.status == 3
    assert ended.took < 60.0


def test_what_a_run_has_left_is_told_even_where_it_is_no_number():
    class On:
        facts = {"counts": [1, 1]}  # noqa: RUF012

    verdict = {"artefact": "x/checkpoint-3", "passed_over": [], "sums": [float("nan"), 1.0]}
    told = at_deadline_runs._losses(verdict, On)
    assert (told["loss"], told["rows"], told["artefact"]) == (None, None, "checkpoint-3")


def test_a_tuned_run_and_one_as_shipped_are_not_the_same_run():
    assert Run("trl", CELL, 1).key != Run("trl", CELL, 1, 1e-3).key
