"""The user's history: one SQLite file that holds what every rehearsal and night has taught.

In: `Remembered` values, the environment. Out: the same values again, newest first, or as JSON
lines. Several processes may write at once. Never: text or paths of the user's data, anything sent
anywhere, a night stopped: what goes wrong is one `HistoryTrouble` with one line.
"""

import json
import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from overnight.codec import from_json, to_json
from overnight.values.errors import InputError
from overnight.values.lessons import Remembered

VARIABLE = "OVERNIGHT_HISTORY"
"""Another file for the history, or `off`."""
OFF = "off"
FILE = Path("overnight", "history.sqlite3")
PATIENCE = 2.0
"""Seconds to wait for another process that writes; one write takes milliseconds."""
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE nights ("
        " night TEXT PRIMARY KEY, when_utc REAL NOT NULL, run TEXT NOT NULL, kind TEXT NOT NULL,"
        " machine TEXT NOT NULL, architecture TEXT NOT NULL, num_parameters INTEGER NOT NULL,"
        " method TEXT NOT NULL, record TEXT NOT NULL)",
        "CREATE INDEX nights_by_machine ON nights (machine, when_utc)",
    ),
)
"""What brings the file from version n (`PRAGMA user_version`) to n + 1; only ever added to."""
_PUT = (
    "INSERT INTO nights (night, when_utc, run, kind, machine, architecture, num_parameters, method,"
    " record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (night) DO UPDATE SET when_utc = excluded.when_utc, run = excluded.run,"
    " kind = excluded.kind, machine = excluded.machine, architecture = excluded.architecture,"
    " num_parameters = excluded.num_parameters, method = excluded.method, record = excluded.record"
    " WHERE nights.kind = 'rehearsal' OR excluded.kind = 'night'"
)  # a night that is over is not made a rehearsal again by one that begins anew


class HistoryTrouble(InputError):
    """The history cannot be used: one line that says why and what to do. A night goes on."""


class HistoryDamaged(HistoryTrouble):
    """The file is no history, or no longer a whole one."""


def place(
    environ: Mapping[str, str], *, system: str = sys.platform, home: Path | None = None
) -> Path | None:
    """Where the history is kept; None where it is turned off.

    `OVERNIGHT_HISTORY`, else the folder that the system has for a user's data: `XDG_DATA_HOME` or
    `~/.local/share`, on Windows `LOCALAPPDATA`, on macOS `~/Library/Application Support`.

    Raises:
        HistoryTrouble: there is no home folder.
    """
    asked = environ.get(VARIABLE, "").strip()
    if asked.lower() == OFF:
        return None
    if asked:
        return Path(asked).absolute()
    given = environ.get("LOCALAPPDATA" if system == "win32" else "XDG_DATA_HOME", "")
    if os.path.isabs(given):  # the specification has relative ones ignored
        return Path(given) / FILE
    inside = {"win32": "AppData/Local", "darwin": "Library/Application Support"}
    return (home or _home()) / inside.get(system, ".local/share") / FILE


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise HistoryTrouble(f"no home folder to keep the history in; {VARIABLE} may name a "
                             "file") from error  # fmt: skip


@dataclass(frozen=True, slots=True)
class History:
    """The history in one file. Every call opens it and closes it again."""

    path: Path
    patience: float = PATIENCE

    def remember(self, record: Remembered) -> None:
        """Puts a night in; what was remembered of the same night before is replaced.

        Raises:
            HistoryTrouble: the file cannot be written.
        """
        text = json.dumps(to_json(record), allow_nan=False, separators=(",", ":"))
        who = (record.night, record.when_utc, record.run, record.kind, record.machine)
        what = (record.architecture, record.num_parameters, record.candidate.method, text)
        with self._writing() as database:
            database.execute(_PUT, (*who, *what))

    def records(self, *, machine: str | None = None) -> tuple[Remembered, ...]:
        """Every night, or those of one machine, newest first; nothing where there is no file.

        Raises:
            HistoryTrouble: the file cannot be read.
        """
        if not self._there():
            return ()
        wanted = "" if machine is None else " WHERE machine = ?"
        order = f"SELECT record FROM nights{wanted} ORDER BY when_utc DESC, night"
        with self._open() as database:
            rows = database.execute(order, () if machine is None else (machine,)).fetchall()
        found = (_record(text) for (text,) in rows)
        return tuple(record for record in found if record is not None)

    def lines(self) -> Iterator[str]:
        """Every night as one line of JSON, newest first.

        Raises:
            HistoryTrouble: the file cannot be read.
        """
        for record in self.records():
            yield json.dumps(to_json(record), allow_nan=False)

    def delete_run(self, name: str) -> int:
        """Deletes the nights of one run folder's name; how many there were.

        Raises:
            HistoryTrouble: the file cannot be written.
        """
        return self._delete(" WHERE run = ?", (name,)) if self._there() else 0

    def delete_all(self) -> int:
        """Deletes every night, and a damaged file as a whole; how many nights there were.

        Raises:
            HistoryTrouble: the file is held by another process or cannot be deleted.
        """
        try:
            return self._delete("", ()) if self._there() else 0
        except HistoryDamaged:
            _remove(self.path)
            return 0

    def _there(self) -> bool:
        try:
            return self.path.exists()
        except OSError as error:  # a folder that may not be looked into, a name too long
            raise _trouble(self.path, error) from error

    def _delete(self, which: str, values: tuple[str, ...]) -> int:
        with self._writing() as database:
            count = database.execute(f"DELETE FROM nights{which}", values).rowcount
        with self._open() as database:  # what was deleted does not linger in the file beside it
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction; nothing of it stays where it fails."""
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                with suppress(sqlite3.Error):  # some errors have rolled it back already
                    database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The file at our version, created where it is missing.

        Raises:
            HistoryTrouble: whatever SQLite or the system said, as one line.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Before SQLite does: nobody but the user reads it, nor the files it keeps beside it.
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            with closing(sqlite3.connect(self.path, timeout=self.patience,
                                         isolation_level=None)) as database:  # fmt: skip
                _prepare(database, self.path)
                yield database
        except (sqlite3.Error, OSError) as error:
            raise _trouble(self.path, error) from error


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    """Brings an older file to our version; refuses a newer one."""
    database.execute("PRAGMA secure_delete = ON")  # what was deleted is overwritten
    with suppress(sqlite3.OperationalError):  # where that cannot be (a network disk) it is slower
        database.execute("PRAGMA journal_mode = WAL")
    if _version(database) < len(MIGRATIONS):
        _migrate(database)
    if _version(database) > len(MIGRATIONS):
        raise HistoryTrouble(f"the history {path} was written by a newer overnight; update this "
                             f"one, or name another file in {VARIABLE}")  # fmt: skip


def _migrate(database: sqlite3.Connection) -> None:
    database.execute("BEGIN IMMEDIATE")  # several processes may meet here: one does it
    for statement in (each for step in MIGRATIONS[_version(database) :] for each in step):
        database.execute(statement)
    database.execute(f"PRAGMA user_version = {max(_version(database), len(MIGRATIONS))}")
    database.execute("COMMIT")


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _record(text: str) -> Remembered | None:
    """A record as it was written; None where a newer version wrote what this one cannot read."""
    try:
        return from_json(json.loads(text), Remembered)
    except (TypeError, ValueError, RecursionError):
        return None


def _trouble(path: Path, error: Exception) -> HistoryTrouble:
    """What is wrong with the file, and how to mend it."""
    said = str(error)
    if "locked" in said:
        return HistoryTrouble(f"the history {path} is held by another process")
    if any(sign in said for sign in ("not a database", "malformed", "no such")):
        return HistoryDamaged(f"the history {path} is damaged ({said}); "
                              "`overnight history --delete` begins a new one")  # fmt: skip
    return HistoryTrouble(f"the history {path} cannot be used ({said}); {VARIABLE} may name "
                          f"another file, or be `{OFF}`")  # fmt: skip


def _remove(path: Path) -> None:
    """Deletes a damaged file and what SQLite keeps beside it."""
    try:
        for ending in ("", "-wal", "-shm", "-journal"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
    except OSError as error:
        raise HistoryTrouble(f"{path} cannot be deleted: {error}") from error
