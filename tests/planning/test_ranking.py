"""Which candidate is the plan, and why the others are not."""

from dataclasses import replace

import pytest
from tests.planning.facts import CARD, LARGE, question

from overnight.planning import candidates, ranking
from overnight.planning.profiles import weights
from overnight.values.errors import NoPlanFits
from overnight.values.request import Settings

ASKED = question(model=LARGE, hardware=CARD)


def test_the_smallest_step_near_the_best_pace_is_taken():
    plan, seen = ranking.chosen(ASKED)
    fitting = [one for one in seen if ranking.fits(ASKED, one)]
    assert plan.pace.mid >= 0.85 * max(one.pace.mid for one in fitting)
    fitting = [one for one in fitting if not one.candidate.gradient_checkpointing]
    best = max(one.pace.mid for one in fitting)
    assert plan.pace.mid >= weights("balanced").pace_share * best
    smaller = [one for one in fitting if one.candidate.rows_per_step < plan.candidate.rows_per_step]
    assert all(one.pace.mid < weights("balanced").pace_share * best for one in smaller)


def test_a_step_is_not_cut_up_where_it_fits_whole():
    plan, _ = ranking.chosen(question(priority="quality"))
    assert plan.candidate.gradient_accumulation_steps == 1


def test_quality_takes_smaller_steps_than_fast():
    rows = {
        name: ranking.chosen(question(model=LARGE, hardware=CARD, priority=name))[0]
        for name in ("fast", "quality")
    }
    assert rows["quality"].candidate.rows_per_step < rows["fast"].candidate.rows_per_step


def test_memory_efficient_plans_with_half_of_the_memory():
    asked = question(model=LARGE, hardware=CARD, priority="memory_efficient")
    assert ranking.limit(asked) == ranking.whole(asked) // 2
    assert ranking.chosen(asked)[0].memory.needed_bytes <= ranking.limit(asked)


def test_a_host_keeps_something_for_other_programs():
    assert ranking.whole(question()) < question().hardware.memory_free_bytes
    assert ranking.whole(ASKED) == CARD.memory_free_bytes


@pytest.mark.parametrize("free, method", [(30, "lora"), (14, "qlora")])
def test_qlora_is_taken_only_where_lora_does_not_fit(free, method):
    asked = question(model=LARGE, hardware=replace(CARD, memory_free_bytes=free * 2**30))
    plan, seen = ranking.chosen(asked)
    lora_fits = any(one.candidate.method == "lora" and ranking.fits(asked, one) for one in seen)
    assert plan.candidate.method == method
    assert lora_fits == (method == "lora")


def test_rows_are_cut_only_where_whole_ones_do_not_fit():
    plan, _ = ranking.chosen(ASKED)
    assert plan.candidate.max_length == candidates.lengths(ASKED)[0]


def test_what_was_not_taken_has_its_sentence():
    plan, seen = ranking.chosen(ASKED)
    told = ranking.rejections(ASKED, plan, seen)
    assert any("does not fit" in one.why or "needs" in one.why for one in told)
    assert any("checkpointing" in one.what and "slower" in one.why for one in told)


def test_the_refusal_says_how_much_is_missing_and_what_would_help():
    asked = question(
        model=LARGE, hardware=replace(CARD, memory_free_bytes=2**30), method="full",
        settings=Settings(max_length=256, per_device_train_batch_size=8),
    )  # fmt: skip
    with pytest.raises(NoPlanFits) as refused:
        ranking.chosen(asked)
    said = str(refused.value)
    assert "the nearest: full, 8 rows x 1" in said
    for way in ("GiB more", "smaller max_length", "--method lora", "per_device_train_batch_size"):
        assert way in said


def test_memory_is_that_of_the_fullest_stage():
    eight = Settings(per_device_train_batch_size=8)
    peaks = []
    for given in (eight, replace(eight, strategy="progressive"),
                  replace(eight, gradient_accumulation_steps=2)):  # fmt: skip
        asked = question(settings=given, hardware=CARD)
        peaks.append(ranking.judge(asked, candidates.of(asked, "full", 300)[0]).memory.peak_bytes)
    assert peaks[0] <= peaks[1] == peaks[2]
