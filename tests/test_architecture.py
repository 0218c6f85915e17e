"""The house as DESIGN 3 draws it, read from the syntax trees; each rule is also shown to fail."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

FLOORS = {"values": 0, "planning": 1, "control": 1, "probe": 2, "training": 2, "report": 2}
FLOORS |= {"adapters": 3, "story": 3, "cli": 5}
STORIES = ("chat", "compare", "demo", "night", "notebook", "supervise", "watch")
STORY_FLOOR = 4
CODEC = "codec"
DOORS = ("__init__", "__main__")
ROOMS = {*FLOORS, *STORIES, CODEC, *DOORS}
PURE = ("values", "planning", "control")
PURE_STDLIB = frozenset((
    "__future__", "abc", "bisect", "collections", "dataclasses", "decimal", "difflib", "enum",
    "fractions", "functools", "hashlib", "heapq", "itertools", "math", "operator", "re",
    "statistics", "string", "textwrap", "types", "typing",
))  # fmt: skip
PURE_BUILTINS = frozenset(("open", "print", "input", "eval", "exec", "compile", "__import__"))
ALIVE = frozenset(("torch", "transformers", "peft", "accelerate", "datasets", "trl", "pandas"))
NAMELESS = frozenset(("utils", "util", "common", "base", "manager", "helpers", "misc"))


@dataclass(frozen=True)
class Import:
    """`room` imports `target` (a dotted name) in line `line` of `where`."""

    where: str
    room: str
    line: int
    target: str

    def __str__(self) -> str:
        return f"{self.where}:{self.line} imports {self.target}"


def modules(package: Path) -> Iterator[tuple[str, Path]]:
    """(room, file) of every module: the folder it lies in, or its own name at the top."""
    for path in sorted(package.rglob("*.py")):
        inside = path.relative_to(package)
        yield (inside.parts[0].removesuffix(".py"), path)


def named(node: ast.AST, package: tuple[str, ...]) -> list[str]:
    """Dotted names that an import statement may bring in; relative ones are resolved."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    start = package[: len(package) - node.level + 1] if node.level else ()
    module = ".".join((*start, *((node.module,) if node.module else ())))
    return [f"{module}.{alias.name}" for alias in node.names]


def imports(package: Path) -> Iterator[Import]:
    """Every import of every module, those inside functions too."""
    for room, path in modules(package):
        inside = path.relative_to(package.parent)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for target in named(node, inside.parent.parts):
                yield Import(inside.as_posix(), room, getattr(node, "lineno", 0), target)


def room_of(target: str) -> str | None:
    """Which room of the house a dotted name lies in; "" for the face, None for a library."""
    first, *rest = target.split(".")
    if first != "overnight":
        return None
    return rest[0] if rest and rest[0] in ROOMS else ""


def floor(room: str) -> int:
    if room == CODEC:
        return 1
    return FLOORS.get(room, STORY_FLOOR)


def may(room: str, target: str) -> bool:
    """Whether a module in `room` may import the room `target`."""
    if room == target or room in DOORS:
        return True
    if target == "":
        return floor(room) >= 2 and room != CODEC
    if room in STORIES and target in STORIES:
        return True
    if room == CODEC or target == CODEC:
        return target == "values" if room == CODEC else floor(room) >= 2
    return floor(target) < floor(room)


def climbing(package: Path) -> list[str]:
    """Imports that climb to a floor above or cross to a neighbour."""
    inner = [(one, room_of(one.target)) for one in imports(package)]
    return [str(one) for one, target in inner if target is not None and not may(one.room, target)]


def impure(package: Path) -> list[str]:
    """Libraries in floors 0 and 1, and whatever is alive in the report."""
    return [str(one) for one in imports(package) if not clean(one)]


def clean(one: Import) -> bool:
    library = one.target.split(".")[0]
    if library == "overnight":
        return True
    if one.room == CODEC:
        return library == "cattrs" or library in sys.stdlib_module_names
    if one.room in PURE:
        return library in PURE_STDLIB
    return not (one.room == "report" and library in ALIVE)


def touching(package: Path) -> list[str]:
    """Calls in floors 0 and 1 that reach for the world without an import."""
    return [
        f"{path.relative_to(package.parent).as_posix()}:{node.lineno} calls {node.func.id}"
        for room, path in modules(package)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if room in PURE and isinstance(node, ast.Call)
        if isinstance(node.func, ast.Name) and node.func.id in PURE_BUILTINS
    ]


def homeless(package: Path) -> list[str]:
    """Rooms that the design does not know, and names that say nothing."""
    inside = [(room, p.relative_to(package)) for room, p in modules(package)]
    strange = [f"{path} has no floor" for room, path in inside if room not in ROOMS]
    named_badly = {f"{p} says nothing" for _, p in inside if NAMELESS & {*p.parent.parts, p.stem}}
    return strange + sorted(named_badly)


def untested(package: Path, tests: Path) -> list[str]:
    """Modules without their test in the mirrored place."""
    inside = [path.relative_to(package) for _, path in modules(package) if path.stem not in DOORS]
    return [
        f"{path.as_posix()} has no test"
        for path in inside
        if not (tests / path.parent / f"test_{path.name}").is_file()
    ]


def silent(package: Path) -> list[str]:
    """Modules without a docstring."""
    return [
        path.relative_to(package).as_posix()
        for _, path in modules(package)
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]


@pytest.fixture(scope="module")
def package(root: Path) -> Path:
    return root / "src/overnight"


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    folder = tmp_path / "overnight"
    folder.mkdir()
    return folder


def put(package: Path, name: str, source: str) -> Path:
    path = package / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, encoding="utf-8")
    return package


def test_no_import_climbs_or_crosses(package: Path) -> None:
    assert climbing(package) == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("values/plan.py", "from overnight.planning.memory import estimate"),
        ("planning/memory.py", "import overnight.control.health"),
        ("planning/memory.py", "from overnight import codec"),
        ("planning/memory.py", "from overnight import __version__"),
        ("control/health.py", "def f():\n    from overnight.probe import clock"),
        ("probe/dataset.py", "from overnight.training import batches"),
        ("report/pages.py", "from ..probe import hardware"),
        ("training/loop.py", "from overnight import night"),
        ("adapters/transformers.py", "import overnight.supervise"),
        ("night.py", "from .cli import flags"),
        ("codec.py", "from overnight.probe import clock"),
    ],
)
def test_an_import_that_climbs_or_crosses_is_found(fake: Path, name: str, source: str) -> None:
    assert len(climbing(put(fake, name, source))) == 1


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("planning/memory.py", "from overnight.values.plan import Candidate"),
        ("training/loop.py", "from . import batches\nfrom overnight import codec, __version__"),
        ("demo.py", "from overnight import night\nfrom overnight.training import loop"),
        ("cli/train.py", "from overnight.supervise import watch"),
        ("__init__.py", "def load():\n    from overnight.adapters import optimizer"),
    ],
)
def test_an_import_downwards_is_let_through(fake: Path, name: str, source: str) -> None:
    assert climbing(put(fake, name, source)) == []


def test_the_pure_floors_import_nothing_that_lives(package: Path) -> None:
    assert impure(package) == []


@pytest.mark.parametrize(
    ("name", "library"),
    [
        *(("planning/rules.py", library) for library in ("torch", "numpy", "time", "random", "os")),
        ("values/units.py", "pathlib"),
        ("control/deadline.py", "datetime"),
        ("report/plots.py", "torch.nn"),
        ("codec.py", "torch"),
    ],
)
def test_a_library_in_the_wrong_room_is_found(fake: Path, name: str, library: str) -> None:
    put(fake, name, f"def f():\n    import {library}\n")
    assert impure(fake) == [f"overnight/{name}:2 imports {library}"]


def test_the_pure_floors_touch_nothing(package: Path) -> None:
    assert touching(package) == []


def test_a_file_opened_in_a_pure_floor_is_found(fake: Path) -> None:
    put(fake, "probe/sources.py", "open('x')\n")
    put(fake, "planning/rules.py", "def f():\n    return open('x')\n")
    assert touching(fake) == ["overnight/planning/rules.py:2 calls open"]


def test_every_module_has_a_floor_and_a_name(package: Path) -> None:
    assert homeless(package) == []


def test_a_module_without_floor_or_name_is_found(fake: Path) -> None:
    put(fake, "stray.py", "")
    put(fake, "report/utils.py", "")
    assert homeless(fake) == ["stray.py has no floor", "report/utils.py says nothing"]


def test_every_module_has_its_test(package: Path, root: Path) -> None:
    assert untested(package, root / "tests") == []


def test_a_module_without_its_test_is_found(fake: Path) -> None:
    put(fake, "values/__init__.py", "")
    put(fake, "values/units.py", "")
    assert untested(fake, fake.parent / "tests") == ["values/units.py has no test"]
    put(fake.parent / "tests", "values/test_units.py", "")
    assert untested(fake, fake.parent / "tests") == []


def test_every_module_says_what_it_is(package: Path) -> None:
    assert silent(package) == []


def test_a_module_that_says_nothing_is_found(fake: Path) -> None:
    put(fake, "night.py", '"""Tells."""\n')
    assert silent(put(fake, "chat.py", "x = 1\n")) == ["chat.py"]


def loads_torch(names: list[str]) -> str:
    """What a fresh process says after importing the names: "True" or "False"."""
    program = f"import sys, {', '.join(names)}; print('torch' in sys.modules)"
    command = [sys.executable, "-c", program]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def test_the_light_rooms_load_no_torch(package: Path) -> None:
    light = {*PURE, "report", "cli", CODEC, "supervise", "__init__"}
    paths = [path for room, path in modules(package) if room in light]
    dotted = [".".join(path.relative_to(package.parent).with_suffix("").parts) for path in paths]
    assert loads_torch([name.removesuffix(".__init__") for name in dotted]) == "False"


def test_loading_torch_is_noticed() -> None:
    assert loads_torch(["torch"]) == "True"


def test_the_face_is_sorted_and_there() -> None:
    face = importlib.import_module("overnight")
    assert list(face.__all__) == sorted(face.__all__)
    assert [name for name in face.__all__ if not hasattr(face, name)] == []
