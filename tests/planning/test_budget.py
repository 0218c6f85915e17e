"""A limit of tokens: where few rows are long, and only as long as memory is short."""

from dataclasses import replace

import pytest
from tests.planning.facts import CARD, DATA, LARGE, question

from overnight.planning import budget, memory, ranking, reasons
from overnight.planning.question import Question
from overnight.values.plan import Candidate

TAIL = tuple(range(50, 231)) + tuple(range(300, 2300, 100))
LONG_TAILED = replace(
    DATA, row_lengths=TAIL, num_tokens=250_000, train_tokens=225_000, learnt_tokens=250_000,
    length_percentiles=(50, 150, 230, 2000, 2200),
)  # fmt: skip
EVEN = replace(DATA, row_lengths=(2000,) * 201, length_percentiles=(2000,) * 5)
PADDED = Candidate(
    method="lora", per_device_train_batch_size=8, gradient_accumulation_steps=1, max_length=2200,
    learning_rate=1e-4, precision="bf16", gradient_checkpointing=False,
)  # fmt: skip


def asked(dataset=LONG_TAILED, free=80) -> Question:
    card = replace(CARD, memory_free_bytes=free * 2**30)
    return replace(question(model=LARGE, hardware=card), dataset=dataset)


def test_where_few_rows_are_long_only_their_micro_batches_are_cut():
    plain, limited = budget.ways(asked(), PADDED)
    assert plain == PADDED
    assert 2200 <= limited.max_tokens_per_micro_batch <= 0.75 * 8 * 2200
    assert replace(limited, max_tokens_per_micro_batch=0) == PADDED


@pytest.mark.parametrize(
    "candidate", [replace(PADDED, per_device_train_batch_size=1), replace(PADDED, packing=True)]
)
def test_single_rows_and_packs_have_nothing_to_cut(candidate: Candidate):
    assert budget.ways(asked(), candidate) == (candidate,)


def test_rows_of_one_length_are_all_as_full():
    assert budget.ways(asked(EVEN), PADDED) == (PADDED,)


def test_a_limit_takes_less_memory_and_a_little_time():
    plain, limited = budget.ways(asked(), PADDED)
    needs = [memory.estimate(one, LARGE, device="cuda").peak_bytes for one in (plain, limited)]
    assert needs[1] < 0.8 * needs[0]
    slowed = [budget.slowed(asked(), one) for one in (plain, limited)]
    assert 1.0 == slowed[0] < slowed[1] < 1.1


def test_a_micro_batch_is_halved_until_it_is_within():
    assert [budget._pieces(8, 100.0, most) for most in (800, 799, 399, 50)] == [1, 2, 4, 8]


def best(free: int) -> Candidate:
    known = asked(free=free)
    tried = [
        ranking.judge(known, one)
        for checkpointed in (False, True)
        for one in budget.ways(known, replace(PADDED, gradient_checkpointing=checkpointed))
    ]
    return ranking.best(known, [one for one in tried if ranking.fits(known, one)]).candidate


def test_with_memory_to_spare_nothing_is_cut_and_with_less_cutting_comes_before_computing_again():
    assert best(260) == PADDED
    short = best(80)
    assert short.max_tokens_per_micro_batch and not short.gradient_checkpointing


def test_the_reason_and_the_title_say_it():
    known = asked()
    limited = budget.ways(known, PADDED)[1]
    pace = ranking.judge(known, limited).pace
    told = {one.setting: one.why for one in reasons.of(limited, known, pace)}
    assert "longest rows" in told["max_tokens_per_micro_batch"]
    assert "tokens at once" in ranking.title(limited)
