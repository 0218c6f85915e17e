"""The plan after the rehearsal, read from a whole night; and what its parts are made of."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.small_nights import told

from overnight.codec import from_json
from overnight.story import correction
from overnight.values.ledger import Prepared, Rehearsed, Stepped
from overnight.values.plan import MemoryEstimate, Plan

REHEARSED = Rehearsed(steps=5, seconds=5.0, tokens_per_second=1.0, peak_bytes=1000)


def memory(before: int, optimizer: int, *, device: str = "cpu") -> MemoryEstimate:
    parts = {"weights": 400, "optimizer": optimizer}
    plan = SimpleNamespace(memory=MemoryEstimate(parts=parts))
    found = SimpleNamespace(hardware=SimpleNamespace(device=device))
    on: Any = SimpleNamespace(peak_before=before, plan=plan, found=found)
    return correction._memory(on, REHEARSED)


def test_the_peak_is_what_was_measured_and_hardly_more():
    found = memory(before=700, optimizer=100)
    assert found.how == "measured" and 1000 <= found.peak_bytes <= 1050


def test_the_longest_rows_come_once_more_beside_the_moments():
    assert memory(before=1000, optimizer=200).peak_bytes >= 1200


def test_on_a_card_they_were_tried_beside_the_room_for_the_moments():
    assert 1200 <= memory(before=1200, optimizer=200, device="cuda").peak_bytes < 1300


def test_what_is_over_adds_up_to_now():
    prepared = Prepared(import_seconds=5.0, data_seconds=2.0, load_seconds=1.0, fingerprint="",
                        weights="")  # fmt: skip
    found = SimpleNamespace(sized=None, rated=None)
    on: Any = SimpleNamespace(prepared=prepared, looked_at=112.0, started_at=100.0, found=found)
    over = correction._over(on, now=120.0, settling=3.0)
    assert {name: phase.mid for name, phase in over.items()} == {
        "imports": 5.0, "tokenising": 2.0, "loading": 1.0, "first look": 4.0, "settling": 3.0,
        "training": 5.0,
    }  # fmt: skip


@pytest.fixture
def corrected(finished: Path) -> dict[str, Plan]:
    """A whole night's plans, as shown first and as corrected."""
    written = json.loads((finished / "plan.json").read_text(encoding="utf-8"))
    return {name: from_json(written[name], Plan) for name in ("first_plan", "plan")}


@pytest.mark.tiny
def test_the_same_phases_are_foretold_before_and_after(corrected: dict[str, Plan]):
    before, after = corrected["first_plan"].time, corrected["plan"].time
    assert list(before.phases) == list(after.phases)
    assert (before.source, after.source) == ("catalogue", "rehearsal")


@pytest.mark.tiny
def test_what_was_over_is_certain_and_the_rest_is_not(corrected: dict[str, Plan]):
    phases = corrected["plan"].time.phases
    sure = {name for name, phase in phases.items() if phase.low == phase.high}
    assert {"imports", "tokenising", "loading", "first look", "settling"} <= sure
    assert not {"training", "evaluations", "ending", "publish"} & sure


@pytest.mark.tiny
def test_the_corrected_peak_is_that_of_the_night(corrected: dict[str, Plan], finished: Path):
    seen = max(one.event.peak_bytes for one in told(finished, Stepped))
    assert corrected["plan"].memory.peak_bytes == pytest.approx(seen, rel=0.1)


def test_what_was_tried_before_the_first_step_is_a_phase_of_its_own():
    rated = SimpleNamespace(seconds=2.0, pilots=3)
    found = SimpleNamespace(sized=SimpleNamespace(seconds=1.0), rated=rated)
    on: Any = SimpleNamespace(prepared=None, looked_at=112.0, started_at=100.0, found=found)
    over = correction._over(on, now=120.0, settling=0.0)
    assert over["trials"].mid == 3.0 and over["first look"].mid == 9.0
