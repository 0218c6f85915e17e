import dataclasses
import json
import math
import types
import typing
import zlib

import pytest

from overnight import codec
from overnight.values import facts, ledger, plan, request
from overnight.values.facts import Hardware, Interval
from overnight.values.ledger import Entry, Evaluated, Event, Loss, Noted, Resumed, Stepped
from overnight.values.plan import Candidate, MemoryEstimate, Plan, Reserve, TimeEstimate

LOSS = Loss(loss=1.25, low=1.2, high=1.3, n=20)


def invented(kind: object, given: float = 0.1) -> typing.Any:
    """Some value of any type that the contract uses; `given` is what floats become."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind)
        return kind(**{f.name: invented(hints[f.name], given) for f in dataclasses.fields(kind)})
    if origin is typing.Literal:
        return args[-1]
    if origin in (typing.Union, types.UnionType):
        return invented(args[0], given)
    if origin is tuple:
        inner = args[:1] * 2 if args[-1] is Ellipsis else args
        return tuple(invented(part, given) for part in inner)
    if origin is dict:
        return {"a": invented(args[1], given), "é \u2028": invented(args[1], given)}
    return {str: "text \ud800 \u2028 \x1b[31m", int: 3, float: given, bool: True}[kind]


def contract() -> list[type]:
    modules = (facts, ledger, plan, request)
    found = [v for m in modules for v in vars(m).values() if dataclasses.is_dataclass(v)]
    return [v for v in dict.fromkeys(found) if v is not Entry]


@pytest.mark.parametrize("kind", contract(), ids=lambda kind: kind.__name__)
def test_every_value_of_the_contract_survives_the_way_through_json(kind):
    value = invented(kind)
    assert codec.from_json(json.loads(json.dumps(codec.to_json(value))), kind) == value


@pytest.mark.parametrize("kind", typing.get_args(Event), ids=lambda kind: kind.__name__)
def test_every_event_survives_as_one_line(kind):
    entry = Entry(t=1.5, utc=1.7e9, event=invented(kind))
    line = codec.entry_to_line(entry)
    assert line.isascii() and len(line.splitlines()) == 1
    assert codec.entry_from_line(line) == entry


@pytest.mark.parametrize("kind", contract(), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("wild", [math.inf, -math.inf, math.nan], ids=str)
def test_floats_that_json_cannot_say_come_back(kind, wild):
    value = invented(kind, wild)
    text = json.dumps(codec.to_json(value), allow_nan=False)
    assert repr(codec.from_json(json.loads(text), kind)) == repr(value)


def summed(text):
    """A line as another version might have written it."""
    return f'{text[:-1]},"sum":"{zlib.crc32(text.encode()):08x}"}}'


def test_the_line_of_an_entry_is_flat_and_names_its_kind():
    event = Evaluated(step=5, part="select", loss=LOSS, seconds=2.0)
    line = json.loads(codec.entry_to_line(Entry(t=3.0, utc=9.0, event=event)))
    assert len(line.pop("sum")) == 8
    assert line == {
        "t": 3.0, "utc": 9.0, "kind": "Evaluated", "step": 5, "part": "select", "seconds": 2.0,
        "base": False, "loss": {"loss": 1.25, "low": 1.2, "high": 1.3, "n": 20},
    }  # fmt: skip


def test_tuples_are_written_as_lists():
    assert codec.to_json(Resumed(step=1, name="", steps_lost=0, passed_over=("x",))) == {
        "step": 1, "name": "", "steps_lost": 0, "passed_over": ["x"],
    }  # fmt: skip


def test_fields_of_a_newer_version_are_ignored():
    line = '{"t": 1.0, "utc": 2.0, "kind": "Noted", "text": "hello", "mood": {"fine": true}}'
    line = summed(line)
    assert codec.entry_from_line(line) == Entry(t=1.0, utc=2.0, event=Noted(text="hello"))


def test_an_event_kind_of_a_newer_version_is_skipped():
    assert codec.entry_from_line(summed('{"t": 1.0, "utc": 2.0, "kind": "Dreamt"}')) is None


def test_a_field_that_is_missing_is_named():
    with pytest.raises(ValueError, match=r"not a Interval: .*high"):
        codec.from_json({"low": 1.0, "mid": 2.0}, Interval)


def test_a_figure_that_is_no_figure_is_an_error():
    with pytest.raises(ValueError, match="not a Interval"):
        codec.from_json({"low": "soon", "mid": 2.0, "high": 3.0}, Interval)


@pytest.mark.parametrize("line", ['{"t": 1.0, "utc": 2', "[]", '{"t": 1}', '"Noted"', "17"])
def test_a_line_that_is_no_entry_is_an_error(line):
    assert codec.entries_from_text(line) == codec.entries_from_text(summed(line)) == ((), (1,))


@pytest.mark.parametrize("flip", [1, 2, 4, 32])
def test_a_line_of_which_one_bit_is_another_is_no_entry(flip):
    good = codec.entry_to_line(Entry(t=1.25, utc=2.5, event=Noted(text="17 steps")))
    for at in range(len(good)):
        bad = good[:at] + chr(ord(good[at]) ^ flip) + good[at + 1 :]
        with pytest.raises(ValueError, match="torn, or not what was written"):
            codec.entry_from_line(bad)


def test_a_sealed_file_comes_back_and_may_have_more_words_than_one_of_ours():
    text = codec.sealed({"request": LOSS, "wild": math.inf, "rows": (1, 2)})
    assert codec.unsealed(text) == {
        "request": codec.to_json(LOSS), "wild": "Infinity", "rows": [1, 2],
    }  # fmt: skip
    assert json.loads(text)["sum"] == text.split('"')[-2]


@pytest.mark.parametrize("flip", [1, 16, 128])
def test_a_sealed_file_of_which_one_bit_is_another_is_refused(flip):
    good = codec.sealed({"rate": 1.5e-4, "name": "a b", "deep": {"list": [1, 2]}})
    for at in range(len(good)):
        with pytest.raises(ValueError, match="not what was written"):
            codec.unsealed(good[:at] + chr(ord(good[at]) ^ flip) + good[at + 1 :])


@pytest.mark.parametrize("text", ["", "[]", "7", "{", '{"a": 1}', "[" * 100_000])
def test_what_nobody_sealed_is_refused(text):
    with pytest.raises(ValueError, match="not what was written"):
        codec.unsealed(text)


def test_torn_lines_are_passed_over_and_numbered():
    good = codec.entry_to_line(Entry(t=1.0, utc=2.0, event=Noted(text="a")))
    entries, torn = codec.entries_from_text(f"{good}\n{good[:20]}\n{good}\n\n{good[:-3]}")
    assert [entry.event for entry in entries] == [Noted(text="a")] * 2
    assert torn == (2, 5)


def test_a_whole_plan_comes_back_equal():
    whole = Plan(
        candidate=Candidate(
            method="lora", per_device_train_batch_size=8, gradient_accumulation_steps=2,
            max_length=512, learning_rate=2e-4, precision="bf16", gradient_checkpointing=False,
        ),
        memory=MemoryEstimate(parts={"weights": 10}), memory_limit_bytes=20,
        time=TimeEstimate(
            phases={"training": Interval(low=1.0, mid=2.0, high=math.inf)}, total_steps=5,
            epochs=1.0, tokens_per_second=Interval.exactly(9.0), source="history",
            fits_in_window=True,
        ),
        reserve=Reserve(save=1.0, evaluation=2.0, publish=3.0, margin=4.0),
        window_seconds=None, reasons=(),
    )  # fmt: skip
    assert codec.from_json(codec.to_json(whole), Plan) == whole


def test_whole_numbers_in_place_of_floats_are_read_as_floats():
    line = summed('{"t": 1, "utc": 2, "kind": "Noted", "text": ""}')
    entry = codec.entry_from_line(line)
    assert entry is not None and isinstance(entry.t, float)


def test_a_capability_is_a_pair_again():
    machine = invented(Hardware)
    assert codec.from_json(codec.to_json(machine), Hardware).compute_capability == (3, 3)


def test_a_step_with_a_loss_that_is_not_a_number_is_valid_json():
    step = invented(Stepped, math.nan)
    line = codec.entry_to_line(Entry(t=0.0, utc=0.0, event=step))
    read = codec.entry_from_line(line)
    assert '"loss":"NaN"' in line
    assert read is not None and isinstance(read.event, Stepped) and math.isnan(read.event.loss)
