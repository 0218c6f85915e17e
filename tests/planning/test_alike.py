import pytest
from tests.planning.remembered import ASKED, candidate, night

from overnight.planning.alike import LEAST, again, likeness
from overnight.values.lessons import Remembered

TRAITS = ("method", "precision", "architecture", "num_parameters", "tokens")


def test_a_night_is_like_itself() -> None:
    one = night(num_parameters=12345, candidate=candidate(method="lora"))
    assert likeness(one, again(one), TRAITS) == 1.0


@pytest.mark.parametrize("other", [
    night(candidate=candidate(method="lora")),
    night(candidate=candidate(precision="bf16")),
    night(architecture="GPT2"),
    night(num_parameters=4 * 10**6),
    night(candidate=candidate(per_device_train_batch_size=32)),
])  # fmt: skip
def test_every_trait_that_differs_makes_it_count_less(other: Remembered) -> None:
    assert LEAST < likeness(other, ASKED, TRAITS) < 1.0
    assert likeness(other, ASKED, ()) == 1.0


def test_sizes_are_compared_by_their_ratio_in_either_direction() -> None:
    twice, half = (night(num_parameters=n) for n in (2 * 10**6, 5 * 10**5))
    both = [likeness(one, ASKED, ("num_parameters",)) for one in (twice, half)]
    assert both[0] == pytest.approx(both[1])


def test_on_the_same_machine_even_the_most_unlike_night_says_a_little() -> None:
    huge = night(num_parameters=10**12, architecture="other", candidate=candidate(method="qlora"))
    assert likeness(huge, ASKED, TRAITS) == LEAST
