"""Troubles are events: each stands in the journal's union, and says what it was."""

from typing import get_args

from overnight.values import troubles
from overnight.values.ledger import Event
from overnight.values.troubles import Jumped, Shrunk


def test_every_trouble_is_an_event_that_the_journal_can_hold():
    kinds = [kind for kind in vars(troubles).values() if isinstance(kind, type)]
    here = {kind for kind in kinds if kind.__module__ == troubles.__name__}
    assert here and here <= set(get_args(Event))


def test_what_ran_out_of_memory_is_forward_or_backward_unless_it_is_said():
    told = Shrunk(step=1, per_device_train_batch_size=1, gradient_accumulation_steps=2, why="")
    assert (told.where, told.most_tokens, told.gradient_checkpointing) == ("gradients", 0, False)


def test_a_clock_that_was_set_is_no_sleep():
    assert Jumped(wall_seconds=5.0).slept_seconds == 0.0
