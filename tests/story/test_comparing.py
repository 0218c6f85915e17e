"""Where a comparison begins, or is found again."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.comparisons import tried
from tests.fakes import FakeClock

from overnight.story import comparing
from overnight.story.comparing import Asked, Setting
from overnight.training import journal
from overnight.training.journal import Journal
from overnight.values.errors import InputError
from overnight.values.ledger import Ended
from overnight.values.request import Request, Settings, Window

BASE = Request(data="d.jsonl", model="m", window=Window(seconds=600.0, label="10m"))
MINE = replace(BASE, settings=Settings(learning_rate=1e-3))
ASKED = Asked(request=BASE, settings=(Setting(name="a", request=BASE),
                                      Setting(name="b", request=MINE)))  # fmt: skip


@pytest.mark.parametrize("asked, said", [
    (replace(ASKED, settings=ASKED.settings[:1]), "needs 2 to 12"),
    (replace(ASKED, settings=(*ASKED.settings, ASKED.settings[0])), "names a twice"),
    (replace(ASKED, seeds=0), "from 1 to 20"),
    (replace(ASKED, request=replace(BASE, window=Window())), "needs a window"),
    (replace(ASKED, settings=(ASKED.settings[0], Setting(
        name="c", request=replace(BASE, processes=2)))), "one process"),
])  # fmt: skip
def test_what_cannot_be_compared_is_refused_in_a_line(asked: Asked, said: str) -> None:
    with pytest.raises(InputError, match=said):
        comparing.check(asked)


def test_its_folder_is_named_after_data_and_model_or_as_asked() -> None:
    assert comparing.folder_of(BASE) == Path("runs/compare-d-m")
    assert comparing.folder_of(replace(BASE, name="x")) == Path("runs/compare-x")
    assert comparing.folder_of(replace(BASE, output_dir="here")) == Path("here")


def test_what_was_asked_is_found_again(tmp_path: Path, clock: FakeClock) -> None:
    comparing.check(ASKED)
    first = comparing.found(ASKED, tmp_path / "c", clock, renew=False)
    clock.advance(30.0)
    again = comparing.found(ASKED, tmp_path / "c", clock, renew=False)
    assert first.new and not again.new and first.over_at == again.over_at
    assert comparing.read(tmp_path / "c") == ASKED


def test_other_settings_are_another_comparison(tmp_path: Path, clock: FakeClock) -> None:
    comparing.found(ASKED, tmp_path / "c", clock, renew=False)
    other = replace(ASKED, settings=(ASKED.settings[1], ASKED.settings[0]))
    with pytest.raises(InputError, match=r"compares a, b with 2 seeds, now asked is b, a"):
        comparing.found(other, tmp_path / "c", clock, renew=False)
    with pytest.raises(InputError, match=r"with 1 seed\. Give the same"):
        comparing.found(replace(ASKED, seeds=1), tmp_path / "c", clock, renew=False)


def test_a_kill_before_the_settings_were_written_loses_nothing(
    tmp_path: Path, clock: FakeClock
) -> None:
    comparing.found(ASKED, tmp_path / "c", clock, renew=False)
    (tmp_path / "c" / comparing.SETTINGS).unlink()
    comparing.found(ASKED, tmp_path / "c", clock, renew=False)
    assert comparing.read(tmp_path / "c") == ASKED


def test_settings_that_are_gone_after_the_first_measurement_are_missed(
    tmp_path: Path, clock: FakeClock
) -> None:
    comparing.found(ASKED, tmp_path / "c", clock, renew=False)
    with Journal.open(tmp_path / "c", clock) as written:
        for event in tried("a"):
            written.append(event)
    (tmp_path / "c" / comparing.SETTINGS).unlink()
    with pytest.raises(InputError, match="cannot go on"):
        comparing.found(ASKED, tmp_path / "c", clock, renew=False)


def test_a_window_that_is_over_is_granted_again_where_that_is_asked(
    tmp_path: Path, clock: FakeClock
) -> None:
    comparing.found(ASKED, tmp_path / "c", clock, renew=False)
    clock.advance(700.0)
    over = comparing.found(ASKED, tmp_path / "c", clock, renew=False)
    more = comparing.found(ASKED, tmp_path / "c", clock, renew=True)
    assert over.over_at is not None and over.over_at < clock.boot()
    assert more.over_at == pytest.approx(clock.boot() + 600.0)


def test_it_is_over_once_everything_was_compared(tmp_path: Path, clock: FakeClock) -> None:
    comparing.found(ASKED, tmp_path / "c", clock, renew=False)
    assert not comparing.over(tmp_path / "c")
    for status in (4, 0):
        with Journal.open(tmp_path / "c", clock) as written:
            written.append(Ended(exit_status=status, why="x", deadline_kept=True))
        assert comparing.over(tmp_path / "c") == (status == 0)
    assert journal.read(tmp_path / "c")
