"""What a newcomer may bring that is wrong, and the newcomer: files, models, a terminal."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from overnight.cli.app import run

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


def write(folder: Path, model: Path) -> Path:
    """Every bad file, and `model` spoilt in every way."""
    for name, content in (FILES | {"bomb.yaml": bomb()}).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    shutil.copytree(model, folder / "model")
    for name, edit in MODELS.items():
        shutil.copytree(model, folder / name)
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
