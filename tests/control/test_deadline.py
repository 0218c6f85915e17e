"""Over in time, whatever the steps do. The clock is a number."""

import random
from dataclasses import replace

import pytest

from overnight.control.deadline import MOVED, Deadline
from overnight.values.cadence import Cadence
from overnight.values.decisions import (
    Evaluate,
    Replan,
    Save,
    Step,
    Stop,
)
from overnight.values.ledger import (
    Evaluated,
    Loss,
    Saved,
    Stepped,
)


def deadline(**changes: object) -> Deadline:
    given = {"started_at": 0.0, "ends_at": 100.0, "steps_wanted": None, "tokens_per_step": 100.0,
             "publish_seconds": 5.0, "horizon": 50} | changes  # fmt: skip
    return Deadline(**given)  # type: ignore[arg-type]


def stepped(step: int, seconds: float = 1.0, tokens: int = 100) -> Stepped:
    return Stepped(step=step, epoch=0.0, loss=1.0, tokens=tokens, learnt_tokens=tokens,
                   seconds=seconds, learning_rate=1e-3, grad_norm=1.0, peak_bytes=0)  # fmt: skip


def evaluated(step: int, seconds: float, part: str = "select", base: bool = False) -> Evaluated:
    loss = Loss(loss=1.0, low=0.9, high=1.1, n=20)
    return Evaluated(step=step, part=part, loss=loss, seconds=seconds, base=base)  # type: ignore[arg-type]


def saved(step: int, seconds: float) -> Saved:
    return Saved(step=step, name=f"checkpoint-{step}", parent="", seconds=seconds, bytes=1)


def live_through(night: Deadline, seed: int, slow_from: float = 2.0) -> tuple[Deadline, float]:
    """Plays a whole night with noisy prices; the time at which training stopped."""
    noise, now = random.Random(seed), 0.0
    for event, price in ((saved(0, 0.3), 0.3), (evaluated(0, 0.5, base=True), 0.5),
                         (evaluated(0, 0.5, "test", base=True), 0.5)):  # fmt: skip
        now += price
        night = night.after(event, now)
    for _ in range(100_000):
        decision = night.decide(now)
        if isinstance(decision, Stop):
            return night, now
        if isinstance(decision, Replan):
            night = night.replanned(decision.horizon, now)
            continue
        slower = slow_from if now > 40 else 1.0
        seconds = slower * 0.2 * noise.lognormvariate(0.0, 0.3)
        now += seconds
        if isinstance(decision, Step):
            night = night.after(stepped(night.step + 1, seconds), now)
        elif isinstance(decision, Save):
            night = night.after(saved(night.step, seconds), now)
        else:
            night = night.after(evaluated(night.step, seconds), now)
    raise AssertionError("the night never ended")


@pytest.mark.parametrize("seed", range(30))
def test_a_noisy_night_that_gets_slower_keeps_its_reserve(seed):
    night, stopped_at = live_through(deadline(), seed)
    assert stopped_at + night.reserve.seconds <= 100.0


@pytest.mark.parametrize("seed", range(10))
def test_a_steady_night_uses_its_window(seed):
    night, stopped_at = live_through(deadline(), seed, slow_from=1.0)
    assert 100.0 - (stopped_at + night.reserve.seconds) < 3.0
    assert night.horizon - night.step <= 2


def test_no_step_is_begun_that_cannot_end_with_the_reserve():
    night = deadline(recent=((4.0, 100),), save_seconds=2.0)
    latest = 100.0 - night.reserve.seconds - 4.0
    assert isinstance(night.decide(latest - 0.01), Step | Save | Replan)
    assert night.decide(latest + 0.01) == Stop(reason="window")


def test_the_reserve_is_made_of_the_dearest_prices():
    night = deadline().after(saved(1, 2.0), 1.0).after(saved(2, 1.0), 2.0)
    night = night.after(evaluated(2, 3.0), 3.0).after(evaluated(2, 4.0, "test"), 4.0)
    assert night.reserve.save == 3.0
    assert night.reserve.evaluation == 7.0
    assert night.reserve.margin == 1.0


def test_planned_steps_end_the_night_before_the_window_does():
    night = deadline(steps_wanted=50, step=50)
    assert night.decide(10.0) == Stop(reason="horizon")


def test_a_horizon_that_the_clock_has_cut_is_the_windows_end():
    assert deadline(steps_wanted=500, horizon=50, step=50).decide(10.0) == Stop(reason="window")
    assert deadline(horizon=50, step=50).decide(10.0) == Stop(reason="window")


def test_a_signal_goes_before_everything():
    assert deadline().decide(0.0, asked_to_stop="signal") == Stop(reason="signal")


def test_a_slower_pace_moves_the_horizon_nearer():
    night = deadline(recent=tuple((2.0, 100) for _ in range(10)), saved_at=9.0, step=10)
    decision = night.decide(10.0)
    assert isinstance(decision, Replan)
    assert 40 < decision.horizon < 55


def test_longer_rows_than_usual_do_not_look_like_a_slower_pace():
    usual = deadline(recent=tuple((1.0, 100) for _ in range(10)), step=10)
    longer = deadline(recent=tuple((3.0, 300) for _ in range(10)), step=10)
    assert longer.reachable(20.0) == usual.reachable(20.0)


def test_an_end_that_is_wanted_now_anneals_over_a_fifth_of_what_is_done():
    assert deadline(step=100, horizon=400).annealed() == 120
    assert deadline(step=100, horizon=110).annealed() == 110
    assert deadline(step=2, horizon=400).annealed() == 3


def test_without_a_window_only_the_horizon_ends_it():
    night = deadline(ends_at=None, steps_wanted=50)
    assert not isinstance(night.decide(1e9), Stop)
    assert replace(night, step=50).decide(0.0) == Stop(reason="horizon")


def test_a_short_window_saves_often_and_never_for_more_than_its_share():
    cheap = deadline(save_seconds=0.03, saved_at=10.0, saved_step=1, step=4,
                     recent=((0.1, 100),) * 3, horizon=880)  # fmt: skip
    assert isinstance(replace(cheap, saved_at=4.0).decide(10.0), Save)
    assert not isinstance(replace(cheap, saved_at=6.0).decide(10.0), Save)
    dear = replace(cheap, save_seconds=1.0, saved_at=-5.0)
    assert not isinstance(dear.decide(10.0), Save)


@pytest.mark.parametrize(("seconds", "asked"), [(0.6, 16), (0.3, 16), (0.2, 8), (0.05, 2)])
def test_what_is_due_is_asked_every_half_second_and_the_end_at_each_step(seconds, asked):
    night = deadline(save_seconds=0.01, saved_at=0.0, saved_step=0, horizon=880,
                     recent=((seconds, 100),) * 5)  # fmt: skip
    decided = [replace(night, step=step).decide(50.0) for step in range(1, 17)]
    assert sum(not isinstance(one, Step) for one in decided) == asked
    late = [replace(night, step=step).decide(99.99) for step in range(1, 17)]
    assert all(isinstance(one, Stop) for one in late)


def test_given_cadences_are_kept():
    night = deadline(ends_at=None, cadence=Cadence(eval_steps=7, save_steps=5), horizon=100)
    seen: dict[str, list[int]] = {"Save": [], "Evaluate": []}
    for now in range(400):
        decision = night.decide(float(now))
        if isinstance(decision, Save):
            seen["Save"].append(night.step)
            night = night.after(saved(night.step, 0.1), float(now))
        elif isinstance(decision, Evaluate):
            seen["Evaluate"].append(night.step)
            night = night.after(evaluated(night.step, 0.1), float(now))
        elif isinstance(decision, Step):
            night = night.after(stepped(night.step + 1), float(now))
    assert seen["Save"][:3] == [5, 10, 15]
    assert seen["Evaluate"][:3] == [7, 14, 21]


def under_way(**changes: object) -> Deadline:
    """In its tenth of fifty steps, a second each."""
    night = deadline(**changes)
    for step in range(1, 11):
        night = night.after(stepped(step), float(step))
    return night


def test_a_session_is_left_with_room_for_a_save_and_for_publishing():
    night = under_way(ends_at=1e6, leaves_at=40.0, horizon=10**6, replanned_at=10.0)
    night = night.after(saved(10, 2.0), 12.0)
    assert night.decide(25.0) == Step()
    assert night.decide(31.0) == Stop(reason="session")


def test_a_session_that_outlives_the_window_changes_nothing():
    night = under_way(ends_at=40.0, leaves_at=1e6, replanned_at=30.0)
    assert night.decide(35.0) == Stop(reason="window")


def test_a_look_of_the_whole_nights_end_is_not_kept_room_for_in_a_session():
    night = under_way(ends_at=1e6, leaves_at=60.0, horizon=10**6, replanned_at=10.0)
    night = night.after(evaluated(10, 300.0), 12.0)
    assert not isinstance(night.decide(20.0), Stop)


def test_more_time_moves_the_horizon_at_once_and_says_why():
    night = under_way(ends_at=60.0).moved_to(120.0, None)
    moved = night.decide(10.0)
    assert isinstance(moved, Replan)
    assert (moved.why, moved.horizon > 90) == (MOVED, True)
    assert night.replanned(moved.horizon, 10.0).decide(10.0) != moved


def test_a_horizon_that_was_reached_goes_on_with_more_time_and_ends_without():
    night = under_way(ends_at=30.0, horizon=10)
    assert night.decide(12.0) == Stop(reason="window")
    assert isinstance(night.moved_to(120.0, None).decide(12.0), Replan)


def test_work_that_is_done_is_done_whatever_time_there_is():
    night = under_way(ends_at=30.0, horizon=10, steps_wanted=10).moved_to(900.0, None)
    assert night.decide(12.0) == Stop(reason="horizon")


def test_less_time_brings_the_horizon_nearer():
    moved = under_way(ends_at=100.0).moved_to(40.0, None).decide(10.0)
    assert isinstance(moved, Replan) and moved.horizon < 40


def test_an_end_that_was_asked_for_comes_with_its_own_reason():
    night = under_way(ends_at=None, horizon=10, steps_wanted=10, ending="stop")
    assert night.decide(11.0) == Stop(reason="stop")


def test_a_save_can_be_asked_for_once_a_step():
    night = under_way()
    assert night.may_save(11.0)
    assert not night.after(saved(10, 1.0), 12.0).may_save(12.0)
    assert not night.may_save(99.0)
