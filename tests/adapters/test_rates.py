from functools import partial
from types import SimpleNamespace

import pytest

from overnight.adapters.rates import Descent, Stretched, put


class LambdaLR:
    """As torch's, as far as it is read."""

    def __init__(self, *factors, base=(1e-3,)):
        self.lr_lambdas, self.base_lrs = list(factors), list(base)


def linear(step, *, num_warmup_steps, num_training_steps):
    if step < num_warmup_steps:
        return step / num_warmup_steps
    return (num_training_steps - step) / (num_training_steps - num_warmup_steps)


def of(warmup=0, steps=1000):
    factor = partial(linear, num_warmup_steps=warmup, num_training_steps=steps)
    return Stretched.of(LambdaLR(factor), steps=steps, warmup=warmup)


def test_without_a_deadline_the_rate_is_the_schedules_own_at_the_middle_of_the_step():
    own = of()
    course = Descent.over(1000, 0)
    assert own.factors(course, 500) == [pytest.approx((1000 - 500.5) / 1000)]


def test_a_nearer_horizon_squeezes_it_to_zero_there():
    own, course = of(), Descent.over(1000, 0).replanned(10, 100)
    factors = [own.factors(course, step)[0] for step in range(10, 100)]
    assert factors[0] == pytest.approx(0.985, abs=0.01)
    assert factors[-1] == pytest.approx(0.0055, abs=0.001)
    assert factors == sorted(factors, reverse=True)


def test_it_never_jumps_when_the_horizon_moves():
    own, course = of(), Descent.over(1000, 0)
    before = own.factors(course, 300)[0]
    after = own.factors(course.replanned(300, 400), 300)[0]
    assert after == pytest.approx(before, abs=0.005)


def test_the_warm_up_stays_as_many_steps_as_were_asked_for():
    own, course = of(warmup=20), Descent.over(1000, 20).replanned(5, 100, warmup_steps=20)
    factors = [own.factors(course, step)[0] for step in range(5, 100)]
    assert factors.index(max(factors)) in range(14, 17)
    assert factors[0] == pytest.approx(5.5 / 20, abs=0.03)
    assert factors[-1] < 0.01


def test_a_run_that_had_landed_climbs_before_it_falls():
    own, course = of(steps=120), Descent.over(40, 0).lengthened(40, 120)
    factors = [own.factors(course, step)[0] for step in range(40, 120)]
    assert factors[0] < factors[20] > factors[-1]
    assert factors[-1] < 0.01


def test_a_factor_that_a_user_wrote_gets_whole_steps():
    asked = []

    def factor(step):
        asked.append(step)
        return 1.0

    Stretched.of(LambdaLR(factor), steps=10, warmup=0).factors(Descent.over(10, 0), 3)
    assert asked == [3]


def test_a_schedule_that_follows_the_loss_is_left_alone():
    assert Stretched.of(SimpleNamespace(), steps=10, warmup=0) is None


def test_the_rates_reach_optimizer_and_log_through_accelerates_wrapping():
    inner = LambdaLR(base=(1e-3, 1e-4))
    optimizer = SimpleNamespace(param_groups=[{"lr": 9.0}, {"lr": 9.0}])
    assert put(optimizer, SimpleNamespace(scheduler=inner), [0.5, 0.5]) == pytest.approx(5e-4)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([5e-4, 5e-5])
    assert inner._last_lr == pytest.approx([5e-4, 5e-5])
