from types import SimpleNamespace

import pytest

from overnight.adapters import manners


class Parameter:
    def __init__(self, numbers, trained, size=4):
        self.requires_grad, self._numbers, self._size = trained, numbers, size

    def numel(self):
        return self._numbers

    def element_size(self):
        return self._size


def model(*parameters, **more):
    return SimpleNamespace(parameters=lambda: iter(parameters), **more)


def read(loader=(1,) * 25, minutes=None, look_rows=None, **given):
    args = SimpleNamespace(gradient_accumulation_steps=2, eval_strategy="no", world_size=1,
                           per_device_train_batch_size=4,
                           get_warmup_steps=lambda horizon: horizon // 10)  # fmt: skip
    args.__dict__.update(given)
    state = SimpleNamespace(max_steps=100, eval_steps=7)
    live = {"train_dataloader": loader, "model": model(Parameter(10, True)),
            "look_rows": look_rows}  # fmt: skip
    return manners.read(args, state, live, afterwards=3.0, minutes=minutes)


def test_an_epoch_is_counted_in_optimizer_steps():
    assert read(eval_strategy="epoch").look_steps == 13


def test_data_without_a_length_is_one_epoch():
    assert read(loader=iter(()), eval_strategy="epoch").look_steps == 100


def test_an_evaluation_is_guessed_by_its_rows_or_as_a_tenth_of_an_epoch():
    assert read().unseen_look_steps == pytest.approx(1.3)
    assert read(look_rows=40).unseen_look_steps == 5.0


def test_the_rows_of_several_data_sets_are_counted_together():
    assert manners.rows({"one": [1, 2], "other": [3]}) == 3
    assert manners.rows(iter(())) is None
    assert manners.rows(None) is None


@pytest.mark.parametrize(("strategy", "steps"), [("no", None), ("steps", 7), ("epoch", 13)])
def test_evaluations_come_as_the_arguments_ask(strategy, steps):
    assert read(eval_strategy=strategy).look_steps == steps


def test_minutes_between_saves_and_none_by_time():
    assert read(minutes=2.0).save_seconds == 120.0
    assert read().save_seconds is None
    assert read(minutes=0.0).save_seconds == manners.NEVER_SECONDS


def test_the_warm_up_is_the_arguments_own():
    assert read().warmup(200) == 20


def test_a_checkpoint_holds_weights_and_the_moments_of_trained_ones():
    whole = model(Parameter(100, True, size=2), Parameter(50, False, size=2))
    assert manners.saved_bytes(whole) == 2 * 150 + 8 * 100


def test_a_checkpoint_of_adapters_leaves_the_rest_out():
    adapted = model(Parameter(100, True), Parameter(9_000, False), peft_config={})
    wrapped = model(Parameter(100, True), Parameter(9_000, False), module=adapted)
    assert manners.saved_bytes(wrapped) == 4 * 100 + 8 * 100
