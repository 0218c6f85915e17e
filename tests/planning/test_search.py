"""What was given is kept, what is open is filled in, every refusal has a sentence."""

from dataclasses import replace

import pytest
from tests.planning.facts import CARD, LARGE, question

from overnight.planning import search
from overnight.values.errors import InputError, NoPlanFits
from overnight.values.facts import Interval
from overnight.values.lessons import Lesson, Lessons
from overnight.values.plan import MemoryEstimate
from overnight.values.request import Settings


def test_a_small_model_is_tuned_whole_and_a_large_one_by_lora():
    assert search.choose(question()).candidate.method == "full"
    large = search.choose(question(model=LARGE, hardware=CARD))
    assert large.candidate.method == "lora"
    assert large.candidate.precision == "bf16"


def test_every_given_setting_is_kept():
    given = Settings(learning_rate=3e-4, per_device_train_batch_size=3, max_length=100,
                     gradient_accumulation_steps=5, seed=7, weight_decay=0.1,
                     gradient_checkpointing=True, num_train_epochs=2.0)  # fmt: skip
    candidate = search.choose(question(settings=given)).candidate
    for name, value in given.given().items():
        assert getattr(candidate, name) == value, name


def test_given_settings_are_marked_in_the_reasons():
    plan = search.choose(question(settings=Settings(learning_rate=3e-4), method="lora"))
    given = {reason.setting for reason in plan.reasons if reason.given}
    assert given == {"learning_rate", "method"}


def test_when_memory_is_short_the_plan_shrinks_and_says_why():
    tight = replace(CARD, memory_free_bytes=26 * 2**30)
    plan = search.choose(question(model=LARGE, hardware=tight))
    assert plan.memory.peak_bytes <= plan.memory_limit_bytes
    assert plan.rejections
    assert all("largest part" in rejection.why for rejection in plan.rejections[:1])


def test_what_fits_nowhere_is_refused_with_the_nearest():
    tiny = replace(CARD, memory_free_bytes=2 * 2**30)
    with pytest.raises(NoPlanFits, match="the nearest"):
        search.choose(question(model=LARGE, hardware=tiny))


def test_fp16_forced_on_a_cpu_is_refused():
    with pytest.raises(InputError, match="--precision fp16"):
        search.choose(question(precision="fp16"))


def test_fp16_true_is_a_wish_for_mixed_precision():
    plan = search.choose(question(settings=Settings(fp16=True)))
    assert plan.candidate.precision == "bf16"
    assert any("fp16=true" in note for note in plan.notes)


def test_epochs_that_do_not_fit_are_said_before_training():
    plan = search.choose(question(window=60.0, settings=Settings(num_train_epochs=500.0)))
    assert not plan.time.fits_in_window
    assert any("of 500 epochs fit" in note for note in plan.notes)


def test_no_checkpointing_where_memory_is_free():
    plan = search.choose(question(model=LARGE, hardware=CARD))
    assert not plan.candidate.gradient_checkpointing


def test_max_length_beyond_the_models_positions_is_cut_and_said():
    plan = search.choose(question(settings=Settings(max_length=4096)))
    assert plan.candidate.max_length == 300
    assert any("positions" in note for note in plan.notes)


def test_a_generous_max_length_costs_no_memory_beyond_the_longest_row():
    plan = search.choose(question(settings=Settings(max_length=500)))
    assert plan.candidate.max_length == 300
    assert plan.memory == search.choose(question()).memory


def test_a_precision_that_was_refused_is_not_taken():
    assert search.choose(question(settings=Settings(bf16=False))).candidate.precision == "fp32"
    card = search.choose(question(model=LARGE, hardware=CARD, settings=Settings(bf16=False)))
    assert card.candidate.precision == "fp16"


def test_steps_that_do_not_fit_are_said():
    plan = search.choose(question(window=60.0, settings=Settings(max_steps=10**6)))
    assert any("of 1000000 steps fit" in note for note in plan.notes)


def test_half_of_the_memory_is_kept_to_by_four_bits_where_sixteen_do_not_go_into_it():
    half = replace(CARD, memory_free_bytes=26 * 2**30)
    plan = search.choose(question(model=LARGE, hardware=half, priority="memory_efficient"))
    assert plan.candidate.method == "qlora"
    assert plan.memory.needed_bytes <= 13 * 2**30
    assert not any("of the memory" in note for note in plan.notes)


def test_where_half_of_the_memory_holds_nothing_what_needs_least_is_taken_and_said():
    tight = replace(CARD, memory_free_bytes=12 * 2**30)
    plan = search.choose(question(model=LARGE, hardware=tight, priority="memory_efficient"))
    assert plan.candidate.method == "qlora"
    assert 6 * 2**30 < plan.memory.needed_bytes <= 12 * 2**30
    assert any("nothing fits into 50 % of the memory" in note for note in plan.notes)


def test_a_rate_that_history_taught_takes_the_place_of_the_rule():
    taught = Lessons(learning_rate=7e-4, learning_rate_steps=100)
    asked = replace(question(settings=Settings(max_steps=100)), lessons=taught)
    assert search.choose(asked).candidate.learning_rate == pytest.approx(7e-4, rel=0.01)


def test_history_corrects_pace_and_prices_and_is_named_as_the_source():
    half = Lesson(ratio=Interval(low=0.45, mid=0.5, high=0.55), nights=5)
    taught = Lessons(by_key={"tokens_per_second": half, "publish": half})
    plain = search.choose(question())
    learnt = search.choose(replace(question(), lessons=taught))
    assert (plain.time.source, learnt.time.source) == ("catalogue", "history")
    assert learnt.time.tokens_per_second.mid < 0.6 * plain.time.tokens_per_second.mid
    assert learnt.reserve.publish == pytest.approx(0.5 * plain.reserve.publish)
    assert learnt.prior["publish"] == plain.prior["publish"]


def test_a_card_that_cannot_be_driven_is_said():
    old = replace(CARD, undrivable="this torch has no code for the V100")
    assert "this torch has no code for the V100" in search.choose(question(hardware=old)).notes


def test_a_correction_takes_what_was_measured():
    asked = question(window=600.0)
    plan = search.choose(asked)
    measured = replace(plan.time, total_steps=100, source="rehearsal",
                       tokens_per_second=Interval.exactly(100.0))  # fmt: skip
    memory = MemoryEstimate(parts={"measured": 7}, how="measured")
    better = search.corrected(plan, asked, time=measured, memory=memory, reserve=plan.reserve)
    assert (better.time, better.memory, better.reserve) == (measured, memory, plan.reserve)
    assert better.candidate.learning_rate != plan.candidate.learning_rate
