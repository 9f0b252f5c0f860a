"""The SQLite file of a network: what matched, and where blocks lie. Opened here, and nowhere else.

A transaction is whole or not there at all (SQLite's rollback journal, synchronous=FULL), so a
process that is killed leaves the state before it, and the next opening rolls back. What SQLite
does not notice, flipped bytes and lost rows, is noticed by seals that each table's module checks.

Only this module sees sqlite3's exceptions. Trouble of the moment (full, read-only, locked) and
damage are told apart by SQLite's own codes: damage has the file moved aside and made anew.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from erario.chain.store_errors import (
    StoreError,
    busy,
    damaged,
    foreign,
    not_written,
    other_version,
    unreadable_store,
)

FILE_NAME: Final = "matches.sqlite"
ASIDE: Final = ".aside"
"""What is added to the name of a file that cannot be believed; one such file is kept."""

_APPLICATION: Final = 0x65726172
"""Marks a SQLite file as ours: "erar" in ASCII."""
_VERSION: Final = 2
"""Goes up with every change to the tables; nothing is ever migrated."""
_WAIT_SECONDS: Final = 3.0
_LEAST_FREE: Final = 1 << 10
"""Pages (of 4 KiB) that must be free before the file is made smaller."""
_MOST_FREED: Final = 1 << 15
"""Pages that are given back at once: some seconds of a slow disk."""

_SCHEMA: Final = f"""
CREATE TABLE script_sets (
    name BLOB PRIMARY KEY,
    scripts BLOB NOT NULL
);
CREATE TABLE watch_lists (
    number INTEGER PRIMARY KEY,
    name BLOB NOT NULL,
    folder BLOB NOT NULL,
    height INTEGER NOT NULL,
    block_hash BLOB NOT NULL,
    seal BLOB NOT NULL,
    used INTEGER NOT NULL
);
CREATE TABLE matches (
    list INTEGER NOT NULL,
    height INTEGER NOT NULL,
    transactions INTEGER NOT NULL,
    seal BLOB NOT NULL,
    evidence BLOB NOT NULL,
    PRIMARY KEY (list, height)
) WITHOUT ROWID;
CREATE TABLE folders (
    folder BLOB PRIMARY KEY,
    content BLOB NOT NULL,
    seal BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE files (
    folder BLOB NOT NULL,
    name BLOB NOT NULL,
    stamp BLOB NOT NULL,
    records BLOB NOT NULL,
    known BLOB NOT NULL,
    seal BLOB NOT NULL,
    PRIMARY KEY (folder, name)
);
CREATE TABLE visits (
    folder BLOB PRIMARY KEY,
    used INTEGER NOT NULL
) WITHOUT ROWID;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
"""

_OF_THE_MOMENT: Final = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_TOOBIG,
    }
)

Row = tuple[object, ...]


class Database:
    """The file, open; a context manager. Made by `open_database`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    def rows(self, query: str, values: Sequence[object] = ()) -> Iterator[Row]:
        """The rows of a query.

        Raises:
            DamagedStoreError: SQLite finds the file damaged.
            StoreError: it cannot be read now.
        """
        cursor = None
        try:
            cursor = self._connection.execute(query, values)
            # Not `yield from`: that would close the cursor, where the file may be closed already.
            for row in cursor:  # noqa: UP028
                yield row
        except sqlite3.Error as error:
            raise _told(self.path, error, is_write=False) from error
        finally:
            if cursor is not None:
                with suppress(sqlite3.Error):
                    cursor.close()

    def run(self, statement: str, values: Sequence[object] = ()) -> int:
        """Run one statement within `transaction`; the number of the row that it inserted.

        Raises:
            StoreError: as `rows`.
        """
        try:
            with closing(self._connection.execute(statement, values)) as cursor:
                return cursor.lastrowid or 0
        except sqlite3.Error as error:
            raise _told(self.path, error, is_write=True) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that runs within is kept whole, or not at all.

        Raises:
            StoreError: it could not be kept.
        """
        self.run("BEGIN IMMEDIATE")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            # Where SQLite has rolled back by itself, as on a full disk, there is nothing to end.
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def size(self) -> int:
        """Bytes of the file that are in use.

        Raises:
            StoreError: as `rows`.
        """
        pages, free, bytes_each = map(self._number, ("page_count", "freelist_count", "page_size"))
        return (pages - free) * bytes_each

    def shrink(self) -> None:
        """Give back to the file system what is free, where that is a fourth of the file or more.

        Raises:
            StoreError: it could not be done; the file is as it was.
        """
        free = self._number("freelist_count")
        if free < _LEAST_FREE or 4 * free < self._number("page_count"):
            return
        try:
            # SQLite frees a page at each step, and `execute` takes one step: there is no row.
            self._connection.executescript(f"PRAGMA incremental_vacuum({_MOST_FREED})")
        except sqlite3.Error as error:
            raise _told(self.path, error, is_write=True) from error

    def _number(self, name: str) -> int:
        return next(as_int(value) for (value,) in self.rows(f"PRAGMA {name}"))

    def close(self) -> None:
        """Close the file."""
        with suppress(sqlite3.Error):
            self._connection.close()


def open_database(path: Path, *, writing: bool) -> Database:
    """Open the file at `path`, and make it where it is missing or empty and may be written.

    Raises:
        DamagedStoreError: it is damaged, not ours, or of another version.
        StoreError: it cannot be opened now.
    """
    try:
        if writing:
            # SQLite's journal takes the mode of the file, so the file is made first.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        mode = "rw" if writing else "ro"
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            timeout=_WAIT_SECONDS,
            isolation_level=None,
            uri=True,
        )
    except OSError as error:
        raise not_written(path, error.strerror or str(error)) from error
    except sqlite3.Error as error:
        raise _told(path, error, is_write=False) from error
    database = Database(path, connection)
    try:
        _prepare(database, connection, writing=writing)
    except BaseException:
        database.close()
        raise
    return database


def move_aside(path: Path) -> None:
    """Put a file out of the way that cannot be believed, and its journal with it.

    Raises:
        StoreError: the folder does not allow it.
    """
    try:
        path.replace(path.with_name(f"{path.name}{ASIDE}"))
        # A journal of the old file must never be played back into the new one.
        path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
    except OSError as error:
        raise not_written(path, error.strerror or str(error)) from error


def _prepare(database: Database, connection: sqlite3.Connection, *, writing: bool) -> None:
    path = database.path
    try:
        # Hostile schemas cannot call functions, and pages that do not fit are reported.
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("PRAGMA synchronous = FULL")
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if (application, version, tables) == (0, 0, 0) and writing:
            # Before the first table, or never: so that the file can be made smaller.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
            application, version = _APPLICATION, _VERSION
    except sqlite3.Error as error:
        if _code(error) == sqlite3.SQLITE_NOTADB:
            raise foreign(path) from error
        raise _told(path, error, is_write=writing) from error
    if application != _APPLICATION:
        raise foreign(path) if tables else unreadable_store(path, "it is empty")
    if version != _VERSION:
        raise other_version(path)


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary code of an error; 0 where it has none, as for misuse of the module."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def _told(path: Path, error: sqlite3.Error, *, is_write: bool) -> StoreError:
    if _code(error) not in _OF_THE_MOMENT:
        return damaged(path, str(error))
    if _code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return busy(path)
    return not_written(path, str(error)) if is_write else unreadable_store(path, str(error))


def as_bytes(value: object) -> bytes:
    """A column that holds bytes.

    Raises:
        DamagedStoreError: it holds something else; SQLite's own types can be damaged too.
    """
    if not isinstance(value, bytes):
        raise damaged(Path(FILE_NAME), "a column has another type")
    return value


def as_int(value: object) -> int:
    """A column that holds an integer.

    Raises:
        DamagedStoreError: it holds something else.
    """
    if not isinstance(value, int):
        raise damaged(Path(FILE_NAME), "a column has another type")
    return value
