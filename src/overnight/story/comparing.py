"""Where a comparison begins, or is found again: its folder, its deadline, what is compared.

In: a Request that all settings share, the settings. Out: an `Asked` with its beginning in the
journal. Never: torch, training; another window than the one that was begun with.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from overnight.codec import from_json, to_json
from overnight.probe.clock import Clock
from overnight.story import begin
from overnight.story.begin import Night
from overnight.training import journal, sealed
from overnight.values.errors import InputError
from overnight.values.ledger import Ended
from overnight.values.request import Request
from overnight.values.trials import Sliced, Tried

PREFIX = "compare-"
SETTINGS = "settings.json"
MOST = 12
"""Settings side by side: with more, each gets too little of any window."""
MOST_SEEDS = 20
SHARED = ("data", "model", "eval_data", "learn", "window", "output_dir", "name", "skip_bad_rows",
          "trust_remote_code")  # fmt: skip
"""Fields of a Request that are the comparison's and no setting's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One of the things compared: a night as it would be asked for."""

    name: str
    """As it was written: `baseline`, `overnight`, `mine.yaml`, `learning_rate=1e-3`."""
    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Everything that a comparison was asked for."""

    request: Request
    """What all settings share: data, model, window."""
    settings: tuple[Setting, ...]
    seeds: int = 2


def check(asked: Asked) -> None:
    """Refuses what cannot be compared.

    Raises:
        InputError: one line that says why.
    """
    names = [one.name for one in asked.settings]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"--settings names {twice} twice; each once")
    if not 2 <= len(names) <= MOST:
        raise InputError(f"--settings names {len(names)}; a comparison needs 2 to {MOST}, "
                         "such as baseline,overnight")  # fmt: skip
    if not 1 <= asked.seeds <= MOST_SEEDS:
        raise InputError(f"--seeds is {asked.seeds}; expected a whole number from 1 to "
                         f"{MOST_SEEDS}")  # fmt: skip
    if not asked.request.window.bounded:
        raise InputError("a comparison needs a window: --within 30m, or --by 18:00")
    if any(one.request.processes > 1 for one in asked.settings):
        raise InputError("a comparison trains in one process; leave --processes out")


def folder_of(request: Request) -> Path:
    """The comparison's folder: as asked, else `runs/compare-DATA-MODEL` in the current one."""
    if request.output_dir:
        return Path(request.output_dir)
    plain = begin.run_folder(replace(request, output_dir=None))
    return plain.with_name(f"{PREFIX}{plain.name}")


def found(asked: Asked, folder: Path, clock: Clock, *, renew: bool) -> Night:
    """The comparison of this folder, begun now if there is none.

    Raises:
        InputError: the folder holds something else, or a comparison of other settings.
    """
    night = begin.night(asked.request, folder, clock, renew=renew)
    place = folder / SETTINGS
    if night.new or not place.exists():
        if _measured(folder):
            raise InputError(f"{place} is gone, so the comparison cannot go on; --fresh starts "
                             "over")  # fmt: skip
        sealed.write(place, {"settings": to_json(_bare(asked)), "seeds": asked.seeds})
        return night
    before = read(folder)
    if (_bare(before), before.seeds) != (_bare(asked), asked.seeds):
        raise InputError(f"{folder} compares {_words(before)}, now asked is {_words(asked)}. Give "
                         "the same again to go on, --fresh to start over, or --name for "
                         "another")  # fmt: skip
    return night


def _bare(asked: Asked) -> tuple[Setting, ...]:
    """The settings without what all of them share."""
    return tuple(replace(one, request=_sharing(one.request, Request(data="", model="")))
                 for one in asked.settings)  # fmt: skip


def _sharing(own: Request, shared: Request) -> Request:
    """A setting's request with data, model and window of the comparison's."""
    return replace(own, **{name: getattr(shared, name) for name in SHARED})


def _measured(folder: Path) -> bool:
    return any(isinstance(entry.event, Tried) for entry in journal.read(folder))


def _words(asked: Asked) -> str:
    names = ", ".join(one.name for one in asked.settings)
    return f"{names} with {asked.seeds} seed{'s' if asked.seeds > 1 else ''}"


def read(folder: Path) -> Asked:
    """What was asked for when the comparison in this folder was begun.

    Raises:
        InputError: the files are gone or damaged.
    """
    kept = sealed.read(folder / SETTINGS)
    request = from_json(sealed.read(folder / begin.PLAN)["request"], Request)
    bare = from_json(kept["settings"], tuple[Setting, ...])
    settings = tuple(replace(one, request=_sharing(one.request, request)) for one in bare)
    return Asked(request=request, settings=settings, seeds=int(kept["seeds"]))


def begun(folder: Path) -> bool:
    """Whether any setting was compared in more than its first steps."""
    return any(isinstance(entry.event, Sliced) for entry in journal.read(folder))


def over(folder: Path) -> bool:
    """Whether everything that the window allowed was compared."""
    last = next((one.event for one in reversed(journal.read(folder))), None)
    return isinstance(last, Ended) and last.exit_status == 0
