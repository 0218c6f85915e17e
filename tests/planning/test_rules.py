"""Each rule does what its source says."""

import math
from dataclasses import replace

import pytest
from tests.planning.facts import CPU, DATA, LARGE, MODEL

from overnight.planning import rules
from overnight.values.ledger import Loss
from overnight.values.request import Request, Settings


def test_the_rate_falls_with_width_and_lora_takes_ten_times_it():
    assert rules.learning_rate("full", 2000, 2000) == pytest.approx(5e-5)
    assert rules.learning_rate("lora", 2000, 2000) == pytest.approx(5e-4)
    assert rules.learning_rate("lora", 4096, 9000) == pytest.approx(2.86e-4, rel=0.01)
    assert rules.learning_rate("full", 32, 1) == rules.RATE_LIMITS["full"][1]


def test_for_adapters_of_narrow_layers_the_rate_falls_again():
    narrow, usual, wide = (rules.learning_rate("lora", width, 236) for width in (64, 256, 1024))
    assert narrow == pytest.approx(2.7e-3, rel=0.05) and wide < usual
    assert usual == pytest.approx(4.7e-3, rel=0.05)
    full = [rules.learning_rate("full", width, 236) for width in (64, 256)]
    assert full[0] > full[1]


def test_a_short_run_takes_a_higher_rate_within_bounds():
    short, long = (rules.learning_rate("full", 1000, steps) for steps in (200, 2000))
    assert short / long == pytest.approx(10**0.3, rel=0.01)
    assert rules.learning_rate("full", 1000, 1) / long == pytest.approx(4.0, rel=0.01)


def test_beta2_keeps_its_half_life_in_tokens():
    assert rules.beta2(8192) == 0.99
    assert rules.beta2(4096) == pytest.approx(0.99**0.5, abs=1e-4)
    assert rules.beta2(1) == 0.9999
    assert rules.beta2(10**6) == 0.95


def test_rows_are_cut_at_the_models_positions_only():
    assert rules.max_length(DATA, MODEL) == 300
    assert rules.max_length(DATA, replace(MODEL, max_positions=128)) == 128


def test_an_epoch_is_eight_steps_at_least_and_a_step_four_rows():
    assert (rules.fewest_rows(DATA), rules.most_rows(DATA)) == (4, 64)
    few = replace(DATA, num_train=16)
    assert (rules.fewest_rows(few), rules.most_rows(few)) == (2, 2)


def test_turing_never_gets_bf16_and_ampere_never_needs_fp16():
    turing = replace(CPU, device="cuda", compute_capability=(7, 5))
    ampere = replace(CPU, device="cuda", compute_capability=(8, 0))
    assert rules.precisions(turing) == ("fp16",)
    assert rules.precisions(ampere) == ("bf16",)
    assert rules.precisions(CPU) == ("bf16", "fp32")


def test_warm_up_is_never_most_of_a_short_night():
    assert rules.warmup_steps(1000, None) == 30
    assert rules.warmup_steps(20, None) == 4
    assert rules.warmup_steps(2, None) == 1


def test_a_given_share_of_warm_up_is_kept():
    assert rules.warmup_steps(1000, 0.5) == 500
    assert rules.warmup_steps(1000, 0.0) == 0


def test_a_window_alone_means_what_the_design_says():
    assert rules.epochs_wanted("fast") == 1.0
    assert rules.epochs_wanted("balanced") == 4.0
    assert rules.epochs_wanted("quality") is None


def test_a_rank_holds_what_is_to_be_learnt():
    much = replace(DATA, learnt_tokens=10**9)
    assert rules.lora_rank(DATA, LARGE) == rules.LORA_RANK
    assert rules.lora_rank(replace(DATA, learnt_tokens=100_000_000), LARGE) == 32
    assert rules.lora_rank(much, LARGE) == rules.MOST_RANK


def test_a_rank_is_no_large_part_of_a_small_layer():
    assert rules.lora_rank(replace(DATA, learnt_tokens=10**9), MODEL) == 64
    narrow = replace(MODEL, linear_shapes=((64, 64), (64, 256)))
    assert rules.lora_rank(replace(DATA, learnt_tokens=10**9), narrow) == rules.LORA_RANK


@pytest.mark.parametrize(("settings", "priority", "guarded"), [
    (Settings(), "balanced", True), (Settings(), "fast", True), (Settings(), "quality", False),
    (Settings(num_train_epochs=9), "balanced", False), (Settings(max_steps=9), "fast", False),
], ids=str)  # fmt: skip
def test_the_guard_acts_where_epochs_were_left_open(settings, priority, guarded):
    asked = Request(data="d", model="m", settings=settings, priority=priority)
    assert rules.guarded(asked) is guarded


def test_a_base_that_only_guesses_takes_a_higher_rate_where_all_of_it_is_trained():
    def looked(loss: float, apart: float = 0.02) -> Loss:
        return Loss(loss=loss, low=loss - apart, high=loss + apart, n=20)

    guess = math.log(4096)
    assert rules.untrained(looked(guess), 4096) and not rules.untrained(looked(6.0), 4096)
    assert not rules.untrained(looked(1.18 * guess), 4096)  # it knows other things
    assert not rules.untrained(looked(guess, apart=0.3), 4096)  # it knows some rows
    assert not rules.untrained(None, 4096)
    assert rules.from_scratch(1e-3, "full") == pytest.approx(3e-3)
    assert rules.from_scratch(5e-3, "full") == rules.UNTRAINED_LIMIT
    assert rules.from_scratch(1e-3, "lora") == 1e-3
