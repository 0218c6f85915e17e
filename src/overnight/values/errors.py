"""Every error that a user can meet.

In: one sentence that says what is wrong, where, and how to mend it. Out: an exception that carries
its exit status. Never: a traceback for the user's mistake (the command line prints `str(error)`).

    OvernightError             1   a fault of ours
      InputError               2   a file, a flag, a key, a deadline is wrong
        DataError              2   a row or a file of the data
        ModelError             2   the model's folder or its tokenizer
        ArgumentError          2   an argument of a Python call; a ValueError too
      NoPlanFits               3   no candidate fits the window or the memory
      NothingToPublish         3   the night ended and no checkpoint is good enough
      EndedEarly               4   stopped, interrupted, past its deadline; `final/` is usable
"""

MOST_LETTERS = 160
"""Of what a library says, in a line of ours."""


def first_line(error: BaseException) -> str:
    """The first line that says something: not one that only announces the next."""
    lines = str(error).strip().splitlines()
    kept = lines[:2] if lines and lines[0].endswith(":") else lines[:1]
    said = " ".join(part.strip() for part in kept)
    return said.rstrip(".")[:MOST_LETTERS] or repr(error)[:MOST_LETTERS]


class OvernightError(Exception):
    """Root of the tree; `exit_status` is what the command returns (DESIGN 9)."""

    exit_status = 1


class InputError(OvernightError):
    """What was asked cannot be meant: one line that says what, where and how to mend it."""

    exit_status = 2


class DataError(InputError):
    """The data cannot be read or holds nothing to learn from."""


class ModelError(InputError):
    """The model folder is incomplete, or its tokenizer encodes to nothing."""


class ArgumentError(InputError, ValueError):
    """An argument of a call is not what it must be; the line begins with its name."""


class NoPlanFits(OvernightError):
    """Not even one step and the ending fit into the window or the memory."""

    exit_status = 3


class NothingToPublish(OvernightError):
    """No promoted checkpoint exists, so no model can be left."""

    exit_status = 3


class EndedEarly(OvernightError):
    """The night ended before its plan did, with a usable `final/`."""

    exit_status = 4
