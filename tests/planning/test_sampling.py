from typing import Any

import pytest

from overnight.planning.sampling import Wish, wish
from overnight.values.errors import InputError
from overnight.values.request import Request


def asked(**given: Any) -> Wish | None:
    return wish(Request(data="chats.jsonl", model="base", **given))


def test_without_a_share_or_a_number_all_rows_are_wanted() -> None:
    assert asked() is None


def test_a_share_and_what_it_keeps_whole() -> None:
    found = asked(sample=0.5, prefer="Recent, engagement,recent")
    assert found == Wish(share=0.5, prefer=("recent", "engagement"))
    assert asked(sample_total=1000) == Wish(total=1000)


@pytest.mark.parametrize(("given", "why"), [
    ({"sample": 0.5, "sample_total": 9}, "keep one"),
    ({"prefer": "recent"}, "give --sample"),
    ({"sample": 0.5, "prefer": "newest"}, "expected engagement or recent, or both"),
])  # fmt: skip
def test_what_contradicts_itself_is_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(InputError, match=why):
        asked(**given)
