"""A gradient that is a spike: clipped, told, and found again by a night that goes on."""

from dataclasses import replace

from tests.training.test_loop import WELL, course, night, of

from overnight.values.ledger import Stepped
from overnight.values.troubles import Clipped


def test_a_gradient_far_above_the_usual_is_clipped_and_told_before_its_step():
    usual, spike = replace(WELL, grad_norm=0.1), replace(WELL, grad_norm=50.0)
    loop = night(*[usual] * 30, spike, usual, begin=course(horizon=32))
    events = list(loop.train())
    (clipped,) = of(Clipped, events)
    assert (clipped.step, clipped.grad_norm) == (31, 50.0)
    assert loop.session.clips[30] == clipped.limit < 0.5
    after = events[events.index(clipped) + 1]
    assert isinstance(after, Stepped) and after.step == 31


def test_where_all_gradients_are_clipped_a_spike_is_nothing_new():
    usual, spike = replace(WELL, grad_norm=4.0), replace(WELL, grad_norm=50.0)
    loop = night(*[usual] * 30, spike, begin=course(horizon=31))
    assert not of(Clipped, list(loop.train()))
    assert set(loop.session.clips) == {float("inf")}


def test_a_resumed_night_clips_at_the_same_limit():
    norms = [0.1 + 0.01 * (step % 7) for step in range(30)]
    loop = night(*[replace(WELL, grad_norm=norm) for norm in norms], begin=course(horizon=30))
    again = course(horizon=30)
    for event in loop.train():
        again = again.after(event, 0.0)
    assert again.health.norms == loop.course.health.norms
    assert again.health.norms.limit < 1.0
