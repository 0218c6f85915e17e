"""What is read before a plan is made, from small files and a real tokenizer."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.small_nights import Small

from overnight.story import look
from overnight.values.errors import InputError, ModelError
from overnight.values.request import Request

pytestmark = pytest.mark.tiny


@pytest.fixture
def request_(small: Small) -> Request:
    return Request(data=str(small.data), model=str(small.model))


def test_one_look_tells_of_data_model_and_machine(request_: Request):
    found = look.look(request_)
    assert found.data.profile.num_rows == 240
    assert found.data.profile.chat_template == "the tokenizer's own"
    assert (found.model.num_layers, found.model.hidden_size) == (2, 32)
    assert found.hardware.memory_bytes > 0 and found.hardware.flops


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


def test_a_model_folder_without_a_configuration_is_named(request_: Request, tmp_path: Path):
    with pytest.raises(ModelError) as error:
        look.look(replace(request_, model=str(tmp_path)))
    assert str(tmp_path) in one_line(error)


def test_a_question_asks_what_was_asked_of_what_is(request_: Request):
    found = look.look(request_)
    question = look.question(request_, found, 60.0)
    assert (question.request, question.window_seconds) == (request_, 60.0)
    assert question.dataset is found.data.profile
