import os
from types import SimpleNamespace

import pytest

from overnight.adapters import folders, traps


def args(**given):
    plain = {"logging_nan_inf_filter": False, "auto_find_batch_size": False,
             "gradient_accumulation_steps": 4, "save_total_limit": None, "should_save": True,
             "output_dir": "nowhere"}  # fmt: skip
    return SimpleNamespace(**(plain | given))


class Divides:
    def forward(self, labels=None, **kwargs):
        return self.loss_function(labels, **kwargs)


class TakesTheMean:
    def forward(self, labels=None, **kwargs):
        return CrossEntropyLoss()(labels)  # noqa: F821


class TakesNothingMore:
    def forward(self, labels=None):
        return CrossEntropyLoss()(labels)  # noqa: F821


def test_a_run_without_traps_hears_nothing():
    assert traps.found(args(), Divides(), now_utc=0.0) == []


def test_the_filter_that_hides_nan_is_turned_off_and_said():
    given = args(logging_nan_inf_filter=True)
    assert "not a number" in traps.found(given, Divides(), now_utc=0.0)[0]
    assert given.logging_nan_inf_filter is False


@pytest.mark.parametrize("name", ["auto_find_batch_size", "enable_jit_checkpoint"])
def test_an_argument_that_works_against_it_is_named(name):
    (line,) = traps.found(args(**{name: True}), Divides(), now_utc=0.0)
    assert line.startswith(f"{name}=True:")


def test_gradients_that_nobody_divides_are_named_with_the_way_round():
    (line,) = traps.found(args(), TakesTheMean(), now_utc=0.0)
    assert "TakesTheMean" in line
    assert "4 times too large" in line
    assert "model.accepts_loss_kwargs = False" in line


def test_it_is_found_under_adapters_and_what_distributes():
    adapted = SimpleNamespace(get_base_model=TakesTheMean)
    assert "TakesTheMean" in traps.accumulation(args(), SimpleNamespace(module=adapted))


def test_gradients_that_somebody_divides_are_not():
    mended = TakesTheMean()
    mended.accepts_loss_kwargs = False
    assert traps.accumulation(args(), mended) == ""
    assert traps.accumulation(args(), TakesNothingMore()) == ""
    assert traps.accumulation(args(gradient_accumulation_steps=1), TakesTheMean()) == ""


@pytest.mark.tiny
def test_models_of_transformers_are_known_by_their_source():
    from transformers import (
        BartForConditionalGeneration,
        LlamaForCausalLM,
        VisionEncoderDecoderModel,
    )

    assert traps.divides(LlamaForCausalLM)
    assert not traps.divides(BartForConditionalGeneration)
    assert not traps.divides(VisionEncoderDecoderModel)


def test_checkpoints_dated_after_now_are_named(tmp_path):
    there = folders.path(tmp_path, 4)
    there.mkdir()
    os.utime(there, (2_000.0, 2_000.0))
    given = args(save_total_limit=2, output_dir=str(tmp_path))
    (line,) = traps.found(given, Divides(), now_utc=1_000.0)
    assert line.startswith("checkpoint-4 in")
    assert traps.found(given, Divides(), now_utc=1_000.0) == []


def first_loss(folder, *, mended, accumulated):
    from tests.adapters import own_trainers as own

    trainer = own.two_sided(folder, max_steps=1, gradient_accumulation_steps=accumulated,
                            per_device_train_batch_size=32 // accumulated)  # fmt: skip
    if mended:
        trainer.model_accepts_loss_kwargs = False
    trainer.train()
    return trainer.state.log_history[0]["loss"]


@pytest.mark.tiny
def test_what_is_said_of_gradients_that_nobody_divides_is_true(tmp_path):
    once = first_loss(tmp_path, mended=False, accumulated=1)
    assert first_loss(tmp_path, mended=False, accumulated=4) == pytest.approx(4 * once, rel=0.02)
    assert first_loss(tmp_path, mended=True, accumulated=4) == pytest.approx(once, rel=0.02)
