"""plan.json keeps what was shown first beside what came of it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.small_nights import Small
from tests.story.opened import opened

from overnight.codec import from_json
from overnight.story.plan_file import write_plan
from overnight.values.plan import Plan

pytestmark = pytest.mark.tiny


def test_a_plan_that_was_corrected_stands_beside_the_first(small: Small, tmp_path: Path):
    with opened(small, tmp_path / "run") as on:
        better = replace(on.plan, notes=("corrected",))
        write_plan(on.teller.run_folder, better, on.request, on.found)
    written = json.loads((on.teller.run_folder / "plan.json").read_text(encoding="utf-8"))
    first, now = (from_json(written[name], Plan) for name in ("first_plan", "plan"))
    assert first.notes == on.plan.notes and now.notes == ("corrected",)
    assert written["candidate"]["learning_rate"] == now.candidate.learning_rate
