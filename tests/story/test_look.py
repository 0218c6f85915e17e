"""What is read before a plan is made, from small files and a real tokenizer."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.small_nights import Small, write_sums
from tests.training import small_tokenizer

from overnight.story import look
from overnight.values.errors import DataError, InputError, ModelError
from overnight.values.request import Request, Settings

pytestmark = pytest.mark.tiny


@pytest.fixture
def request_(small: Small) -> Request:
    return Request(data=str(small.data), model=str(small.model))


def data(request: Request, *, max_positions: int = 128) -> look.Data:
    tokenizer = look.load_tokenizer(request)
    return look.data(request, max_positions=max_positions, tokenizer=tokenizer)


def test_one_look_tells_of_data_model_and_machine(request_: Request):
    found = look.look(request_)
    assert found.data.profile.num_rows == 240
    assert found.data.profile.chat_template == "the tokenizer's own"
    assert (found.model.num_layers, found.model.hidden_size) == (2, 32)
    assert found.hardware.memory_bytes > 0 and found.hardware.flops


def test_every_row_has_one_place_in_the_split(request_: Request):
    split = data(request_).split
    assert sorted({*split.train, *split.select, *split.test}) == list(range(240))
    assert not {*split.train} & {*split.select, *split.test}


def test_rows_are_cut_at_the_models_positions_or_where_the_user_says(request_: Request):
    assert data(request_, max_positions=48).corpus.max_length == 48
    short = replace(request_, settings=Settings(max_length=47))
    assert data(short).corpus.max_length == 47


def test_a_cut_that_leaves_nothing_to_learn_is_named_as_the_cause(request_: Request):
    with pytest.raises(DataError, match="rows cut at 20 tokens keep nothing") as error:
        data(replace(request_, settings=Settings(max_length=20)))
    assert "larger max_length" in one_line(error)


def test_another_seed_holds_other_rows_out(request_: Request):
    other = replace(request_, settings=Settings(seed=7))
    assert {*data(other).split.select} != {*data(request_).split.select}
    assert data(request_).split == data(request_).split


def test_ones_own_held_out_rows_are_never_learnt(request_: Request, tmp_path: Path):
    mine = write_sums(tmp_path / "mine.jsonl", range(1000, 1050))
    found = data(replace(request_, eval_data=str(mine)))
    held = {*found.split.select, *found.split.test}
    assert held == set(range(240, 290))
    assert {*found.split.train} == set(range(240))


def test_a_tokenizer_without_a_template_gets_the_plain_one(small: Small, tmp_path: Path):
    small_tokenizer.make(None).save_pretrained(tmp_path / "bare")
    found = data(Request(data=str(small.data), model=str(tmp_path / "bare")))
    assert found.profile.chat_template == "built-in plain"
    assert found.tokenizer.chat_template


def one_line(error: pytest.ExceptionInfo[InputError]) -> str:
    return str(error.value) if "\n" not in str(error.value) else ""


def test_a_folder_without_a_tokenizer_is_named(tmp_path: Path):
    with pytest.raises(ModelError, match="tokenizer") as error:
        look.load_tokenizer(Request(data="x", model=str(tmp_path)))
    assert one_line(error).startswith(str(tmp_path))


def test_a_torn_tokenizer_is_named(small: Small, tmp_path: Path):
    (tmp_path / "config.json").write_bytes((small.model / "config.json").read_bytes())
    whole = (small.model / "tokenizer.json").read_text()
    (tmp_path / "tokenizer.json").write_text(whole[: len(whole) // 2])
    with pytest.raises(ModelError) as error:
        look.load_tokenizer(Request(data="x", model=str(tmp_path)))
    assert one_line(error).startswith(str(tmp_path))


def test_a_file_that_is_missing_is_named(request_: Request):
    with pytest.raises(DataError) as error:
        data(replace(request_, data="/nowhere/chats.jsonl"))
    assert "/nowhere/chats.jsonl" in one_line(error)


def test_a_broken_row_is_named_by_its_line(request_: Request, tmp_path: Path):
    path = write_sums(tmp_path / "torn.jsonl", range(50))
    path.write_text(path.read_text() + '{"messages": [\n')
    with pytest.raises(DataError) as error:
        data(replace(request_, data=str(path)))
    assert "torn.jsonl" in one_line(error) and "51" in one_line(error)


def test_a_model_folder_without_a_configuration_is_named(request_: Request, tmp_path: Path):
    with pytest.raises(ModelError) as error:
        look.look(replace(request_, model=str(tmp_path)))
    assert str(tmp_path) in one_line(error)


def test_a_question_asks_what_was_asked_of_what_is(request_: Request):
    found = look.look(request_)
    question = look.question(request_, found, 60.0)
    assert (question.request, question.window_seconds) == (request_, 60.0)
    assert question.dataset is found.data.profile
