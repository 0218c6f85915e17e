"""Copies elsewhere: whole ones only, proved where they lie, back into an empty place."""

import shutil
from pathlib import Path

import pytest

from overnight.story import copies
from overnight.training import manifest
from overnight.training.manifest import COMPLETE, Manifest, Mark, hash_of, sealed


def checkpoint(run: Path, step: int, text: str = "weights") -> Path:
    """A whole checkpoint."""
    path = run / f"checkpoint-{step}"
    path.mkdir(parents=True)
    weights = path / "model.safetensors"
    weights.write_text(f"{text} {step}", "utf-8")
    marks = {weights.name: Mark(size=weights.stat().st_size, hash=hash_of(weights))}
    made = Manifest(run="r", step=step, parent="", t=1.0, files=marks)
    (path / COMPLETE).write_bytes(sealed(made))
    assert manifest.problem(path) is None
    return path


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    checkpoint(folder, 5)
    (folder / "events.jsonl").write_text("one\n", "utf-8")
    (folder / "plan.json").write_text("{}", "utf-8")
    (folder / ".training.lock").touch()
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer/tokenizer.json").write_text("{}", "utf-8")
    return folder


@pytest.fixture
def drive(tmp_path):
    return tmp_path / "drive" / "run"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_run_is_copied_and_comes_back_into_an_empty_place(run, drive):
    assert copies.keep(run, drive) == ["checkpoint-5"]
    assert names(drive) == ["checkpoint-5", "events.jsonl", "plan.json", "tokenizer"]
    shutil.rmtree(run)
    assert copies.restore(run, drive) == "checkpoint-5"
    assert manifest.problem(run / "checkpoint-5") is None
    assert (run / "events.jsonl").read_text("utf-8") == "one\n"
    assert (run / "tokenizer/tokenizer.json").exists()


def test_what_is_there_is_not_overwritten_by_a_copy(run, drive):
    copies.keep(run, drive)
    (run / "events.jsonl").write_text("one\ntwo\n", "utf-8")
    assert copies.restore(run, drive) == ""
    assert (run / "events.jsonl").read_text("utf-8") == "one\ntwo\n"


def test_nothing_is_restored_from_nothing(run, drive, tmp_path):
    assert copies.restore(tmp_path / "other", drive) == ""
    assert not (tmp_path / "other").exists()


def test_a_damaged_checkpoint_is_not_copied(run, drive):
    bad = checkpoint(run, 6) / "model.safetensors"
    bad.write_text("weightz 6", "utf-8")
    assert copies.keep(run, drive) == ["checkpoint-5"]


def test_a_copy_that_was_torn_is_made_again_and_never_restored(run, drive):
    copies.keep(run, drive)
    (drive / "checkpoint-5/model.safetensors").write_text("torn", "utf-8")
    assert copies.restore(run.with_name("other"), drive) == ""
    assert copies.keep(run, drive) == ["checkpoint-5"]
    assert manifest.problem(drive / "checkpoint-5") is None


def test_what_the_night_has_pruned_goes_and_the_last_whole_one_stays(run, drive):
    copies.keep(run, drive)
    checkpoint(run, 9)
    shutil.rmtree(run / "checkpoint-5")
    assert copies.keep(run, drive) == ["checkpoint-9"]
    assert "checkpoint-5" not in names(drive)
    shutil.rmtree(run / "checkpoint-9")
    copies.keep(run, drive)
    assert "checkpoint-9" in names(drive)


def test_a_half_copy_is_no_checkpoint(run, drive):
    shutil.copytree(run / "checkpoint-5", drive / "checkpoint-7.part")
    assert copies.restore(run.with_name("other"), drive) == ""
    copies.keep(run, drive)
    assert copies.restore(run.with_name("other"), drive) == "checkpoint-5"
    assert not (run.with_name("other") / "checkpoint-7.part").exists()


def test_changed_folders_are_replaced_whole(run, drive):
    copies.keep(run, drive)
    (run / "tokenizer/tokenizer.json").write_text('{"a": 1}', "utf-8")
    (run / "tokenizer/more.json").write_text("{}", "utf-8")
    copies.keep(run, drive)
    assert names(drive / "tokenizer") == ["more.json", "tokenizer.json"]
    assert (drive / "tokenizer/tokenizer.json").read_text("utf-8") == '{"a": 1}'


def test_while_it_goes_on_copies_are_kept_and_all_of_it_at_the_end(run, drive):
    said = []
    with copies.copies(run, drive, every=0.01, say=said.append):
        while not said:
            pass
        checkpoint(run, 8)
        (run / "events.jsonl").write_text("one\ntwo\n", "utf-8")
    assert "checkpoint-8" in names(drive)
    assert (drive / "events.jsonl").read_text("utf-8") == "one\ntwo\n"
    assert said[0] == f"Copied checkpoint-5 to {drive}"


def test_a_drive_that_cannot_be_written_is_told_once_and_ends_nothing(run, tmp_path):
    said = []
    (tmp_path / "file").touch()
    with copies.copies(run, tmp_path / "file" / "run", every=0.001, say=said.append):
        for _ in range(3):
            copies.Event().wait(0.01)
    assert len(said) == 1 and said[0].startswith("no copy in ")


def test_a_run_that_a_disconnect_has_taken_is_said_to_be_back(run, drive):
    copies.keep(run, drive)
    shutil.rmtree(run)
    said = []
    with copies.copies(run, drive, say=said.append):
        assert (run / "checkpoint-5").is_dir()
    assert said == [f"Restored checkpoint-5 and what belongs to it from {drive}"]
