"""What ran out of memory in one night is not planned in the next like it."""

from dataclasses import replace

import pytest
from tests.planning.facts import CARD, CPU, LARGE, question
from tests.planning.remembered import ASKED, candidate, night

from overnight.planning import search
from overnight.planning.lessons import lessons
from overnight.planning.room import fitted, within
from overnight.values.lessons import Lessons
from overnight.values.request import Settings

GIB = 2**30
LESS = candidate(max_tokens_per_micro_batch=400)


def tight(**changed):
    return replace(night(), **{"fitted": LESS, "free_bytes": 8 * GIB} | changed)


def test_the_newest_night_alike_in_which_memory_ran_out_is_what_is_known():
    older = tight(fitted=candidate(per_device_train_batch_size=1))
    assert fitted([night(), tight(), older], ASKED) == LESS
    assert lessons([night(), tight()], ASKED).fitted == LESS
    assert fitted([night()], ASKED) is None


@pytest.mark.parametrize(
    "changed", [{"architecture": "GPT2"}, {"num_parameters": 7}, {"hidden_size": 1}]
)
def test_another_model_is_another_case(changed):
    assert fitted([tight(**changed)], ASKED) is None


def test_with_more_memory_than_then_it_is_tried_again():
    assert fitted([tight()], replace(ASKED, free_bytes=8 * GIB)) == LESS
    assert fitted([tight()], replace(ASKED, free_bytes=9 * GIB)) is None


def test_a_candidate_is_held_to_what_fitted():
    assert within(candidate(), LESS) == LESS
    assert within(candidate(), None) == candidate()
    more = candidate(per_device_train_batch_size=12)
    assert within(more, LESS) == replace(more, max_tokens_per_micro_batch=400)
    assert within(more, candidate()) is None


@pytest.mark.parametrize(
    "other", [{"method": "lora"}, {"precision": "bf16"}, {"gradient_checkpointing": True}]
)
def test_of_another_kind_of_candidate_nothing_is_known(other):
    assert within(candidate(**other), LESS) == candidate(**other)


def test_where_only_checkpointing_helped_nothing_without_it_is_planned():
    some = candidate(gradient_checkpointing=True, checkpoint_every=2)
    every = candidate(gradient_checkpointing=True)
    assert within(candidate(), some) is None
    assert within(every, some) == every
    assert within(some, every) is None


def chosen(known=None, *, hardware=CPU, **asked):
    one = replace(question(hardware=hardware, **asked), lessons=Lessons(fitted=known))
    return search.choose(one)


def test_the_next_plan_cuts_what_ran_out_and_keeps_its_rows():
    before = chosen().candidate
    plan = chosen(replace(before, max_tokens_per_micro_batch=900))
    assert plan.candidate == replace(before, max_tokens_per_micro_batch=900)
    assert plan.memory.peak_bytes < chosen().memory.peak_bytes
    assert "memory ran out above it" in plan.reasons[-1].why


def test_the_next_plan_takes_fewer_rows_where_a_process_had_to_be_smaller():
    before = chosen().candidate
    rows = before.per_device_train_batch_size
    assert rows > 1
    half = replace(before, per_device_train_batch_size=rows // 2)
    assert chosen(half).candidate.per_device_train_batch_size <= rows // 2


def test_the_next_plan_checkpoints_where_that_alone_had_helped():
    before = chosen(model=LARGE, hardware=CARD).candidate
    assert not before.gradient_checkpointing
    known = replace(before, per_device_train_batch_size=1, gradient_checkpointing=True)
    assert chosen(known, model=LARGE, hardware=CARD).candidate.gradient_checkpointing


def test_rows_that_are_given_stay_given():
    settings = Settings(per_device_train_batch_size=8)
    known = replace(chosen(settings=settings).candidate, per_device_train_batch_size=2)
    assert chosen(known, settings=settings).candidate.per_device_train_batch_size == 8
