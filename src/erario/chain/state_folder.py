"""The folder in which erario keeps what it has read of a network, and who may write there.

    ~/.local/state/erario/main/     or $XDG_STATE_HOME/erario/main, or what --state names
        headers.dat                 verified headers (`header_store`)
        headers-pinned.dat          stretches of headers that pins vouch for (`stretch_store`)
        matches.sqlite              what matched, and where blocks lie (`store_database`)
        lock                        held by the run that writes

Invariant: nothing here ever stands in the way of an answer. What cannot be read is as if it were
not there; what cannot be written is not kept; either is told by `troubles`, once, afterwards. One
run at a time writes: another one waits a little, then goes on without keeping anything.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

from erario.bitcoin.network import NetworkName
from erario.chain import header_store, store_database
from erario.chain.header_store import HeaderStore
from erario.chain.store_database import Database, move_aside, open_database
from erario.chain.store_errors import (
    DamagedStoreError,
    StoreCode,
    StoreError,
    busy,
    not_written,
)

LOCK_NAME: Final = "lock"
LOCK_SECONDS = 3.0
"""How long a run waits for another one that writes."""
_POLL_SECONDS: Final = 0.05

_T = TypeVar("_T")


def default_state_folder() -> Path:
    """Where state lies unless something else is asked for (XDG Base Directory, 0.8)."""
    given = Path(os.environ.get("XDG_STATE_HOME", ""))
    # The specification has relative paths passed over.
    base = given if given.is_absolute() else Path("~/.local/state").expanduser()
    return base / "erario"


class StateFolder:
    """What is kept of one network.

    Args:
        base: the folder for all networks.
        name: the network.
    """

    def __init__(self, base: Path, name: NetworkName) -> None:
        self.name: Final = name
        self.path: Final = base.expanduser().absolute() / name
        self.headers: Final = HeaderStore(self.path / header_store.FILE_NAME)
        self.kept_upto: int | None = None
        self._troubles: dict[str, StoreError] = {}
        self._epoch = 0
        self._patience = LOCK_SECONDS

    @property
    def troubles(self) -> tuple[StoreError, ...]:
        """What went wrong with the stores, each thing once; the answer is whole all the same."""
        return tuple(self._troubles.values())

    @contextmanager
    def session(self) -> Iterator[StateSession]:
        """The stores, open; ours alone to write, if that can be had."""
        with ExitStack() as stack:
            refused = self._enter_folder(stack)
            session = StateSession(self, refused)
            stack.callback(session.close)
            session.open()
            yield session

    @contextmanager
    def exclusive(self) -> Iterator[Path]:
        """The folder, ours alone, with nothing of it open.

        Raises:
            StoreError: another run has it, or it cannot be locked.
        """
        with ExitStack() as stack:
            refused = self._enter_folder(stack)
            if refused is not None:
                raise refused
            yield self.path

    def note(self, trouble: StoreError) -> None:
        """Take down what went wrong."""
        self._troubles.setdefault(trouble.code, trouble)

    def beside(self) -> StateFolder:
        """The same folder, for another source that is asked at the same time. Troubles are told by
        this one; not that the other waited for us."""
        return _Beside(self)

    def next_epoch(self) -> int:
        """The number of the next making of the database."""
        self._epoch += 1
        return self._epoch

    def _enter_folder(self, stack: ExitStack) -> StoreError | None:
        """Make the folder and take the lock; why nothing may be written, or None."""
        try:
            # For nobody else's eyes: which scripts somebody watches is seen here.
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.mkdir(mode=0o700, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            handle = os.open(self.path / LOCK_NAME, flags, 0o600)
        except OSError as error:
            return not_written(self.path, error.strerror or str(error))
        stack.callback(os.close, handle)
        if self._take_lock(handle):
            return None
        # Whoever could not have it once does not wait again.
        self._patience = 0.0
        return busy(self.path)

    def _take_lock(self, handle: int) -> bool:
        import fcntl  # noqa: PLC0415 - not on every system

        end = time.monotonic() + self._patience
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            if time.monotonic() >= end:
                return False
            time.sleep(_POLL_SECONDS)


class _Beside(StateFolder):
    def __init__(self, first: StateFolder) -> None:
        self._first = first
        super().__init__(first.path.parent, first.name)

    @property
    def kept_upto(self) -> int | None:
        """Up to where any of them has kept what it read."""
        return self._first.kept_upto

    @kept_upto.setter
    def kept_upto(self, height: int | None) -> None:
        if height is not None:
            self._first.kept_upto = height

    def note(self, trouble: StoreError) -> None:
        if trouble.code is not StoreCode.BUSY:
            self._first.note(trouble)


class StateSession:
    """The stores while they are open. `database` is None where there is none to use."""

    def __init__(self, state: StateFolder, refused: StoreError | None) -> None:
        self._state = state
        self._refused = refused
        self.headers = state.headers
        self.database: Database | None = None
        self.epoch = 0

    @property
    def may_write(self) -> bool:
        """Whether anything can be kept."""
        return self._refused is None and self.database is not None

    def open(self) -> None:
        """Open both stores; what cannot be believed is put aside."""
        if self._state.path.is_dir():
            self._open_database()
            self._load_headers()

    def close(self) -> None:
        """Close what is open."""
        if self.database is not None:
            self.database.close()
            self.database = None

    def recall(self, read: Callable[[Database], _T]) -> _T | None:
        """What `read` finds in the database; None where nothing is to be had."""
        if self.database is None:
            return None
        try:
            return read(self.database)
        except DamagedStoreError as error:
            self._make_anew(error)
        except StoreError as error:
            self._state.note(error)
        return None

    def keep(self, write: Callable[[Database], None]) -> bool:
        """Let `write` keep something; whether it did."""
        if self._refused is not None:
            self._state.note(self._refused)
            return False
        if self.database is None:
            return False
        try:
            write(self.database)
        except DamagedStoreError as error:
            self._make_anew(error)
        except StoreError as error:
            self._refused = error
            self._state.note(error)
        else:
            return True
        return False

    def keep_headers(self, headers: bytes) -> bool:
        """Keep the headers of a chain; whether they are there."""
        if self._refused is not None:
            self._state.note(self._refused)
            return False
        try:
            self.headers.replace(headers)
        except StoreError as error:
            self._refused = error
            self._state.note(error)
            return False
        return True

    def _open_database(self) -> None:
        path = self._state.path / store_database.FILE_NAME
        writing = self._refused is None
        if not writing and not path.exists():
            return
        try:
            self.database = open_database(path, writing=writing)
            self.epoch = self._state.next_epoch()
        except DamagedStoreError as error:
            self._make_anew(error)
        except StoreError as error:
            self._state.note(error)

    def _load_headers(self) -> None:
        try:
            self.headers.load()
        except DamagedStoreError as error:
            self._state.note(error)
            if error.code != StoreCode.DAMAGED and self._refused is None:
                with self._noting():
                    move_aside(self.headers.path)
        except StoreError as error:
            self._state.note(error)

    def _make_anew(self, error: DamagedStoreError) -> None:
        """Go on with an empty database, or with none; what could not be believed lies aside."""
        self._state.note(error)
        self.close()
        if self._refused is not None:
            return
        path = self._state.path / store_database.FILE_NAME
        with self._noting():
            move_aside(path)
            self.database = open_database(path, writing=True)
            self.epoch = self._state.next_epoch()

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            self._refused = error
            self._state.note(error)
