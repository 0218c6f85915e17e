"""Whatever changes under a night is refused by name or said: one thing at a time."""

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from tests.fakes import FakeClock
from tests.report import samples
from tests.small_nights import Small, write_sums
from tests.training import small_tokenizer, tiny
from tests.training.nights import start

from overnight.codec import to_json
from overnight.story import begin, sameness
from overnight.story.begin import NOT_COMPARED, PLAN
from overnight.story.look import look
from overnight.training import journal, sealed
from overnight.training.journal import Journal
from overnight.values.errors import InputError, ModelError
from overnight.values.ledger import Prepared
from overnight.values.request import Request, Settings, Window

NOW = Prepared(import_seconds=0.0, data_seconds=0.0, load_seconds=0.0, fingerprint="a", weights="b",
               tokens="c")  # fmt: skip
DATA, WEIGHTS, TOKENIZER = "the data", "the base model's weights", "the tokenizer"


@pytest.fixture
def made(small: Small, tmp_path: Path) -> Request:
    """A request whose files may be changed."""
    shutil.copytree(small.model, tmp_path / "model")
    shutil.copyfile(small.data, tmp_path / "sums.jsonl")
    write_sums(tmp_path / "mine.jsonl", range(1000, 1060))
    return Request(data=str(tmp_path / "sums.jsonl"), model=str(tmp_path / "model"),
                   eval_data=str(tmp_path / "mine.jsonl"))  # fmt: skip


def marks(request: Request) -> Prepared:
    return sameness.marks(request, look(request))


def entries(folder: Path, *events: Any) -> list[Any]:
    with Journal.open(folder, FakeClock()) as written:
        written.note_start(start(FakeClock()))
        for event in events:
            written.append(event)
    return journal.read(folder)


def in_lines(change: Callable[[list[str]], list[str]], name: str = "sums.jsonl"):
    """Changes lines of a file; its time stays, and its size where the change keeps it."""

    def mutate(folder: Path) -> None:
        path = folder / name
        before = path.stat()
        lines = change(path.read_text().splitlines(keepends=True))
        path.write_text("".join(lines))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    return mutate


def one_digit(lines: list[str]) -> list[str]:
    head, digit, tail = re.split(r"(\d)(?=\.)", lines[7], maxsplit=1)
    changed = f"{head}{(int(digit) + 1) % 10}{tail}"
    return [*lines[:7], changed, *lines[8:]]


def swapped(lines: list[str]) -> list[str]:
    return [lines[1], lines[0], *lines[2:]]


def in_weights(which: Callable[[str], bool]):
    """Other weights, as another training or a merged adapter leaves them."""

    def mutate(folder: Path) -> None:
        from safetensors.torch import load_file, save_file

        path = folder / "model" / "model.safetensors"
        tensors = {name: one.clone() for name, one in load_file(path).items()}
        for name in filter(which, tensors):
            tensors[name] *= 1.001
        save_file(tensors, path, metadata={"format": "pt"})

    return mutate


def in_json(name: str, change: Callable[[Any], None]):
    def mutate(folder: Path) -> None:
        content = json.loads((folder / "model" / name).read_text())
        change(content)
        (folder / "model" / name).write_text(json.dumps(content))

    return mutate


def other_pieces(tokenizer: Any) -> None:
    vocab = tokenizer["model"]["vocab"]
    vocab["1"], vocab["2"] = vocab["2"], vocab["1"]


def other_template(folder: Path) -> None:
    template = small_tokenizer.CHATML.replace("You are kind.", "You are curt.")
    (folder / "model" / "chat_template.jinja").write_text(template)


MUTATIONS = {
    "a digit, same size and time": (in_lines(one_digit), DATA),
    "rows in another order": (in_lines(swapped), DATA),
    "a row more": (in_lines(lambda lines: [*lines, lines[0].replace("0", "9")]), DATA),
    "a row less": (in_lines(lambda lines: lines[:-1]), DATA),
    "a row twice": (in_lines(lambda lines: [*lines, lines[0]]), DATA),
    "another speaker": (
        in_lines(lambda lines: [lines[0].replace('"user"', '"system"', 1), *lines[1:]]), DATA),
    "held-out rows of one's own": (in_lines(one_digit, "mine.jsonl"), DATA),
    "all weights": (in_weights(lambda _: True), WEIGHTS),
    "one kind of layer, as merged": (in_weights(lambda name: "q_proj" in name), WEIGHTS),
    "one norm": (in_weights(lambda name: name == "model.norm.weight"), WEIGHTS),
    "pieces of the tokenizer": (in_json("tokenizer.json", other_pieces), TOKENIZER),
    "the chat template": (other_template, TOKENIZER),
    "the word that ends": (
        in_json("tokenizer_config.json", lambda told: told.update(eos_token="<|im_end|>")),
        TOKENIZER),
}  # fmt: skip


@pytest.mark.tiny
@pytest.mark.parametrize("name", MUTATIONS)
def test_what_a_night_is_made_of_is_found_again_or_refused_by_name(made, tmp_path, name):
    told = entries(tmp_path, marks(made))
    sameness.check(tmp_path, told, marks(made))
    mutate, says = MUTATIONS[name]
    mutate(tmp_path)
    with pytest.raises(ModelError, match=f"{says}.* changed since .*--fresh"):
        sameness.check(tmp_path, told, marks(made))


def test_a_refusal_tells_what_else_is_other(tmp_path: Path) -> None:
    told = entries(tmp_path, replace(NOW, tokens="x"))
    with pytest.raises(ModelError, match=r"begun \(torch was 1 and is 2\); put it back"):
        sameness.check(tmp_path, told, NOW, "torch was 1 and is 2")


def test_a_first_start_has_nothing_to_compare_with(tmp_path: Path) -> None:
    sameness.check(tmp_path, entries(tmp_path), NOW)


HOUR = Request(data="chats.jsonl", model="base", window=Window(seconds=3600.0, label="1h"))
OTHER: dict[str, object] = {
    "data": "x", "model": "x", "method": "full", "priority": "fast", "precision": "fp32",
    "eval_data": "x", "learn": "x", "processes": 2, "skip_bad_rows": True,
    "trust_remote_code": True, "patience": 3, "resume_from_checkpoint": "x",
    "sample": 0.5, "sample_total": 9, "prefer": "recent", "engagement_column": "x",
    "time_column": "x",
}  # fmt: skip
ASKED = [one.name for one in fields(Request) if one.name not in (*NOT_COMPARED, "settings")]


def refused(folder: Path, other: Request) -> str:
    begin.night(HOUR, folder, FakeClock(), renew=False)
    begin.night(HOUR, folder, FakeClock(), renew=False)
    with pytest.raises(InputError) as error:
        begin.night(other, folder, FakeClock(), renew=False)
    return str(error.value)


@pytest.mark.parametrize("name", ASKED)
def test_whatever_is_asked_otherwise_is_refused_by_name(tmp_path: Path, name: str) -> None:
    other = replace(HOUR, **{name: OTHER[name]})  # type: ignore[arg-type]
    assert f"{name} was " in refused(tmp_path / "run", other)


@pytest.mark.parametrize("name", [one.name for one in fields(Settings)])
def test_every_setting_that_is_given_otherwise_is_refused_by_name(tmp_path, name: str) -> None:
    settings = Settings(**{name: 7})  # type: ignore[arg-type]
    said = refused(tmp_path / "run", replace(HOUR, settings=settings))
    assert f"settings was {{}}, now {{'{name}': 7}}" in said


CHANGED = {"method": "lora", "precision": "bf16", "optim": "adamw_bnb_8bit",
           "strategy": "progressive"}  # fmt: skip


def trained_as(folder: Path, candidate: Any, rows_per_step: int) -> Path:
    """A checkpoint of which only the settings are there."""
    path = folder / "checkpoint-5"
    path.mkdir()
    told = {"candidate": to_json(candidate), "rows_per_step": rows_per_step}
    (path / "trainer_state.json").write_text(json.dumps(told))
    return path


@pytest.mark.parametrize("name", sameness._OF_THE_PATH)
def test_a_plan_that_is_not_what_a_checkpoint_was_trained_by_is_refused(tmp_path, name: str):
    path = trained_as(tmp_path, tiny.CANDIDATE, 4)
    sameness.check_checkpoint(path, tiny.CANDIDATE, 4)
    value = CHANGED.get(name) or getattr(tiny.CANDIDATE, name) + 1
    other = replace(tiny.CANDIDATE, **{name: value})
    with pytest.raises(ModelError, match=rf"{name} is {value} in .*plan\.json and was"):
        sameness.check_checkpoint(path, other, 4)


def test_other_steps_than_a_checkpoint_was_trained_by_are_refused(tmp_path: Path) -> None:
    path = trained_as(tmp_path, tiny.CANDIDATE, 4)
    with pytest.raises(ModelError, match="rows_per_step is 8"):
        sameness.check_checkpoint(path, tiny.CANDIDATE, 8)


def test_a_smaller_micro_batch_is_no_other_path(tmp_path: Path) -> None:
    small = replace(tiny.CANDIDATE, per_device_train_batch_size=1, gradient_accumulation_steps=4,
                    gradient_checkpointing=True, max_tokens_per_micro_batch=9)  # fmt: skip
    sameness.check_checkpoint(trained_as(tmp_path, small, 4), tiny.CANDIDATE, 4)


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A night that was begun with these versions on the samples' machine."""
    sealed.write(tmp_path / PLAN, {"hardware": to_json(samples.HARDWARE)})
    with Journal.open(tmp_path, FakeClock()) as written:
        written.note_start(replace(start(FakeClock()), versions=begin._versions()))
    return tmp_path


def test_where_nothing_is_new_nothing_is_said(begun: Path) -> None:
    assert sameness.news(begun, journal.read(begun), samples.HARDWARE) == ""


@pytest.mark.parametrize("name", begin.VERSIONED)
def test_every_other_version_is_said_from_what_to_what(begun: Path, monkeypatch, name: str) -> None:
    before = begin._versions()[name]
    real = sameness.installed
    monkeypatch.setattr(sameness, "installed",
                        lambda of: "99.1" if of == name else real(of))  # fmt: skip
    said = sameness.news(begun, journal.read(begun), samples.HARDWARE)
    assert said == f"{name} was {before} and is 99.1"
    assert sameness.line(said).startswith(f"since this night was begun {said}; it goes on")


def test_a_library_that_is_gone_is_said(begun: Path, monkeypatch) -> None:
    monkeypatch.setattr(sameness, "installed", lambda of: None)
    assert "torch was" in (said := sameness.news(begun, journal.read(begun), samples.HARDWARE))
    assert "and is gone" in said


def test_another_machine_is_said(begun: Path) -> None:
    here = replace(samples.HARDWARE, name="Tesla T4", num_devices=2)
    said = sameness.news(begun, journal.read(begun), here)
    assert f"the machine was 1 x {samples.HARDWARE.name} and is 2 x Tesla T4" in said


def test_other_engagement_is_another_choice_of_rows_where_rows_are_chosen_by_it(small, tmp_path):
    rows = [json.loads(line) for line in small.data.read_text().splitlines()]
    data = tmp_path / "liked.jsonl"

    def found(by: int, **asked: Any) -> Prepared:
        liked = [row | {"likes": (at * by) % 97} for at, row in enumerate(rows)]
        data.write_text("".join(json.dumps(row) + "\n" for row in liked))
        return marks(Request(data=str(data), model=str(small.model), **asked))

    two: dict[str, Any] = {"settings": Settings(strategy="two-stage")}
    picked: dict[str, Any] = {"sample": 0.5, "prefer": "engagement"}
    assert found(7).rows == found(11).rows == ""
    for name, asked in (("two", two), ("picked", picked)):
        before, after = found(7, **asked), found(11, **asked)
        assert before.fingerprint == after.fingerprint and before == found(7, **asked)
        (tmp_path / name).mkdir()
        with pytest.raises(ModelError, match=r"which rows are trained on .* changed"):
            sameness.check(tmp_path, entries(tmp_path / name, before), after)
