"""The ladder of a sick night on real weights: drop, clip, rewind, at last the best there was."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.training import tiny
from tests.training.sickness import (
    Ill,
    Met,
    Sick,
    broken_weight,
    longer,
    louder,
    meet,
    no_loss,
    one_gradient,
)

from overnight.training import lineage, methods
from overnight.training.session import Material
from overnight.values.ledger import Promoted, Saved, Stepped, Stopped
from overnight.values.troubles import Clipped, Dropped, Rewound

pytestmark = pytest.mark.tiny
FREE = replace(tiny.CANDIDATE, max_grad_norm=100.0)
"""So long that nothing usual is clipped."""


def sick(base: Path, folder: Path, ills: dict[int, Ill], always: Ill | None = None) -> Met:
    import numpy as np

    rows = tiny.corpus(40)
    material = Material(rows, np.arange(len(rows.lengths))[:-2], pad_id=1)
    session = Sick(methods.load_base(str(base), FREE), FREE, material)
    session.ills, session.always = ills, always
    met = meet(folder, session, horizon=60)
    met.keeper.held_out = {"select": [38, 39], "test": [38, 39]}
    return met


def finite(met: Met) -> bool:
    return all(bool(torch.isfinite(weight).all()) for weight in tiny.weights(met.session))


def test_a_healthy_night_is_left_alone(base: Path, tmp_path: Path) -> None:
    met = sick(base, tmp_path, {}).live()
    assert met.kinds(Dropped) + met.kinds(Clipped) + met.kinds(Rewound) == []
    assert met.kinds(Stopped)[-1].reason == "horizon"


@pytest.mark.parametrize("ill", [no_loss, one_gradient])
def test_a_step_without_numbers_is_dropped_and_changes_nothing(base, tmp_path, ill) -> None:
    met = sick(base, tmp_path, {30: ill}).live()
    (dropped,) = met.kinds(Dropped)
    assert dropped.step == 29 and "not finite" in dropped.reason
    assert len(met.kinds(Stepped)) == 60 and met.kinds(Rewound) == []
    assert finite(met)


def test_three_lost_steps_in_a_row_go_back_with_half_the_rate_and_other_batches(base, tmp_path):
    met = sick(base, tmp_path, dict.fromkeys((30, 31, 32), no_loss)).live()
    (rewound,) = met.kinds(Rewound)
    assert rewound.rate_factor == 0.5 and rewound.to_step in (10, 20)
    assert met.session.attempts == 60 + 3 + (29 - rewound.to_step)
    assert met.kinds(Stopped)[-1].reason == "horizon" and finite(met)


def test_a_weight_that_broke_is_put_back(base: Path, tmp_path: Path) -> None:
    met = sick(base, tmp_path, {35: broken_weight}).live()
    assert len(met.kinds(Rewound)) == 1
    assert finite(met) and met.kinds(Stepped)[-1].step == 60


def test_a_gradient_that_leaps_is_clipped_and_nothing_else_is_done(base, tmp_path) -> None:
    met = sick(base, tmp_path, {40: longer(1e4)}).live()
    (clipped,) = met.kinds(Clipped)
    usual = max(step.grad_norm for step in met.kinds(Stepped) if step.step < 40)
    assert clipped.step == 40 and clipped.limit < 5.0 * usual < 0.01 * clipped.grad_norm
    assert met.kinds(Rewound) == [] and finite(met)


def test_a_night_that_goes_on_clips_where_the_undisturbed_one_does(base, tmp_path) -> None:
    ills = {27: longer(1e4), 45: longer(1e4), 52: longer(30.0)}
    (tmp_path / "alone").mkdir()
    alone = sick(base, tmp_path / "alone", ills).live()
    (tmp_path / "killed").mkdir()
    killed = sick(base, tmp_path / "killed", ills).live(until=43)
    again = sick(base, tmp_path / "killed", ills)
    again.go_on(killed.night, "checkpoint-40")
    assert [clipped.step for clipped in again.kinds(Clipped)] == [45, 52]
    assert again.kinds(Clipped) == alone.kinds(Clipped)[1:]
    assert tiny.same(tiny.weights(again.session), tiny.weights(alone.session))


def test_a_loss_that_stays_high_goes_back_before_its_checkpoint_is_trusted(base, tmp_path) -> None:
    met = sick(base, tmp_path, dict.fromkeys(range(38, 43), louder(10.0))).live()
    (rewound,) = met.kinds(Rewound)
    assert rewound.step == 42 and rewound.name == "checkpoint-30"
    assert [one.step for one in met.kinds(Saved)].count(40) == 2  # once ill, set aside, once well
    assert met.kinds(Stopped)[-1].reason == "horizon"


def test_an_illness_that_never_ends_leaves_the_best_there_was(base, tmp_path) -> None:
    met = sick(base, tmp_path, {30: no_loss}, always=no_loss).live()
    assert len(met.kinds(Rewound)) == 3
    assert met.kinds(Stopped)[-1].reason == "health"
    assert {promoted.name for promoted in met.kinds(Promoted)} >= {"checkpoint-0", "checkpoint-10"}
    found = lineage.newest_promoted(tmp_path, met.night.entries)
    assert found.step >= 10 and found.path is not None
