"""What the loop's care costs: steps inside a night against the same steps without a loop.

python bench/overhead.py            one night of equal steps, about a minute

Blocks of steps as the night takes them (deadline, health, journal, status, live view, forecasts)
stand in turn with blocks of bare `Session.step`, in one process on one path. What passes between
two steps of the night is timed by itself and held against the bare steps next to it: that is the
loop, writes and flushes and all. What it does to the steps themselves (caches) only the whole
blocks tell, and these scatter more than the loop takes. Every row is cut to the same length, so
every step is the same work. What the step itself does to be repeatable (keeping the random states)
is timed by itself and added. The supervisor's processor time is that of its own process beside a
night like it. Saves and evaluations have shares of their own (values/cadence.py) and are not in it.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import nights

BLOCK = 20
PAIRS = 24
LENGTH, ROWS = 96, 4
STATES = 300


class Blocks:
    """Stands in the place of `Session.step`: takes bare steps after every block of the night's."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self._taken = 0
        self._begun = self._left = self._between_steps = 0.0
        self.blocks: list[tuple[float, float, float]] = []
        """Seconds of the night's block, of what passed between its steps, of the bare block."""

    def step(self, session: Any, rate: float, **more: Any) -> Any:
        """One step for the loop; between two blocks so many bare ones are taken and timed."""
        self._between_steps += time.perf_counter() - self._left
        if self._taken % BLOCK == 0:
            self._bare(session, rate, **more)
        self._taken += 1
        taken = self._real(session, rate, **more)
        self._left = time.perf_counter()
        return taken

    def _bare(self, session: Any, rate: float, **more: Any) -> None:
        here = time.perf_counter()
        for _ in range(BLOCK):
            self._real(session, rate, **more)
        there = time.perf_counter()
        if self._taken:
            self.blocks.append((here - self._begun, self._between_steps, there - here))
        self._between_steps, self._begun = 0.0, time.perf_counter()


def words(out: Path, data: Path, model: Path, steps: int) -> list[str]:
    """The command of both nights, in a window: equal steps, no saves and no looks among them."""
    given = {"max_length": LENGTH, "per_device_train_batch_size": ROWS, "eval_steps": 10**6,
             "save_steps": 10**6}  # fmt: skip
    settings = [word for name, value in given.items() for word in ("--set", f"{name}={value}")]
    return nights.command(data, model, out, "--max-steps", str(steps), "--within", "5m",
                          "--method", "full", "--precision", "fp32", *settings)  # fmt: skip


def loop_against_bare(folder: Path) -> dict[str, Any]:
    """The blocks of one night that was begun in `folder`, and what random states take."""
    from overnight import night
    from overnight.probe.clock import SystemClock
    from overnight.training import state
    from overnight.training.session import Session

    blocks = Blocks(Session.step)

    def step(session: Session, rate: float, **more: Any) -> Any:
        return blocks.step(session, rate, **more)

    Session.step = step  # type: ignore[method-assign, assignment]
    night.run(folder, clock=SystemClock())
    begun = time.perf_counter()
    for _ in range(STATES):
        state.random_state()
    return {"blocks": blocks.blocks[2:], "states": (time.perf_counter() - begun) / STATES}


def begun(command: list[str], work: Path, out: Path) -> None:
    """A run folder in which the supervisor has written what was asked, without its child."""
    program = (
        "import sys; from overnight import supervise; from overnight.__main__ import main; "
        "supervise.Supervisor.train = lambda self: sys.exit(0); main(sys.argv[1:])"
    )
    subprocess.run([sys.executable, "-c", program, *command[3:]], check=False, cwd=work)
    if not (out / "plan.json").exists():
        raise SystemExit(f"no night was begun in {out}")


def supervisor_share(command: list[str], log: Path) -> float:
    """Processor seconds of the supervisor's own process, a second of its night."""
    import psutil

    used, since = 0.0, time.monotonic()
    with log.open("ab") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, stdin=subprocess.DEVNULL)
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                times = watched.cpu_times()
                used = max(used, times.user + times.system)
            except psutil.Error:
                break
            time.sleep(0.2)
        process.wait()
    return used / (time.monotonic() - since)


def table(found: dict[str, Any], share: float) -> str:
    """The page."""
    shares = [100.0 * between / bare for _, between, bare in found["blocks"]]
    low, usual, high = quantiles(shares, n=4)
    bare = median(bare for _, _, bare in found["blocks"]) / BLOCK
    outside = median(between for _, between, _ in found["blocks"]) / BLOCK
    ratios = quantiles((100.0 * (whole / bare - 1.0) for whole, _, bare in found["blocks"]), n=4)
    states = found["states"]
    rows = [
        ("a bare step", f"{1e3 * bare:.1f} ms"),
        ("between two steps of the night", f"{1e3 * outside:.2f} ms"),
        ("... of the bare step (quartiles)", f"{usual:.2f} % ({low:.2f}, {high:.2f})"),
        ("random states kept inside it", f"{1e3 * states:.3f} ms, {100 * states / bare:.2f} %"),
        ("together, of the bare step", f"{usual + 100 * states / bare:.2f} %"),
        ("together, of a step of 50 ms", f"{100 * (outside + states) / 0.05:.2f} %"),
        ("whole blocks, the night's against bare (quartiles)",
         f"{ratios[1]:+.2f} % ({ratios[0]:+.2f}, {ratios[2]:+.2f})"),
        ("the supervisor's processor time", f"{100 * share:.2f} % of a core, all in"),
    ]  # fmt: skip
    lines = [f"| {name} | {figure} |" for name, figure in rows]
    about = (f"{len(shares)} pairs of blocks of {BLOCK} steps, in turn, on one path; "
             f"{ROWS} rows of {LENGTH} tokens a step.")  # fmt: skip
    return "\n".join(["# What the loop's care costs", "", nights.machine(), "", about, "",
                      "| what | figure |", "|---|---|", *lines, ""])  # fmt: skip


def main() -> None:
    """Both nights and their page."""
    given = nights.arguments(__doc__ or "")
    work = given.work.resolve() / "overhead"
    work.mkdir(parents=True, exist_ok=True)
    data = (given.data / "gsm8k" / "train.jsonl").resolve()
    answers = (json.loads(line)["answer"] for line in data.open(encoding="utf-8"))
    model = nights.small_model(work / "llama-2m", answers)
    kept = work / "found.json"
    if not given.report:
        stamp = time.strftime("%H%M%S")
        out = work / f"night-{stamp}"
        begun(words(out, data, model, 2 * BLOCK * (PAIRS + 2)), work, out)
        found = loop_against_bare(out)
        again = words(work / f"watched-{stamp}", data, model, BLOCK * PAIRS)
        share = supervisor_share(again, work / "watched.log")
        kept.write_text(json.dumps(found | {"share": share}), encoding="utf-8")
    found = json.loads(kept.read_text("utf-8"))
    page = table(found, found["share"])
    print(page)
    (nights.RESULTS / "overhead.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
