"""Sums that a plan is read by."""

from overnight.values.facts import Interval
from overnight.values.plan import Candidate, MemoryEstimate, Reserve, TimeEstimate


def test_rows_of_a_step_are_those_of_all_micro_batches_and_processes() -> None:
    candidate = Candidate(
        method="lora",
        per_device_train_batch_size=3,
        gradient_accumulation_steps=5,
        max_length=64,
        learning_rate=1e-4,
        precision="fp32",
        gradient_checkpointing=False,
        processes=2,
    )
    assert candidate.rows_per_step == 30


def test_the_largest_part_of_the_memory_is_named() -> None:
    memory = MemoryEstimate(parts={"weights": 5, "logits": 9, "context": 2})
    assert (memory.largest, memory.peak_bytes) == ("logits", 16)


def test_no_parts_have_no_largest() -> None:
    assert (MemoryEstimate().largest, MemoryEstimate().peak_bytes) == ("", 0)


def test_the_phases_of_a_night_add_up() -> None:
    phases = {"start": Interval.exactly(10), "training": Interval(low=80, mid=90, high=120)}
    time = TimeEstimate(
        phases=phases,
        total_steps=100,
        epochs=1.5,
        tokens_per_second=Interval.exactly(1000),
        source="catalogue",
        fits_in_window=True,
    )
    assert time.total == Interval(low=90, mid=100, high=130)


def test_the_reserve_is_all_its_parts() -> None:
    assert Reserve(save=1.5, evaluation=2, publish=20, margin=5).seconds == 28.5
