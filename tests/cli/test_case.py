import pytest

from overnight.cli.case import case
from overnight.values.errors import InputError

NONE = {"gpu": None, "samples": None, "tokens": None, "trace": False}


def test_its_flags_are_taken_out_of_those_given():
    given = {**NONE, "samples": "8_000", "tokens": "500", "model": "base"}
    made = case(given)
    assert (made.samples, made.tokens, made.gpu, made.trace) == (8000, 500, None, False)
    assert given == {"model": "base"}


@pytest.mark.parametrize(
    "wrong, says",
    [
        ({"samples": "8000"}, "go together"),
        ({"samples": "8000", "tokens": "500", "data": "a.jsonl"}, "in place of DATA"),
        ({"samples": "2", "tokens": "500"}, "from 3 up"),
        ({"samples": "many", "tokens": "500"}, "'many'"),
        ({"samples": "8000", "tokens": "-5"}, "from 2 up"),
        ({"gpu": " "}, "empty"),
    ],
)
def test_what_does_not_go_together_is_refused(wrong, says):
    with pytest.raises(InputError, match=says):
        case({**NONE, **wrong})
