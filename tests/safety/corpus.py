"""What somebody may bring to do harm, or by bad luck: each writes its files and says what to type.

Used by the tests beside, and by bench/safety.py, which runs each in a process of its own.
"""

import json
import os
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

MEGA = 2**20
DEEP = "[" * 100_000 + "]" * 100_000
LONG = "9" * 5_000
WILD = ("\x1b[31m\x1b]8;;http://x\x07a\x1b]8;;\x07 \u202egnp.exe \u2066x \x9b2J </script><b> [bold]"
        " \r\x00")  # fmt: skip


@dataclass(frozen=True)
class Bench:
    """Where a payload is laid out: a folder of its own, a small good model, the canary's place."""

    folder: Path
    model: Path
    canary: Path

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
        path.write_bytes(raw)
        return path

    def good(self) -> Path:
        """Data that there is nothing wrong with."""
        return self.file("good.jsonl", "".join(row(f"What is {n} + 1?", f"It is {n + 1}.")
                                               for n in range(20)))  # fmt: skip

    def python(self) -> str:
        """A program that leaves the canary."""
        return f"open({str(self.canary)!r}, 'w').close()\n"


Lay = Callable[[Bench], list[str]]


@dataclass(frozen=True)
class Payload:
    """One thing to bring."""

    name: str
    lay: Lay
    says: str
    """Part of the one line that answers; nothing where it is let through."""
    status: int = 2
    group: str = field(default="", compare=False)
    most: int = 0
    """MiB of memory beyond what good data takes, where memory is the point."""


def row(question: str, answer: str) -> str:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": turns}) + "\n"


def text(name: str, content: str | bytes, *more: str) -> Lay:
    """`overnight data` with a file of this content."""
    return lambda on: ["data", str(on.file(name, content)), *more]


def turns(count: int) -> str:
    said = [{"role": ("user", "assistant")[n % 2], "content": "x"} for n in range(count)]
    return json.dumps({"messages": said}) + "\n"


def pipe(on: Bench) -> list[str]:
    os.mkfifo(on.folder / "pipe.jsonl")
    return ["data", str(on.folder / "pipe.jsonl")]


def door(on: Bench) -> list[str]:
    with socket.socket(socket.AF_UNIX) as made:
        here = os.getcwd()
        os.chdir(on.folder)  # a socket's name may not be longer than 107 letters
        try:
            made.bind("door.jsonl")
        finally:
            os.chdir(here)
    return ["data", str(on.folder / "door.jsonl")]


def leads_to(target: str, name: str = "x.jsonl", *words: str) -> Lay:
    def lay(on: Bench) -> list[str]:
        (on.folder / name).symlink_to(target)
        return [*(words or ("data",)), str(on.folder / name)]

    return lay


def crowd(count: int, *words: str) -> Lay:
    """A folder of so many files."""

    def lay(on: Bench) -> list[str]:
        (on.folder / "crowd").mkdir()
        for n in range(count):
            (on.folder / "crowd" / f"{n}.jsonl").touch()
        return ["data", str(on.folder / "crowd"), *words]

    return lay


def misspelt(on: Bench) -> list[str]:
    crowd(20_000)(on)
    return ["data", str(on.folder / "crowd" / "x.jsonl")]


def parquet(on: Bench) -> list[str]:
    """A few kilobytes that say one text of 64 MiB four thousand times."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    told = pa.DictionaryArray.from_arrays(pa.array([0] * 4_000, pa.int32()), ["x" * (64 * MEGA)])
    table = pa.table({"text": told})
    pq.write_table(table, on.folder / "bomb.parquet", compression="zstd",
                   dictionary_pagesize_limit=2**30)  # fmt: skip
    return ["data", str(on.folder / "bomb.parquet")]


def shut_out(on: Bench) -> list[str]:
    """A saved data set that names a file outside of its folder."""
    on.file("secret.arrow", "secret")
    state = {"_data_files": [{"filename": "../secret.arrow"}], "_fingerprint": "x",
             "_format_columns": None, "_format_kwargs": {}, "_format_type": None,
             "_output_all_columns": False, "_split": None}  # fmt: skip
    on.file("saved/state.json", json.dumps(state))
    on.file("saved/dataset_info.json", "{}")
    return ["data", str(on.folder / "saved")]


DATA = (
    Payload("a line nested 100,000 deep", text("a.jsonl", row("a", "b") + DEEP + "\n"), "deeper"),
    Payload("an array nested 100,000 deep", text("a.json", "[" + DEEP + "]"), "deeper"),
    Payload("a list nested 100,000 deep, as text",
            text("a.jsonl", row("a", "b") + json.dumps({"messages": DEEP}) + "\n"),
            "must be JSON"),
    Payload("a list nested 100 deep, as text",
            text("a.jsonl", row("a", "b") + json.dumps({"messages": "[" * 100 + "]" * 100}) + "\n"),
            "deeper"),
    Payload("a line of 60 MB", text("a.jsonl", row("a", "b") + '{"text": "' + "y" * 60 * MEGA
            + '"}\n'), "line of over 4 MB", most=40),
    Payload("a line of 60 MB in a table", text("a.csv", "prompt,completion\na," + "y" * 60 * MEGA),
            "over 4 MB", most=40),
    Payload("a heading of 60 MB", text("a.csv", "y," * 30 * MEGA), "over 4 MB", most=60),
    Payload("a text of 60 MB without a line's end", text("a.txt", "y" * 60 * MEGA),
            "over 4 MB", most=60),
    Payload("a text of 60 MB without a blank line", text("a.txt", ("yes " * 15 + "\n") * MEGA),
            "over 4 MB", most=60),
    Payload("a number of 5,000 digits", text("a.jsonl", f'{{"text": {LONG}}}\n'), "digits"),
    Payload("a number of 5,000 digits in an array", text("a.json", f'[{{"text": {LONG}}}]'),
            "digits"),
    Payload("a row of 100,000 turns", text("a.jsonl", turns(60_000)), "more than 4,096 turns"),
    Payload("a row of 4,000 turns", text("a.jsonl", turns(4_000) + row("a", "b")), "", 0),
    Payload("a row of 100,000 columns",
            text("a.jsonl", json.dumps({f"c{n}": 1 for n in range(100_000)}) + "\n"), "not known"),
    Payload("zero bytes", text("a.jsonl", b"\0" * 1000), "not JSON"),
    Payload("half a character", text("a.jsonl", '{"text": "\\ud800"}\n'), "half a character"),
    Payload("gzip under a plain name", text("a.jsonl", b"\x1f\x8b\x08" + b"\0" * 99), "gzip"),
    Payload("gzip", text("a.jsonl.gz", b"\x1f\x8b\x08" + b"\0" * 99), "are not read"),
    Payload("zip", text("a.zip", b"PK\3\4" + b"\0" * 99), "are not read"),
    Payload("xz", text("a.jsonl.xz", b"\xfd7zXZ\0"), "are not read"),
    Payload("a pickle", text("a.pkl", b"cos\nsystem\n(S'true'\ntR."), "are not read"),
    Payload("a pipe that nobody writes", pipe, "no plain file"),
    Payload("a socket", door, "no plain file"),
    Payload("an endless device", leads_to("/dev/zero"), "no plain file"),
    Payload("a terminal", leads_to("/dev/tty"), "no plain file"),
    Payload("a link to itself", leads_to("x.jsonl"), "no such file"),
    Payload("the process's own environment", leads_to("/proc/self/environ"), "empty"),
    Payload("a folder of 20,000 files", crowd(20_000), "0.jsonl:1: the file is empty"),
    Payload("a slip beside 20,000 files", misspelt, "no such file"),
    Payload("a name of 5,000 letters", lambda on: ["data", "x" * 5_000], "data holds a zero byte"),
    Payload("a name of 300 letters", lambda on: ["data", "x" * 300], "no such file"),
    Payload("the home of nobody", lambda on: ["data", "~nobody-at-all/x.jsonl"], "no such file"),
    Payload("Parquet that unpacks to 250 GB", parquet, "4 MB", most=600),
    Payload("a saved data set that leads out", shut_out, "not a whole"),
    Payload("escapes for names of roles",
            text("a.jsonl", json.dumps({"messages": [{"role": WILD, "content": "x"}]}) + "\n"),
            "is not known"),
    Payload("escapes for names of columns", text("a.jsonl", json.dumps({WILD: 1}) + "\n"),
            "not known"),
    Payload("escapes in the name of the file",
            text("\x1b[31m\u202e<b>[bold]\x9b.jsonl", '{"text": \n'), "not JSON"),
    Payload("a name that is not UTF-8", text(os.fsdecode(b"\xff.jsonl"), "{"), "not JSON"),
)  # fmt: skip


def config(name: str, content: str | bytes, *more: str) -> Lay:
    """`overnight plan` with a configuration of this content."""

    def lay(on: Bench) -> list[str]:
        path = on.file(name, content)
        return ["plan", str(on.good()), "--model", str(on.model), "--config", str(path), *more]

    return lay


def config_at(target: str, name: str) -> Lay:
    def lay(on: Bench) -> list[str]:
        words = config("x.yaml", "seed: 1\n")(on)
        (on.folder / name).symlink_to(target)
        return [*words[:-1], str(on.folder / name)]

    return lay


def config_pipe(on: Bench) -> list[str]:
    os.mkfifo(on.folder / "p.yaml")
    return [*config("x.yaml", "seed: 1\n")(on)[:-1], str(on.folder / "p.yaml")]


def aliases(levels: int) -> str:
    """Lines of YAML that stand for ten to the `levels`."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(["seed: &s", *(f"  {line}" for line in lines)])


def merges(levels: int) -> str:
    """Each mapping takes in the one before it twice."""
    lines = ["a0: &a0 {seed: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, levels)]
    return "\n".join(lines)


TAGS = ("!!python/object/apply:os.system ['touch CANARY']", "!!python/name:os.system",
        "!!python/object/new:os.system [touch CANARY]", "!!python/module:this")  # fmt: skip


def tagged(tag: str) -> Lay:
    return lambda on: config("a.yaml", f"seed: {tag.replace('CANARY', str(on.canary))}\n")(on)


CONFIGURATION = (
    *(Payload(f"YAML that asks for {tag.split()[0]}", tagged(tag), "not YAML") for tag in TAGS),
    Payload("ten lines of YAML for a billion words", config("a.yaml", aliases(9)), "seed is",
            most=40),
    Payload("YAML that holds itself", config("a.yaml", "seed: &a [*a]\n"), "seed is"),
    Payload("25 mappings, each twice the one before", config("a.yaml", merges(25)),
            "are merged", most=40),
    Payload("YAML nested 3,000 deep", config("a.yaml", "seed: " + "[" * 3_000), "nested"),
    Payload("JSON nested 100,000 deep", config("a.json", "[" * 100_000), "nested"),
    Payload("TOML nested 3,000 deep", config("a.toml", "seed = " + "[" * 3_000), "nested"),
    Payload("5,000 digits in YAML", config("a.yaml", f"seed: {LONG}\n"), "not YAML"),
    Payload("5,000 digits in JSON", config("a.json", f'{{"seed": {LONG}}}'), "not JSON"),
    Payload("5,000 digits in TOML", config("a.toml", f"seed = {LONG}\n"), "not TOML"),
    Payload("a configuration of 2 MB", config("a.yaml", "#" * 2 * MEGA), "larger than"),
    Payload("an endless configuration", config_at("/dev/zero", "z.yaml"), "no plain file"),
    Payload("a configuration that nobody writes", config_pipe, "no plain file"),
    Payload("a zero byte in a path", config("a.json", '{"output_dir": "a\\u0000b"}'), "zero byte"),
    Payload("a path of 5,000 letters", config("a.json", json.dumps({"output_dir": "m" * 5_000})),
            "longer than"),
)  # fmt: skip


def typed(*words: str) -> Lay:
    """`overnight plan` with these words."""
    return lambda on: ["plan", str(on.good()), "--model", str(on.model), *words]


COMMAND = (
    *(Payload(f"--within {how[:20]}", typed("--within", how), "") for how in
      ("9e99h", "1e400s", "nanh", "infs", "-1h", "0x10h", LONG + "h")),
    Payload("--within three hours in other digits", typed("--within", "\u0663h"), "", 0),
    *(Payload(f"--by {when[:20]}", typed("--by", when), "") for when in
      ("99999-01-01 08:00", LONG, "8:00\x00", "0000-00-00")),
    *(Payload(f"--epochs {count[:20]}", typed("--epochs", count), "num_train_epochs") for count
      in ("nan", "inf", "1e400", LONG, "-1", "0")),
    Payload("--max-steps with 30 digits", typed("--max-steps", "1" * 30), "max_steps is"),
    Payload("--learning-rate 1e-400", typed("--learning-rate", "1e-400", "--epochs", "1"),
            "learning_rate is"),
    *(Payload(f"--set {key}={value[:12]}", typed("--epochs", "1", "--set", f"{key}={value}"), key)
      for key, value in (("seed", "-1"), ("seed", LONG), ("max_length", "1"), ("lora_r", "0"),
                         ("processes", "1e9"))),
)  # fmt: skip


def copied(on: Bench) -> Path:
    return Path(shutil.copytree(on.model, on.folder / "model"))
