"""What every test may ask for: the repository, and the real material where it lies beside it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.fakes import FakeClock

if TYPE_CHECKING:
    from tests.bad_input import Newcomer
    from tests.small_nights import Small

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def no_history() -> Iterator[None]:
    """No test reads or writes the user's own history, nor does any process that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVERNIGHT_HISTORY", "off")
        yield


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A history of the test's own, empty; child processes use it as well."""
    path = tmp_path / "history.sqlite3"
    monkeypatch.setenv("OVERNIGHT_HISTORY", str(path))
    return path


@pytest.fixture
def clock() -> FakeClock:
    """A clock that moves only when told to."""
    return FakeClock()


@pytest.fixture(scope="session")
def root() -> Path:
    """Top folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data and models; the test is skipped where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}")
    return folder


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> "Small":
    """A model of two layers and data for it."""
    from tests import small_nights

    return small_nights.make(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def finished(small: "Small", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of an undisturbed night of sixty steps; to be read only."""
    from tests import small_nights

    run = tmp_path_factory.mktemp("finished") / "run"
    done = small_nights.train(small, run, *small_nights.SIXTY_STEPS)
    assert done.returncode == 0, done.stderr
    return run


@pytest.fixture(scope="session")
def adapted(small: "Small", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a night of thirty steps with LoRA; to be read only."""
    from tests import small_nights

    run = tmp_path_factory.mktemp("adapted") / "run"
    words = ("--method", "lora", "--set", "max_steps=30", "--set", "save_steps=10",
             "--learning-rate", "1e-2", "--set", "lora_r=8")  # fmt: skip
    done = small_nights.train(small, run, *words)
    assert done.returncode == 0, done.stderr
    return run


@pytest.fixture(scope="session")
def material(small: "Small", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, models and configurations that are wrong; to be read only."""
    from tests import bad_input

    return bad_input.write(tmp_path_factory.mktemp("material"), small.model)


@pytest.fixture
def newcomer(
    tmp_path: Path, material: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> "Newcomer":  # fmt: skip
    """Somebody at a terminal in an empty folder, without settings in the environment."""
    from tests.bad_input import Newcomer

    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    ours = [name for name in os.environ if name.startswith("OVERNIGHT_")]
    for name in set(ours) - {"OVERNIGHT_HISTORY"}:
        monkeypatch.delenv(name)
    return Newcomer(tmp_path / "here", material, capfd)
