"""DeadlineCallback in real trainers; only the clock is a fake."""

import json
import os
import subprocess
import sys
from itertools import pairwise

import pytest
import torch
from tests.adapters import own_trainers as own
from tests.adapters.own_trainers import led, train
from transformers import TrainerCallback

from overnight import DeadlineCallback
from overnight.values.errors import ArgumentError, NoPlanFits

pytestmark = pytest.mark.tiny


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    own.quiet(monkeypatch)


@pytest.mark.parametrize("name", own.MAKERS)
def test_it_ends_in_time_with_a_saved_model_and_a_rate_of_zero(name, tmp_path, clock):
    trainer, left = train(own.MAKERS[name], tmp_path, clock)
    last = trainer.state.global_step
    assert 40 < last < 60
    assert 0.0 <= left < 5.0
    whole = {"model.safetensors", "optimizer.pt", "scheduler.pt", "trainer_state.json"}
    assert whole <= {one.name for one in (tmp_path / f"checkpoint-{last}").iterdir()}
    rates = own.rates(trainer)
    assert rates[-1] < 0.03 * rates[0]
    assert max(abs(a - b) for a, b in pairwise(rates)) < 0.1 * rates[0]


def test_all_steps_are_done_where_they_fit(tmp_path, clock):
    trainer, left = train(own.plain, tmp_path, clock, num_train_epochs=2)
    assert trainer.state.global_step == 16
    assert left > 40.0
    assert own.saved(tmp_path)[-1] == 16


def test_the_own_rate_is_left_alone(tmp_path, clock):
    trainer, left = train(own.plain, tmp_path, clock, wanted={"learning_rate": "own"})
    assert left >= 0.0
    total = trainer.state.max_steps
    stock = [1e-2 * (total - step) / total for step in range(trainer.state.global_step)]
    assert own.rates(trainer) == pytest.approx(stock)


@pytest.mark.parametrize("kind", ["cosine", "constant_with_warmup", "warmup_stable_decay"])
def test_other_schedules_keep_their_shape(kind, tmp_path, clock):
    more = {"num_decay_steps": 2000} if kind == "warmup_stable_decay" else {}
    trainer, _ = train(own.plain, tmp_path, clock, lr_scheduler_type=kind, warmup_steps=5,
                       lr_scheduler_kwargs=more)  # fmt: skip
    rates = own.rates(trainer)
    assert rates[0] == pytest.approx(0.5 / 5 * 1e-2)
    assert max(rates) == pytest.approx(1e-2, rel=0.02)
    assert (rates[-1] < 1e-3) is (kind != "constant_with_warmup")


def test_a_crashed_run_keeps_its_deadline_and_its_rate_goes_on(tmp_path, clock):
    ends = clock.boot() + 100.0
    first = own.plain(tmp_path, own.Takes(clock), led(clock, "100s"), own.Dies(30))
    with pytest.raises(KeyboardInterrupt):
        first.train()
    clock.advance(20.0)
    second = own.plain(tmp_path, own.Takes(clock), led(clock, "100s"))
    second.train(resume_from_checkpoint=True)
    assert 0.0 <= ends - clock.boot() < 6.0
    rates = own.rates(second)  # the checkpoint's history, and what came after it
    assert len(rates) > len(own.rates(first))
    assert max(abs(a - b) for a, b in pairwise(rates)) < 0.06 * rates[0]
    assert rates[-1] < 3e-4


def test_other_words_set_another_deadline(tmp_path, clock):
    first = own.plain(tmp_path, own.Takes(clock), led(clock, "100s"), own.Dies(30))
    with pytest.raises(KeyboardInterrupt):
        first.train()
    ends = clock.boot() + 40.0
    own_second = own.plain(tmp_path, own.Takes(clock), led(clock, "40s"))
    own_second.train(resume_from_checkpoint=True)
    assert 0.0 <= ends - clock.boot() < 6.0


def test_a_run_that_is_over_goes_on_with_more_time(tmp_path, clock):
    first, _ = train(own.plain, tmp_path, clock, within="30s")
    more = own.plain(tmp_path, own.Takes(clock), led(clock, "40s"))
    more.train(resume_from_checkpoint=True)
    rates = own.rates(more)[len(own.rates(first)) :]
    assert len(rates) > 20
    assert max(rates) > 5 * rates[0]
    assert rates[-1] < 3e-4


def test_a_stock_checkpoint_is_taken_up(tmp_path, clock):
    stock = own.plain(tmp_path, max_steps=8, save_strategy="steps", save_steps=4)
    stock.train()
    trainer = own.plain(tmp_path, own.Takes(clock), led(clock), max_steps=1000)
    trainer.train(resume_from_checkpoint=str(tmp_path / "checkpoint-4"))
    assert 40 < trainer.state.global_step < 70
    assert trainer.state.global_step in own.saved(tmp_path)


def test_it_works_where_the_trainer_restores_callbacks_itself(tmp_path, clock, monkeypatch):
    given = {"restore_callback_states_from_checkpoint": True}
    first = own.plain(tmp_path, own.Takes(clock), led(clock, "100s"), own.Dies(30), **given)
    with pytest.raises(KeyboardInterrupt):
        first.train()
    monkeypatch.setattr("overnight.adapters.transformers.SystemClock", lambda: clock)
    second = own.plain(tmp_path, own.Takes(clock), led(clock, "100s"), **given)
    second.train(resume_from_checkpoint=True)
    assert second.state.global_step > 60
    assert own.rates(second)[-1] < 3e-4


def test_the_figures_are_in_the_history_and_the_trackers_get_them_when_attached(tmp_path, clock):
    seen = []

    class Tracks(TrainerCallback):
        def on_log(self, args, state, control, logs=None, **live):
            seen.append(dict(logs))

    callback = led(clock)
    trainer = own.plain(tmp_path, Tracks(), callback)
    callback.attach(trainer)
    trainer.callback_handler.callbacks.insert(0, own.Takes(clock))
    trainer.train()
    under_way = {"training/elapsed_hours", "training/remaining_hours", "training/on_track",
                 "training/eta_low_hours", "optimization/estimated_hours"}  # fmt: skip
    assert under_way <= set(seen[20])
    over = {"optimization/actual_hours", "optimization/time_accuracy"}
    assert over <= set(seen[-1])
    assert under_way <= set(trainer.state.log_history[20])
    assert 85.0 < seen[-1]["optimization/time_accuracy"] < 115.0


def test_data_without_a_length_has_a_deadline_too(tmp_path, clock):
    class Endless(torch.utils.data.IterableDataset):
        def __iter__(self):
            while True:
                yield from own.LABELLED

    trainer = own.plain(tmp_path, own.Takes(clock), led(clock), max_steps=5000)
    trainer.train_dataset = Endless()
    trainer.train()
    assert 40 < trainer.state.global_step < 60
    assert own.saved(tmp_path)[-1] == trainer.state.global_step


def test_a_window_without_room_for_a_step_is_refused(tmp_path, clock):
    trainer = own.plain(tmp_path, led(clock, "1s"))
    with pytest.raises(NoPlanFits, match="within 1s: not even one step"):
        trainer.train()


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"by": "8:00", "within": "2h"},
        {"within": "2h", "learning_rate": "mine"},
        {"within": "2h", "save_minutes": -1.0},
        {"within": "2h", "afterwards": "soon"},
    ],
)
def test_wrong_arguments_are_refused_by_name(given):
    with pytest.raises(ArgumentError):
        DeadlineCallback(**given)


TWO = """
import os, sys
from pathlib import Path
from tests.adapters import own_trainers as own
from tests.fakes import FakeClock
clock = FakeClock()
takes = own.Takes(clock, step=1.0 if os.environ["RANK"] == "0" else 0.01)
trainer = own.plain(Path(sys.argv[1]), takes, own.led(clock, "20s"))
trainer.train()
ended = f"{trainer.state.global_step} {own.rates(trainer)[-1] < 1e-3}"
Path(sys.argv[1] + os.environ["RANK"]).write_text(ended)
os._exit(0)  # torch's own way out after gloo and DDP aborts in one run of six, without us too
"""


def test_of_two_processes_the_first_decides_and_both_obey(tmp_path, root):
    script = tmp_path / "two.py"
    script.write_text(TWO)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2",
               "--standalone", str(script), str(tmp_path / "run")]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root,
                          timeout=300, env=environment(root))  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = ((tmp_path / f"run{rank}").read_text() for rank in "01")
    assert first == second
    assert 8 < int(first.split()[0]) < 20
    assert done.stdout.count("overnight: training ends") == 1


def environment(root):
    return os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}


def test_what_is_kept_is_plain_json(tmp_path, clock):
    trainer, _ = train(own.plain, tmp_path, clock, within="20s")
    written = tmp_path / f"checkpoint-{trainer.state.global_step}" / "trainer_state.json"
    entry = json.loads(written.read_text())["stateful_callbacks"]["DeadlineCallback"]
    assert entry["args"]["within"] == "20s"
    assert entry["attributes"]["kept"]["ended"] == "window"
