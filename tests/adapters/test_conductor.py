"""What each event of a real training run leads to; only the clock is a fake."""

import os
import time
from types import SimpleNamespace

import pytest
import torch
from tests.adapters import own_trainers as own
from tests.adapters.own_trainers import led, train
from transformers import TrainerCallback

from overnight.adapters import kept
from overnight.adapters.conductor import Conductor, Wanted

pytestmark = pytest.mark.tiny


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    own.quiet(monkeypatch)


@pytest.mark.parametrize("name", own.MAKERS)
def test_the_last_step_is_saved_before_it_is_evaluated(name, tmp_path, clock):
    takes = own.Takes(clock)
    trainer, left = train(own.MAKERS[name], tmp_path, clock, takes=takes,
                          eval_strategy="steps", eval_steps=10)  # fmt: skip
    last = trainer.state.global_step
    assert takes.order[-2:] == [("save", last), ("look", last)]
    assert 0.0 <= left < 6.0


@pytest.mark.parametrize("strategy", ["steps", "epoch", "best"])
def test_whatever_the_arguments_save_the_last_step_is_saved_once(strategy, tmp_path, clock):
    best = {"eval_strategy": "epoch", "metric_for_best_model": "loss"}
    takes = own.Takes(clock)
    trainer, left = train(own.plain, tmp_path, clock, takes=takes, save_strategy=strategy,
                          save_steps=20, **(best if strategy == "best" else {}))  # fmt: skip
    last = trainer.state.global_step
    assert last in own.saved(tmp_path)
    assert takes.order.count(("save", last)) <= (2 if strategy == "best" else 1)
    assert left >= 0.0


def test_the_arguments_own_saves_stay_and_those_by_time_are_thinned_out(tmp_path, clock):
    trainer, _ = train(own.plain, tmp_path, clock, save_strategy="steps", save_steps=20,
                       within="200s", takes=own.Takes(clock, save=0.01))  # fmt: skip
    there = own.saved(tmp_path)
    assert {20, 40, 60} <= set(there)
    assert 2 <= len([step for step in there if step % 20]) <= 3
    assert there[-1] == trainer.state.global_step


def test_without_saves_by_time_only_the_last_one_is_made(tmp_path, clock):
    takes = own.Takes(clock)
    trainer, _ = train(own.plain, tmp_path, clock, takes=takes, wanted={"save_minutes": 0})
    saves = [step for what, step in takes.order if what == "save"]
    assert saves[-1] == trainer.state.global_step
    assert len(saves) <= 2


def test_a_schedule_that_follows_the_loss_is_said_to_be_left_alone(tmp_path, clock, capsys):
    train(own.plain, tmp_path, clock, within="20s", lr_scheduler_type="reduce_lr_on_plateau",
          eval_strategy="steps", eval_steps=10, metric_for_best_model="loss")  # fmt: skip
    assert "ReduceLROnPlateau follows no count of steps" in capsys.readouterr().out


@pytest.mark.parametrize("accumulated", [1, 2])
def test_a_run_that_is_over_trains_no_further_step(accumulated, tmp_path, clock, capsys):
    given = {"gradient_accumulation_steps": accumulated}
    first, _ = train(own.plain, tmp_path, clock, **given)
    there, last = own.saved(tmp_path), first.state.global_step
    again = own.plain(tmp_path, own.Takes(clock), led(clock), **given)
    again.train(resume_from_checkpoint=True)
    assert again.state.global_step == last
    assert own.same(own.weights(first.model), own.weights(again.model))
    assert own.saved(tmp_path) == there
    assert "nothing is trained: the window is over" in capsys.readouterr().out


def test_a_run_whose_steps_are_all_done_trains_no_further_step(tmp_path, clock):
    first, _ = train(own.plain, tmp_path, clock, max_steps=10)
    again = own.plain(tmp_path, own.Takes(clock), led(clock), max_steps=10)
    again.train(resume_from_checkpoint=True)
    assert again.state.global_step == 10
    assert own.same(own.weights(first.model), own.weights(again.model))


class Spoils(TrainerCallback):
    """Makes a gradient of some steps NaN, as a bad batch would: before it is clipped."""

    def __init__(self, *steps):
        self.steps, self.bad = steps, False

    def on_train_begin(self, args, state, control, **live):
        next(live["model"].parameters()).register_hook(
            lambda gradient: gradient * float("nan") if self.bad else gradient
        )

    def on_step_begin(self, args, state, control, **live):
        self.bad = state.global_step in self.steps


def test_a_step_without_finite_gradients_leaves_the_weights_sound(tmp_path, clock, capsys):
    spoils = Spoils(5, 9)
    trainer = own.plain(tmp_path, own.Takes(clock), spoils, led(clock))
    trainer.train()
    assert all(torch.isfinite(one).all() for one in own.weights(trainer.model))
    assert trainer.state.global_step > 40
    assert capsys.readouterr().out.count("had no finite gradient; it was dropped") == 2


def test_three_such_steps_in_a_row_end_it_with_what_was_sound(tmp_path, clock, capsys):
    trainer = own.plain(tmp_path, own.Takes(clock), Spoils(*range(10, 99)), led(clock))
    trainer.train()
    assert trainer.state.global_step == 13
    assert own.saved(tmp_path)[-1] == 13
    assert all(torch.isfinite(one).all() for one in own.weights(trainer.model))
    assert "too many steps in a row had no finite gradient" in capsys.readouterr().out


def test_a_step_that_has_become_too_slow_is_given_up_between_micro_batches(tmp_path, clock):
    takes = own.Takes(clock, step=0.5, micro=0.5)
    trainer = own.plain(tmp_path, takes, led(clock, "40s"), gradient_accumulation_steps=8)
    ends = clock.boot() + 40.0

    class Stalls(TrainerCallback):
        def on_substep_end(self, args, state, control, **live):
            takes.micro = 6.0 if state.global_step >= 5 else 0.5

    trainer.add_callback(Stalls())
    trainer.train()
    assert own.saved(tmp_path)[-1] == trainer.state.global_step == 5
    assert clock.boot() <= ends


def test_the_finishing_time_is_said_with_its_interval(tmp_path, clock, capsys):
    train(own.plain, tmp_path, clock)
    said = capsys.readouterr().out
    assert "overnight: by " in said
    assert "of 8000 steps fit; done" in said
    assert "(9 times in 10)" in said
    assert "is saved," in said


def test_the_best_model_may_be_the_last_one(tmp_path, clock):
    trainer, _ = train(own.plain, tmp_path, clock, eval_strategy="steps", eval_steps=10,
                       save_strategy="steps", save_steps=10, load_best_model_at_end=True,
                       learning_rate=1e-3)  # fmt: skip
    history = trainer.state.log_history
    looks = {one["step"]: one["eval_loss"] for one in history if "eval_loss" in one}
    best = min(looks, key=looks.get)
    assert trainer.state.best_model_checkpoint.endswith(f"checkpoint-{best}")
    assert best == trainer.state.global_step


def test_checkpoints_of_a_clock_that_was_set_back_do_not_delete_the_new_ones(tmp_path, clock):
    given = {"save_strategy": "steps", "save_steps": 5, "save_total_limit": 2}
    train(own.plain, tmp_path, clock, max_steps=10, **given)
    ahead = time.time() + 86_400
    for one in tmp_path.glob("checkpoint-*"):
        os.utime(one, (ahead + int(one.name[11:]), ahead + int(one.name[11:])))
    clock.set_wall(time.time())
    trainer = own.plain(tmp_path, own.Takes(clock), led(clock), max_steps=30, **given)
    trainer.train(resume_from_checkpoint=True)
    assert own.saved(tmp_path)[-1] == trainer.state.global_step == 30


def test_gradients_that_nobody_divides_are_said(tmp_path, clock, capsys):
    train(own.two_sided, tmp_path, clock, within="20s", gradient_accumulation_steps=2)
    assert "come out 2 times too large" in capsys.readouterr().out


def test_a_checkpoint_that_a_kill_left_unfinished_is_passed_over(tmp_path, clock, capsys):
    first = own.plain(tmp_path, own.Takes(clock), led(clock, "100s"), own.Dies(30))
    with pytest.raises(KeyboardInterrupt):
        first.train()
    newest = own.saved(tmp_path)[-1]
    (tmp_path / f"checkpoint-{newest}" / "trainer_state.json").unlink()
    second = own.plain(tmp_path, own.Takes(clock), led(clock, "100s"))
    second.train(resume_from_checkpoint=True)
    assert second.state.global_step > 50
    assert f"checkpoint-{newest} was never finished" in capsys.readouterr().out


def test_a_stop_that_another_callback_asks_for_is_saved_too(tmp_path, clock):
    class Stops(TrainerCallback):
        def on_step_end(self, args, state, control, **live):
            control.should_training_stop = state.global_step == 7

    trainer = own.plain(tmp_path, own.Takes(clock), led(clock), Stops())
    trainer.train()
    assert own.saved(tmp_path)[-1] == trainer.state.global_step == 7


def test_what_the_figures_say_of_the_run_is_told_in_words_once(clock, capsys):
    args = SimpleNamespace(world_size=1, output_dir="run", gradient_accumulation_steps=1,
                           eval_strategy="no", per_device_train_batch_size=1,
                           get_warmup_steps=lambda horizon: 0)  # fmt: skip
    state = SimpleNamespace(is_world_process_zero=True, max_steps=100, eval_steps=1, epoch=0.0,
                            global_step=0, log_history=[])  # fmt: skip
    live = {"train_dataloader": range(10), "model": torch.nn.Linear(1, 1)}
    run = Conductor(kept.term(by=None, within="1h", clock=clock), Wanted(), clock,
                    at=(args, state, live))  # fmt: skip
    for state.global_step in range(1, 60):
        run.logged(state, {"loss": 0.0, "grad_norm": 0.0})
    said = capsys.readouterr().out.splitlines()
    assert len([line for line in said if "loss" in line]) == 1
