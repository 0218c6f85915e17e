"""When whoever lent this machine takes it back, as the environment says.

In: environment variables, times at which files were written. Out: a `SessionLimit` with its
source, or a remark about how long such sessions are said to last. Never: asking a scheduler's
server; cutting a window (story/windows.py).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from overnight.values.units import show_duration

GRACE_SECONDS = 60.0
"""Between our end and theirs: Slurm counts limits in whole minutes (sbatch(1), --time)."""
GRACE_SHARE = 0.1
"""Of a short session no more than this is given away."""
NOTEBOOK_HOURS = 12.0
"""Longest session of Colab's free tier, after its FAQ "up to 12 hours, depending on availability",
and of Kaggle, as users report it. Neither is promised, neither is announced to a program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimit:
    """An end that is not ours to move."""

    who: str
    """`SLURM`, `OAR`, `PBS`."""
    source: str
    """The variable that says so."""
    ends_utc: float
    leave_utc: float
    """When everything must be over: a little earlier."""

    @property
    def name(self) -> str:
        """For the journal: "SLURM (SLURM_JOB_END_TIME)"."""
        return f"{self.who} ({self.source})"


def written_utc(path: str) -> float | None:
    """When a file was written last; None where there is none."""
    try:
        return Path(path).stat().st_mtime
    except OSError:
        return None


def find(
    environ: Mapping[str, str],
    *,
    now_utc: float,
    written: Callable[[str], float | None] = written_utc,
) -> SessionLimit | None:
    """The limit that this process lives under; None where nobody says one that is still to come.

    LSF and PBS Professional hand their jobs no such variable.
    """
    found = (
        # "The UNIX timestamp for a job's projected end time" (sbatch(1), srun(1)).
        ("SLURM", "SLURM_JOB_END_TIME", _number(environ.get("SLURM_JOB_END_TIME"))),
        # OAR writes the file as a job begins; its own shell prompt counts down from there.
        ("OAR", "OAR_JOB_WALLTIME_SECONDS", _counted(
            environ, "OAR_JOB_WALLTIME_SECONDS", "OAR_NODE_FILE", written)),
        # Torque: the walltime granted in seconds, as in PBS_WALLTIME=7200 of a two-hour job.
        ("PBS", "PBS_WALLTIME", _counted(environ, "PBS_WALLTIME", "PBS_NODEFILE", written)),
    )  # fmt: skip
    for who, source, ends in found:
        if ends is not None and ends > now_utc:
            grace = min(GRACE_SECONDS, GRACE_SHARE * (ends - now_utc))
            return SessionLimit(who=who, source=source, ends_utc=ends, leave_utc=ends - grace)
    return None


def _counted(
    environ: Mapping[str, str], length: str, file: str, written: Callable[[str], float | None]
) -> float | None:
    """The end of a job whose length is given, counted from the file written when it began."""
    seconds, began = _number(environ.get(length)), written(environ.get(file, ""))
    return None if seconds is None or began is None else began + seconds


def _number(text: str | None) -> float | None:
    """Of what a variable holds; nothing where that is no plain number above zero."""
    return float(text) if text and text.isascii() and text.isdigit() and int(text) else None


def remark(environ: Mapping[str, str], window_seconds: float | None) -> str:
    """What is known of notebooks that end without a word, where the window is longer than that."""
    names = {"KAGGLE": "Kaggle", "COLAB": "Colab"}
    here = next((name for start, name in names.items()
                 if any(key.startswith(f"{start}_") for key in environ)), "")  # fmt: skip
    if not here or (window_seconds or 0.0) <= NOTEBOOK_HOURS * 3600.0:
        return ""
    longest = show_duration(NOTEBOOK_HOURS * 3600.0)
    return (f"{here} says to no program when it ends a session; {longest} are said to be the "
            "longest. Nothing is cut: the same command in a new session goes on, if the run "
            "folder outlives this one")  # fmt: skip
