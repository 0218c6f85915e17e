"""Data and models that cannot be used: one line on stderr, exit status 2, nothing written.

The commands run in this process, in an empty folder, with the material beside it.
"""

import json

import pytest
from tests.bad_input import GOOD, OTHER, Newcomer, row

from overnight.cli.app import run

BAD_DATA = [
    ("goood.jsonl", "there is no such file; near: ", "good.jsonl"),
    ("quux.jsonl", "there is no such file; give a file"),
    ("nowhere/quux.jsonl", "nor a folder"),
    ("empty.jsonl", "empty.jsonl:1: the file is empty"),
    ("blank.jsonl", "holds no rows"),
    ("latin.jsonl", "latin.jsonl:2: not UTF-8 (byte 0xe9)", "--skip-bad-rows"),
    ("latin.csv", "latin.csv:2: not UTF-8"),
    ("latin.txt", "latin.txt:1: not UTF-8"),
    ("utf16.jsonl", "UTF-16", "convert it"),
    ("broken.jsonl", "broken.jsonl:2: not JSON", "at column", "--skip-bad-rows"),
    ("array.json", "array.json:4: not JSON (expected , or ] here)"),
    ("cut.json", "cut.json:3: not JSON", "mend the file"),
    ("strange.jsonl", "strange.jsonl:1: columns `foo`, `bar` are not known; expected messages"),
    ("near.jsonl", "`promt` is near `prompt`; `completon` is near `completion`"),
    ("near.csv", "`instructon` is near `instruction`; `outptu` is near `output`"),
    ("roles.jsonl", "roles.jsonl:1: role `alice` is not known", "--learn ROLE"),
    ("slip.jsonl", "role `asistant` is not known; near: `assistant`"),
    ("roles.jsonl --learn bo", "nobody speaks as `bo`; roles found: alice, bob; near: `bob`"),
    ("folder", "folder: of its 1 rows only 1 can be learnt from"),
    ("nothing", "is a folder that `save_to_disk` did not write and holds none of these"),
    ("half", "not a whole `save_to_disk` folder"),
    ("ragged.csv", "ragged.csv:3: 4 fields where the header has 2"),
    ("headings.csv", "holds no rows"),
    ("twice.csv", "two columns have the same name"),
    ("fake.parquet", "fake.parquet: not a whole Parquet file"),
    ("one.jsonl", "one.jsonl: of its 1 rows only 1 can be learnt from", "two different rows"),
    ("copies.jsonl", "of its 9 rows only 1 can be learnt from, copies counted once"),
    ("questions.jsonl", "no row has anything to learn", "--learn ROLE"),
    ("silent.jsonl", "no row has anything to learn", "answers that are not empty"),
    ("good.jsonl --set max_length=2", "rows cut at 2 tokens keep nothing", "larger max_length"),
    ("long.jsonl --model M/model", "rows cut at 128 tokens keep nothing", "more positions"),
    ("deep.jsonl", "deep.jsonl:2: nested deeper than 64 levels"),
    ("deep.json", "deep.json:1: nested deeper than 64 levels"),
    ("huge.jsonl", "huge.jsonl:2: line of over 4 MB"),
    ("nul.jsonl", "nul.jsonl:1: not JSON (Invalid control character at column 12)"),
    ("numbers.jsonl", "numbers.jsonl:1: the rows have no columns; expected objects with messages"),
    ("null.json", "null.json:1: the rows have no columns"),
    ("arrays.json", "several arrays (`a`, `b`)"),
    ("hostile.jsonl", "role `?[31mal?ice [bold]` is not known"),
    ("letter.docx", "files ending in `.docx` are not read; expected one of .jsonl"),
    ("good.jsonl --eval M/empty.jsonl", "empty.jsonl:1: the file is empty"),
    ("good.jsonl --eval M/good.jsonl", "good.jsonl: no row is left to train on"),
    ("good.jsonl --eval M/silent.jsonl", "no row of the --eval data has anything to judge by"),
    ("latin.csv --skip-bad-rows", "none of its 1 rows could be read; the first: latin.csv:2"),
    ("broken.jsonl --skip-bad-rows --eval M/broken.jsonl", "1 could not be read", "broken.jsonl:2"),
    ("array.json --skip-bad-rows", "array.json:4: not JSON"),
    ("fake.parquet --skip-bad-rows", "not a whole Parquet file"),
]


@pytest.mark.parametrize("words", BAD_DATA, ids=lambda words: words[0])
def test_data_says_in_one_line_what_is_wrong_where_and_how_to_mend_it(
    newcomer: Newcomer, words: tuple[str, ...]
) -> None:
    typed, *expected = words
    said = newcomer.is_refused(f"data M/{typed}")
    assert all(part in said for part in expected), said


BAD_MODELS = [
    ("absent", "no folder", "absent here"),
    ("good.jsonl", "is a file; a model is a folder or a hub name"),
    ("nothing", "has no config.json"),
    ("no-config", "has no config.json; a model folder holds"),
    ("torn-config", "its config.json cannot be used"),
    ("list-config", "its config.json cannot be used"),
    ("unknown-kind", "its config.json cannot be used", "`nosuch`"),
    ("wide", "its config.json cannot be used", "hidden_size", "expected int, got str"),
    ("headless", "its config.json cannot be used"),
    ("cut", "model.safetensors is cut short", "download it again"),
    ("no-safetensors", "is no safetensors file (0 bytes)"),
    ("no-tokenizer", "has no tokenizer (tokenizer.json", "copy the tokenizer's files"),
    ("torn-tokenizer", "its tokenizer cannot be loaded", "copy its files"),
    ("hollow-tokenizer", "its tokenizer cannot be loaded", "copy its files"),
    ("no-vocabulary", "encodes plain text to nothing", "a tokenizer.json is needed"),
    ("broken-template", "broken-template: its chat template is broken", "mend or remove it"),
    ("both-ways", "is an encoder-decoder; overnight tunes causal language models"),
    ("masked", "is a masked language model"),
    ("adapter", "is an adapter, not a model; give the base model's folder"),
]


@pytest.mark.parametrize("words", BAD_MODELS, ids=lambda words: words[0])
def test_a_model_that_cannot_be_used_is_named_with_what_it_lacks(
    newcomer: Newcomer, words: tuple[str, ...]
) -> None:
    name, *expected = words
    said = newcomer.is_refused(f"plan M/good.jsonl --within 1h --model M/{name}")
    assert all(part in said for part in expected), said


def test_two_rows_are_enough(newcomer: Newcomer) -> None:
    (newcomer.folder / "two.jsonl").write_bytes(GOOD + OTHER)
    assert newcomer.types("data two.jsonl") == (0, "")


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_text_that_looks_like_codes_is_inert(
    newcomer: Newcomer, capfd: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    codes = "\x1b[31m \x1b]0;t\x07 \u202eevil \x9b31m \u2066x \r \x00 <script> [red]"
    hostile = b"".join(row(f"{codes} {n}", f"{n} {codes}") for n in range(8))
    (newcomer.folder / "hostile.jsonl").write_bytes(hostile)
    assert run(["data", "hostile.jsonl", *more]) == 0
    shown = capfd.readouterr().out
    assert "evil" in shown and "[red]" in shown
    assert [letter for letter in shown if not letter.isprintable() and letter != "\n"] == []


def test_what_json_escapes_for_that_is_read_back_as_it_was(
    newcomer: Newcomer, capfd: pytest.CaptureFixture[str]
) -> None:
    (newcomer.folder / "t.jsonl").write_bytes(row("\u202eé\U000e0041", "b") + OTHER)
    assert run(["data", "t.jsonl", "--json"]) == 0
    examples = json.loads(capfd.readouterr().out)["examples"]
    assert any("\u202eé\U000e0041" in text or "2 + 2" in text for text, _ in examples[0])
