"""The demo: one real night on what every machine has, with nothing to download.

In: a window, the installed Python's own library, the small model in this package. Out: rows for
training in `demo/functions.jsonl` and an ordinary night in `demo/night`, with its exit status.
Never: a network, a setting of its own, a word on how the night went (the night tells it).
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from platform import python_version

from overnight import supervise
from overnight.probe.clock import Clock
from overnight.probe.library import Function, library_folder, library_functions
from overnight.values.errors import InputError
from overnight.values.request import Request, Window
from overnight.values.units import show_duration

BASE = Path(__file__).parent / "assets" / "base"
"""The model that the demo starts from; its README says how it was made."""
FOLDER = "demo"
FEWEST = 500
"""Functions below which there is too little to learn from; a whole library has thousands."""


def run(window_seconds: float, *, clock: Clock, output_dir: str | None = None) -> int:
    """Write the data into `output_dir` (else `demo/` here), train on it; the exit status.

    Each demo is a night of its own: what an earlier one left in the folder is set aside first.

    Raises:
        InputError: this Python's library has no sources, or the folder cannot be written.
    """
    folder = Path(output_dir or FOLDER)
    found = library_functions(library_folder())
    if len(found) < FEWEST:
        raise InputError(
            f"{library_folder()}: only {len(found)} functions with a docstring here, and the demo "
            f"needs {FEWEST}; use a Python whose standard library has its .py files"
        )
    data = write_rows(found, folder / "functions.jsonl")
    request = request_for(data, window_seconds=window_seconds)
    echoes = (f"{len(found):,} functions of Python {python_version()}'s own library -> {data}",)
    return supervise.run(request, clock=clock, fresh=True, renew=False, echoes=echoes)


def request_for(data: Path, *, window_seconds: float) -> Request:
    """The night of the demo: everything but data, model and window is left to the plan."""
    window = Window(seconds=window_seconds, label=show_duration(window_seconds))
    night = str(data.parent / "night")
    return Request(data=str(data), model=str(BASE), window=window, output_dir=night)


def write_rows(found: Iterable[Function], path: Path) -> Path:
    """One JSON object a line, `prompt` the function's code and `completion` what it says.

    The file is replaced as a whole: a reader sees the old rows or the new ones.

    Raises:
        InputError: the folder cannot be written.
    """
    lines = [json.dumps({"prompt": one.code, "completion": one.summary}) for one in found]
    new = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_text("\n".join(lines) + "\n", encoding="utf-8")
        os.replace(new, path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); "
            "run the demo in a folder of yours, or give one with --output-dir"
        ) from error
    return path
