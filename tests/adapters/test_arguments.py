from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.adapters.cards import H100, estimate
from tests.planning.facts import CPU
from transformers import TrainingArguments

from overnight.adapters.arguments import on_machine, save_steps, training_arguments
from overnight.adapters.profiles import PROFILES
from overnight.probe import hardware

BALANCED = PROFILES["balanced"]


@pytest.fixture
def no_card(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(hardware, "look", lambda *, measure: CPU)
    return


@pytest.mark.usefixtures("no_card")
def test_they_are_real_and_say_what_the_profile_says(tmp_path: Path) -> None:
    found = training_arguments(BALANCED, estimate(), output_dir=str(tmp_path))
    assert isinstance(found, TrainingArguments)
    assert (found.per_device_train_batch_size, found.gradient_accumulation_steps) == (4, 8)
    assert found.num_train_epochs == 3 and found.output_dir == str(tmp_path)
    assert found.gradient_checkpointing and found.report_to in ([], "none", ["none"])


@pytest.mark.usefixtures("no_card")
def test_without_an_accelerator_the_processor_is_taken() -> None:
    found = training_arguments(BALANCED, estimate())
    assert found.use_cpu and str(found.device) == "cpu"
    assert not found.bf16 and found.optim == "adamw_torch"


@pytest.mark.usefixtures("no_card")
def test_checkpointing_can_be_off(tmp_path: Path) -> None:
    bare = replace(BALANCED, use_gradient_checkpointing=False)
    found = training_arguments(bare, estimate(bare), output_dir=str(tmp_path))
    assert not found.gradient_checkpointing
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_is_due_every_half_hour_of_the_estimate() -> None:
    assert save_steps(estimate()) == 90
    assert save_steps(replace(estimate(), total_steps=1)) == 1
    assert save_steps(replace(estimate(), estimated_hours=0.01)) == 750


@pytest.mark.parametrize("capability, precision", [
    ((9, 0), {"bf16": True, "fp16": False}),
    ((7, 5), {"bf16": False, "fp16": True}),
    ((6, 1), {"bf16": False, "fp16": False}),
])  # fmt: skip
def test_precision_is_what_the_card_has(
    capability: tuple[int, int], precision: dict[str, bool]
) -> None:
    found = on_machine(BALANCED, replace(H100, compute_capability=capability))
    assert found | precision == found and found["optim"] == "adamw_torch_fused"
    assert not found["use_cpu"]


def test_what_a_profile_does_not_want_it_does_not_get() -> None:
    plain = replace(BALANCED, use_bf16=False, use_fused_optimizer=False)
    found = on_machine(plain, H100)
    assert not found["bf16"] and not found["fp16"] and found["optim"] == "adamw_torch"
