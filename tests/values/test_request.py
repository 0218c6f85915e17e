from dataclasses import FrozenInstanceError

import pytest

from overnight.values.request import Request, Settings, Window


def test_only_what_was_given_is_told_and_false_and_zero_were_given() -> None:
    given = Settings(fp16=False, weight_decay=0.0, seed=0).given()
    assert given == {"fp16": False, "weight_decay": 0.0, "seed": 0}


def test_a_request_leaves_everything_but_data_and_model_open() -> None:
    request = Request(data="chats.jsonl", model="base")
    assert request.settings.given() == {}
    assert (request.method, request.priority, request.precision) == ("auto", "balanced", "auto")
    assert not request.window.bounded


@pytest.mark.parametrize("window", [Window(seconds=1.0), Window(ends_utc=0.0)])
def test_a_window_is_bounded_by_a_length_or_an_instant(window: Window) -> None:
    assert window.bounded


def test_a_request_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Request(data="a", model="b").data = "c"  # type: ignore[misc]
