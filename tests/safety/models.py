"""Models, checkpoints, run folders that somebody may bring to do harm, as corpus.py has files."""

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.safety.corpus import DEEP, LONG, WILD, Bench, Lay, Payload, copied
from tests.training import foreign_folders

from overnight.codec import to_json
from overnight.training.history import MIGRATIONS

Spoil = Callable[[Bench, Path], None]
EVIL = "{{ messages.__class__.__mro__[1].__subclasses__() }}"
GLOBALS = "{{ cycler.__init__.__globals__.os.popen('touch CANARY').read() }}"
TEMPLATES = {
    "that has no end": "{% for a in range(99999) %}{% for b in range(99999) %}"
                       "{% endfor %}{% endfor %}",
    "that reaches for Python's classes": EVIL,
    "that reaches for the system": GLOBALS,
    "that counts to a billion": "{% for a in range(10**9) %}{% endfor %}",
    "that calls itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "that divides by nothing": "{{ 1 / 0 }}",
    "of 100,000 brackets": "{{ " + "(" * 100_000 + " }}",
    "that changes what it is given": "{{ messages.append(1) }}",
}  # fmt: skip


def model(spoil: Spoil, *words: str) -> Lay:
    """`overnight data` with a spoilt copy of the model, or another command."""

    def lay(on: Bench) -> list[str]:
        spoil(on, copied(on))
        command = words or ("data",)
        return [command[0], str(on.good()), "--model", str(on.folder / "model"), *command[1:]]

    return lay


def edited(name: str, **changes: Any) -> Spoil:
    def spoil(on: Bench, folder: Path) -> None:
        file = folder / name
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return spoil


def code(name: str, changes: dict[str, Any], *more: str) -> Spoil:
    """A file of JSON that names code, and the code."""

    def spoil(on: Bench, folder: Path) -> None:
        edited(name, **changes)(on, folder)
        for file in ("evil.py", *more):
            (folder / file).write_text(on.python())

    return spoil


def template(written: str) -> Spoil:
    def spoil(on: Bench, folder: Path) -> None:
        (folder / "chat_template.jinja").write_text(written.replace("CANARY", str(on.canary)))

    return spoil


def written(name: str, content: str) -> Spoil:
    return lambda on, folder: (folder / name).write_text(content) and None


def pipe(name: str) -> Spoil:
    def spoil(on: Bench, folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return spoil


OWN = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}
KERNEL = {"_attn_implementation_internal": "someone/kernel"}
HOUR = ("plan", "--within", "1h")
MODELS = (
    Payload("code of its own beside a known kind",
            model(code("config.json", {"auto_map": OWN}), *HOUR), "", 0),
    Payload("code of its own for an unknown kind",
            model(code("config.json", {"auto_map": OWN, "model_type": "evil"}), *HOUR),
            "--trust-remote-code"),
    Payload("a tokenizer with code of its own", model(code("tokenizer_config.json", {
        "auto_map": {"AutoTokenizer": ["evil.Tokenizer", None]}, "tokenizer_class": "Evil"})),
            "custom code", -1),
    Payload("attention from the hub", model(edited("config.json", **KERNEL), *HOUR),
            "code of its own from the hub"),
    Payload("attention from the hub, further in",
            model(edited("config.json", text_config=KERNEL), *HOUR), "of its own from the hub"),
    Payload("a configuration nested 100,000 deep", model(written("config.json", DEEP), *HOUR),
            "cannot be used"),
    Payload("a configuration with a number of 5,000 digits",
            model(written("config.json", f'{{"hidden_size": {LONG}}}'), *HOUR), "cannot be used"),
    Payload("a configuration that nobody writes", model(pipe("config.json"), *HOUR),
            "no config.json"),
    Payload("a tokenizer that nobody writes", model(pipe("tokenizer.json")), "tokenizer"),
    Payload("a tokenizer's settings that nobody writes", model(pipe("tokenizer_config.json")),
            "", -1),
    *(Payload(f"a chat template {name}", model(template(text)), "template", -1)
      for name, text in TEMPLATES.items()),
)  # fmt: skip


def stock(spoil: Callable[[Bench, Path], None]) -> Lay:
    """`overnight plan` from a spoilt checkpoint of another trainer."""

    def lay(on: Bench) -> list[str]:
        folder = foreign_folders.adapter(on.folder / "stock" / "checkpoint-5")
        spoil(on, folder)
        return ["plan", str(on.good()), "--model", str(on.model), "--epochs", "1",
                "--resume-from-checkpoint", str(folder.parent)]  # fmt: skip

    return lay


class Bomb:
    """What runs when a pickle of it is read."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> object:
        return (os.system, (f"touch {self.canary}",))


def pickled(*names: str) -> Spoil:
    def spoil(on: Bench, folder: Path) -> None:
        import torch

        for name in names:
            torch.save({"a": Bomb(on.canary)}, folder / name)

    return spoil


def only_pickled(on: Bench, folder: Path) -> None:
    pickled("adapter_model.bin")(on, folder)
    (folder / "adapter_model.safetensors").unlink()


def linked(target: str) -> Spoil:
    def spoil(on: Bench, folder: Path) -> None:
        (folder / "trainer_state.json").unlink()
        (folder / "trainer_state.json").symlink_to(target)

    return spoil


CHECKPOINTS = (
    Payload("a checkpoint whose pickles run something",
            stock(pickled("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin")),
            "", 0),
    Payload("a checkpoint whose weights are such a pickle", stock(only_pickled), "", 0),
    Payload("a checkpoint nested 100,000 deep", stock(written("adapter_config.json", DEEP)),
            "damaged"),
    Payload("a checkpoint that names a library to import", stock(lambda on, folder: (
        folder_settings(folder, auto_mapping={"base_model_class": "x", "parent_library": "this"}))),
            "", 0),
    Payload("a checkpoint with an endless file", stock(linked("/dev/zero")), "not finished"),
    Payload("a checkpoint that nobody writes", stock(pipe("adapter_model.safetensors")),
            "no plain file"),
)  # fmt: skip


def folder_settings(folder: Path, **changes: Any) -> None:
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def run_folder(spoil: Callable[[Bench, Path], None], *words: str) -> Lay:
    """A command upon a run folder that somebody else has had in hand."""

    def lay(on: Bench) -> list[str]:
        run = on.folder / "run"
        run.mkdir()
        spoil(on, run)
        return [*words, str(run)]

    return lay


def begun_again(spoil: Callable[[Bench, Path], None]) -> Lay:
    def lay(on: Bench) -> list[str]:
        words = run_folder(spoil)(on)
        return ["train", str(on.good()), "--model", str(on.model), "--epochs", "1",
                "--output-dir", *words]  # fmt: skip

    return lay


def link(name: str) -> Callable[[Bench, Path], None]:
    """Through which the file of somebody would be written."""

    def spoil(on: Bench, run: Path) -> None:
        on.file("precious", "precious")
        (run / name).symlink_to(on.folder / "precious")

    return spoil


def history(record: str, run: str = "night") -> Lay:
    """`overnight history` with a row that somebody has put in."""

    def lay(on: Bench) -> list[str]:
        with sqlite3.connect(os.environ["OVERNIGHT_HISTORY"]) as database:
            for statement in MIGRATIONS[0]:
                database.execute(statement)
            database.execute("PRAGMA user_version = 1")
            put = "INSERT INTO nights VALUES ('n', 1.0, ?, 'night', ?, 'a', 1, 'lora', ?)"
            database.execute(put, (run, WILD, record))
        database.close()
        return ["history"]

    return lay


RUNS = (
    Payload("a status nested 100,000 deep", run_folder(written("status.json", DEEP), "status"),
            "cannot be read"),
    Payload("a plan nested 100,000 deep", run_folder(written("plan.json", DEEP), "report"),
            "plan.json"),
    *(Payload(f"{name} that leads to another file", begun_again(link(name)), "is a link")
      for name in ("events.jsonl", ".ballast", "plan.json", "checkpoint-5", "final")),
    Payload("a history nested 100,000 deep", history(DEEP), "", 0),
    Payload("a history of numbers of 5,000 digits", history(f'{{"when_utc": {LONG}}}'), "", 0),
    Payload("a history of another kind", history(json.dumps(to_json([1, None]))), "", 0),
)  # fmt: skip
