"""What publishing is expected to take, and what is kept for it."""

import math
from dataclasses import replace

import pytest
from tests.fakes import FakeClock
from tests.training.nights import start

from overnight.story.publishing import Prices, prices, publish_seconds
from overnight.values.ledger import Prepared

PREPARED = Prepared(import_seconds=4.0, data_seconds=1.0, load_seconds=0.5, fingerprint="",
                    weights="")  # fmt: skip


@pytest.mark.parametrize(
    ("window", "kept", "ahead"), [(60.0, 3.25, 23.25), (3600.0, 9.25, None), (None, 9.25, None)]
)
def test_a_short_window_keeps_no_time_for_imports_at_its_end(clock: FakeClock, window, kept, ahead):
    seen = prices([start(clock, window=window), PREPARED])
    assert (seen.newest, seen.dearest, seen.anew) == (kept, kept, 9.25)
    assert seen.ahead == (-math.inf if ahead is None else ahead)
    assert publish_seconds(PREPARED, window) == pytest.approx(0.25 if ahead else 4.5)


def test_the_dearest_start_counts_and_the_length_that_the_night_was_begun_with(clock: FakeClock):
    begun = start(clock, window=60.0)
    longer = replace(begun, window_seconds=7200.0)
    slow = replace(PREPARED, load_seconds=2.5)
    seen = prices([begun, slow, longer, PREPARED])
    assert (seen.dearest, seen.newest) == (6.25, 3.25)
    assert prices([begun]) == Prices()
