"""Every slip of a newcomer: one line, the right exit status, nothing left and nothing touched.

The commands run in this process, in an empty folder, with the material beside it; only what the
training process finds out itself costs a process (and seconds).
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests import small_nights

from overnight.cli.app import run
from overnight.probe import clock

HERE = "material"
Files = dict[str, bytes]


def row(question: str, answer: str) -> bytes:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": turns}).encode() + b"\n"


def turns(*roles: str) -> bytes:
    said = [{"role": role, "content": f"says {role}"} for role in roles]
    return json.dumps({"messages": said}).encode() + b"\n"


GOOD = row("What is 1 + 1?", "It is 2.")
OTHER = row("What is 2 + 2?", "It is 4.")
TWENTY = b"".join(row(f"What is {n} + 1?", f"It is {n + 1}.") for n in range(20))
DEEP = b"[" * 100_000 + b"]" * 100_000
FILES: Files = {
    "good.jsonl": TWENTY,
    "empty.jsonl": b"",
    "blank.jsonl": b" \n\n\t\n",
    "latin.jsonl": GOOD + b'{"text": "caf\xe9"}\n',
    "latin.csv": b"prompt,completion\ncaf\xe9,b\n",
    "latin.txt": b"caf\xe9\n",
    "utf16.jsonl": GOOD.decode().encode("utf-16"),
    "broken.jsonl": GOOD + GOOD[:-5] + b"\n" + OTHER,
    "array.json": b"[" + GOOD + b",\n" + GOOD + GOOD + b"]",
    "cut.json": b"[" + GOOD + b",\n" + GOOD[:20],
    "strange.jsonl": b'{"foo": 1, "bar": "x"}\n',
    "near.jsonl": b'{"promt": "a", "completon": "b"}\n',
    "near.csv": b"instructon,outptu\na,b\n",
    "roles.jsonl": turns("alice", "bob") * 3,
    "slip.jsonl": turns("user", "asistant"),
    "ragged.csv": b"prompt,completion\na,b\nc,d,e,f\n",
    "headings.csv": b"prompt,completion\n",
    "twice.csv": b"prompt,prompt\na,b\n",
    "fake.parquet": b"this is no parquet",
    "one.jsonl": GOOD,
    "copies.jsonl": GOOD * 9,
    "questions.jsonl": turns("user") * 5,
    "silent.jsonl": row("Say nothing.", "") * 5,
    "long.jsonl": b"".join(row("what is this " * 100 + str(n), "two") for n in range(9)),
    "deep.jsonl": GOOD + DEEP + b"\n",
    "deep.json": b"[" + DEEP + b"]",
    "huge.jsonl": GOOD + b'{"text": "' + b"y" * 60_000_000 + b'"}\n',
    "nul.jsonl": b'{"text": "a\x00b"}\n',
    "numbers.jsonl": b"1\n2\n",
    "null.json": b"null",
    "arrays.json": b'{"a": [1], "b": [2]}',
    "hostile.jsonl": turns("\x1b[31mal\u202eice\n[bold]", "bob"),
    "letter.docx": b"PK",
    "folder/a.jsonl": GOOD,
    "half/state.json": b"{",
    "bad.yaml": b"learning_rate: [1\n",
    "bad.toml": b"a = = 1",
    "bad.json": b'{"seed": 1,',
    "key.yaml": b"sede: 1\n",
    "key.toml": b"sede = 1\n",
    "key.json": b'{"sede": 1}',
    "none.yaml": b"",
    "list.yaml": b"- a\n",
    "latin.yaml": b"caf\xe9: 1",
    "type.yaml": b"learning_rate: fast\n",
    "both.yaml": b"fp16: true\nbf16: true\n",
    "open.yaml": b'within: ""\n',
    "nested.json": b"[" * 100_000,
    "nested.yaml": b"a: " + b"[" * 3_000,
    "object.yaml": b"!!python/object/apply:os.getcwd []\n",
    "nonsense.env": b"EPOCHS=abc\n",
}


def bomb() -> bytes:
    """Ten lines of YAML that stand for a list of a billion words."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    return "\n".join(["seed: &s", *(f"  {line}" for line in lines)]).encode()


def config_of(change: dict[str, object]) -> Callable[[Path], None]:
    def edit(model: Path) -> None:
        file = model / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | change))

    return edit


def without(*names: str) -> Callable[[Path], None]:
    def edit(model: Path) -> None:
        for name in names:
            (model / name).unlink(missing_ok=True)

    return edit


def holding(name: str, content: str) -> Callable[[Path], None]:
    return lambda model: (model / name).write_text(content) and None


def cut_short(model: Path) -> None:
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])


def pickled(model: Path) -> None:
    (model / "model.safetensors").rename(model / "pytorch_model.bin")


def empty_vocabulary(model: Path) -> None:
    without("tokenizer.json", "chat_template.jinja")(model)
    (model / "vocab.json").write_text('{"<|endoftext|>": 0}')
    (model / "merges.txt").write_text("#version: 0.2\n")
    told = {"tokenizer_class": "GPT2Tokenizer", "eos_token": "<|endoftext|>"}
    (model / "tokenizer_config.json").write_text(json.dumps(told))


MODELS: dict[str, Callable[[Path], None]] = {
    "no-config": without("config.json"),
    "torn-config": holding("config.json", '{"model_type": "lla'),
    "list-config": holding("config.json", "[]"),
    "unknown-kind": config_of({"model_type": "nosuch"}),
    "wide": config_of({"hidden_size": "wide"}),
    "headless": config_of({"num_attention_heads": 0}),
    "no-weights": without("model.safetensors"),
    "cut": cut_short,
    "no-safetensors": holding("model.safetensors", ""),
    "pickled": pickled,
    "no-tokenizer": without("tokenizer.json"),
    "torn-tokenizer": holding("tokenizer.json", "{"),
    "hollow-tokenizer": holding("tokenizer.json", "{}"),
    "no-vocabulary": empty_vocabulary,
    "broken-template": holding("chat_template.jinja", "{% for x in %}"),
    "both-ways": config_of({"model_type": "t5", "is_encoder_decoder": True}),
    "masked": config_of({"model_type": "bert", "architectures": ["BertForMaskedLM"]}),
}


@pytest.fixture(scope="module")
def material(small: small_nights.Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every bad file and model; only to be read."""
    folder = tmp_path_factory.mktemp(HERE)
    for name, content in (FILES | {"bomb.yaml": bomb()}).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    shutil.copytree(small.model, folder / "model")
    for name, edit in MODELS.items():
        shutil.copytree(small.model, folder / name)
        edit(folder / name)
    (folder / "nothing").mkdir()
    (folder / "adapter").mkdir()
    (folder / "adapter" / "adapter_config.json").write_text("{}")
    return folder


class Newcomer:
    """Somebody at a terminal in an empty folder."""

    def __init__(self, folder: Path, material: Path, said: pytest.CaptureFixture[str]) -> None:
        self.folder, self._material, self._said = folder, material, said

    def types(self, line: str, *more: str) -> tuple[int, str]:
        """The exit status, and what was said on stderr. `M/` stands for the material."""
        words = [word.replace("M/", f"{self._material}/") for word in (*line.split(), *more)]
        status = run(words)
        return status, self._said.readouterr().err

    def is_refused(self, line: str, *more: str, status: int = 2) -> str:
        """The one line that is said, nothing written anywhere."""
        before = self._seen()
        code, said = self.types(line, *more)
        assert said.startswith("overnight: error: ") and said.count("\n") == 1, said
        assert code == status, said
        assert self._seen() == before
        return said

    def _seen(self) -> set[str]:
        places = (self.folder, self._material)
        return {str(path) for place in places for path in place.rglob("*")}


@pytest.fixture
def newcomer(
    tmp_path: Path, material: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Newcomer:  # fmt: skip
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in [name for name in os.environ if name.startswith("OVERNIGHT_")]:
        monkeypatch.delenv(name)
    return Newcomer(tmp_path / "here", material, capfd)


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
    ("folder", "is a folder that `save_to_disk` did not write", "a.jsonl"),
    ("nothing", "is a folder that `save_to_disk` did not write", "it holds none"),
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


BAD_WORDS = [
    ("--within 1h --by 8am", "--within and --by both say when it is over; keep one"),
    ("", "say how long it may take: --within 12h"),
    ("--by yesterday", "--by: 'yesterday' is not a clock time; write "),
    ("--by banana", "--by: 'banana' is not a clock time"),
    ("--by 2020-01-01", "names no time of day"),
    ("--within banana", "--within: 'banana' is not a duration; write 45s"),
    ("--within -3h", "'-3h' is not a duration"),
    ("--within 0h", "is no time at all"),
    ("--within 99999999h", "--within: '99999999h' is longer than ten years"),
    ("--epochs 0", "--epochs: num_train_epochs is '0'; expected a number above 0"),
    ("--epochs -1", "num_train_epochs is '-1'"),
    ("--epochs abc", "num_train_epochs is 'abc'"),
    ("--epochs nan", "num_train_epochs is 'nan'"),
    ("--max-steps 99999999999999999999", "expected a whole number from 1 up and at most"),
    ("--epochs 1 --set learnin_rate=1", "learnin_rate is no key", "did you mean learning_rate?"),
    ("--epochs 1 --set learning_rate=fast", "--set: learning_rate is 'fast'; expected a number"),
    ("--epochs 1 --set learning_rate", "--set learning_rate: write key=value"),
    ("--epochs 1 --set fp16=true --set bf16=true", "ask for two precisions; keep one"),
    ("--epochs 1 --priority fastest", "expected one of fast, balanced, quality"),
    ("--epochs 1 --config absent.yaml", "absent.yaml: cannot be read"),
    ("--epochs 1 --config M/nothing", "cannot be read (Is a directory)"),
    ("--epochs 1 --config M/good.jsonl", "a configuration ends in .yaml, .toml, .json or .env"),
    ("--epochs 1 --config M/bad.yaml", "bad.yaml:2: not YAML"),
    ("--epochs 1 --config M/bad.toml", "bad.toml: not TOML", "line 1"),
    ("--epochs 1 --config M/bad.json", "bad.json: not JSON", "line 1"),
    ("--epochs 1 --config M/key.yaml", "key.yaml: sede is no key that we know; did you mean seed?"),
    ("--epochs 1 --config M/key.toml", "did you mean seed?"),
    ("--epochs 1 --config M/key.json", "did you mean seed?"),
    ("--epochs 1 --config M/none.yaml", "expected keys and values", "found nothing"),
    ("--epochs 1 --config M/list.yaml", "expected keys and values", "found list"),
    ("--epochs 1 --config M/latin.yaml", "latin.yaml: not UTF-8 at byte 3"),
    ("--epochs 1 --config M/type.yaml", "type.yaml: learning_rate is 'fast'"),
    ("--epochs 1 --config M/both.yaml", "ask for two precisions"),
    ("--config M/open.yaml", "open.yaml: '' is not a duration"),
    ("--epochs 1 --config M/nested.json", "nested too deeply"),
    ("--epochs 1 --config M/nested.yaml", "nested too deeply"),
    ("--epochs 1 --config M/object.yaml", "not YAML", "tag"),
    ("--epochs 1 --config M/bomb.yaml", "bomb.yaml: seed is {", "...}; expected a whole number"),
    ("--config M/nonsense.env", "nonsense.env:1: EPOCHS: num_train_epochs is 'abc'"),
]


@pytest.mark.parametrize("command", ["plan", "train"])
@pytest.mark.parametrize("words", BAD_WORDS, ids=lambda words: words[0])
def test_plan_and_train_refuse_the_same_settings_alike(
    newcomer: Newcomer, command: str, words: tuple[str, ...]
) -> None:
    typed, *expected = words
    said = newcomer.is_refused(f"{command} M/good.jsonl --model M/model {typed}")
    assert all(part in said for part in expected), said


@pytest.mark.parametrize("flag", ["--model", "--within", "--by", "--config", "--output-dir"])
def test_an_unset_variable_of_the_shell_is_named_by_its_flag(newcomer: Newcomer, flag: str) -> None:
    said = newcomer.is_refused("train M/good.jsonl --model M/model --epochs 1", flag, "")
    assert f"{flag} is given and empty" in said


def test_what_is_not_there_is_named(newcomer: Newcomer) -> None:
    assert "no data given" in newcomer.is_refused("data")
    assert "DATA is given and empty" in newcomer.is_refused("data", "")
    assert "no model given" in newcomer.is_refused("plan M/good.jsonl --within 1h")


@pytest.mark.parametrize("typed, expected", [
    ("trian", "No such command 'trian'"),
    ("train --modle x", "No such option: --modle"),
    ("train a b", "(see overnight train --help)"),
    ("status", "no night in"),
    ("report", "no night in"),
    ("status nosuch", "nosuch is no folder, and neither is runs/nosuch"),
    ("status M/good.jsonl", "good.jsonl is no folder; name a night's folder"),
    ("status M/folder", "status.json is missing: no night was started in this folder"),
    ("report M/folder", "holds no plan.json; name the folder of a run"),
    ("demo --within banana", "'banana' is not a duration"),
])  # fmt: skip
def test_a_command_that_makes_no_sense_here_says_so(
    newcomer: Newcomer, typed: str, expected: str
) -> None:
    assert expected in newcomer.is_refused(typed)


@pytest.mark.parametrize("line, status", [
    (b"EPOCHS=abc\n", 2), (b"OVERNIGHT_SEDE=1\n", 2), (b"BATCH_SIZE=0\n", 2),
    (b"\xff\xfe\x00nonsense\n===\n=x\n", 0), (b"HF_TOKEN=x\nMODEL=y\nBY=me\n", 0),
])  # fmt: skip
def test_a_dotenv_of_others_is_left_alone_and_one_of_ours_is_checked(
    newcomer: Newcomer, line: bytes, status: int
) -> None:
    (newcomer.folder / ".env").write_bytes(line)
    code, said = newcomer.types("data M/good.jsonl")
    assert (code, said.count("\n")) == ((2, 1) if status else (0, 0)), said


def test_a_window_too_short_for_anything_is_3_with_one_that_works(newcomer: Newcomer) -> None:
    said = newcomer.is_refused("plan M/good.jsonl --model M/model --within 3s", status=3)
    assert "the shortest that works is about" in said


def test_a_day_of_the_week_is_understood_and_echoed(newcomer: Newcomer) -> None:
    status, said = newcomer.types("plan M/good.jsonl --model M/model", "--by", "sat 8am")
    assert status == 0 and said.startswith("by Sat ") and " 08:00 " in said


def test_two_rows_are_enough(newcomer: Newcomer, material: Path) -> None:
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


@pytest.mark.parametrize("place, expected", [
    ("M/folder", "is there and is no run of overnight; choose another --output-dir"),
    ("M/good.jsonl", "is there and is no run of overnight"),
    ("M/good.jsonl/run", "nothing can be written to"),
    ("M/good.jsonl/run/more", "nothing can be written to"),
    ("a/b/" + "x" * 300, "nothing can be written to"),
])  # fmt: skip
@pytest.mark.parametrize("fresh", [(), ("--fresh",)])
def test_a_place_that_is_not_for_a_night_is_left_as_it_is(
    newcomer: Newcomer, place: str, expected: str, fresh: tuple[str, ...]
) -> None:
    typed = f"train M/good.jsonl --model M/model --epochs 1 --output-dir {place}"
    assert expected in newcomer.is_refused(typed, *fresh)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_folder_that_may_not_be_written_is_refused(newcomer: Newcomer) -> None:
    (newcomer.folder / "shut").mkdir(mode=0o500)
    typed = "train M/good.jsonl --model M/model --epochs 1 --output-dir shut/run"
    assert "nothing can be written to" in newcomer.is_refused(typed)


def test_a_name_that_leads_elsewhere_and_a_deadline_that_is_past(newcomer: Newcomer) -> None:
    typed = "train M/good.jsonl --model M/model"
    assert "is no name for a run" in newcomer.is_refused(f"{typed} --epochs 1 --name ../x")
    assert "is past" in newcomer.is_refused(typed, "--by", "2020-01-01 08:00")


def test_a_window_that_is_over_before_it_begins_leaves_nothing(
    newcomer: Newcomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overnight.story.begin.process_started", lambda it: it.boot() - 5.0)
    typed = "train M/good.jsonl --model M/model --within 1s"
    assert "the window was over before" in newcomer.is_refused(typed, status=3)


@pytest.mark.tiny
@pytest.mark.parametrize("typed, status, expected", [
    ("M/broken.jsonl --model M/model --within 10m", 2, "broken.jsonl:2: not JSON"),
    ("M/good.jsonl --model M/pickled --within 10m", 2, "only as pickles (pytorch_model.bin)"),
    ("M/good.jsonl --model M/no-weights --epochs 1", 2, "has no weights; model.safetensors is"),
    ("M/good.jsonl --model M/model --within 4s", 3, "the shortest that works is about"),
])  # fmt: skip
def test_what_the_training_process_refuses_leaves_nothing_either(
    newcomer: Newcomer, typed: str, status: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overnight.story.begin.process_started", clock.SystemClock.boot)
    assert expected in newcomer.is_refused(f"train {typed}", status=status)


@pytest.fixture
def night(finished: Path, newcomer: Newcomer) -> Path:
    """A finished night of this folder's with its lock, to be damaged."""
    run = Path(shutil.copytree(finished, newcomer.folder / "runs" / "n"))
    (run.parent / ".n.lock").touch()
    return run


AGAIN = " ".join(("--name n", *small_nights.SIXTY_STEPS))


@pytest.mark.tiny
@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"request": 5, "plan": 7}', b"\xff", None]
)
def test_a_damaged_plan_is_named_and_nothing_goes_on_over_it(
    newcomer: Newcomer, night: Path, content: bytes | None
) -> None:
    (night / "plan.json").unlink() if content is None else (night / "plan.json").write_bytes(
        content
    )
    assert "plan.json" in newcomer.is_refused("report n")
    said = newcomer.is_refused(f"train M/good.jsonl --model M/model {AGAIN}")
    assert "plan.json is gone or damaged" in said and "--fresh" in said


@pytest.mark.tiny
def test_a_plan_that_is_half_written_stops_a_resumption(newcomer: Newcomer, night: Path) -> None:
    asked = json.loads((night / "plan.json").read_text())
    (night / "plan.json").write_text(json.dumps({"request": asked["request"], "plan": 7}))
    said = newcomer.is_refused(f"train M/good.jsonl --model M/model {AGAIN}")
    assert "plan.json is gone or damaged" in said


@pytest.mark.tiny
def test_a_night_that_has_no_plan_yet_says_so(newcomer: Newcomer, night: Path) -> None:
    asked = json.loads((night / "plan.json").read_text())
    (night / "plan.json").write_text(json.dumps({"request": asked["request"]}))
    assert "has no plan yet" in newcomer.is_refused("report n")


@pytest.mark.tiny
@pytest.mark.parametrize("content", [b"", b"junk\n\xff\n[1]\n{}\nnull\n"])
def test_a_journal_without_a_beginning_is_no_night_to_write_over(
    newcomer: Newcomer, night: Path, content: bytes
) -> None:
    (night / "events.jsonl").write_bytes(content)
    said = newcomer.is_refused(f"train M/good.jsonl --model M/model {AGAIN}")
    assert "is no run of overnight" in said
    assert newcomer.types("report n") == (0, "")


@pytest.mark.tiny
@pytest.mark.parametrize("content", [b"{", b"[]", b'{"state": 5}', b"\xff"])
def test_a_damaged_status_is_named(newcomer: Newcomer, night: Path, content: bytes) -> None:
    (night / "status.json").write_bytes(content)
    assert "status.json cannot be read" in newcomer.is_refused("status n")
    assert "no night in" in newcomer.is_refused("status")


@pytest.mark.tiny
def test_other_data_or_settings_in_a_nights_folder_are_named(
    newcomer: Newcomer, night: Path
) -> None:
    said = newcomer.is_refused(f"train M/good.jsonl --model M/model {AGAIN} --learning-rate 0.1")
    assert "was begun otherwise: data was " in said and "'learning_rate': 0.1" in said
    assert "--fresh to start over, or --name for another night" in said
