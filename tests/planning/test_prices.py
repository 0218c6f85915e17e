"""What the parts of a night cost before one of them was paid."""

from dataclasses import replace

import pytest
from tests.planning.facts import CARD, CPU, DATA, LARGE, MODEL, question

from overnight.planning import search
from overnight.planning.prices import Prices, prior_prices
from overnight.values.facts import DatasetProfile, Hardware, Interval, ModelProfile
from overnight.values.plan import Candidate

CANDIDATE = search.choose(question()).candidate
PACE = Interval(low=500.0, mid=1000.0, high=2000.0)


def prices(
    candidate: Candidate = CANDIDATE, model: ModelProfile = MODEL, dataset: DatasetProfile = DATA,
    hardware: Hardware = CPU,
) -> Prices:  # fmt: skip
    return prior_prices(candidate, model, dataset, PACE, hardware=hardware)


def test_every_price_is_an_interval_in_order():
    found = prices()
    for name in Prices.__slots__:
        price = getattr(found, name)
        assert 0 <= price.low <= price.mid <= price.high


def test_the_start_is_imports_tokenising_and_loading():
    found = prices()
    parts = (found.imports, found.tokenising, found.loading)
    assert found.start.mid == sum(part.mid for part in parts)


def test_evaluation_grows_with_what_is_held_out():
    few, more = prices(), prices(dataset=replace(DATA, num_test=500))
    assert more.evaluation.mid == pytest.approx(few.evaluation.mid * 550 / 100)


def test_a_forward_pass_is_a_third_of_a_full_step_and_half_of_a_lora_step():
    full, lora = (prices(replace(CANDIDATE, method=name)).evaluation for name in ("full", "lora"))
    tokens = 100 * DATA.avg_tokens_per_sample
    assert full.mid == pytest.approx(1.2 * tokens / 3 / PACE.mid, rel=0.05)
    assert lora.mid == pytest.approx(1.5 * full.mid)


def test_an_evaluation_is_less_certain_than_the_pace():
    found = prices().evaluation
    assert found.high / found.mid > PACE.high / PACE.mid


def test_checkpointing_makes_training_dearer_but_no_evaluation():
    again = replace(CANDIDATE, gradient_checkpointing=True)
    assert prices(again).evaluation.mid < prices().evaluation.mid


def test_rows_that_are_cut_are_quicker_to_evaluate():
    short = replace(CANDIDATE, max_length=32)
    assert prices(short).evaluation.mid < 0.5 * prices().evaluation.mid


def test_more_text_takes_longer_to_tokenise():
    ten = replace(DATA, num_tokens=10 * DATA.num_tokens)
    assert prices(dataset=ten).tokenising.mid > prices().tokenising.mid


def test_a_slow_disk_makes_large_models_slow_to_load_save_and_publish():
    full = replace(CANDIDATE, method="full")
    slow, fast = (
        prices(full, LARGE, hardware=replace(CARD, disk_bytes_per_second=rate))
        for rate in (1e8, 2e9)
    )
    assert slow.loading.mid > 10 * fast.loading.mid
    assert slow.save.mid > 10 * fast.save.mid
    assert slow.publish.mid > 10 * fast.publish.mid


def test_lora_saves_adapters_only():
    assert prices(replace(CANDIDATE, method="lora"), LARGE).save.mid < 2.0
    assert prices(replace(CANDIDATE, method="full"), LARGE).save.mid > 60.0


def test_a_card_settles_longer_than_a_processor():
    assert prices(hardware=CARD).settling.mid > prices().settling.mid + 1.0
