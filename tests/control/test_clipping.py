"""Only a spike is clipped, and what follows it is judged as if it had not been."""

import math
import random

from overnight.control.clipping import AT_LEAST, WARM_UP, Norms


def usual(steps: int = 200, spread: float = 0.1) -> Norms:
    norms, noise = Norms(), random.Random(3)
    for _ in range(steps):
        norms = norms.after(0.5 * math.exp(noise.gauss(0.0, spread)))
    return norms


def test_the_first_steps_have_no_limit():
    assert usual(WARM_UP - 1).limit == math.inf
    assert usual(WARM_UP).limit < 3.0


def test_the_limit_lies_above_everything_usual():
    norms, noise = usual(), random.Random(4)
    assert all(0.5 * math.exp(noise.gauss(0.0, 0.1)) < norms.limit for _ in range(1000))


def test_a_spike_lies_above_the_limit_and_moves_it_little():
    before = usual()
    after = before.after(40.0)
    assert before.limit < 3.0
    assert after.limit < 1.5 * before.limit


def test_norms_that_hardly_differ_make_no_spike_of_a_trifle():
    assert usual(spread=1e-6).limit >= 0.99 * AT_LEAST * 0.5


def test_norms_that_become_larger_for_good_are_followed():
    norms = usual()
    for _ in range(300):
        norms = norms.after(5.0)
    assert norms.limit > 5.0


def test_the_mean_and_variance_of_the_first_steps_are_the_plain_ones():
    norms = Norms()
    for norm in (1.0, 2.0, 3.0, 6.0):
        norms = norms.after(norm)
    assert math.isclose(norms.mean, 3.0)
    assert math.isclose(norms.variance, 3.5)


def test_a_norm_that_is_no_number_teaches_nothing():
    norms = usual()
    assert norms.after(math.nan) == norms == norms.after(math.inf)
