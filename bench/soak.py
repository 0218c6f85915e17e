"""Two hundred random kills of real nights: over in time, nothing lost, the same weights at the end.

python bench/soak.py                   runs what is missing, about 40 minutes; --share k/n splits it
python bench/soak.py --part signals    SIGTERM in every phase, about 15 minutes
python bench/soak.py --part faults     tests/faults, about 4 minutes
python bench/soak.py --report          writes bench/results/soak.md

Half of the nights have a window and are ended by it; the others take a fixed number of steps, half
of those under a recorded clock (recorded.py), and are compared with the undisturbed night.
"""

import argparse
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nights
import soak_page
import soak_signals
from soak_parts import Command, Place, events, loads, newest_checkpoint, phase, promoted, sums

SEED = 11
NIGHTS = 40
KILLS = {"window": 5, "by steps": 14, "recorded": 14}
"""A night, at most: one that is over earlier has had fewer."""
COMMANDS = 25
"""A night that needs more of them is given up."""
LAST = 5.0
"""Seconds before a deadline after which nothing is killed any more: somebody has to type the same
command again, and its processes have to start."""
NO_USE = 12.0
"""Seconds before a deadline after which nobody would type the command again once it has ended."""
HURRY = 25.0
"""Seconds that a kill waits for the phase that it aims at; after that it comes in any."""
WINDOWS = (60, 75, 90)
EIGHT = ("--set", "per_device_train_batch_size=8", "--set", "gradient_accumulation_steps=1")
"""Given, for a plan chooses by what memory is free at that moment: another night, other batches."""
METHODS: dict[str, tuple[str, ...]] = {
    "full": ("--method", "full", *EIGHT),
    "lora, dropout": ("--method", "lora", "--set", "lora_dropout=0.1", *EIGHT),
    "full, 2 workers": ("--method", "full", "--set", "dataloader_num_workers=2", *EIGHT),
    "lora, 3 x 3 rows": ("--method", "lora", "--set", "per_device_train_batch_size=3",
                         "--set", "gradient_accumulation_steps=3"),
}  # fmt: skip
STEPS = 120
CLOCKS: dict[str, tuple[str, ...]] = {
    "by steps": ("--set", "save_steps=7", "--set", "eval_steps=15"),
    "recorded": (),
}
"""Either nothing that is decided reads the clock, or the clock's reading is that of the step."""
BARE = 2
"""Kills of a night that has nothing to publish yet, at most: then it is let come to that."""
AIMS = ("saving", "looking", "rehearsing")
LATE_AIMS = ("ending", "publishing")
"""Of the last two kills of a night: before that they would have to wait for its end."""


@dataclass
class Night:
    """One night of the soak."""

    number: int
    kind: str
    """`window`, `by steps` or `recorded`."""
    method: str
    window: float | None
    kills: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    deadline: float = float("inf")
    """By the clock on the wall."""

    @property
    def words(self) -> tuple[str, ...]:
        """What is given to `overnight train` besides data and model."""
        if self.window is not None:
            return (*METHODS[self.method], "--within", f"{self.window:g}s")
        return (*METHODS[self.method], "--set", f"max_steps={STEPS}", *CLOCKS[self.kind])

    def command(self, place: Place, run: Path) -> Command:
        """The command, the same every time."""
        return place.command(run, *self.words, recorded=self.kind == "recorded").start()


OURS = ("test_clocks.py", "test_disk.py", "test_finished.py", "test_memory.py",
        "test_refused_calls.py", "test_signals.py")  # fmt: skip
"""Of tests/faults: what strikes whole nights; sweeps and damage have a page of their own."""
LITTER = (".staging-*", ".trash-*", "*.tmp", ".*.tmp")


def night(number: int) -> Night:
    """Two with a window, then two without: of these one under a recorded clock."""
    methods, quarter = list(METHODS), number // 4
    if number % 4 < 2:
        window = WINDOWS[number // 2 % len(WINDOWS)]
        return Night(number, "window", methods[(quarter + 2 * (number % 2)) % 4], float(window))
    kind = ("by steps", "recorded")[number % 2]
    return Night(number, kind, methods[quarter % 4], None)


def killed(number: int, place: Place) -> dict[str, Any]:
    """A night with its kills, started again until it is over."""
    one, run = night(number), place.empty(f"soak-{number:02d}")
    draw, begun = random.Random(1000 * SEED + number), time.time()
    if one.window is not None:
        one.deadline = begun + one.window
    while len(one.statuses) < COMMANDS:
        command = one.command(place, run)
        while len(one.kills) < KILLS[one.kind] and _kill(one, command, draw):
            if command.over():
                break
        one.statuses.append(command.ended())
        ended = one.statuses[-1]
        if ended == 0 or (ended > 0 and time.time() > one.deadline - NO_USE):
            break
    return _told(one, run, begun) | _compared(one, place, run)


def _kill(one: Night, command: Command, draw: random.Random) -> bool:
    """Waits for a moment and kills; False where it never came."""
    who = "group" if draw.random() < 0.7 else "child"
    late = len(one.kills) >= KILLS[one.kind] - 2
    aim = draw.choice(("", "", "", *AIMS, *(LATE_AIMS if late else ())))
    soon, any_time = draw.uniform(0.2, 6.0), draw.uniform(3.0, 20.0)
    delay = draw.uniform(0.0, 0.1) if aim else draw.choice((soon, soon, soon, any_time))
    last = one.deadline - LAST
    if one.window and sum(kill["bare"] for kill in one.kills) >= BARE:
        command.wait_for(lambda: promoted(command.run), until=last)
    if aim:
        patience = HURRY if aim in AIMS else 1e9
        command.wait_for(lambda: phase(command) == aim, until=min(last, time.time() + patience))
    at = time.time() + delay
    if at > last or command.wait_for(lambda: False, until=at) or command.over():
        return False
    doing = phase(command)
    bare = not promoted(command.run)
    lost = max(time.time() - max(newest_checkpoint(command.run), command.since), 0.0)
    if doing == "over" or not (command.kill_all() if who == "group" else command.kill_child()):
        return False
    kill = {"aim": aim, "phase": doing, "who": who, "lost": lost, "bare": bare}
    one.kills.append(kill)
    return True


def _told(one: Night, run: Path, begun: float) -> dict[str, Any]:
    """What is to be said of a night that is over."""
    over, seen = time.time(), events(run)
    first = next((event for event in seen if event["kind"] == "Started"), {})
    resumed = [event for event in seen if event["kind"] == "Resumed"]
    published = [event for event in seen if event["kind"] == "Published" and event["name"]]
    ends = first.get("deadline_utc") if one.window is not None else None
    return {
        "case": one.number, "kind": one.kind, "method": one.method, "window": one.window,
        "kills": one.kills, "statuses": one.statuses, "took": over - begun,
        "overshoot": None if ends is None else max(over - ends, 0.0),
        "crashes": sum(event["kind"] == "Crashed" for event in seen),
        "steps_lost": [event["steps_lost"] for event in resumed],
        "passed_over": [line for event in resumed for line in event["passed_over"]],
        "tested": published[-1]["tested"] if published else None,
        "published": published[-1]["name"] if published else None,
        "wrong": loads(run / "final"),
        "left": sorted(path.name for form in LITTER for path in run.glob(form)),
    }  # fmt: skip


def _compared(one: Night, place: Place, run: Path) -> dict[str, Any]:
    """Whether the last checkpoint and the published weights are those of the undisturbed night."""
    if one.window is not None:
        return {"same": None}
    name = f"{one.kind}-{one.method}"
    reference = place.reference(name, *one.words, recorded=one.kind == "recorded")
    mine, theirs = sums(run, STEPS), sums(reference, STEPS)
    differing = [name for name in sorted({*mine, *theirs}) if mine.get(name) != theirs.get(name)]
    return {"same": not differing and bool(theirs), "differing": differing}


def faults(work: Path) -> None:
    """The tests that strike nights with faults, their outcomes kept; sweeps have their own page."""
    files = sorted((nights.ROOT / "tests/faults").glob("test_*.py"))
    mine = [str(file) for file in files if file.name in OURS]
    words = ["-m", "pytest", "-m", "faults", "-rs", f"--junitxml={work.resolve() / 'faults.xml'}"]
    every = os.environ | {"OVERNIGHT_EVERY_FAULT": "1"}
    subprocess.run([sys.executable, *words, *mine], cwd=nights.ROOT, env=every, check=False)


def main() -> None:
    """Runs what is missing of a part, or writes the page."""
    given = nights.arguments(__doc__ or "", parts=("kills", "signals", "faults"))
    place = Place.at(given.work, given.data)
    if given.report:
        soak_page.write(given.work)
    elif given.part == "faults":
        faults(given.work)
    else:
        missing(given, place)


def missing(given: argparse.Namespace, place: Place) -> None:
    """Runs the nights of a part that have no record yet."""
    parts = {"kills": (killed, NIGHTS), "signals": (soak_signals.ended, soak_signals.NIGHTS)}
    act, number_of = parts[given.part]
    done = {result["case"] for result in soak_page.remembered(given.work, given.part)}
    file = given.work / f"soak-{given.part}-{given.share.replace('/', '-')}.jsonl"
    for number in nights.mine(number_of, given.share):
        if number not in done:
            result = act(number, place)
            nights.remember(file, result)
            print(result, flush=True)


if __name__ == "__main__":
    main()
