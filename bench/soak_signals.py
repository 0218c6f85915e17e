"""SIGTERM in every phase of a night: how soon it has ended, with what, and whether it goes on.

In: a number, a place. Out: one record a night. Never: a signal to another group.
"""

import os
import random
import signal
import time
from pathlib import Path
from typing import Any

from soak_parts import Command, Place, events, loads, newest_line, phase, sums

SEED = 23
STEPS = 60
PHASES = ("starting", "loading", "opening", "first step", "training", "looking", "saving",
          "ending", "publishing")  # fmt: skip
"""One after the other. `starting`: the command's first seconds; `loading`: libraries, data, model,
by the training process; `opening`: the base model is measured."""
NIGHTS = 4 * len(PHASES)
METHODS = ("full", "lora")
EVERY = 6
"""Of so many nights one is taken to its end by the same command again, and compared."""


def _words(number: int) -> tuple[str, ...]:
    return ("--method", METHODS[number % 2], "--set", f"max_steps={STEPS}",
            "--set", "save_steps=7", "--set", "eval_steps=15",
            "--set", "per_device_train_batch_size=8")  # fmt: skip


def _arrived(command: Command, wanted: str) -> bool:
    kind = newest_line(command.run).get("kind", "")
    if wanted == "loading":
        return kind == "Started"
    if wanted == "opening":
        return kind == "Prepared"
    if wanted == "first step":
        return kind == "Replanned"
    return phase(command) == wanted


def ended(number: int, place: Place) -> dict[str, Any]:
    """A night that is told to end in one phase."""
    run, draw = place.empty(f"signal-{number:02d}"), random.Random(1000 * SEED + number)
    wanted, to_all = PHASES[number % len(PHASES)], draw.random() < 0.5
    command = place.command(run, *_words(number)).start()
    if not command.wait_for(lambda: _arrived(command, wanted), until=time.time() + 120.0):
        raise RuntimeError(f"{wanted} never came: see {run}.log")
    command.wait_for(lambda: False, until=time.time() + _delay(draw, wanted))
    doing, told = phase(command), time.time()
    os.killpg(command.process.pid, signal.SIGTERM) if to_all else command.process.terminate()
    status = command.ended()
    took, seen = time.time() - told, events(run)
    record = {
        "case": number, "phase": wanted, "then": doing, "to_all": to_all, "seconds": took,
        "status": status, "method": METHODS[number % 2],
        "published": [event["name"] for event in seen if event["kind"] == "Published"][-1:],
        "stopped": [event["reason"] for event in seen if event["kind"] == "Stopped"][-1:],
        "last_words": Path(f"{run}.log").read_text("utf-8", errors="replace").splitlines()[-1:],
        "wrong": loads(run / "final") if (run / "final").is_dir() else "none",
    }  # fmt: skip
    return record | (_gone_on(number, place, run) if number % EVERY == 0 else {})


def _delay(draw: random.Random, wanted: str) -> float:
    most = {"starting": 1.5, "loading": 5.0}.get(wanted, 0.15)
    return draw.uniform(0.0, most)


def _gone_on(number: int, place: Place, run: Path) -> dict[str, Any]:
    """The same command again: its status, and whether it came to the undisturbed night's end."""
    status = place.command(run, *_words(number)).start().ended()
    reference = place.reference(f"signal-{METHODS[number % 2]}", *_words(number))
    return {"again": status, "same": sums(run, STEPS) == sums(reference, STEPS)}
