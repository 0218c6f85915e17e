"""What is still to come, and when it is over. The clock is a number."""

from dataclasses import replace

import pytest

from overnight.control import forecast
from overnight.control.deadline import Deadline
from overnight.control.forecast import LATER
from overnight.control.tempo import STEPS, Tempo
from overnight.values.cadence import Cadence
from overnight.values.ledger import Evaluated, Loss, Rehearsed, Saved, Stepped

NIGHT = Deadline(
    started_at=0.0, ends_at=None, steps_wanted=100, tokens_per_step=100.0, publish_seconds=9.0,
    horizon=100, step=20, recent=((1.0, 100.0),) * 20, look_rates=(0.1, 0.1), look_rows=20,
    test_rows=30, save_prices=(0.5,), save_seconds=0.5, select_seconds=2.0, test_seconds=3.0,
    evaluated_step=20, saved_step=20, evaluated_at=20.0, saved_at=20.0, answer_seconds=4.0,
    cadence=Cadence(eval_steps=20, save_steps=10_000),
)  # fmt: skip


def ahead(night: Deadline = NIGHT) -> forecast.Ahead:
    return forecast.ahead(night, 30.0, publish_seconds=5.0)


def stepped(step: int, seconds: float) -> Stepped:
    return Stepped(step=step, epoch=0.0, loss=1.0, tokens=100, learnt_tokens=100, seconds=seconds,
                   learning_rate=1e-3, grad_norm=1.0, peak_bytes=0)  # fmt: skip


def test_every_phase_is_its_number_times_its_price():
    coming = ahead()
    assert coming.training.mid == pytest.approx(80.0)
    assert coming.evaluations.mid == pytest.approx(3 * 2.0 * LATER)  # at 40, 60 and 80
    assert coming.saves.mid == pytest.approx(3 * 0.5)  # one before each
    assert coming.ending.mid == pytest.approx(5.0 * LATER + 0.5 + 4.0 + 0.1)
    assert coming.publish.mid == 5.0
    assert list(coming.phases()) == ["training", "evaluations", "saves", "ending", "publish"]


def test_long_steps_to_come_take_longer_than_those_seen():
    loads = tuple(float(n * 100) for n in range(21)) + tuple(2000.0 + n * 300 for n in range(1, 81))
    assert ahead(replace(NIGHT, loads=loads)).training.mid == pytest.approx(240.0)
    known = replace(NIGHT, loads=loads, fixed_load=100.0)  # half of a step seen was no work
    assert ahead(known).training.mid == pytest.approx(160.0)


def test_the_first_look_was_cold_and_is_not_believed_where_the_second_was_cheaper():
    assert ahead(replace(NIGHT, look_rates=(0.3, 0.1))).evaluations.mid == pytest.approx(
        LATER * 6.9
    )
    assert ahead(replace(NIGHT, look_rates=(0.12, 0.1))).evaluations.mid == pytest.approx(
        LATER * 6.6
    )


def test_one_step_that_was_held_up_moves_the_forecast_little():
    held_up = ((1.0, 100.0),) * 4 + ((30.0, 100.0),)
    few = replace(NIGHT, step=5, recent=held_up)
    assert forecast.pace(few) == pytest.approx(5.4 / 500.0)
    assert few.pace == pytest.approx(34.0 / 500.0)


def test_the_doubt_shrinks_with_what_was_seen_and_grows_with_the_scatter():
    seen = replace(NIGHT, tempo=Tempo(seconds=20.0))
    early = replace(NIGHT, step=5, recent=((1.0, 100.0),) * 5, tempo=Tempo(seconds=5.0))
    assert forecast.doubt(early, 95.0) > forecast.doubt(seen, 80.0) > 0.0
    shaky = replace(NIGHT, recent=((0.7, 100.0), (1.3, 100.0)) * 10)
    assert forecast.doubt(shaky, 80.0) > forecast.doubt(NIGHT, 80.0)


def steady(rates: list[float]) -> Tempo:
    """Quarters of a night, two blocks each."""
    tempo = Tempo()
    for rate in rates:
        for _ in range(2):
            tempo = tempo.after((STEPS * rate, STEPS * 100.0, STEPS))
    return tempo


def test_a_pace_that_stayed_is_doubted_less_and_one_that_did_not_more():
    before = forecast.drift(replace(NIGHT, tempo=Tempo(seconds=64.0)), 64.0)
    calm = forecast.drift(replace(NIGHT, tempo=steady([1.0] * 4)), 64.0)
    shaken = forecast.drift(replace(NIGHT, tempo=steady([0.9, 1.2, 0.9, 1.2])), 64.0)
    assert calm == pytest.approx(before / 2) and shaken > 2 * before


def test_scatter_of_single_steps_is_no_drift():
    noisy = ((0.7, 100.0), (1.3, 100.0)) * 10
    apart = steady([1.0, 1.02, 0.98, 1.0])
    calm, shaky = (forecast.drift(replace(NIGHT, recent=recent, tempo=apart), 64.0)
                   for recent in (NIGHT.recent, noisy))  # fmt: skip
    assert shaky < calm


def test_the_finish_lies_inside_its_interval_and_before_the_margin():
    night = replace(NIGHT, ends_at=100.0, steps_wanted=None, horizon=50)
    finish = forecast.finish(night, 30.0, publish_seconds=5.0)
    assert finish.low <= finish.mid <= finish.high <= 100.0 - night.reserve.margin


def test_the_end_that_the_clock_sets_is_surer_than_that_of_steps():
    free = replace(NIGHT, ends_at=1000.0, recent=((0.7, 100.0), (1.3, 100.0)) * 10)
    cut = replace(free, steps_wanted=None)
    width = [one.training.high - one.training.low for one in (ahead(cut), ahead(free))]
    assert width[0] < width[1]


def test_steps_of_the_settling_are_forgotten_when_the_rehearsal_is_over():
    night = replace(NIGHT, step=0, recent=())
    for step, seconds in enumerate((9.0, 3.0, 1.0, 1.0, 1.0), start=1):
        night = night.after(stepped(step, seconds), float(step))
    told = Rehearsed(steps=5, seconds=15.0, tokens_per_second=1.0, peak_bytes=1, settled=2,
                     settling_seconds=10.0)  # fmt: skip
    assert night.after(told, 6.0).pace == pytest.approx(0.01)


def test_prices_are_those_of_the_last_few():
    night = replace(NIGHT, save_prices=(), look_rates=())
    for seconds in (9.0, 1.0, 1.0, 1.0, 1.0, 1.0):
        loss = Loss(loss=1.0, low=0.9, high=1.1, n=20)
        night = night.after(Evaluated(step=20, part="select", loss=loss, seconds=seconds), 1.0)
        saved = Saved(step=20, name="checkpoint-20", parent="", seconds=seconds, bytes=1)
        night = night.after(saved, 1.0)
    assert night.save_prices == (1.0,) * 5 and night.look_rates == (0.05,) * 5
    assert (night.save_seconds, night.select_seconds) == (9.0, 9.0)  # the reserve keeps the dearest
