"""Tokens and masks, against what transformers itself marks and against the words that went in."""

import numpy as np
import pytest
from tests.training.small_tokenizer import CHATML, HEADED, make

from overnight.training.render import check_tokenizer, count, encode, prompt, show
from overnight.values.errors import DataError, ModelError
from overnight.values.rows import Row, Turn

SAID = [
    "What is 12 + 30?",
    "It is 42.\n",
    "Und 10:30 ist größer? 你好",
    "  Yes,\n\n    quite 🦊",
    "k",
    "b",
]


def talk(said=SAID):
    turns = tuple(
        Turn(role=("user", "assistant")[n % 2], text=text, learn=n % 2 == 1)
        for n, text in enumerate(said)
    )
    return Row(turns=turns, source="talk.jsonl:1")


def text_row(text, source=""):
    return Row(turns=(Turn(role="text", text=text, learn=True),), kind="text", source=source)


def theirs(row, tokenizer):
    """Tokens and mask as transformers finds them by the template's generation markers."""
    messages = [{"role": turn.role, "content": turn.text} for turn in row.turns]
    marked = tokenizer.apply_chat_template(
        messages, return_dict=True, return_assistant_tokens_mask=True
    )
    return marked["input_ids"], marked["assistant_masks"]


@pytest.mark.parametrize("template", [CHATML, None])
def test_tokens_and_mask_are_those_that_transformers_finds(template):
    tokenizer = make(template)
    tokens, learn = encode([talk()], tokenizer).row(0)
    ids, mask = theirs(talk(), tokenizer)
    assert tokens.tolist() == ids
    assert learn.astype(int).tolist() == mask


def test_the_mask_agrees_with_transformers_on_a_real_tokenizer_and_real_talk(shared_data):
    from transformers import AutoTokenizer

    from overnight.probe.sources import Source

    tokenizer = AutoTokenizer.from_pretrained(shared_data / "stories260K" / "hf")
    rows = list(Source(str(shared_data / "self_dialogue" / "self_dialogue_4000.jsonl")))[:20]
    encoded = encode(rows, tokenizer)
    for index, row in enumerate(rows):
        ids, mask = theirs(row, tokenizer)
        tokens, learn = encoded.row(index)
        assert (tokens.tolist(), learn.astype(int).tolist()) == (ids, mask)


def test_every_learnt_character_is_in_the_learnt_tokens_and_no_other():
    pieces = [text for text, learnt in show(talk(), make(CHATML)) if learnt]
    assert pieces == [text + "<|im_end|>" for text in SAID[1::2]]


def test_pieces_shown_join_to_the_whole_rendering():
    tokenizer = make(HEADED)
    tokens, _ = encode([talk()], tokenizer).row(0)
    whole = tokenizer.decode(tokens.tolist(), clean_up_tokenization_spaces=False)
    assert "".join(text for text, _ in show(talk(), tokenizer)) == whole


def test_plain_text_is_learnt_with_its_end_and_without_its_first_token():
    tokenizer = make()
    encoded = encode([text_row("Hello there")], tokenizer)
    tokens, learn = encoded.row(0)
    assert tokenizer.decode(tokens.tolist()) == "Hello there<|end|>"
    assert learn.tolist() == [False, *[True] * (len(tokens) - 1)]
    assert (encoded.chat_template, tokenizer.chat_template) == ("none", None)


def test_chats_and_texts_keep_their_order_over_batches():
    rows = [text_row(f"text {n}") if n % 3 else talk([f"ask {n}", "b"]) for n in range(1100)]
    tokenizer = make(CHATML)
    encoded = encode(rows, tokenizer)
    assert len(encoded) == 1100
    assert f"ask {999}" in tokenizer.decode(encoded.row(999)[0].tolist())
    assert tokenizer.decode(encoded.row(1099)[0].tolist()) == "text 1099<|end|>"


def test_cutting_keeps_the_head_and_counts_what_is_still_learnt():
    encoded = encode([talk(), talk(["a", "b"])], make(CHATML))
    kept = [int(encoded.row(i, 40)[1].sum()) for i in range(2)]
    assert encoded.learnt_within(40).tolist() == kept
    assert encoded.learnt_within().tolist() == [int(encoded.row(i)[1].sum()) for i in range(2)]
    assert encoded.lengths.sum() == len(encoded.tokens)
    assert encoded.lengths[0] > 40 == len(encoded.row(0, 40)[0])


def test_no_rows_encode_to_empty_arrays():
    encoded = encode([], make())
    assert (len(encoded), encoded.tokens.dtype, encoded.offsets.tolist()) == (0, np.int32, [0])


def test_a_prompt_ends_where_the_last_answer_begins():
    tokenizer = make(CHATML)
    ids = prompt(*encode([talk(["Hello", "Hi!", "Who?", "A fox."])], tokenizer).row(0))
    assert tokenizer.decode(ids).endswith("Who?<|im_end|>\n<|im_start|>assistant\n")


def test_a_prompt_of_plain_text_is_its_first_half():
    tokenizer = make()
    tokens, learn = encode([text_row("Hello there, old friend!")], tokenizer).row(0)
    ids = prompt(tokens, learn)
    assert (ids, len(ids)) == (tokens.tolist()[: len(ids)], len(tokens) // 2)
    assert "Hello there, old friend!".startswith(tokenizer.decode(ids))


def test_figures_alone_are_those_of_the_tokens():
    rows = [talk(), talk(["a", "b"]), text_row("Hello there, old friend!"), talk(["a", " "])]
    whole = encode(rows, make(CHATML))
    figures = count(rows, make(CHATML), max_length=30)
    assert figures.lengths.tolist() == whole.lengths.tolist()
    assert figures.learnt.tolist() == whole.learnt_within().tolist()
    assert figures.kept.tolist() == whole.learnt_within(30).tolist()
    assert figures.chat_template == whole.chat_template


def test_rows_are_drawn_a_few_batches_ahead_and_not_all():
    drawn, row = [], talk(["a", "b"])

    def rows():
        for n in range(100_000):
            drawn.append(n)
            yield text_row("") if n == 2 else row

    with pytest.raises(ModelError):
        encode(rows(), make(CHATML, eos=None))
    assert len(drawn) < 10


def test_rows_that_the_template_refuses_can_be_skipped_and_are_counted():
    template = "{% for m in messages %}{{ m.content | upper }}<|im_end|>{% endfor %}"
    rows = [talk(["A", "B"]), talk(["A", "b"])]
    encoded = encode(rows, make(template), skip_bad_rows=True)
    assert encoded.lengths[0] > 0 == encoded.lengths[1]
    assert [(f.kind, f.count, f.example) for f in encoded.findings] == [
        ("bad-row", 1, "talk.jsonl:1")
    ]
    with pytest.raises(DataError):
        encode(rows, make(template))


def test_a_template_that_never_ends_an_answer_is_found():
    template = "{% for m in messages %}{{ '<turn>' + m.content }}{% endfor %}"
    assert [f.kind for f in encode([talk()], make(template)).findings] == ["no-stop"]


def test_plain_text_needs_an_end_of_text_token():
    with pytest.raises(ModelError, match="end-of-text"):
        encode([text_row("Hello")], make(eos=None))


def test_a_tokenizer_of_one_piece_is_refused():
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    empty = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), eos_token="<|end|>")
    with pytest.raises(ModelError, match="nothing that can be decoded"):
        check_tokenizer(empty)


def test_a_slow_tokenizer_is_refused():
    class Slow:
        name_or_path = "old"
        is_fast = False

    with pytest.raises(ModelError, match="old is not a fast tokenizer"):
        check_tokenizer(Slow())


def test_a_vocabulary_that_knows_none_of_the_letters_is_refused():
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.WordLevel({"<unk>": 0, "你": 1}, unk_token="<unk>"))
    with pytest.raises(ModelError):
        check_tokenizer(PreTrainedTokenizerFast(tokenizer_object=core, unk_token="<unk>"))
