"""The end of a step: what is clipped, what moves, what is told."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training import tiny

from overnight.training import turn

pytestmark = pytest.mark.tiny

LONG, SHORT = 1e-3, 1e3


def ready(base: Path, **changes: Any) -> tuple[Any, torch.Tensor]:
    """A session with a step's gradients, and its loss."""
    on = tiny.session(base, replace(tiny.CANDIDATE, **changes))
    total = on.gradients(on._next_step()[1], 10)
    assert isinstance(total, torch.Tensor)
    return on, total


def gradients(on: Any) -> list[torch.Tensor]:
    return [parameter.grad.clone() for parameter in on.parameters]


def length(tensors: list[torch.Tensor]) -> float:
    return torch.cat([one.flatten() for one in tensors]).norm().item()


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the gradients are that the optimizer gets."""
    found: list[float] = []
    step = torch.optim.AdamW.step

    def watched(optimizer: Any) -> None:
        found.append(length([p.grad for group in optimizer.param_groups for p in group["params"]]))
        step(optimizer)

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)
    return found


@pytest.mark.parametrize("limits", [(LONG, math.inf), (SHORT, LONG), (0.0, LONG)])
def test_gradients_that_are_too_long_are_shortened(base: Path, seen: list[float], limits: Any):
    on, total = ready(base, max_grad_norm=limits[0])
    before = length(gradients(on))
    taken = turn.take(on, total, tiny.RATE, limits[1])
    assert seen == [pytest.approx(LONG, rel=1e-3)]
    assert taken.grad_norm == pytest.approx(before) and before > LONG


def test_others_are_left_as_they_are(base: Path, seen: list[float]):
    on, total = ready(base, max_grad_norm=SHORT)
    before = length(gradients(on))
    turn.take(on, total, tiny.RATE, math.inf)
    assert seen == [pytest.approx(before, rel=1e-6)]


def test_a_step_is_told_and_its_gradients_are_gone(base: Path):
    on, total = ready(base)
    before = tiny.weights(on)
    taken = turn.take(on, total, tiny.RATE, math.inf)
    assert taken.taken and taken.loss == total.item() and not taken.settling
    assert not any(map(torch.equal, tiny.weights(on), before))
    assert all(parameter.grad is None for parameter in on.parameters)


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_gradients_that_are_no_numbers_move_nothing(base: Path, wrong: float):
    on, total = ready(base)
    before = tiny.weights(on)
    on.parameters[0].grad[0] = wrong
    taken = turn.take(on, total, tiny.RATE, math.inf)
    assert not taken.taken and not math.isfinite(taken.grad_norm)
    assert tiny.same(tiny.weights(on), before)
