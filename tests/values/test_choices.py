"""What was tried before the first step is an event, and says enough to be told."""

from typing import get_args

from overnight.codec import from_json, to_json
from overnight.values import choices
from overnight.values.choices import Piloted, Sized
from overnight.values.ledger import Event


def test_every_choice_is_an_event_that_the_journal_can_hold():
    kinds = [kind for kind in vars(choices).values() if isinstance(kind, type)]
    here = {kind for kind in kinds if kind.__module__ == choices.__name__}
    assert here and here <= set(get_args(Event))


def test_what_was_measured_comes_back_from_the_disk_as_it_was():
    sized = Sized(per_device_train_batch_size=8, gradient_accumulation_steps=1, why="",
                  tokens_per_second=900.0, fixed_tokens=120.0, seconds=1.5, learning_rate=1e-3,
                  paces=((4, 800.0), (8, 900.0)))  # fmt: skip
    assert from_json(to_json(sized), Sized) == sized


def test_a_pilot_that_came_to_its_end_needs_no_note():
    assert Piloted(learning_rate=1e-3, steps=40, loss=2.0, seconds=3.0).note == ""
