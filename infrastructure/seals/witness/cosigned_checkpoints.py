"""The newest checkpoint of each log that a witness has cosigned, in an SQLite file."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

BUSY_SECONDS = 10.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS cosigned (
    origin TEXT PRIMARY KEY,
    size   TEXT NOT NULL,
    root   BLOB NOT NULL,
    note   BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS witness (
    vkey TEXT NOT NULL
) STRICT;
"""
_SELECT = "SELECT size, root, note FROM cosigned WHERE origin = ?"
_REPLACE = "INSERT OR REPLACE INTO cosigned (origin, size, root, note) VALUES (?, ?, ?, ?)"


class StateUnusable(Exception):
    """The file with the state of a witness cannot be used; the message names the way out."""


class Cosigned(NamedTuple):
    """A checkpoint that was cosigned; `note` has the signatures of the log and of the witness."""

    size: int
    root: bytes
    note: bytes


class CosignedCheckpoints:
    """The state of a witness.

    Several threads and processes may use one file at the same time.
    """

    def __init__(self, file: Path) -> None:
        """Open the file; create it if it is missing.

        Raises: StateUnusable.
        """
        self._file = file
        self._lock = threading.Lock()
        try:
            file.touch(mode=0o600)
            # What was committed must survive a power failure: EXTRA also syncs the directory.
            self._connection = sqlite3.connect(
                file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA synchronous = EXTRA")
            self._connection.executescript(_SCHEMA)
        except OSError as error:
            raise StateUnusable(
                f"{file} cannot be created ({error.strerror}): name a file in another folder with "
                "--key."
            ) from error
        except sqlite3.Error as error:
            raise StateUnusable(
                f"{file} cannot be used ({error}). Never put back an older copy of it: a witness "
                "that forgets what it has signed is worthless. Start a new one with another --key."
            ) from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def bind(self, vkey: str) -> None:
        """Record whose state this is.

        Raises: StateUnusable if it is the one of another witness.
        """
        with self._transaction() as cursor:
            row = cursor.execute("SELECT vkey FROM witness").fetchone()
            if row is None:
                cursor.execute("INSERT INTO witness (vkey) VALUES (?)", [vkey])
            elif row[0] != vkey:
                raise StateUnusable(
                    f"{self._file} is the state of the witness {row[0]}, and the key is the one of "
                    f"{vkey}: put that key back, or start a new witness with another --key."
                )

    def newest(self, origin: str) -> Cosigned | None:
        """Return the newest checkpoint of a log; None if none was cosigned."""
        with self._lock, closing(self._connection.cursor()) as cursor:
            return _newest(cursor, origin)

    @contextmanager
    def change(self, origin: str) -> Iterator["CosignedChange"]:
        """Lock the state during the block; what the block sets is durable after it."""
        with self._transaction() as cursor:
            yield CosignedChange(cursor, origin)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        with self._lock, closing(self._connection.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
                cursor.execute("COMMIT")
            except BaseException:
                cursor.execute("ROLLBACK")
                raise


class CosignedChange:
    """The newest checkpoint of a log while no other request can change it."""

    def __init__(self, cursor: sqlite3.Cursor, origin: str) -> None:
        self._cursor, self._origin = cursor, origin
        self.newest = _newest(cursor, origin)
        """None if none was cosigned."""

    def set(self, cosigned: Cosigned) -> None:
        """Replace it."""
        row = (self._origin, str(cosigned.size), cosigned.root, cosigned.note)
        self._cursor.execute(_REPLACE, row)


def _newest(cursor: sqlite3.Cursor, origin: str) -> Cosigned | None:
    row = cursor.execute(_SELECT, [origin]).fetchone()
    return row and Cosigned(int(row[0]), row[1], row[2])
