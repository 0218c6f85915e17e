"""No secret of the environment, of a configuration or of an address is in anything that is left."""

import os
from pathlib import Path

import pytest
from tests.safety import processes
from tests.small_nights import Small

pytestmark = pytest.mark.tiny

CANARY = "canary-7f3a9"
ENVIRON = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY",
           "OPENAI_API_KEY", "GITHUB_TOKEN", "DB_PASSWORD")  # fmt: skip
SETTINGS = f"""
hub_token: {CANARY}-hub
hf_token: {CANARY}-hf
wandb_token: {CANARY}-wandb
max_steps: 4
save_steps: 2
"""
DOTENV = f"HF_TOKEN={CANARY}-dotenv\nWANDB_API_KEY={CANARY}-dotenv\nAWS_SECRET={CANARY}-dotenv\n"


def secrets() -> dict[str, str]:
    return {name: f"{CANARY}-{name}" for name in ENVIRON}


def holding(folder: Path, *, but: set[str]) -> list[str]:
    """Files below `folder` in which the canary is found, in plain text or as a terminal has it."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in but]
    return [str(path) for path in files if CANARY.encode() in path.read_bytes()]


@pytest.fixture(scope="module")
def night(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A night with secrets wherever people keep them; its folder, and what it printed."""
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "run.yaml").write_text(SETTINGS)
    (folder / ".env").write_text(DOTENV)
    done = processes.run(
        ["train", str(small.data), "--model", str(small.model), "--config", "run.yaml",
         "--name", "night"], folder, OVERNIGHT_HISTORY=str(folder / "history.sqlite3"), **secrets(),
    )  # fmt: skip
    assert done.status == 0, done.said
    return folder


def test_no_file_and_no_line_holds_a_secret(night: Path):
    written = [path for path in night.rglob("*") if path.is_file()]
    assert len(written) > 30 and (night / "history.sqlite3").exists()
    assert holding(night, but={"run.yaml", ".env"}) == []


def test_a_secret_that_lay_in_a_file_would_be_found(night: Path, tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.bin").write_bytes(os.urandom(9) + CANARY.encode())
    assert holding(tmp_path, but=set()) == [str(tmp_path / "a" / "b.bin")]
    assert len(holding(night, but=set())) == 2  # where they were put


ADDRESS = f"https://user:{CANARY}@hub.example/org/name"


@pytest.mark.parametrize(
    "words",
    [(ADDRESS, "--model", "MODEL"), ("DATA", "--model", ADDRESS),
     ("DATA", "--model", "MODEL", "--eval", ADDRESS),
     ("DATA", "--model", "MODEL", "--resume-from-checkpoint", ADDRESS),
     ("DATA", "--model", "MODEL", "--set", f"hub_tokn={CANARY}"),
     ("DATA", "--model", "MODEL", "--set", f"seed={ADDRESS}")],
)  # fmt: skip
def test_an_address_with_a_password_is_refused_without_it(small: Small, tmp_path: Path, words):
    real = {"DATA": str(small.data), "MODEL": str(small.model)}
    given = [real.get(word, word) for word in words]
    done = processes.run(["train", *given, "--max-steps", "2"], tmp_path, **secrets())
    assert done.status == 2, done.said
    assert done.said.startswith("overnight: error: ") and CANARY not in done.said + done.shown
    assert holding(tmp_path, but=set()) == []


def test_what_is_written_is_the_user_s_alone(night: Path):
    run = night / "runs" / "night"
    assert run.stat().st_mode & 0o077 == 0
    assert (night / "history.sqlite3").stat().st_mode & 0o077 == 0
