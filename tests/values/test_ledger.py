"""What a journal may hold."""

from typing import Literal, get_args, get_type_hints

import pytest

from overnight.values import choices, ledger, trials, troubles
from overnight.values.decisions import Decision
from overnight.values.ledger import Event

DECISIONS = get_args(Decision)
OTHERS = {ledger.Loss, ledger.Entry, ledger.Status}


def own_classes() -> set[type]:
    homes = {module.__name__ for module in (ledger, troubles, choices, trials)}
    found = [kind for kind in vars(ledger).values() if isinstance(kind, type)]
    return {kind for kind in found if kind.__module__ in homes}


@pytest.mark.parametrize("kind", get_args(Event), ids=lambda kind: kind.__name__)
def test_an_event_says_what_it_is_and_cannot_be_changed(kind: type) -> None:
    # A dataclass without a docstring gets its signature for one.
    assert not (kind.__doc__ or "").startswith(f"{kind.__name__}(")
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_every_class_is_an_event_or_known() -> None:
    assert own_classes() == {*get_args(Event)} | OTHERS


def test_no_event_shares_its_name_with_a_decision() -> None:
    names = [kind.__name__ for kind in (*get_args(Event), *DECISIONS)]
    assert len(names) == len(set(names))


def test_an_evaluation_is_of_a_held_out_part() -> None:
    assert get_type_hints(ledger.Evaluated)["part"] == Literal["select", "test"]
