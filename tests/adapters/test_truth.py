import doctest
from dataclasses import replace

import pytest
from tests.adapters.cards import H100

from overnight.adapters import truth
from overnight.adapters.profiles import PROFILES
from overnight.adapters.truth import CLAIMED_PEAK, TWELVE_B, Truth, beside_what_is_true
from overnight.values.errors import ArgumentError, InputError


@pytest.fixture(scope="module")
def balanced() -> Truth:
    return beside_what_is_true(PROFILES["balanced"], tokens=12e6, row_tokens=500, card=H100)


def test_the_examples_in_the_docstrings_run() -> None:
    assert doctest.testmod(truth).failed == 0


def test_the_twelve_b_has_as_many_weights_as_its_layers() -> None:
    layers = sum(wide * long for wide, long in TWELVE_B.linear_shapes)
    norms = (2 * TWELVE_B.num_layers + 1) * TWELVE_B.hidden_size
    assert TWELVE_B.num_parameters == layers + norms + 2 * TWELVE_B.embedding_parameters


def test_hours_follow_from_the_pace_and_its_interval(balanced: Truth) -> None:
    way = balanced.ways[0]
    assert way.method == "lora"
    assert way.hours.low < way.hours.mid < way.hours.high
    assert way.hours.high == pytest.approx(12e6 / way.tokens_per_second.low / 3600)


def test_padding_every_row_is_slower_and_not_by_more_than_it_adds(balanced: Truth) -> None:
    way, length = balanced.ways[0], PROFILES["balanced"].max_length
    assert 1 < way.padded_hours.mid / way.hours.mid < 1.3 * length / 500


def test_an_h100_is_faster_than_the_guide_believes(balanced: Truth) -> None:
    lora = balanced.ways[0].tokens_per_second
    assert lora.low > PROFILES["balanced"].estimated_throughput
    assert lora.mid > CLAIMED_PEAK


def test_all_weights_of_a_twelve_b_do_not_fit_into_one_card(balanced: Truth) -> None:
    fits = {way.method: way.fits for way in balanced.ways}
    assert fits == {"lora": True, "qlora": True, "full": False}
    assert balanced.likely.method == "lora"


def test_a_card_that_nothing_fits_into_still_has_an_answer() -> None:
    tiny = replace(H100, memory_free_bytes=2**30)
    found = beside_what_is_true(PROFILES["fast"], tokens=1e6, row_tokens=500, card=tiny)
    assert found.likely.method == "lora" and not found.likely.fits


def test_it_is_said_in_sentences_with_card_model_and_source(balanced: Truth) -> None:
    compared, ceiling, published = balanced.sentences
    assert compared.startswith("The profile's 800 tokens/s is a belief.")
    assert "1,500" in ceiling and "H100 SXM" in ceiling
    assert "MosaicML" in published and "the catalogue" in balanced.source


def test_padding_is_only_told_of_where_there_is_any(balanced: Truth) -> None:
    full = beside_what_is_true(PROFILES["fast"], tokens=1e6, row_tokens=1024, card=H100)
    assert "padded" in balanced.sentences[0] and "padded" not in full.sentences[0]


def test_another_card_by_name_is_not_told_about_the_h100() -> None:
    found = beside_what_is_true(PROFILES["memory_efficient"], tokens=1e6, row_tokens=500,
                                card="4090")  # fmt: skip
    assert "4090" in found.card and len(found.sentences) == 1
    assert {way.method: way.fits for way in found.ways} == {
        "lora": False, "qlora": True, "full": False}  # fmt: skip
    assert found.likely.method == "qlora"


def test_a_card_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InputError, match="no card 'Z9'"):
        beside_what_is_true(PROFILES["fast"], tokens=1e6, row_tokens=500, card="Z9")
    unmeasured = replace(H100, flops={})
    with pytest.raises(ArgumentError, match=r"^card: the matrix rates of H100 SXM are not known"):
        beside_what_is_true(PROFILES["fast"], tokens=1e6, row_tokens=500, card=unmeasured)


def test_without_a_card_it_is_the_catalogues_h100() -> None:
    found = beside_what_is_true(PROFILES["balanced"], tokens=12e6, row_tokens=500)
    assert "H100" in found.card and found.likely.fits
