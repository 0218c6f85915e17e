"""The opening of a comparison: the data read once, every setting a question of its own."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes import FakeClock
from tests.small_nights import Small

from overnight.codec import from_json
from overnight.story import comparing, comparing_opening
from overnight.story.begin import PLAN
from overnight.story.comparing import Asked, Setting
from overnight.story.comparing_opening import check_enough, opened
from overnight.story.comparing_stage import Comparing
from overnight.story.comparing_watch import CLOSING_SECONDS, TURN
from overnight.training import sealed
from overnight.training.journal import Journal
from overnight.values.errors import ModelError, NoPlanFits
from overnight.values.facts import Hardware
from overnight.values.ledger import Noted, Prepared
from overnight.values.request import Request, Settings, Window
from overnight.values.trials import Refused

pytestmark = pytest.mark.tiny


def asked(small: Small) -> Asked:
    base = Request(data=str(small.data), model=str(small.model),
                   window=Window(seconds=600.0, label="10m"),
                   settings=Settings(max_length=20))  # fmt: skip
    half = replace(base, sample=0.5, settings=Settings(learning_rate=1e-3))
    return Asked(request=base, settings=(Setting(name="a", request=base),
                                         Setting(name="half", request=half)))  # fmt: skip


@pytest.fixture
def on(small: Small, tmp_path: Path, clock: FakeClock) -> Iterator[Comparing]:
    comparing.found(asked(small), tmp_path / "c", clock, renew=False)
    with Journal.open(tmp_path / "c", clock) as written:
        yield opened(tmp_path / "c", written, clock, str)


def test_settings_that_sample_train_on_fewer_rows_and_are_held_out_alike(on: Comparing) -> None:
    all_rows, half = on.ground.own["a"], on.ground.own["half"]
    assert len(half.split.train) == pytest.approx(len(all_rows.split.train) / 2, abs=2)
    assert half.split.select == all_rows.split.select == on.ground.data.split.select
    assert on.questions["half"].dataset.num_train == len(half.split.train)


def test_rows_are_read_whole_and_cut_by_each_setting(on: Comparing) -> None:
    assert on.ground.data.corpus.max_length > 20
    assert on.questions["a"].request.settings.max_length == 20


def test_the_verdict_s_share_of_the_window_is_kept(
    small: Small, on: Comparing, clock: FakeClock
) -> None:
    over = comparing.found(asked(small), on.folder, clock, renew=False).over_at
    assert over is not None and on.ends_at == pytest.approx(over - CLOSING_SECONDS - 6.0)
    assert on.window == 600.0


def test_what_is_stands_beside_what_was_asked(on: Comparing) -> None:
    kept = sealed.read(on.folder / PLAN)
    assert from_json(kept["hardware"], Hardware).cpu_count >= 1 and kept["request"]["data"]
    assert [one.data_seconds >= 0 for one in on.told.every(Prepared)] == [True]


def test_events_are_journalled_and_said(on: Comparing, capsys: pytest.CaptureFixture[str]) -> None:
    on.tell(Refused(setting="a", why="it does not fit"))
    on.tell(Noted(text="hello"))
    captured = capsys.readouterr()
    assert captured.err == "a takes no further part: it does not fit\nhello\n"
    assert captured.out == "" and len(on.told.refused()) == 1


def test_whose_turn_it_is_can_be_read_by_whoever_watches(on: Comparing) -> None:
    on.at("half")
    assert (on.folder / TURN).read_text() == "half"


def test_other_data_under_a_comparison_are_refused(
    small: Small, on: Comparing, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = comparing_opening.sameness.marks
    monkeypatch.setattr(comparing_opening.sameness, "marks",
                        lambda *given: replace(real(*given), fingerprint="other"))  # fmt: skip
    with (
        Journal.open(tmp_path / "c", clock) as written,
        pytest.raises(ModelError, match="the data changed"),
    ):
        opened(tmp_path / "c", written, clock, str)


def test_one_setting_alone_is_no_comparison(on: Comparing) -> None:
    on.tell(Refused(setting="a", why="it does not fit"))
    with pytest.raises(NoPlanFits, match=r"fewer than two .*a: it does not fit"):
        check_enough(on)
