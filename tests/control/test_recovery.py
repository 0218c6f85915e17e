"""Smaller candidates mean the same step."""

from dataclasses import replace

import pytest
from tests.training.nights import stepped

from overnight.control import recovery
from overnight.control.recovery import (
    RESTARTS,
    after_kill,
    after_optimizer,
    as_small,
    replayed,
    shrunk,
    smaller,
    smallest,
)
from overnight.values.ledger import Resumed, Saved
from overnight.values.plan import Candidate
from overnight.values.troubles import Rewound, Shrunk

EIGHT = Candidate(
    method="lora", per_device_train_batch_size=8, gradient_accumulation_steps=1, max_length=128,
    learning_rate=1e-4, precision="bf16", gradient_checkpointing=False,
    dataloader_num_workers=2, dataloader_pin_memory=True,
)  # fmt: skip


def limit(candidate):
    return candidate.max_tokens_per_micro_batch


def saved(step):
    return Saved(step=step, name=f"checkpoint-{step}", parent="", seconds=1.0, bytes=1)


def resumed(step):
    name = f"checkpoint-{step}" if step else ""
    return Resumed(step=step, name=name, steps_lost=0)


def rewound(step, to_step):
    return Rewound(step=step, to_step=to_step, name=f"checkpoint-{to_step}", rate_factor=0.5,
                   why="spike")  # fmt: skip


def ran_out(step, tokens, where="gradients", rows=8):
    made = replace(EIGHT, max_tokens_per_micro_batch=tokens, per_device_train_batch_size=rows,
                   gradient_accumulation_steps=8 // rows)  # fmt: skip
    return shrunk(made, step=step, where=where, why="x")


def test_what_did_not_fit_is_cut_in_two_and_nothing_else_changes():
    assert smaller(EIGHT, ran_out=800) == replace(EIGHT, max_tokens_per_micro_batch=400)


def test_what_has_fitted_is_never_cut():
    assert limit(smaller(EIGHT, ran_out=800, fitted=640)) == 640
    assert limit(smaller(EIGHT, ran_out=800, fitted=100)) == 400


def test_where_more_had_fitted_the_largest_are_cut_first():
    assert limit(smaller(EIGHT, ran_out=300, fitted=800)) == 400


def test_every_cut_is_smaller_than_the_one_before():
    candidate, seen = EIGHT, []
    for _ in range(9):
        candidate = smaller(candidate, ran_out=limit(candidate) or 1000, fitted=900)
        seen.append(limit(candidate))
    assert seen == sorted(set(seen), reverse=True)


def test_where_one_row_does_not_fit_checkpointing_comes_and_then_nothing():
    last = smaller(EIGHT)
    assert last == replace(EIGHT, gradient_checkpointing=True)
    assert smaller(last) is None


def test_where_every_other_layer_was_checkpointed_all_are():
    some = replace(EIGHT, gradient_checkpointing=True, checkpoint_every=2)
    last = smaller(some)
    assert last == replace(some, checkpoint_every=1)
    assert smaller(last) is None


def test_a_new_process_halves_the_micro_batch_and_keeps_the_step():
    half = after_optimizer(replace(EIGHT, max_tokens_per_micro_batch=801), [])
    assert (half.per_device_train_batch_size, limit(half)) == (4, 401)
    assert half.rows_per_step == EIGHT.rows_per_step


def test_an_odd_micro_batch_never_makes_a_step_smaller():
    odd = replace(EIGHT, per_device_train_batch_size=5, gradient_accumulation_steps=2)
    half = after_optimizer(odd, [])
    assert half.per_device_train_batch_size == 2
    assert half.rows_per_step >= odd.rows_per_step


def test_of_one_row_a_new_process_checkpoints_until_nothing_is_smaller():
    one = replace(EIGHT, per_device_train_batch_size=1)
    last = after_optimizer(one, [])
    assert last.gradient_checkpointing
    assert after_optimizer(last, []) is None


@pytest.mark.parametrize("where", ["optimizer", "host"])
def test_new_processes_end_where_they_come_to_no_checkpoint(where):
    events = [saved(0), *[ran_out(3, 0, where)] * RESTARTS]
    assert after_optimizer(EIGHT, events) is None
    assert after_kill(EIGHT, events, device="cpu") is None
    assert after_optimizer(EIGHT, [*events, saved(5)]) is not None


def test_what_ran_out_within_a_step_is_no_restart():
    assert after_optimizer(EIGHT, [ran_out(3, 400)] * 9) is not None


def test_a_kill_takes_loaders_away_and_rows_where_the_model_lives_in_that_memory():
    here, card = (after_kill(EIGHT, [], device=device) for device in ("cpu", "cuda"))
    assert (here.dataloader_num_workers, here.dataloader_pin_memory) == (0, False)
    assert here.per_device_train_batch_size == 4
    assert card == replace(EIGHT, dataloader_num_workers=0, dataloader_pin_memory=False)
    assert after_kill(card, [], device="cuda") is None


def test_an_event_and_its_candidate_say_the_same():
    one = replace(EIGHT, max_tokens_per_micro_batch=300, gradient_checkpointing=True,
                  checkpoint_every=2)  # fmt: skip
    assert as_small(EIGHT, shrunk(one, step=1, where="gradients", why="x")) == one


def test_what_is_smaller_already_stays():
    small = replace(EIGHT, per_device_train_batch_size=2, gradient_accumulation_steps=4,
                    max_tokens_per_micro_batch=100, gradient_checkpointing=True)  # fmt: skip
    assert as_small(small, ran_out(1, 400)) == small


def test_layers_that_are_not_checkpointed_become_as_many_as_the_event_says():
    event = Shrunk(step=1, per_device_train_batch_size=8, gradient_accumulation_steps=1, why="x",
                   gradient_checkpointing=True, checkpoint_every=2)  # fmt: skip
    assert as_small(EIGHT, event).checkpoint_every == 2


@pytest.mark.parametrize(
    ("events", "name", "now", "to_come"),
    [
        ([saved(5), ran_out(7, 400), saved(10)], "checkpoint-10", 400, []),
        ([saved(5), ran_out(7, 400), saved(10)], "checkpoint-5", 0, [7]),
        ([ran_out(0, 400), saved(0)], "", 0, [0]),
        ([saved(5), ran_out(7, 400), resumed(5), stepped(6), saved(6)], "checkpoint-6", 0, [7]),
        ([saved(5), ran_out(7, 400), resumed(5), stepped(8), saved(8)], "checkpoint-8", 400, []),
        ([saved(5), ran_out(7, 400), rewound(9, 5)], "checkpoint-5", 400, []),
        ([saved(5), ran_out(7, 400), rewound(9, 5), resumed(5), saved(6)], "checkpoint-6", 400, []),
        ([saved(5), ran_out(7, 400), ran_out(8, 200)], "checkpoint-5", 0, [7, 8]),
        ([saved(5), ran_out(7, 400)], "checkpoint-8", 400, []),
    ],
)  # fmt: skip
def test_a_checkpoint_is_gone_on_from_as_it_was_written(events, name, now, to_come):
    candidate, coming = replayed(EIGHT, events, name)
    assert limit(candidate) == now
    assert [event.step for event in coming] == to_come


@pytest.mark.parametrize("where", ["optimizer", "host"])
def test_a_process_that_had_to_be_smaller_from_its_start_stays_so(where):
    events = [saved(5), ran_out(7, 0, where, rows=4), resumed(5), saved(6), resumed(0)]
    for name in ("", "checkpoint-5", "checkpoint-6"):
        candidate, coming = replayed(EIGHT, events, name)
        assert (candidate.per_device_train_batch_size, coming) == (4, ())


def test_what_memory_left_in_the_end_is_the_smallest_of_all():
    assert smallest(EIGHT, [saved(5), stepped(6)]) is None
    left = smallest(EIGHT, [ran_out(1, 400), ran_out(2, 200), ran_out(3, 0, "host", rows=4)])
    assert (left.per_device_train_batch_size, limit(left)) == (4, 200)
    assert left.rows_per_step == EIGHT.rows_per_step


def test_the_ladder_ends():
    candidate, rungs = EIGHT, 0
    while candidate is not None and rungs < 99:
        candidate, rungs = recovery.after_optimizer(candidate, []), rungs + 1
    assert rungs == 5  # 4, 2, 1 rows, checkpointing, nothing
