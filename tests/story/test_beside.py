from pathlib import Path

import pytest
from tests.fakes import FakeClock

from overnight.story import beside
from overnight.story.beside import Beside, Wishes
from overnight.values.errors import InputError, NoPlanFits


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    said: list[tuple[int, str]] = []

    def ended(self, status, verdict, left):
        said.append((status, verdict))

    monkeypatch.setattr(beside.Notifier, "ended", ended)
    return said


def test_the_night_s_status_is_its_own_and_is_told(heard, tmp_path: Path):
    one = Beside(tmp_path, FakeClock(), Wishes(on_finish="true"))
    assert one.during(lambda: 4, lambda: None) == 4
    assert heard == [(4, "")]


@pytest.mark.parametrize(("error", "status"), [(NoPlanFits("no"), 3), (RuntimeError("bug"), 1)])
def test_an_error_goes_on_and_is_told(heard, tmp_path: Path, error, status):
    def night() -> int:
        raise error

    with pytest.raises(type(error)):
        Beside(tmp_path, FakeClock(), Wishes(on_finish="true")).during(night, lambda: None)
    assert heard == [(status, "")]


def test_nobody_is_told_who_did_not_ask(heard, tmp_path: Path):
    assert Beside(tmp_path, FakeClock()).during(lambda: 0, lambda: None) == 0
    assert heard == []


def test_trackers_are_started_beside_and_write_their_own_log(monkeypatch, heard, tmp_path: Path):
    started: list[list[str]] = []
    monkeypatch.setattr(beside.subprocess, "Popen", lambda words, **_: started.append(words))
    Beside(tmp_path, FakeClock(), Wishes(report_to="wandb, trackio")).during(
        lambda: 0, lambda: None
    )
    assert started[0][-3:] == ["_track", str(tmp_path), "wandb,trackio"]
    assert (tmp_path / beside.LOG).exists()


def test_an_unknown_tracker_is_refused_before_anything_is_begun():
    with pytest.raises(InputError, match="--report-to mlflow"):
        Wishes(report_to="mlflow")


def test_no_wish_lies_in_a_file_of_the_night(small, tmp_path: Path):
    from tests.small_nights import content, train

    secret = "https://hooks.example/T0p-s3cret"
    run = tmp_path / "run"
    done = train(small, run, "--set", "max_steps=4", "--on-finish", f"echo {secret} >> told")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "told").read_text("utf-8").strip() == secret
    assert not [name for name, text in content(run).items() if secret.encode() in text]
