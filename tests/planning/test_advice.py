"""One sentence for the next night."""

import pytest
from tests.planning.facts import question

from overnight.planning import search
from overnight.planning.advice import Outcome, next_night

CANDIDATE = search.choose(question()).candidate


def said(**changes: object) -> str:
    usual: dict[str, object] = {
        "candidate": CANDIDATE, "priority": "balanced", "accuracy": 100.0, "shrunk": False,
        "better": True, "used": 0.95,
    }  # fmt: skip
    return next_night(Outcome(**{**usual, **changes}))  # type: ignore[arg-type]


def test_a_night_as_planned_needs_no_advice():
    assert said() == ""


@pytest.mark.parametrize(
    "changes, flag",
    [
        ({"accuracy": 130.0}, "--priority quality"),
        ({"used": 0.3}, "--priority quality"),
        ({"accuracy": 70.0}, "--priority fast"),
        ({"shrunk": True}, "--priority memory_efficient"),
    ],
)
def test_guide_4s_rules_each_have_their_flag(changes, flag):
    assert flag in said(**changes)


def test_a_poor_model_is_answered_with_smaller_steps_before_the_rate():
    words = said(better=False, accuracy=130.0)
    assert words.index("per_device_train_batch_size") < words.index("rate")


def test_advice_that_was_followed_is_not_given_again():
    assert said(accuracy=130.0, priority="quality") == ""
    assert said(accuracy=70.0, priority="fast") == ""


def test_an_unmeasured_model_is_not_called_poor():
    assert said(better=None) == ""
