"""A night's folder as the command line names it, and its status in two lines.

In: RUN as typed, a folder, a `Status`. Out: the folder, the lines. Never: changing a run folder.
"""

import json
from collections.abc import Iterator
from datetime import datetime, tzinfo
from pathlib import Path

from overnight.codec import from_json
from overnight.probe.clock import echo
from overnight.values.errors import InputError
from overnight.values.ledger import Status
from overnight.values.units import show_duration

RUNS = "runs"
_OVER = ("finished", "stopped")


def find_run(run: str | None, *, folder: Path) -> Path:
    """The night's folder: a path, a name under runs/, or the one that was written to last.

    Raises:
        InputError: there is none.
    """
    if run:
        for place in (folder / run, folder / RUNS / run):
            if place.is_dir():
                return place
        other = "" if Path(run).is_absolute() else f", and neither is {RUNS}/{run}"
        raise InputError(f"{run} is no folder{other}; name a night's folder, or its name in "
                         f"{RUNS}/")  # fmt: skip
    newest = max(_nights(folder / RUNS), default=None)
    if newest is None:
        raise InputError(f"no night in {folder / RUNS}; name its folder")
    return newest[1]


def _nights(runs: Path) -> Iterator[tuple[float, Path]]:
    """When each night under `runs` last said something. A folder without a status is no night."""
    for file in sorted(runs.glob("*/status.json")):
        try:
            yield read_status(file.parent).updated_utc, file.parent
        except InputError:
            continue


def read_status(run: Path) -> Status:
    """What RUN/status.json holds.

    Raises:
        InputError: it is missing or damaged.
    """
    file = run / "status.json"
    try:
        return from_json(json.loads(file.read_text(encoding="utf-8")), Status)
    except FileNotFoundError as error:
        raise InputError(f"{file} is missing: no night was started in this folder") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file} cannot be read ({error}); `overnight report` reads the journal "
                         "beside it") from error  # fmt: skip


def status_lines(
    status: Status, *, now_utc: float, zone: tzinfo, alive: bool
) -> tuple[str, str]:  # fmt: skip
    """What it does, and when it is over. `alive` says whether its process is running."""
    doing = [status.state, f"step {status.step:,} of {status.horizon:,}"]
    if status.loss is not None:
        doing.append(f"loss {status.loss:.3f}")
    if status.tokens_per_second is not None:
        doing.append(f"{status.tokens_per_second:,.0f} tokens/s")
    doing.append(f"as of {show_duration(max(now_utc - status.updated_utc, 0))} ago")
    if status.state in _OVER:
        return ", ".join(doing), _ended(status, zone=zone)
    if not alive:
        return ", ".join(doing), (f"its process {status.pid} is gone: the same train command "
                                  "goes on from its last checkpoint")  # fmt: skip
    return ", ".join(doing), _outlook(status, now_utc=now_utc, zone=zone)


def _ended(status: Status, *, zone: tzinfo) -> str:
    took = show_duration(max(status.updated_utc - status.started_utc, 0))
    return f"over at {_clock(status.updated_utc, zone=zone)} after {took}"


def _outlook(status: Status, *, now_utc: float, zone: tzinfo) -> str:
    said = []
    if status.finish_low_utc is not None and status.finish_high_utc is not None:
        low, high = (_clock(each, zone=zone)
                     for each in (status.finish_low_utc, status.finish_high_utc))  # fmt: skip
        said.append(f"done between {low} and {high}")
    if status.deadline_utc is None:
        said.append("no deadline")
    else:
        said.append("to be over " + echo(status.deadline_utc, now_utc=now_utc, zone=zone))
    if status.on_track is not None:
        said.append("on track" if status.on_track else "ends before its planned steps are done")
    return ", ".join(said)


def _clock(utc: float, *, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(utc, zone):%H:%M:%S}"
