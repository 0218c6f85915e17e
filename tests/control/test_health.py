"""What is sick is named, what is healthy is left alone."""

import math
import random

from overnight.control.health import SETTLING_STEPS, Health, finite


def healthy(steps: int = 60, level: float = 2.0) -> Health:
    health, noise = Health(), random.Random(1)
    for step in range(steps):
        health = health.after_step(level + 0.2 * noise.random() - 0.002 * step)
    return health


def test_noise_around_a_falling_loss_is_well():
    assert healthy(300).verdict == "well"


def test_a_single_spike_is_not_a_sickness():
    health = healthy().after_step(30.0)
    assert health.verdict == "well"
    assert health.after_step(2.0).high == 0


def test_five_high_steps_in_a_row_call_for_a_rewind():
    health = healthy()
    for _ in range(5):
        health = health.after_step(9.0)
    assert health.verdict == "rewind"
    assert "median" in health.trouble


def test_a_spike_does_not_raise_the_line_it_is_judged_by():
    health = healthy()
    for _ in range(4):
        health = health.after_step(9.0)
    assert max(health.losses) < 3.0


def test_three_drops_in_a_row_call_for_a_rewind():
    health = healthy()
    for _ in range(3):
        assert health.verdict == "well"
        health = health.after_drop()
    assert health.verdict == "rewind"


def test_a_step_between_drops_starts_the_count_anew():
    health = healthy(400).after_drop().after_drop().after_step(1.5).after_drop()
    assert health.verdict == "well"


def test_after_three_rewinds_it_gives_up():
    health = healthy()
    for _ in range(3):
        health = health.after_rewind()
    for _ in range(3):
        health = health.after_drop()
    assert health.verdict == "give-up"


def test_a_loss_truly_near_zero_is_well():
    health = Health()
    for step in range(200):
        health = health.after_step(1e-4 * (1 + step % 3))
    assert health.verdict == "well"


def test_near_zero_many_times_the_loss_is_still_nothing():
    health = Health()
    for step in range(200):
        health = health.after_step(1e-3 if step < 150 else 0.08)
    assert health.verdict == "well"


def test_in_a_spike_nothing_is_trusted_that_was_saved_in_it():
    health = healthy()
    assert health.calm
    assert not health.after_step(9.0).calm
    assert health.after_step(9.0).after_step(1.9).calm


def test_a_gradients_length_teaches_what_is_usual():
    health = healthy()
    for _ in range(30):
        health = health.after_step(1.9, 0.5)
    assert health.norms.limit == health.after_drop().after_rewind().norms.limit == 2.0


def test_finite_sees_every_kind_of_not_a_number():
    assert finite(0.0, 1.0)
    assert not finite(1.0, math.nan)
    assert not finite(math.inf)


def test_a_loss_scaler_may_look_for_its_scale_but_not_for_ever():
    health = Health()
    for _ in range(SETTLING_STEPS):
        health = health.after_settling()
    assert health.verdict == "well" and health.dropped == 0
    for _ in range(3):
        health = health.after_settling()
    assert health.verdict == "rewind"
    assert Health(settling_in_a_row=SETTLING_STEPS).after_step(1.0).after_settling().dropped == 0
