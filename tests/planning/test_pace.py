"""Pace before anything is measured: what makes it faster and slower, and how sure it is."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.planning.facts import CARD, CPU, DATA, LARGE, MODEL

from overnight.planning import pace
from overnight.values.facts import Hardware, Interval
from overnight.values.plan import Candidate

LORA = Candidate(
    method="lora", per_device_train_batch_size=4, gradient_accumulation_steps=2, max_length=1024,
    learning_rate=1e-4, precision="bf16", gradient_checkpointing=False,
)  # fmt: skip
FULL = replace(LORA, method="full")
H100 = replace(CARD, flops={"bf16": 9.89e14, "fp32": 6.7e13}, flops_source="catalogue",
               bandwidth=3.35e12)  # fmt: skip
A100 = replace(H100, compute_capability=(8, 0), flops={"bf16": 3.12e14, "fp32": 1.95e13},
               bandwidth=2.039e12)  # fmt: skip
T4 = replace(H100, compute_capability=(7, 5), flops={"fp16": 6.5e13, "fp32": 8.1e12},
             bandwidth=3.2e11, power_limited=True)  # fmt: skip
RESULTS = Path(__file__).parents[2] / "bench" / "results"


def middle(candidate: Candidate = LORA, hardware: Hardware = A100, length: float = 1024.0) -> float:
    return pace.tokens_per_second(candidate, LARGE, hardware, length).mid


def test_every_interval_is_in_order():
    for hardware in (CPU, CARD, H100, A100, T4):
        found = pace.tokens_per_second(LORA, MODEL, hardware, 100.0)
        assert 0 < found.low < found.mid < found.high


def test_an_8b_model_on_an_a100_takes_its_published_time():
    found = pace.tokens_per_second(replace(LORA, gradient_checkpointing=True), LARGE, A100, 4096.0)
    assert found.low < 3324 < found.high  # Mistral-7B, LoRA, plain kernels, 4 x 4096


def test_larger_micro_batches_are_never_slower():
    sizes = (replace(LORA, per_device_train_batch_size=rows) for rows in (2, 4, 8, 16, 32))
    paces = [middle(one) for one in sizes]
    assert paces == sorted(paces)


def test_short_rows_lose_to_launching_and_long_ones_to_attention():
    assert middle(length=32.0) < middle(length=1024.0) > middle(length=65_536.0)


def test_a_higher_peak_and_more_bandwidth_are_faster():
    assert middle(hardware=replace(A100, flops={"bf16": 4e14})) > middle()
    assert middle(hardware=replace(A100, bandwidth=3e12)) > middle()


def test_an_h100_is_not_promised_its_peaks_ratio():
    long = replace(LORA, per_device_train_batch_size=16)
    ratio = middle(long, H100, 2048.0) / middle(long, A100, 2048.0)
    assert 1.8 < ratio < 2.6  # 2.29 measured, 3.17 by the data sheets


def test_a_power_limited_card_is_slower_and_less_certain():
    on_t4 = replace(LORA, precision="fp16")
    cooled = replace(T4, power_limited=False)
    hot, cold = (pace.tokens_per_second(on_t4, LARGE, one, 1024.0) for one in (T4, cooled))
    assert hot.mid < 0.6 * cold.mid
    assert hot.high / hot.low > 2 * cold.high / cold.low


def test_checkpointing_costs_up_to_a_forward_pass():
    every, second = (
        middle(replace(LORA, gradient_checkpointing=True, checkpoint_every=step)) for step in (1, 2)
    )
    assert 0.6 * middle() < every < second < middle()


def test_lora_is_faster_than_full_and_qlora_slower_than_lora():
    assert middle(FULL) < middle(LORA)
    assert middle(replace(LORA, method="qlora")) < middle(LORA)


def test_unpacking_is_paid_by_the_micro_batch_not_the_token():
    small, large = (replace(LORA, per_device_train_batch_size=rows) for rows in (4, 32))
    lost = [1 - middle(replace(one, method="qlora")) / middle(one) for one in (small, large)]
    assert lost[0] > lost[1] > 0


def test_the_optimizers_step_weighs_where_batches_are_small():
    once, often = replace(FULL, gradient_accumulation_steps=1), replace(
        FULL, gradient_accumulation_steps=16)  # fmt: skip
    assert middle(once) < middle(often)


def test_eager_attention_costs_most_where_rows_are_long():
    eager = replace(LORA, attn_implementation="eager")
    short, long = (middle(eager, A100, at) / middle(LORA, A100, at) for at in (256.0, 4096.0))
    assert long < short < 1


def test_a_measured_peak_is_a_burst_below_the_data_sheet():
    burst = replace(A100, flops={"bf16": 0.85 * 3.12e14}, flops_source="measured")
    assert middle(hardware=burst) == pytest.approx(middle())


def test_a_card_that_others_use_shows_it_and_none_is_beyond_its_data_sheet():
    live = replace(A100, flops_source="measured", peak_flops=A100.flops)
    assert middle(hardware=replace(live, flops={"bf16": 3.1e14})) == pytest.approx(middle())
    assert middle(hardware=replace(live, flops={"bf16": 1e14})) < 0.7 * middle()


def test_a_burst_on_a_power_limited_card_is_not_believed():
    live = replace(T4, flops={"fp16": 5e13}, flops_source="measured", peak_flops=T4.flops)
    on_t4 = replace(LORA, precision="fp16")
    assert middle(on_t4, live) == pytest.approx(middle(on_t4, T4))


def test_several_cards_count_together_and_several_processes_share_a_host():
    assert middle(replace(LORA, processes=2)) == pytest.approx(2 * middle())
    both = middle(replace(LORA, processes=2), CPU)
    assert both == pytest.approx(middle(LORA, CPU), rel=0.1)


def test_padding_is_no_progress():
    even = replace(DATA, length_percentiles=(100, 100, 100, 100, 100))
    found = pace.data_pace(LORA, LARGE, A100, even)
    full = pace.tokens_per_second(LORA, LARGE, A100, 100.0, learnt=0.6)
    assert found.mid == pytest.approx(full.mid)
    assert pace.data_pace(LORA, LARGE, A100, DATA).mid < found.mid


def constants(page: str) -> list[tuple[str, float, float]]:
    """Name, what the bench fitted, what it says the product has."""
    if not (RESULTS / page).exists():
        pytest.skip("the bench is not here")
    text = (RESULTS / page).read_text("utf-8")
    rows = re.findall(r"^\| (\w+) \| ([\d.e-]+) \| ([\d.e-]+) \|$", text, re.M)
    return [(name, float(fitted), float(stated)) for name, fitted, stated in rows]


def test_the_constants_of_cards_are_those_that_the_bench_found():
    rows = constants("pace.md")
    assert len(rows) == 7
    for name, fitted, stated in rows:
        used = pace.HOPPER if name == "hopper" else getattr(pace.CUDA, name)
        assert (used, used) == pytest.approx((fitted, stated), rel=0.02)


def test_the_constants_of_processors_are_those_that_the_bench_found():
    rows = constants("cpu_pace.md")
    assert len(rows) == 11
    for name, fitted, stated in rows:
        part, _, precision = name.rpartition("_")
        kind = pace.CPU.get(precision)
        used = getattr(kind, part) if kind else getattr(pace.CPU["fp32"], name)
        assert (used, used) == pytest.approx((fitted, stated), rel=0.02)


def test_the_pace_is_an_interval_of_the_values():
    assert isinstance(pace.tokens_per_second(FULL, MODEL, CPU, 64.0), Interval)
