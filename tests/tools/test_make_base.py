"""The tool that makes the demo's base model: what it reads, what it must not have read."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from overnight.probe.library import Function, library_folder, library_functions

CHAT = [
    {"role": "system", "content": "Say what it does."},
    {"role": "user", "content": "def tea(): pass"},
    {"role": "assistant", "content": "Return the tea."},
]


@pytest.fixture(scope="module")
def tool(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_base", root / "tools/make_base.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_base"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def texts(tool: ModuleType) -> list[str]:
    """About 30 KB of the library, as the base reads it."""
    names = ("json/decoder.py", "heapq.py")
    return [tool.cut_docstrings(tool.read_source(library_folder() / name)) for name in names]


def says(summary: str) -> Function:
    return Function(code="def f(): pass", summary=summary, source="f.py:1")


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\n\n# return the TEA,\n#  hot, in one of the pots\n",
        '"""About.\n\nReturn the tea, hot, in one of the pots\n"""',
        "call it to return the tea, hot, in one of the pots you have",
    ],
)
def test_a_long_summary_is_found_wherever_it_stands(tool: ModuleType, text: str):
    assert tool.Forbidden.of(["Return the tea, hot, in one of the pots."]).found_in(text)


def test_a_short_summary_is_a_leak_only_as_a_paragraph_of_its_own(tool: ModuleType):
    forbidden = tool.Forbidden.of(["Return the tea."])
    assert forbidden.found_in("a = 1\n\nReturn the tea.\n\nb = 2")
    assert not forbidden.found_in("we return the tea here")


def test_a_word_that_merely_begins_alike_is_no_leak(tool: ModuleType):
    forbidden = tool.Forbidden.of(["Return one of the many pots"])
    assert not forbidden.found_in("we return one of the many potsherds")


def test_a_text_with_a_leak_is_left_out_whole_and_counted(tool: ModuleType):
    corpus = tool.make_corpus(["a = 1\n\n# Says so.\n", "b = 2"], [says("Says so."), says("()")])
    assert corpus.texts == ("b = 2",) and corpus.dropped == 1


@pytest.mark.tiny
def test_nothing_the_base_reads_holds_what_the_demo_teaches(tool: ModuleType):
    folder = library_folder()
    functions = library_functions(folder)
    corpus = tool.make_corpus(tool.library_texts(folder), functions)
    read = {tool.words(part) for text in corpus.texts for part in text.split("\n\n")}
    assert len(corpus.texts) > 100
    assert not read & {
        tool.words(one.summary) for one in functions if tool.words(one.summary) > " "
    }


def test_any_text_comes_back_from_the_tokenizer_as_it_went_in(tool: ModuleType, texts: list[str]):
    tokenizer = tool.train_tokenizer(texts, pieces=400)
    text = "def grüße(x):\n\treturn '茶' + \"\\n\"  # 🍵\r\n"
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


def test_the_template_marks_the_assistants_words_and_their_end(tool: ModuleType, texts: list[str]):
    tokenizer = tool.train_tokenizer(texts, pieces=400)
    shown = tokenizer.apply_chat_template(
        CHAT, return_dict=True, return_assistant_tokens_mask=True, tokenize=True
    )
    pairs = zip(shown["input_ids"], shown["assistant_masks"], strict=True)
    learnt = [piece for piece, mark in pairs if mark]
    assert tokenizer.decode(learnt) == "Return the tea." + tool.END


def test_the_prompt_is_how_the_whole_conversation_begins(tool: ModuleType, texts: list[str]):
    tokenizer = tool.train_tokenizer(texts, pieces=400)
    whole = tokenizer.apply_chat_template(CHAT, tokenize=False)
    prompt = tokenizer.apply_chat_template(CHAT[:2], tokenize=False, add_generation_prompt=True)
    assert prompt.endswith(tool.ROLES[2]) and whole == prompt + "Return the tea." + tool.END


def test_the_rate_rises_falls_and_ends_at_zero(tool: ModuleType):
    goal = tool.Goal(seconds=100, rate=1.0, warmup=0.1)
    rates = [goal.rate_at(goal.progress(0, elapsed)) for elapsed in (0, 5, 10, 55, 100, 101)]
    assert rates == pytest.approx([0.0, 0.5, 1.0, 0.5, 0.0, 0.0])


def test_a_number_of_steps_takes_the_place_of_time(tool: ModuleType):
    assert tool.Goal(seconds=1, steps=10).progress(5, elapsed=99) == 0.5


def test_batches_are_windows_of_the_text_and_the_same_for_a_seed(tool: ModuleType):
    import torch

    stream = torch.arange(20 * tool.CONTEXT)
    source = tool.batches(stream, 4, seed=3)
    first = next(source)
    assert first.shape == (4, tool.CONTEXT) and bool((first.diff() == 1).all())
    assert torch.equal(first, next(tool.batches(stream, 4, seed=3)))
    assert not torch.equal(first, next(source))


@pytest.mark.tiny
def test_ten_steps_on_a_little_text_make_a_model_that_loads_and_has_learnt(
    tool: ModuleType, texts: list[str], tmp_path: Path
):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = tool.train_tokenizer(texts, pieces=400)
    stream = tool.encode(texts, tokenizer, seed=1)
    model = tool.make_model(len(tokenizer), seed=1)
    before = tool.measure(model, stream)
    assert tool.train(model, stream, tool.Goal(seconds=0, steps=10, batch=2), seed=1) == 10
    assert tool.measure(model, stream) < before
    tool.save(model, tokenizer, tmp_path)
    assert AutoModelForCausalLM.from_pretrained(tmp_path).config.vocab_size == len(tokenizer)
    assert AutoTokenizer.from_pretrained(tmp_path).encode("def f") == tokenizer.encode("def f")
