"""QLoRA and 8-bit moments on a processor, where bitsandbytes is installed; speed is no matter."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.state import AcceleratorState
from tests.training import tiny

pytest.importorskip("bitsandbytes")
pytestmark = pytest.mark.tiny

QLORA = replace(tiny.LORA, method="qlora", lora_dropout=0.0)


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """A base whose matrices are wide enough for blocks of 64 weights."""
    return tiny.write_base(tmp_path / "base", hidden_size=64, intermediate_size=128)


def quantised(on: Any) -> list[torch.Tensor]:
    return [weight for weight in on.model.parameters() if weight.dtype == torch.uint8]


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_adapters_over_a_base_in_4_bits_learn(wide: Path, precision: Any):
    AcceleratorState._reset_state()  # another precision than the case before
    on = tiny.session(wide, replace(QLORA, precision=precision))
    before = [weight.clone() for weight in quantised(on)]
    losses = tiny.train(on, 9)
    assert len(before) == 7 * tiny.SIZES["num_hidden_layers"]
    assert tiny.same(quantised(on), before)
    assert sum(losses[-3:]) < sum(losses[:3])


def test_looking_leaves_the_way_through_the_base_open(wide: Path):
    def gradients(on: Any) -> list[torch.Tensor]:
        on.gradients(on._next_step()[1], 10)
        return [weight.grad for weight in on.parameters if weight.grad is not None]

    looked, other = tiny.session(wide, QLORA), tiny.session(wide, QLORA)
    looked.evaluate([12, 13])
    assert tiny.same(gradients(looked), gradients(other))
    assert sum(bool(grad.any()) for grad in gradients(looked)) == 7 * 2


def test_a_night_in_4_bits_goes_on_bit_for_bit(wide: Path, tmp_path: Path):
    on = tiny.session(wide, QLORA)
    tiny.train(on, 2)
    on.save_into(tmp_path)
    later = tiny.train(on, 2)
    again = tiny.session(wide, QLORA)
    again.restore(tmp_path)
    assert tiny.train(again, 2) == later
    assert tiny.same(tiny.weights(again), tiny.weights(on))


def test_moments_in_8_bits_learn_and_go_on(wide: Path, tmp_path: Path):
    asked = replace(tiny.CANDIDATE, optim="adamw_bnb_8bit")
    on = tiny.session(wide, asked)
    losses = tiny.train(on, 6)
    assert sum(later < sooner for sooner, later in pairwise(losses)) >= 3
    on.save_into(tmp_path)
    later = tiny.train(on, 2)
    again = tiny.session(wide, asked)
    again.restore(tmp_path)
    assert tiny.train(again, 2) == later
