"""Which tokens are learnt: asked for one by one, it is what the offsets of all of them say."""

from itertools import chain

import pytest
from tests.training.small_tokenizer import CHATML, HEADED, make
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from overnight.training import tokens
from overnight.training.tokens import Writer
from overnight.values.rows import Row, Turn

SAID = [
    "Hi 12 + 30?",
    " It is  42.\n",
    "ist größer? 你好 🦊🦊",
    "  Yes,\n\n quite 🦊",
    "é́",
    "👩‍👩‍👧 ﬁn ",
]


def talk(said, place="a:1"):
    turns = tuple(
        Turn(role=("user", "assistant")[n % 2], text=text, learn=n % 2 == 1)
        for n, text in enumerate(said)
    )
    return Row(turns=turns, source=place)


def metaspace():
    """Marks of spaces in place of spaces, decomposed letters, unknown ones whole."""
    pieces = {"<unk>": 0, "</s>": 1, "▁": 2} | {c: n for n, c in enumerate("abeiouquset:H.", 3)}
    core = Tokenizer(models.BPE(pieces, [], unk_token="<unk>"))
    core.normalizer = normalizers.Sequence([normalizers.NFKD(), normalizers.Lowercase()])
    core.pre_tokenizer = pre_tokenizers.Metaspace()
    core.decoder = decoders.Metaspace()
    return PreTrainedTokenizerFast(tokenizer_object=core, eos_token="</s>", unk_token="<unk>")


def written(rows, tokenizer):
    batches = Writer(tokenizer, skip_bad_rows=False).write(rows)
    return [(row.tokens, row.learnt) for row in chain.from_iterable(batches)]


@pytest.mark.parametrize("tokenizer", [make(CHATML), make(HEADED), make(None), metaspace()])
def test_spans_asked_for_are_those_that_the_offsets_give(tokenizer, monkeypatch):
    turns = [SAID[n:] + SAID[:n] for n in range(len(SAID))]
    rows = [talk(said[: 2 * n]) for said in turns for n in (1, 2, 3)]
    asked = written(rows, tokenizer)
    monkeypatch.setattr(tokens, "_FEW", -1)
    assert asked == written(rows, tokenizer)
    assert all(learnt for _, learnt in asked)


@pytest.mark.parametrize("name", ["tiny_gpt2_full_checkpoint", "tokenizers/torchtune_tiny"])
def test_so_it_is_with_real_tokenizers_and_real_talk(shared_data, name, monkeypatch):
    from overnight.probe.sources import Source

    tokenizer = AutoTokenizer.from_pretrained(shared_data / name)
    tokenizer.chat_template = CHATML
    tokenizer.eos_token = tokenizer.eos_token or "<|end|>"
    files = ("smilechat_8000/smilechat_2000.jsonl", "fastchat_sharegpt/dummy_conversation.json")
    rows = [row for file in files for row in list(Source(str(shared_data / file)))[:40]]
    asked = written(rows, tokenizer)
    monkeypatch.setattr(tokens, "_FEW", -1)
    assert asked == written(rows, tokenizer)


def test_rows_come_in_their_order_over_batches():
    rows = [talk([f"ask {n}", "b"]) for n in range(1203)]
    tokenizer = make(CHATML)
    told = [tokenizer.decode(ids) for ids, _ in written(rows, tokenizer)]
    assert all(f"ask {n}<" in text for n, text in enumerate(told))


def test_the_first_token_of_a_row_is_not_learnt_and_runs_do_not_meet():
    assert tokens._unled([(0, 3), (2, 5), (5, 5)]) == ((1, 3), (3, 5))
    assert tokens._unled([(0, 1)]) == ()


def test_an_error_in_a_row_reaches_the_one_who_asked():
    def rows():
        yield talk(["a", "b"])
        raise KeyError("torn")

    with pytest.raises(KeyError, match="torn"):
        written(rows(), make(CHATML))


def test_long_rows_come_in_smaller_batches():
    rows = [talk(["word " * 100_000, "b"]) for _ in range(7)]
    batches = list(Writer(make(CHATML), skip_bad_rows=False).write(rows))
    assert [len(batch) for batch in batches] == [2, 2, 2, 1]


def test_what_a_tokenizer_file_says_of_cutting_and_padding_is_not_done():
    tokenizer, row = make(CHATML), talk(["Hi 12 + 30?", "It is 42."])
    whole = written([row], tokenizer)
    tokenizer.backend_tokenizer.enable_truncation(5)
    tokenizer.backend_tokenizer.enable_padding(length=200)
    assert written([row], tokenizer) == whole
