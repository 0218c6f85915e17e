"""Settings, places and nights that cannot be meant: one line on stderr, nothing written.

The commands run in this process, in an empty folder, with the material beside it.
"""

import json
import os
import shutil
from pathlib import Path

import pytest
from tests import small_nights
from tests.bad_input import Newcomer

from overnight.codec import unsealed
from overnight.probe import clock
from overnight.training import sealed

BAD_WORDS = [
    ("--within 1h --by 8am", "--within and --by both say when it is over; keep one"),
    ("", "say how long it may take: --within 12h"),
    ("--by yesterday", "--by: 'yesterday' is not a clock time; write "),
    ("--by banana", "--by: 'banana' is not a clock time"),
    ("--by 2020-01-01", "names no time of day"),
    ("--within banana", "--within: 'banana' is not a duration; write 45s"),
    ("--within -3h", "'-3h' is not a duration"),
    ("--within 0h", "is no time at all"),
    ("--within 99999999h", "--within: '99999999h' is longer than ten years"),
    ("--epochs 0", "--epochs: num_train_epochs is '0'; expected a number above 0"),
    ("--epochs -1", "num_train_epochs is '-1'"),
    ("--epochs abc", "num_train_epochs is 'abc'"),
    ("--epochs nan", "num_train_epochs is 'nan'"),
    ("--max-steps 99999999999999999999", "expected a whole number from 1 up and at most"),
    ("--epochs 1 --set learnin_rate=1", "learnin_rate is no key", "did you mean learning_rate?"),
    ("--epochs 1 --set learning_rate=fast", "--set: learning_rate is 'fast'; expected a number"),
    ("--epochs 1 --set learning_rate", "--set learning_rate: write key=value"),
    ("--epochs 1 --set fp16=true --set bf16=true", "ask for two precisions; keep one"),
    ("--epochs 1 --priority fastest", "expected one of fast, balanced, quality"),
    ("--epochs 1 --config absent.yaml", "absent.yaml: cannot be read"),
    ("--epochs 1 --config M/nothing", "cannot be read (Is a directory)"),
    ("--epochs 1 --config M/good.jsonl", "a configuration ends in .yaml, .toml, .json or .env"),
    ("--epochs 1 --config M/bad.yaml", "bad.yaml:2: not YAML"),
    ("--epochs 1 --config M/bad.toml", "bad.toml: not TOML", "line 1"),
    ("--epochs 1 --config M/bad.json", "bad.json: not JSON", "line 1"),
    ("--epochs 1 --config M/key.yaml", "key.yaml: sede is no key that we know; did you mean seed?"),
    ("--epochs 1 --config M/key.toml", "did you mean seed?"),
    ("--epochs 1 --config M/key.json", "did you mean seed?"),
    ("--epochs 1 --config M/none.yaml", "expected keys and values", "found nothing"),
    ("--epochs 1 --config M/list.yaml", "expected keys and values", "found list"),
    ("--epochs 1 --config M/latin.yaml", "latin.yaml: not UTF-8 at byte 3"),
    ("--epochs 1 --config M/type.yaml", "type.yaml: learning_rate is 'fast'"),
    ("--epochs 1 --config M/both.yaml", "ask for two precisions"),
    ("--config M/open.yaml", "open.yaml: '' is not a duration"),
    ("--epochs 1 --config M/nested.json", "nested too deeply"),
    ("--epochs 1 --config M/nested.yaml", "nested too deeply"),
    ("--epochs 1 --config M/object.yaml", "not YAML", "tag"),
    ("--epochs 1 --config M/bomb.yaml", "bomb.yaml: seed is {", "...}; expected a whole number"),
    ("--config M/nonsense.env", "nonsense.env:1: EPOCHS: num_train_epochs is 'abc'"),
]


@pytest.mark.parametrize("command", ["plan", "train"])
@pytest.mark.parametrize("words", BAD_WORDS, ids=lambda words: words[0])
def test_plan_and_train_refuse_the_same_settings_alike(
    newcomer: Newcomer, command: str, words: tuple[str, ...]
) -> None:
    typed, *expected = words
    said = newcomer.is_refused(f"{command} M/good.jsonl --model M/model {typed}")
    assert all(part in said for part in expected), said


@pytest.mark.parametrize("flag", ["--model", "--within", "--by", "--config", "--output-dir"])
def test_an_unset_variable_of_the_shell_is_named_by_its_flag(newcomer: Newcomer, flag: str) -> None:
    said = newcomer.is_refused("train M/good.jsonl --model M/model --epochs 1", flag, "")
    assert f"{flag} is given and empty" in said


def test_what_is_not_there_is_named(newcomer: Newcomer) -> None:
    assert "no data given" in newcomer.is_refused("data")
    assert "DATA is given and empty" in newcomer.is_refused("data", "")
    assert "no model given" in newcomer.is_refused("plan M/good.jsonl --within 1h")


@pytest.mark.parametrize("typed, expected", [
    ("trian", "No such command 'trian'"),
    ("train --modle x", "No such option: --modle"),
    ("train a b", "(see overnight train --help)"),
    ("status", "no night in"),
    ("report", "no night in"),
    ("status nosuch", "nosuch is no folder, and neither is runs/nosuch"),
    ("status M/good.jsonl", "good.jsonl is no folder; name a night's folder"),
    ("status M/folder", "status.json is missing: no night was started in this folder"),
    ("report M/folder", "holds no plan.json; name the folder of a run"),
    ("demo --within banana", "'banana' is not a duration"),
])  # fmt: skip
def test_a_command_that_makes_no_sense_here_says_so(
    newcomer: Newcomer, typed: str, expected: str
) -> None:
    assert expected in newcomer.is_refused(typed)


@pytest.mark.parametrize("line, status", [
    (b"EPOCHS=abc\n", 2), (b"OVERNIGHT_SEDE=1\n", 2), (b"BATCH_SIZE=0\n", 2),
    (b"\xff\xfe\x00nonsense\n===\n=x\n", 0), (b"HF_TOKEN=x\nMODEL=y\nBY=me\n", 0),
])  # fmt: skip
def test_a_dotenv_of_others_is_left_alone_and_one_of_ours_is_checked(
    newcomer: Newcomer, line: bytes, status: int
) -> None:
    (newcomer.folder / ".env").write_bytes(line)
    code, said = newcomer.types("data M/good.jsonl")
    assert (code, said.count("\n")) == ((2, 1) if status else (0, 0)), said


def test_a_window_too_short_for_anything_is_3_with_one_that_works(newcomer: Newcomer) -> None:
    said = newcomer.is_refused("plan M/good.jsonl --model M/model --within 3s", status=3)
    assert "the shortest that works is about" in said


def test_a_day_of_the_week_is_understood_and_echoed(newcomer: Newcomer) -> None:
    status, said = newcomer.types("plan M/good.jsonl --model M/model", "--by", "sat 8am")
    assert status == 0 and said.startswith("by Sat ") and " 08:00 " in said


@pytest.mark.parametrize("place, expected", [
    ("M/folder", "is there and is no run of overnight; choose another --output-dir"),
    ("M/good.jsonl", "is there and is no run of overnight"),
    ("M/good.jsonl/run", "nothing can be written to"),
    ("M/good.jsonl/run/more", "nothing can be written to"),
    ("a/b/" + "x" * 300, "nothing can be written to"),
])  # fmt: skip
@pytest.mark.parametrize("fresh", [(), ("--fresh",)])
def test_a_place_that_is_not_for_a_night_is_left_as_it_is(
    newcomer: Newcomer, place: str, expected: str, fresh: tuple[str, ...]
) -> None:
    typed = f"train M/good.jsonl --model M/model --epochs 1 --output-dir {place}"
    assert expected in newcomer.is_refused(typed, *fresh)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_folder_that_may_not_be_written_is_refused(newcomer: Newcomer) -> None:
    (newcomer.folder / "shut").mkdir(mode=0o500)
    typed = "train M/good.jsonl --model M/model --epochs 1 --output-dir shut/run"
    assert "nothing can be written to" in newcomer.is_refused(typed)


def test_a_name_that_leads_elsewhere_and_a_deadline_that_is_past(newcomer: Newcomer) -> None:
    typed = "train M/good.jsonl --model M/model"
    assert "is no name for a run" in newcomer.is_refused(f"{typed} --epochs 1 --name ../x")
    assert "is past" in newcomer.is_refused(typed, "--by", "2020-01-01 08:00")


def test_a_window_that_is_over_before_it_begins_leaves_nothing(
    newcomer: Newcomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overnight.story.begin.process_started", lambda it: it.boot() - 5.0)
    typed = "train M/good.jsonl --model M/model --within 1s"
    assert "the window was over before" in newcomer.is_refused(typed, status=3)


@pytest.mark.tiny
@pytest.mark.parametrize("typed, status, expected", [
    ("M/broken.jsonl --model M/model --within 10m", 2, "broken.jsonl:2: not JSON"),
    ("M/good.jsonl --model M/pickled --within 10m", 2, "only as pickles (pytorch_model.bin)"),
    ("M/good.jsonl --model M/no-weights --epochs 1", 2, "has no weights; model.safetensors is"),
    ("M/good.jsonl --model M/model --within 4s", 3, "the shortest that works is about"),
])  # fmt: skip
def test_what_the_training_process_refuses_leaves_nothing_either(
    newcomer: Newcomer, typed: str, status: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overnight.story.begin.process_started", clock.SystemClock.boot)
    assert expected in newcomer.is_refused(f"train {typed}", status=status)


@pytest.fixture
def night(finished: Path, newcomer: Newcomer) -> Path:
    """A finished night of this folder's with its lock, to be damaged."""
    run = Path(shutil.copytree(finished, newcomer.folder / "runs" / "n"))
    (run.parent / ".n.lock").touch()
    return run


AGAIN = " ".join(("--name n", *small_nights.SIXTY_STEPS))


@pytest.mark.tiny
@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"request": 5, "plan": 7}', b"\xff", None]
)
def test_a_damaged_plan_is_named_and_nothing_goes_on_over_it(
    newcomer: Newcomer, night: Path, content: bytes | None
) -> None:
    for name in ("plan.json", ".plan.json.copy"):
        (night / name).unlink() if content is None else (night / name).write_bytes(content)
    assert "plan.json" in newcomer.is_refused("report n")
    said = newcomer.is_refused(f"train M/good.jsonl --model M/model {AGAIN}")
    assert "plan.json is gone or damaged" in said and "--fresh" in said


@pytest.mark.tiny
def test_a_plan_that_alone_is_damaged_is_mended_and_said(newcomer: Newcomer, night: Path) -> None:
    whole = (night / "plan.json").read_bytes()
    (night / "plan.json").write_bytes(whole.replace(b"0", b"1", 1))
    newcomer.types(f"train M/good.jsonl --model M/model {AGAIN}")
    assert (night / "plan.json").read_bytes() == whole
    assert (night / "set-aside" / "plan.json-1").exists()


@pytest.mark.tiny
def test_a_plan_that_is_half_written_stops_a_resumption(newcomer: Newcomer, night: Path) -> None:
    asked = unsealed((night / "plan.json").read_text())
    sealed.write(night / "plan.json", {"request": asked["request"], "plan": 7}, twice=True)
    said = newcomer.is_refused(f"train M/good.jsonl --model M/model {AGAIN}")
    assert "plan.json is gone or damaged" in said


@pytest.mark.tiny
def test_a_night_that_has_no_plan_yet_says_so(newcomer: Newcomer, night: Path) -> None:
    asked = json.loads((night / "plan.json").read_text())
    (night / "plan.json").write_text(json.dumps({"request": asked["request"]}))
    assert "has no plan yet" in newcomer.is_refused("report n")


@pytest.mark.tiny
@pytest.mark.parametrize("content", [b"", b"junk\n\xff\n[1]\n{}\nnull\n"])
def test_a_journal_without_a_beginning_is_no_night_to_write_over(
    newcomer: Newcomer, night: Path, content: bytes
) -> None:
    (night / "events.jsonl").write_bytes(content)
    said = newcomer.is_refused(f"train M/good.jsonl --model M/model {AGAIN}")
    assert "is no run of overnight" in said
    assert newcomer.types("report n") == (0, "")


@pytest.mark.tiny
@pytest.mark.parametrize("content", [b"{", b"[]", b'{"state": 5}', b"\xff"])
def test_a_damaged_status_is_named(newcomer: Newcomer, night: Path, content: bytes) -> None:
    (night / "status.json").write_bytes(content)
    assert "status.json cannot be read" in newcomer.is_refused("status n")
    assert "no night in" in newcomer.is_refused("status")


@pytest.mark.tiny
def test_other_data_or_settings_in_a_nights_folder_are_named(
    newcomer: Newcomer, night: Path
) -> None:
    said = newcomer.is_refused(f"train M/good.jsonl --model M/model {AGAIN} --learning-rate 0.1")
    assert "was begun otherwise: data was " in said and "'learning_rate': 0.1" in said
    assert "--fresh to start over, or --name for another night" in said
