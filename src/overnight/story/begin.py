"""Where a night begins, or is found again: its folder, its deadline, what was asked.

In: a Request and a run folder. Out: a `Night`, with its beginning in the journal. Never: torch,
training; a deadline once set is kept by every resumption.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from overnight.codec import from_json, to_json
from overnight.probe.clock import Clock, echo, local_zone, process_started
from overnight.probe.host import installed
from overnight.probe.session_limits import SessionLimit
from overnight.story import continued, own_folder, windows
from overnight.training import clocks, journal, manifest, sealed
from overnight.training.disk import BALLAST, set_ballast
from overnight.training.journal import Journal
from overnight.values.errors import InputError
from overnight.values.ledger import Ended, Entry, Started, Stopped
from overnight.values.plan import Plan
from overnight.values.request import Request
from overnight.values.units import show_duration

PLAN = "plan.json"
RUNS = "runs"
VERSIONED = ("overnight", "torch", "transformers", "peft", "accelerate")
COMMAND_SECONDS = 60.0
"""A process older than this was not started for this night: it is a notebook or a service."""
FIRST_FILES = frozenset(
    (PLAN, sealed.copy_of(Path(PLAN)).name, journal.EVENTS, journal.BEGUN, BALLAST)
)
"""What a night that was killed while it began has left: it can begin again over them."""
NOT_COMPARED = ("window", "output_dir", "name")
"""Fields of a Request that a resumption may give anew."""


@dataclass(frozen=True, slots=True)
class Night:
    """One night as the supervisor finds it."""

    folder: Path
    ends_at: float | None
    """On this boot's clock."""
    over_at: float | None
    """When this process has to be over: with the night, or before it with its session."""
    processes: int
    new: bool
    finished: bool
    echo: str
    """The deadline in words."""
    trust_remote_code: bool = False

    def left(self, clock: Clock) -> float | None:
        """Seconds until its end; None without one."""
        return None if self.ends_at is None else self.ends_at - clock.boot()


def _word(path: str) -> str:
    stem = Path(path.rstrip("/")).stem or "run"
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.") or "run"


def run_folder(request: Request) -> Path:
    """Where the night's files lie: as asked, else `runs/DATA-MODEL` in the current folder."""
    if request.output_dir:
        return Path(request.output_dir)
    name = request.name or f"{_word(request.data)}-{_word(request.model)}"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", name):
        raise InputError(f"'{name}' is no name for a run; use letters, digits, '.', '_' and '-'")
    return Path(RUNS) / name


def move_aside(folder: Path) -> None:
    """Renames an old run out of the way: `NAME-1`, `NAME-2` ...

    Raises:
        InputError: what stands there is no run.
    """
    if not folder.exists():
        return
    _refuse_foreign(folder)
    number = 1
    while (other := folder.with_name(f"{folder.name}-{number}")).exists():
        number += 1
    folder.rename(other)
    print(f"the earlier night was moved to {other}")


def _refuse_foreign(folder: Path) -> None:
    """Refuses a folder that holds something and no night, not even one that was just beginning."""
    if not folder.exists() or (folder.is_dir() and _is_run(folder)):
        return
    found = manifest.folders(folder) if folder.is_dir() else []
    others = [path.name for path in found if manifest.foreign(path)]
    if others and not (folder / PLAN).exists():
        raise InputError(f"{folder} is another trainer's ({others[-1]} is its newest): go on from "
                         f"it with --resume-from-checkpoint {folder} and an --output-dir of the "
                         "night's own")  # fmt: skip
    raise InputError(f"{folder} is there and is no run of overnight; choose another --output-dir")


def _is_run(folder: Path) -> bool:
    strange = {path.name for path in folder.iterdir()} - FIRST_FILES
    return not strange or journal.started(journal.read(folder)) is not None


def _absolute(request: Request) -> Request:
    """Local paths made absolute, so that the same night is found from any folder."""

    def whole(path: str | None) -> str | None:
        return str(Path(path).resolve()) if path and Path(path).exists() else path

    return replace(request, data=whole(request.data) or "", model=whole(request.model) or "",
                   eval_data=whole(request.eval_data),
                   resume_from_checkpoint=whole(request.resume_from_checkpoint))  # fmt: skip


def night(
    request: Request,
    folder: Path,
    clock: Clock,
    *,
    renew: bool = False,
    limit: SessionLimit | None = None,
) -> Night:
    """The night of this folder, begun now if there is none; `limit` is that of this session.

    Raises:
        InputError: the folder holds another night, or the window asked for is over.
    """
    own_folder.refuse_links(folder)
    request = _absolute(request)
    entries = journal.read(folder) if folder.is_dir() else []
    begun = journal.started(entries)
    if begun is None:
        begun = _begin(request, folder, clock, limit)
        return _night(request, folder, clock, begun, (), limit)
    _same_night(request, folder)
    if _finished(entries, folder):
        return _night(request, folder, clock, begun, entries, None)
    again = begun
    if renew and _over(begun, clock, entries):
        again = _renewed(begun, folder, clock, length=_length(entries))
    again = windows.held_to(again, limit, clock.utc())
    if again != begun or _stopped(entries):  # a start of its own: it goes on after all
        with Journal.open(folder, clock) as written:
            written.note_start(again)
    return _night(request, folder, clock, again, entries, limit)


def _over(begun: Started, clock: Clock, entries: list[Entry]) -> bool:
    ends = clocks.deadline_boot(begun, clock, last=entries[-1] if entries else None)
    return ends is not None and ends <= clock.boot()


def _night(request: Request, folder: Path, clock: Clock, begun: Started,
           entries: Sequence[Entry], limit: SessionLimit | None) -> Night:  # fmt: skip
    last = entries[-1] if entries else None
    ends = clocks.deadline_boot(begun, clock, last=last)
    said = _echo(folder, clock, ends=ends, again=_length(entries))
    session = windows.session_words(begun, limit, local_zone()) if limit else ""
    return Night(
        folder=folder,
        ends_at=ends,
        over_at=windows.over_at(begun, clock, last),
        processes=request.processes,
        new=not entries,
        finished=_finished(entries, folder),
        echo=f"{said}\n{session}" if session else said,
        trust_remote_code=request.trust_remote_code,
    )


def _finished(entries: Sequence[Entry], folder: Path) -> bool:
    last = entries[-1].event if entries else None
    return isinstance(last, Ended) and last.exit_status == 0 and (folder / "final").is_dir()


def _stopped(entries: Sequence[Entry]) -> bool:
    """Whether it ended because somebody asked it to stop."""
    ended = bool(entries) and isinstance(entries[-1].event, Ended)
    stop = next((one.event for one in reversed(entries) if isinstance(one.event, Stopped)), None)
    return ended and stop is not None and stop.reason == "stop"


def _echo(folder: Path, clock: Clock, *, ends: float | None, again: float) -> str:
    if ends is None:
        return f"{folder}: no window, it ends when its epochs are done"
    if ends <= clock.boot():
        granted = show_duration(again)
        return (f"{folder}: its deadline has passed; --renew grants {granted} again from now, "
                f"`overnight extend {folder} 2h` any other length")  # fmt: skip
    deadline = clock.utc() + ends - clock.boot()
    return f"{folder}: {echo(deadline, now_utc=clock.utc(), zone=local_zone())}"


def _begin(request: Request, folder: Path, clock: Clock, limit: SessionLimit | None) -> Started:
    """Makes the folder and writes what was asked and when everything must be over."""
    born = process_started(clock)
    if clock.boot() - born > COMMAND_SECONDS:
        born = clock.boot()
    started_utc = clock.utc() - (clock.boot() - born)
    deadline = windows.asked(request, started_utc)
    _refuse_foreign(folder)
    continued.asked(request, continued.find(request, thorough=False))
    begun = Started(
        run=secrets.token_hex(8),
        started_utc=started_utc,
        deadline_utc=deadline,
        window_seconds=None if deadline is None else deadline - started_utc,
        started_boot=born,
        boot_id=clock.boot_id(),
        label=request.window.label,
        versions=_versions(),
        by_clock=request.window.seconds is None,
    )
    begun = windows.held_to(begun, limit, clock.utc())
    own_folder.make(folder)
    set_ballast(folder)
    sealed.write(folder / PLAN, {"request": to_json(request)}, twice=True)
    with Journal.open(folder, clock) as written:
        written.note_start(begun)
    return begun


def _versions() -> dict[str, str]:
    return {name: found for name in VERSIONED if (found := installed(name)) is not None}


def _same_night(request: Request, folder: Path) -> None:
    """Refuses to go on under other settings than the night was begun with.

    Raises:
        InputError: names what differs.
    """
    before = _before(folder)
    changed = [
        f"{name} was {_shown(getattr(before, name))}, now {_shown(getattr(request, name))}"
        for name in (field.name for field in fields(Request))
        if name not in NOT_COMPARED and getattr(before, name) != getattr(request, name)
    ]
    if changed:
        raise InputError(
            f"{folder} was begun otherwise: {'; '.join(changed)}. Give the same again to go on, "
            "--fresh to start over, or --name for another night"
        )


def _before(folder: Path) -> Request:
    """What the night was begun with; its plan, where there is one already, can be read too.

    Raises:
        InputError: plan.json is gone or damaged.
    """
    mended = sealed.mend(folder / PLAN)
    if mended:
        print(mended)
    try:
        written = sealed.read(folder / PLAN)
        if "plan" in written:
            from_json(written["plan"], Plan)
        return from_json(written["request"], Request)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / PLAN} is gone or damaged ({error}), so the night cannot go "
                         "on; --fresh starts over") from error  # fmt: skip


def _shown(value: Any) -> str:
    given = getattr(value, "given", None)
    return str(given() if given is not None else value)


def _length(entries: Sequence[Entry]) -> float:
    """Seconds of the window as it was asked for, before any renewal added to it."""
    first = next((one.event for one in entries if isinstance(one.event, Started)), None)
    ends = windows.wanted(first) if first else None
    return ends - first.started_utc if first and ends is not None else 0.0


def _renewed(begun: Started, folder: Path, clock: Clock, *, length: float) -> Started:
    """The same length again from now, as a new beginning of the same run."""
    with Journal.open(folder, clock) as written:
        t, now = written.now(), clock.utc()
    return windows.moved(begun, now + length, now_utc=now, t=t)
