"""Trackers: each figure once, read back from what the real packages stored."""

import json
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from tests.report import samples
from tests.report.test_following import lines, plan, put

from overnight.story import tracking
from overnight.values.errors import InputError


class Kept:
    """A tracker that keeps what it gets, and fails at the n-th."""

    def __init__(self, fails_at: int = 10**9) -> None:
        self.had: list[tuple[int | None, dict[str, float]]] = []
        self.settings: dict[str, Any] = {}
        self.fails_at, self.closed = fails_at, False

    def store_init_configuration(self, values):
        self.settings = values

    def log(self, values, step=None):
        if len(self.had) >= self.fails_at:
            raise RuntimeError("the network is gone")
        self.had.append((step, values))

    def finish(self):
        self.closed = True


@pytest.fixture
def night(tmp_path: Path) -> Path:
    plan(tmp_path)
    return tmp_path


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[Kept]:
    made: list[Kept] = []

    def opened(name, run, begun):
        made.append(Kept())
        return made[-1]

    monkeypatch.setattr(tracking, "opened", opened)
    return made


def run(night: Path, names: tuple[str, ...], then=()) -> None:
    """The whole of it, while `then` is appended a piece a wait."""
    pieces = list(then)

    def wait(_: float) -> None:
        assert pieces, "it went on after the end"
        put(night, "".join(pieces.pop(0)))

    assert tracking.track(night, names, wait=wait) == 0


def test_every_figure_is_given_once_to_each(night: Path, kept: list[Kept]):
    every = lines(samples.healthy())
    run(night, ("tensorboard", "trackio"), [every[:3], every[3:700], every[700:]])
    first, second = kept
    steps = [step for step, values in first.had if "train/loss" in values]
    assert steps == list(range(1, samples.STEPS + 1))
    assert first.had == second.had and first.closed and second.closed
    assert "optimization/time_accuracy" in first.had[-1][1]
    assert first.settings["lora_r"] == 32


def test_who_comes_back_goes_on_where_it_was(night: Path, kept: list[Kept]):
    every = lines(samples.healthy())
    put(night, "".join(every[:400]))
    tracker = tracking.Tracking(night, ("tensorboard",), print)
    tracker.catch_up()
    run(night, ("tensorboard",), [every[400:]])
    both = [step for one in kept for step, values in one.had if "train/loss" in values]
    assert both == list(range(1, samples.STEPS + 1))


def test_one_that_fails_is_left_alone_and_said(night: Path, monkeypatch, capsys):
    bad, good = Kept(fails_at=5), Kept()
    monkeypatch.setattr(tracking, "opened", lambda name, *_: bad if name == "wandb" else good)
    run(night, ("wandb", "trackio"), [lines(samples.healthy())])
    assert len(bad.had) == 5 and len(good.had) > 1000
    assert "wandb failed and was left alone: the network is gone" in capsys.readouterr().err


def test_a_package_that_is_missing_is_left_out(night: Path, monkeypatch, capsys):
    def opened(name, *_):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(tracking, "opened", opened)
    run(night, ("trackio",), [lines(samples.healthy())])
    assert "trackio cannot be opened and is left out: No module named" in capsys.readouterr().err


def test_wandb_counts_by_itself(night: Path, kept: list[Kept]):
    run(night, ("wandb",), [lines(samples.healthy())])
    assert {step for step, _ in kept[0].had} == {None}


def test_a_second_process_beside_the_first_is_none(night: Path, kept: list[Kept]):
    with FileLock(night / f".{tracking.FOLDER}.lock"):
        assert tracking.track(night, ("wandb",)) == 0
    assert kept == []


def test_a_night_that_says_nothing_for_long_is_left(night: Path, kept: list[Kept]):
    put(night, "".join(lines(samples.going())))
    now = [0.0]

    def wait(seconds: float) -> None:
        now[0] += seconds

    assert tracking.track(night, ("trackio",), wait=wait, now=lambda: now[0]) == 0
    assert now[0] >= tracking.PATIENCE and kept[0].closed


@pytest.mark.parametrize(
    ("text", "names"),
    [("wandb", ("wandb",)), (" TensorBoard, trackio,tensorboard", ("tensorboard", "trackio")),
     ("none", ()), ("", ())],
)  # fmt: skip
def test_names_are_read_as_people_write_them(text, names):
    assert tracking.named(text) == names


def test_an_unknown_name_is_refused():
    with pytest.raises(InputError, match="--report-to mlflow: expected tensorboard, wandb"):
        tracking.named("wandb,mlflow")


def tracked(night: Path, name: str) -> Path:
    """A finished night through the real package, in a process of its own."""
    put(night, "".join(lines(samples.healthy())))
    words = [sys.executable, "-m", "overnight", "_track", str(night), name]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300,
                          stdin=subprocess.DEVNULL)  # fmt: skip
    assert done.returncode == 0 and "left out" not in done.stderr, done.stderr
    assert "left alone" not in done.stderr, done.stderr
    return night / tracking.FOLDER


@pytest.mark.tiny
def test_tensorboard_has_stored_every_step(night: Path):
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    folder = tracked(night, "tensorboard")
    (place,) = {path.parent for path in folder.rglob("events.out.tfevents.*")
                if path.parent.name == night.name}  # fmt: skip
    found = reading.EventAccumulator(str(place), size_guidance={"scalars": 0}).Reload()
    losses = found.Scalars("train/loss")
    wanted = [e.event for e in samples.healthy() if type(e.event).__name__ == "Stepped"]
    assert [one.step for one in losses] == [event.step for event in wanted]
    assert [one.value for one in losses] == pytest.approx([event.loss for event in wanted])
    assert found.Scalars("optimization/time_accuracy")[0].value > 0


def records(file: Path) -> Iterator[bytes]:
    """What W&B wrote: a LevelDB log of blocks of 32 KiB behind a header of seven bytes."""
    data, at, parts = file.read_bytes(), 7, b""
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        length, kind = struct.unpack_from("<HB", data, at + 4)
        parts, at = parts + data[at + 7 : at + 7 + length], at + 7 + length
        if kind in (1, 4):  # whole, or the last piece
            yield parts
            parts = b""


@pytest.mark.tiny
def test_wandb_has_stored_every_step_offline(night: Path):
    pytest.importorskip("wandb")
    from wandb.proto import wandb_internal_pb2

    folder = tracked(night, "wandb")
    (file,) = folder.rglob("run-*.wandb")
    losses = []
    for data in records(file):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        told = {item.key or ".".join(item.nested_key): item.value_json
                for item in record.history.item}  # fmt: skip
        losses += [json.loads(told["train/loss"])] if "train/loss" in told else []
    wanted = [e.event.loss for e in samples.healthy() if type(e.event).__name__ == "Stepped"]
    assert losses == pytest.approx(wanted)


@pytest.mark.tiny
def test_trackio_has_stored_every_step(night: Path):
    pytest.importorskip("trackio")
    folder = tracked(night, "trackio")
    (file,) = (path for path in folder.rglob("*.db"))
    with sqlite3.connect(file) as store:
        rows = [json.loads(row[0]) for row in store.execute("select metrics from metrics")]
    assert sum("train/loss" in row for row in rows) == samples.STEPS
