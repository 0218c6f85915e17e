"""One scene, killed at every call that it makes: python -m tests.faults.sweep save --method lora.

In: a scene, a method, a model. Out: for every kill a line of JSON, with what a fresh start found.
Never: autograd in this process; it only forks, kills and reads.

Each kill is judged three times where that applies: as it was; with the last write torn in half; and
as after a power cut, when what was not flushed is lost (cut off or zeros, in turn).
"""

import argparse
import itertools
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults import killing, live, publications, scenes, stock
from tests.faults.killing import Call

ENDED = (0, stock.DONE << 8)
MOST_AT_ONCE = 100_000
ONWARD = 8
"""After every so many kills the night goes on to its end; the state is compared after each."""
SCENES: dict[str, Callable[..., scenes.Scene]] = {
    "save": scenes.Save, "append": scenes.Append, "tidy": scenes.Tidy, "files": scenes.Files,
    "history": scenes.Remember,
    "publish": publications.Publish, "republish": publications.Republish,
    "last-moment": publications.LastMoment, "last-moment-again": publications.LastMomentAgain,
    "stock": partial(stock.Stock, more=False),
}  # fmt: skip


def sweep(
    scene: scenes.Scene, work: Path, *, stride: int = 1, offset: int = 0
) -> Iterator[dict[str, Any]]:
    """Kills at every `stride`-th point; what came of each."""
    before, folder, log = work / "before", work / "run", work / "calls.txt"
    before.mkdir(parents=True)
    _told(killing.asked(lambda: scene.prepare(before)))
    scene.ready(before)
    _again(before, folder)
    status, seen = killing.killed(lambda gate: scene.act(folder, gate), log)
    if status not in ENDED:
        raise RuntimeError(f"undisturbed it ended with {status}")
    scene.truth = _told(killing.asked(lambda: scene.undisturbed(folder)))
    every = killing.points(seen)
    yield {"points": len(every), "calls": len(seen)}
    for number, (at, (call, k)) in enumerate(list(enumerate(every))[offset::stride]):
        scene.onward = number % ONWARD == 0
        _again(before, folder)
        inject = f"{call}:signal=KILL:when={k}"
        status, seen = killing.killed(lambda gate: scene.act(folder, gate), log, inject)
        for how in _variants(seen, folder, work, more=scene.more):
            began = time.monotonic()
            found = killing.asked(lambda: scene.check(folder))
            found.setdefault("wrong", f"bricked: {found.get('raised')}")
            yield {"at": at, "call": call, "k": k, "how": how, "dead": status == 9,
                   "seconds": round(time.monotonic() - began, 3), **found}  # fmt: skip


def _told(found: Any) -> Any:
    if isinstance(found, dict) and "raised" in found:
        raise RuntimeError(found["raised"])
    return found


def _again(before: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(before, folder, symlinks=True)


def _variants(seen: list[Call], folder: Path, work: Path, *, more: bool) -> Iterator[str]:
    """The folder as the kill left it, then torn, then as after a power cut."""
    left = work / "left"
    _again(folder, left)
    yield "kill"
    if not more:
        return
    done = [call for call in seen if call.done]
    _again(left, folder)
    if done and done[-1].written > 1 and os.path.isfile(done[-1].file):
        size = os.path.getsize(done[-1].file)
        os.truncate(done[-1].file, size - done[-1].written // 2)
        yield "torn write"
    lost = {Path(path): count for path, count in killing.unflushed(seen).items()
            if path.startswith(f"{folder}/")}  # fmt: skip
    if lost:
        _again(left, folder)
        for path, count in lost.items():
            _forget(path, count, zeros=len(done) % 2 == 1)
        yield "power cut"


def _forget(path: Path, count: int, *, zeros: bool) -> None:
    """What a file system may show of a file whose last `count` bytes were not flushed."""
    if path.is_file():
        size = path.stat().st_size
        os.truncate(path, max(size - count, 0))
        os.truncate(path, size if zeros else max(size - count, 0))


def arguments() -> argparse.Namespace:
    """The words of the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scene", choices=SCENES)
    parser.add_argument("--method", choices=("full", "lora"), default="full")
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--texts", type=Path, help="JSON lines; without it sums")
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--offset", type=int, default=0)
    parser.add_argument("--most", type=int, default=MOST_AT_ONCE, help="results to stop after")
    return parser.parse_args()


def main() -> None:
    """Prints the results as they come."""
    given = arguments()
    candidate = {"full": live.FULL, "lora": live.LORA}[given.method]
    texts = live.texts_of(given.texts)
    with tempfile.TemporaryDirectory(prefix="sweep-") as place:
        live.settle(given.base.resolve(), candidate, texts)
        scene = SCENES[given.scene](given.base.resolve(), candidate, texts)
        results = sweep(scene, Path(place), stride=given.stride, offset=given.offset)
        for result in itertools.islice(results, given.most):
            print(json.dumps({"scene": given.scene, "method": given.method} | result), flush=True)


if __name__ == "__main__":
    sys.exit(main())
