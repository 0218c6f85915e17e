"""Logits in chunks: only where they take much of the memory, and only where nothing else fits."""

from dataclasses import replace

import pytest
from tests.planning.facts import CARD, CPU, DATA, LARGE, MODEL, question

from overnight.planning import candidates, logits, memory, pace, ranking, reasons, search, work
from overnight.values.plan import Candidate

LONG = Candidate(
    method="lora", per_device_train_batch_size=8, gradient_accumulation_steps=1, max_length=2048,
    learning_rate=1e-4, precision="bf16", gradient_checkpointing=False,
)  # fmt: skip
CHUNKED = replace(LONG, loss_chunk_size=1024)
SMALL = replace(CARD, memory_bytes=24 * 2**30, memory_free_bytes=23 * 2**30)


def asked(hardware=CARD, model=LARGE):
    return question(model=model, hardware=hardware)


def test_few_logits_are_held_all_at_once():
    short = replace(LONG, per_device_train_batch_size=1)
    assert logits.ways(asked(), short) == (short,)


def test_many_logits_may_be_held_in_chunks_that_take_an_eighth_of_the_memory():
    plain, chunked = logits.ways(asked(SMALL), LONG)
    assert plain == LONG
    taken = chunked.loss_chunk_size * LARGE.vocab_size * 12
    assert 0.8 < taken / (SMALL.memory_free_bytes / 8) <= 1.0


def test_processes_of_a_host_share_its_memory():
    chunks = [
        logits.chunk(CPU, replace(LONG, processes=count), LARGE.vocab_size) for count in (1, 2)
    ]
    assert chunks[0] > chunks[1] >= logits.LEAST


@pytest.mark.parametrize("architecture", ["Gemma2ForCausalLM", "CohereForCausalLM"])
def test_a_model_that_changes_its_logits_makes_them_all(architecture: str):
    own = replace(LARGE, architecture=architecture)
    assert logits.ways(asked(SMALL, own), LONG) == (LONG,)


def test_chunks_take_less_memory_and_a_second_pass_of_the_head():
    plain, chunked = (memory.estimate(one, LARGE, device="cuda") for one in (LONG, CHUNKED))
    # With all at once the loss is the peak; in chunks another moment is.
    assert plain.parts["logits"] == 12 * 8 * 2048 * 128_256 and "logits" not in chunked.parts
    assert chunked.peak_bytes < plain.peak_bytes
    more = [work.flops_per_token(one, LARGE, 1.0) for one in (LONG, CHUNKED)]
    assert more[1] - more[0] == pytest.approx(2 * 128_256 * 4096)


def test_what_fits_whole_is_not_cut_where_the_head_is_much_of_the_work():
    wide = replace(
        LARGE, num_parameters=800_000_000, embedding_parameters=262_144_000, hidden_size=1024,
        intermediate_size=2816, num_layers=16, vocab_size=256_000, tied_embeddings=True,
    )  # fmt: skip
    long = replace(DATA, num_tokens=2_000_000, learnt_tokens=2_000_000, row_lengths=(2000,) * 201)
    known = replace(asked(replace(CARD, memory_free_bytes=140 * 2**30), wide), dataset=long)
    plain, chunked = logits.ways(known, LONG)
    tried = [ranking.judge(known, one) for one in (plain, chunked)]
    assert all(ranking.fits(known, one) for one in tried)
    assert ranking.best(known, tried).candidate == plain


def test_a_small_vocabulary_is_never_cut():
    known = question(model=MODEL)
    assert all(one.loss_chunk_size == 0 for one in candidates.of(known, "full", 512))


def test_the_reason_and_the_title_say_it():
    known = asked(SMALL)
    rate = pace.data_pace(CHUNKED, LARGE, SMALL, known.dataset)
    told = {one.setting: one.value for one in reasons.of(CHUNKED, known, rate)}
    assert told["loss_chunk_size"] == "1024"
    assert ranking.title(CHUNKED).endswith(", loss in chunks")


def test_every_plan_still_names_one_candidate():
    assert search.choose(asked(SMALL)).candidate.max_length > 0
