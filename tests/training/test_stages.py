"""The stages of a live session."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.training import tiny

from overnight.training import methods, stages
from overnight.training.session import Session
from overnight.training.stages import Material
from overnight.values.plan import Candidate

pytestmark = pytest.mark.tiny
TWO = replace(tiny.CANDIDATE, strategy="two-stage", stage2_rows=5, adam_beta2=0.98)
RISING = replace(tiny.CANDIDATE, strategy="progressive", adam_beta2=0.98)


def material(**more: object) -> Material:
    rows = tiny.corpus()
    return Material(rows, np.arange(12), 1, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_base(tmp_path_factory.mktemp("base"))


def session(base: Path, candidate: Candidate) -> Session:
    return Session(methods.load_base(str(base), candidate), candidate, material())


def test_the_best_are_the_longest_where_nobody_says() -> None:
    rows, lengths = stages.best(material(), 5), material().corpus.lengths
    assert sorted(lengths[rows]) == sorted(lengths[:12])[-5:]
    assert rows.tolist() == sorted(rows.tolist())


def test_the_best_by_engagement_come_first_and_rows_that_do_not_say_last() -> None:
    liked = np.full(14, np.nan)
    liked[[3, 8]] = (5.0, 9.0)
    liked[13] = 99.0  # held out
    assert stages.best(material(engagement=liked), 2).tolist() == [3, 8]
    rest = stages.best(material(engagement=liked), 12)
    assert rest.tolist() == list(range(12))


def test_each_stage_has_an_order_of_its_rows_and_its_steps() -> None:
    assert [len(one.rows) for one in stages.orders(material(), TWO)] == [12, 5]
    rising = stages.orders(material(), RISING)
    assert [one.rows_per_step for one in rising] == [2, 4, 8]
    (only,) = stages.orders(material(), tiny.CANDIDATE)
    assert (only.stage, only.first) == (0, (0.0, 1.0))


def test_a_stage_is_entered_once_and_never_left_backwards(base: Path) -> None:
    on = session(base, TWO)
    tiny.train(on, 2)
    told = on.enter(1)
    assert told is not None
    assert (told.step, told.stage, told.stages, told.pool, told.rows) == (2, 1, 2, "best", 5)
    assert on.enter(1) is None and on.enter(0) is None
    drawn = np.concatenate(on.order.epoch(0))
    assert set(drawn.tolist()) == set(stages.best(material(), 5).tolist())


def test_epochs_go_on_in_passes_over_all_rows(base: Path) -> None:
    on = session(base, TWO)
    tiny.train(on, 3)
    on.enter(1)
    assert on.progress.epochs_done == 1.0
    tiny.train(on, 2)
    assert on.progress.epochs_done == pytest.approx(1.0 + 5 / 12)


def test_adams_memory_keeps_its_half_life_in_tokens(base: Path) -> None:
    on, betas = session(base, RISING), []
    for stage in range(3):
        on.enter(stage)
        betas.append(on.optimizer.param_groups[0]["betas"][1])
    lives = [np.log(0.5) / np.log(beta) * rows for beta, rows in zip(betas, (2, 4, 8), strict=True)]
    assert lives[0] == pytest.approx(lives[1], rel=0.02)
    assert lives[1] == pytest.approx(lives[2], rel=0.02)


def test_a_checkpoint_stands_in_its_stage(base: Path, tmp_path: Path) -> None:
    on = session(base, RISING)
    on.step(tiny.RATE)
    on.enter(1)
    on.step(tiny.RATE)
    on.gather()
    on.save_into(tmp_path)
    again = session(base, RISING)
    again.restore(tmp_path)
    assert (again.progress, again.order.rows_per_step) == (on.progress, 4)
    assert again.optimizer.param_groups[0]["betas"] == on.optimizer.param_groups[0]["betas"]
    assert again.step(tiny.RATE).loss == on.step(tiny.RATE).loss


def test_the_largest_step_of_all_stages_is_what_must_fit(base: Path) -> None:
    assert stages.most_rows(session(base, RISING)) == 8
    assert session(base, RISING).try_largest() is None


def test_the_steps_of_later_stages_are_weighed(base: Path) -> None:
    from overnight.probe import architecture

    profile = architecture.profile(str(base))
    two, rising = (stages.later(session(base, one), one, profile) for one in (TWO, RISING))
    assert [leg.pool for leg in two.later] == ["best"]
    second, third = (leg.loads[2] / 2 for leg in rising.later)
    assert 1.5 < third / second < 2.5
    assert stages.later(session(base, tiny.CANDIDATE), tiny.CANDIDATE, profile).later == ()
