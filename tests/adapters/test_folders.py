import os

from overnight.adapters import folders


def checkpoints(folder, *steps, dated=None):
    for step in steps:
        there = folders.path(folder, step)
        (there / "inner").mkdir(parents=True)
        (there / "inner" / "weights").write_bytes(b"1")
        if dated is not None:
            os.utime(there, (dated, dated))
    return folder


def names(folder):
    return sorted(one.name for one in folder.iterdir())


def test_every_file_of_a_checkpoint_is_brought_to_the_disk(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(folders.os, "fsync", lambda opened: asked.append(os.fstat(opened).st_ino))
    checkpoints(tmp_path, 3)
    folders.flush(tmp_path / "checkpoint-3")
    inside = [tmp_path, *tmp_path.rglob("*")]
    assert sorted(asked) == sorted(one.stat().st_ino for one in inside)


def test_the_newest_two_of_ours_stay_and_others_are_not_touched(tmp_path):
    checkpoints(tmp_path, 10, 20, 30, 40, 25)
    assert folders.thin(tmp_path, (10, 20, 30, 40), best=None) == (30, 40)
    assert names(tmp_path) == ["checkpoint-25", "checkpoint-30", "checkpoint-40"]


def test_the_best_one_stays(tmp_path):
    checkpoints(tmp_path, 10, 20, 30)
    best = "somewhere/else/checkpoint-10"
    assert folders.thin(tmp_path, (10, 20, 30), best=best) == (10, 20, 30)
    assert len(names(tmp_path)) == 3


def test_checkpoints_dated_after_now_are_dated_back_in_their_order(tmp_path):
    checkpoints(tmp_path, 4, 10, 6, dated=2_000.0)
    assert sorted(folders.date_in_order(tmp_path, now=1_000.0)) == [
        "checkpoint-10",
        "checkpoint-4",
        "checkpoint-6",
    ]
    dates = [folders.path(tmp_path, step).stat().st_mtime for step in (4, 6, 10)]
    assert dates == sorted(dates)
    assert dates[-1] < 1_000.0
    assert dates[-1] - dates[0] >= 2.0


def test_dates_in_the_past_are_left_as_they_are(tmp_path):
    checkpoints(tmp_path, 4, 6, dated=500.0)
    assert folders.date_in_order(tmp_path, now=1_000.0) == []
    assert folders.path(tmp_path, 4).stat().st_mtime == 500.0


def test_what_a_kill_left_unfinished_is_set_aside(tmp_path):
    checkpoints(tmp_path, 5, 10, 15)
    (folders.path(tmp_path, 5) / "trainer_state.json").write_text("{}")
    (folders.path(tmp_path, 15) / "trainer_state.json").write_text('{"global_st')
    (tmp_path / "unfinished-checkpoint-10").mkdir()
    assert folders.set_aside(tmp_path) == ["checkpoint-10", "checkpoint-15"]
    assert names(tmp_path) == [
        "checkpoint-5", "unfinished-checkpoint-10", "unfinished-checkpoint-15",
    ]  # fmt: skip
    assert (tmp_path / "unfinished-checkpoint-10" / "inner").is_dir()
    assert folders.set_aside(tmp_path) == []
