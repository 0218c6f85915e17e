"""What a comparison leaves in the user's history."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.comparisons import looked as look
from tests.comparisons import slices, trial, tried
from tests.live_comparisons import Stand
from tests.live_comparisons import looked as look_at
from tests.small_nights import Small
from tests.training import tiny

from overnight.story import comparing_lessons, comparing_tries
from overnight.story.comparing_stage import Comparing
from overnight.story.look import Look
from overnight.training.history import History
from overnight.values.lessons import Remembered
from overnight.values.trials import Trial


@pytest.fixture(scope="module")
def found(small: Small) -> Look:
    return look_at(small)


@pytest.fixture
def on(small: Small, found: Look, tmp_path: Path) -> Iterator[Comparing]:
    with Stand(small, found, tmp_path / "c") as stand:
        on = stand.on()
        comparing_tries.plan_all(on)
        for event in (*tried("whole"), look(None, 6.0)):
            on.tell(event)
        yield on


def remembered(on: Comparing, of: Trial, loss: float, **more: object) -> Remembered | None:
    for event in (*slices(of, [1000.0, 1200.0], **more), look(of, loss)):  # type: ignore[arg-type]
        on.tell(event)
    return comparing_lessons.remembered(on, of, tiny.CANDIDATE)


@pytest.mark.tiny
def test_a_trial_is_remembered_with_pace_memory_rate_and_loss(on: Comparing) -> None:
    found = remembered(on, trial("whole"), 5.0)
    assert found is not None and found.kind == "rehearsal" and found.well
    assert found.actual == {"tokens_per_second": 1100.0, "steps": 40.0, "peak_bytes": 1002.0}
    assert found.gain == pytest.approx(1.0) and found.candidate == tiny.CANDIDATE
    assert found.prior["tokens_per_second"] > 0 and found.data


@pytest.mark.tiny
def test_seeds_are_remembered_beside_one_another(on: Comparing, history: Path) -> None:
    for seed in (1, 2):
        of = trial("whole", seed)
        remembered(on, of, 5.0)
        comparing_lessons.remember(on, of, tiny.CANDIDATE)
    assert len(History(history).records()) == 2


@pytest.mark.tiny
def test_one_that_gained_nothing_or_was_in_trouble_is_no_example(on: Comparing) -> None:
    worse = remembered(on, trial("whole"), 7.0)
    sick = remembered(on, trial("whole", 2), 5.0, troubles={"rewound": 1})
    assert worse is not None and sick is not None and not worse.well and not sick.well


@pytest.mark.tiny
def test_equal_work_is_no_night_and_not_remembered(on: Comparing) -> None:
    assert remembered(on, trial("whole", 1, "work"), 5.0) is None


@pytest.mark.tiny
def test_a_history_that_cannot_be_used_stops_nothing(
    on: Comparing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("OVERNIGHT_HISTORY", str(tmp_path / "file" / "history"))
    remembered(on, trial("whole"), 5.0)
    comparing_lessons.remember(on, trial("whole"), tiny.CANDIDATE)
    assert "is not remembered" in capsys.readouterr().err
