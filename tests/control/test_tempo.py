import random

import pytest

from overnight.control.tempo import BLOCKS, STEPS, Tempo


def taken(seconds, load=lambda step: 1.0) -> Tempo:
    """As `Paced.stepped` hands whole blocks on."""
    tempo, block = Tempo(), (0.0, 0.0, 0)
    for step, took in enumerate(seconds):
        block = (block[0] + took, block[1] + load(step), block[2] + 1)
        if block[2] == tempo.size:
            tempo, block = tempo.after(block), (0.0, 0.0, 0)
    return tempo


def test_nothing_is_said_before_there_are_four_blocks():
    assert taken([1.0] * (4 * STEPS - 1)).differences(0.0) == ()
    assert taken([1.0] * (4 * STEPS)).differences(0.0) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("steps", [33, 100, 1_000, 12_345])
def test_what_is_kept_does_not_grow_and_nothing_is_lost(steps):
    tempo = taken([0.5] * steps)
    told = sum(block[2] for block in tempo.blocks)
    assert len(tempo.blocks) < BLOCKS and {block[2] for block in tempo.blocks} == {tempo.size}
    assert steps - told < tempo.size
    assert tempo.seconds == pytest.approx(0.5 * told)


def test_a_pace_that_falls_is_seen_between_the_quarters():
    differences = taken([1.0] * 512 + [1.2] * 512).differences(0.0)
    assert differences == pytest.approx((0.0, 0.2 / 1.1, 0.0), abs=0.02)


def test_scatter_fades_with_the_steps():
    noise = random.Random(5)
    few, many = (max(map(abs, taken([1 + 0.2 * noise.gauss(0, 1) for _ in range(n)])
                         .differences(0.0))) for n in (64, 16_384))  # fmt: skip
    assert many < 0.02 < few


def test_longer_steps_are_no_slower_ones():
    long = taken([1.0 + 0.001 * step for step in range(256)], lambda step: 1.0 + 0.001 * step)
    assert max(map(abs, long.differences(0.0))) < 1e-9
    with_start = taken([0.5 + 0.001 * step for step in range(256)], lambda step: 0.001 * step)
    assert max(map(abs, with_start.differences(0.5))) < 1e-9
    assert max(map(abs, with_start.differences(0.0))) > 0.1


def test_steps_that_held_nothing_known_say_nothing():
    assert taken([1.0] * 64, lambda step: 0.0).differences(0.0) == ()
