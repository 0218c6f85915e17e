"""The demo's data and request; the night itself is tested where nights are."""

import json
from pathlib import Path

import pytest
from tests.fakes import FakeClock

from overnight import demo
from overnight.probe.library import Function
from overnight.values.errors import InputError
from overnight.values.request import Request

TEA = Function(code="def tea(): pass", summary='Return "tea" ä.', source="pot.py:1")
POT = Function(code="def pot(): pass", summary="Return the pot.", source="pot.py:2")


def test_each_function_becomes_a_row_of_prompt_and_completion(tmp_path: Path):
    path = demo.write_rows([TEA, POT], tmp_path / "new" / "rows.jsonl")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert rows[0] == {"prompt": "def tea(): pass", "completion": 'Return "tea" ä.'}
    assert len(rows) == 2


def test_writing_again_replaces_the_rows_and_leaves_nothing_else(tmp_path: Path):
    demo.write_rows([TEA, POT], tmp_path / "rows.jsonl")
    demo.write_rows([POT], tmp_path / "rows.jsonl")
    assert len((tmp_path / "rows.jsonl").read_text().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_a_folder_that_cannot_be_written_is_named_with_the_way_out(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/rows\.jsonl: cannot be written .*--output-dir"):
        demo.write_rows([TEA], tmp_path / "file" / "rows.jsonl")


def test_the_night_gets_data_model_and_window_and_no_setting_of_the_demos():
    request = demo.request_for(Path("demo/functions.jsonl"), window_seconds=180)
    assert request.window.seconds == 180 and request.window.label == "3 m 00 s"
    assert request.output_dir == str(Path("demo/night"))
    assert request.settings.given() == {} and request.method == "auto"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Request, dict[str, object]]]:
    """What the demo asks of the supervisor, which here ends every night well."""
    nights: list[tuple[Request, dict[str, object]]] = []

    def run(request: Request, **how: object) -> int:
        nights.append((request, how))
        return 0

    monkeypatch.setattr(demo.supervise, "run", run)
    return nights


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A library of two functions that is called large enough."""
    folder = tmp_path / "library"
    folder.mkdir()
    (folder / "a.py").write_text('def f():\n    "Says."\n\ndef g(x):\n    "Asks."\n')
    monkeypatch.setattr(demo, "library_folder", lambda: folder)
    monkeypatch.setattr(demo, "FEWEST", 2)


def test_the_demo_of_this_python_teaches_each_docstring_in_one_row_only(asked, tmp_path):
    assert demo.run(60, clock=FakeClock(), output_dir=str(tmp_path)) == 0
    lines = (tmp_path / "functions.jsonl").read_text(encoding="utf-8").splitlines()
    summaries = [json.loads(line)["completion"].casefold() for line in lines]
    assert len(summaries) == len(set(summaries)) >= demo.FEWEST


def test_the_demo_starts_a_fresh_night_and_says_what_it_learns_from(
    asked, small, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    demo.run(60, clock=FakeClock())
    request, how = asked[0]
    assert Path(request.data).parts == ("demo", "functions.jsonl") and Path(request.data).exists()
    assert how["fresh"] is True and "2 functions of Python" in str(how["echoes"])


def test_a_folder_that_was_asked_for_takes_data_and_night(asked, small, tmp_path):
    demo.run(60, clock=FakeClock(), output_dir=str(tmp_path / "here"))
    assert asked[0][0].output_dir == str(tmp_path / "here" / "night")
    assert asked[0][0].data == str(tmp_path / "here" / "functions.jsonl")


def test_a_library_with_a_handful_of_functions_is_refused(asked, tmp_path, monkeypatch):
    (tmp_path / "a.py").write_text('def f():\n    "Says so."\n')
    monkeypatch.setattr(demo, "library_folder", lambda: tmp_path)
    with pytest.raises(InputError, match="only 1 functions with a docstring"):
        demo.run(60, clock=FakeClock(), output_dir=str(tmp_path / "out"))
    assert not asked and not (tmp_path / "out").exists()


def test_the_model_of_the_demo_fits_into_eight_megabytes():
    assert 0 < sum(path.stat().st_size for path in demo.BASE.iterdir()) <= 8_000_000


def test_the_card_of_the_model_says_where_its_words_come_from():
    card = (demo.BASE / "README.md").read_text(encoding="utf-8")
    assert "PSF License" in card and "python tools/make_base.py --steps" in card


@pytest.mark.tiny
def test_the_model_of_the_demo_loads_and_writes():
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(demo.BASE)
    model = AutoModelForCausalLM.from_pretrained(demo.BASE)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": TEA.code}], add_generation_prompt=True, return_tensors="pt"
    )
    written = model.generate(**prompt, max_new_tokens=5, do_sample=False)
    assert tokenizer.decode(prompt["input_ids"][0]).endswith("<|assistant|>")
    assert written.shape[1] > prompt["input_ids"].shape[1]
