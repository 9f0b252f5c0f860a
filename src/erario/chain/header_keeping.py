"""What is kept of headers between runs: the whole chain from genesis, or stretches around pins.

Never in the way of an answer: what cannot be read is as if it were not there, what cannot be
written is not kept, and either is noted in the state folder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from erario.bitcoin.header import HEADER_SIZE
from erario.bitcoin.network import network
from erario.chain.header_store import HeaderStore
from erario.chain.state_folder import StateFolder
from erario.chain.store_database import move_aside
from erario.chain.store_errors import DamagedStoreError, StoreCode, StoreError
from erario.chain.stretch_store import FILE_NAME, Stretch, StretchStore


class WholeHeaders(StateFolder):
    """A state folder for whoever trusts no pin: over it, a server's headers are all fetched from
    genesis on, and kept whole."""


class HeaderKeeping:
    """The headers of one network that are kept.

    Args:
        state: the folder, or None where nothing is kept.
    """

    def __init__(self, state: StateFolder | None) -> None:
        self._state = state
        self._stretches = None if state is None else StretchStore(state.path / FILE_NAME)

    @property
    def wants_whole(self) -> bool:
        """Whether all headers are to be fetched, and no pin is to be trusted."""
        return isinstance(self._state, WholeHeaders)

    @property
    def whole(self) -> bytes:
        """The verified headers from genesis on, 80 bytes each; empty where they are not kept."""
        if self._state is None:
            return b""
        headers = self._state.headers.headers
        genesis = network(self._state.name).genesis[:HEADER_SIZE]
        return headers if headers.startswith(genesis) else b""

    @property
    def stretches(self) -> Sequence[Stretch]:
        """What was fetched around pins, in the order kept; to be linked again."""
        return () if self._stretches is None else self._stretches.stretches

    def load(self) -> None:
        """Read what is there."""
        if self._state is not None and not self._alone(self._load):
            self._load(writing=False)

    def keep_whole(self, headers: bytes) -> None:
        """Keep the headers of a whole chain, from genesis on."""
        state = self._state
        if state is not None:
            self._alone(lambda: state.headers.replace(headers))

    def keep_stretches(self, stretches: Sequence[Stretch]) -> None:
        """Keep some more stretches."""
        store = self._stretches
        if store is not None:
            self._alone(lambda: store.append(stretches))

    def _alone(self, job: Callable[[], None]) -> bool:
        """Do something while no other run writes; whether it was done."""
        assert self._state is not None
        try:
            with self._state.exclusive():
                job()
        except StoreError as error:
            self._state.note(error)
            return False
        return True

    def _load(self, *, writing: bool = True) -> None:
        assert self._state is not None
        assert self._stretches is not None
        for store in (self._state.headers, self._stretches):
            self._load_one(store, self._state, writing=writing)

    @staticmethod
    def _load_one(store: HeaderStore | StretchStore, state: StateFolder, *, writing: bool) -> None:
        try:
            store.load()
        except DamagedStoreError as error:
            state.note(error)
            if error.code != StoreCode.DAMAGED and writing:
                move_aside(store.path)
        except StoreError as error:
            state.note(error)
