"""A folder of blocks as it was left by an earlier run, as far as nothing has changed.

The folder is listed and its files are looked at, not into. Where all stamps are those of the last
run, its chain, its findings and what is known of its blocks are taken from the store, and nothing
is indexed until a block has to be read. Else the files that changed are walked, the headers are
judged anew, and what was kept of a branch that is no longer the best is taken back to the fork.

numba is imported only once blocks are read (`kept_index`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from erario.bitcoin.header import HEADER_SIZE
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Height, sha256d
from erario.chain.best_chain import BestChain
from erario.chain.block_paths import find_block_files, unreadable
from erario.chain.header_store import common_headers
from erario.chain.place_store import (
    CHECKED,
    READ,
    FolderState,
    PlaceStore,
    Stamp,
    folder_name,
)
from erario.chain.source import ProgressCallback
from erario.chain.state_folder import StateSession
from erario.chain.store_database import Database
from erario.chain.watch_list_store import ListHead, WatchListStore
from erario.statement.finding import Finding

if TYPE_CHECKING:
    from erario.chain.kept_index import KeptIndex


class BadOwnCopyError(Exception):
    """A block of a folder whose word was taken is bad; never leaves the room."""


@dataclass(frozen=True, slots=True)
class FolderLook:
    """A folder as it was when it was looked at.

    Attributes:
        path: as it was asked for.
        name: under which it is kept.
        stamps: of its files.
        digest: over all of them, and over the key.
    """

    path: Path
    network: NetworkName
    name: bytes
    stamps: Mapping[Path, Stamp]
    digest: bytes

    @property
    def is_fresh(self) -> bool:
        """Whether a file changed so recently that it may change again without a new stamp."""
        return any(stamp.is_fresh for stamp in self.stamps.values())


@dataclass(frozen=True, slots=True)
class EarlierChain:
    """The chain that a folder had, its findings, and the hashes of the blocks beside it, as
    `FolderState` has them. `is_same`: nothing has changed since."""

    best: BestChain
    findings: tuple[Finding, ...]
    stale: bytes | None
    is_same: bool = False


def look_at_folder(path: Path, name: NetworkName) -> FolderLook:
    """Look at the block files of a folder.

    Raises:
        RequestError: there are none.
        SourceError: they cannot be looked at.
    """
    found = find_block_files(path, name)
    stamps = {}
    for file in found.paths:
        try:
            stamps[file] = Stamp.of(file)
        except OSError as error:
            raise unreadable(file, error) from error
    digest = hashlib.sha256(found.key or b"")
    for file, stamp in stamps.items():
        digest.update(hashlib.sha256(bytes(file)).digest() + stamp.packed)
    return FolderLook(path, name, folder_name(path), stamps, digest.digest())


class KeptFolder:
    """The best chain of a folder, and what is known of its blocks. Made by `read_kept_folder`.

    Attributes:
        best: the chain.
        findings: of the index and the headers.
        checked: up to which height the first copy of every block was held against its header.
        read: up to which height it was that, or read on the folder's word.
        own_limit: up to which height lists count that were read on the folder's word; None for
            any, since those that say more were taken back.
    """

    def __init__(
        self,
        look: FolderLook,
        best: BestChain,
        findings: tuple[Finding, ...],
        checked: Height,
        read: Height,
    ) -> None:
        self.look = look
        self.best = best
        self.findings = findings
        self.checked = checked
        self.read = read
        self.own_limit: Height | None = None
        self._index: KeptIndex | None = None

    @property
    def is_open(self) -> bool:
        """Whether its blocks can be read by now."""
        return self._index is not None

    def index(self, session: StateSession, progress: ProgressCallback) -> KeptIndex:
        """Where its blocks lie, opened when it is first asked for.

        Raises:
            SourceError: the files cannot be read, or changed since they were looked at.
        """
        if self._index is None:
            from erario.chain.kept_index import open_index  # noqa: PLC0415 - imports numba

            same = EarlierChain(self.best, self.findings, None, is_same=True)
            self._index = open_index(self.look, session, progress, same)
        return self._index

    def take_index(self, index: KeptIndex) -> None:
        """Use an index that was opened already."""
        self._index = index
        self.refresh()

    def refresh(self) -> None:
        """Take over what is known of the blocks by now."""
        if self._index is not None:
            self.checked = self._index.known_upto(CHECKED)
            self.read = self._index.known_upto(CHECKED | READ)

    def usable_height(self, head: ListHead, headers: bytes) -> Height:
        """Up to which height a list is about this chain.

        Args:
            head: of the list.
            headers: of the chain that lists were kept for, which may part from this one.
        """
        best = self.best
        if head.height <= best.tip and best.block_hash(head.height) == head.block_hash:
            return head.height
        kept = slice(head.height * HEADER_SIZE, (head.height + 1) * HEADER_SIZE)
        if len(headers) < kept.stop or sha256d(headers[kept]) != head.block_hash:
            return Height(0)
        last = Height(common_headers(headers, best.headers) - 1)
        return Height(max(0, min(head.height, last)))


def read_kept_folder(
    path: Path, name: NetworkName, session: StateSession, progress: ProgressCallback
) -> KeptFolder:
    """Read a folder with the help of what is kept, and keep what is new of it.

    Raises:
        RequestError: there are no block files.
        SourceError: they cannot be read, hold no block of the network, or lack one.
    """
    look = look_at_folder(path, name)
    state = session.recall(lambda database: PlaceStore(database, look.name).folder())
    best = None if state is None else _kept_chain(state, name, session.headers.headers)
    if state is None or best is None:
        return _read_anew(look, session, progress, None)
    if state.files != look.digest:
        return _read_anew(look, session, progress, EarlierChain(best, state.findings, state.stale))
    return KeptFolder(look, best, state.findings, state.checked, state.read)


def _kept_chain(state: FolderState, name: NetworkName, headers: bytes) -> BestChain | None:
    """The chain that a folder had, if the headers that are kept are still those."""
    size = (state.tip + 1) * HEADER_SIZE
    if len(headers) < size or sha256d(headers[size - HEADER_SIZE : size]) != state.tip_hash:
        return None
    return BestChain(name, headers=headers[:size], work=state.work)


def _read_anew(
    look: FolderLook,
    session: StateSession,
    progress: ProgressCallback,
    earlier: EarlierChain | None,
) -> KeptFolder:
    from erario.chain.kept_index import open_index  # noqa: PLC0415 - imports numba

    index = open_index(look, session, progress, earlier)
    best = index.chain.best
    folder = KeptFolder(look, best, index.chain.findings, Height(0), Height(0))
    folder.take_index(index)
    # What was read on this folder's word counts no further than its files are as they were.
    if _follow_reorganisation(best, session) and _lower(session, folder.read, best, look.name):
        index.save(session)
    else:
        folder.own_limit = folder.read
    return folder


def _follow_reorganisation(best: BestChain, session: StateSession) -> bool:
    """Keep the headers of a chain, lists taken back to the fork first; whether all went well.

    In this order, so that whatever moment the process dies at, no list is ahead of the headers
    that say which chain it is about.
    """
    common = common_headers(session.headers.headers, best.headers)
    if common * HEADER_SIZE == len(best.headers):
        return session.may_write
    if 0 < common < session.headers.count and not _lower(session, Height(common - 1), best):
        return False
    return session.keep_headers(best.headers)


def _lower(
    session: StateSession, height: Height, best: BestChain, folder: bytes | None = None
) -> bool:
    """Take all lists back to a height, or those that a folder's word was taken for; whether
    that went well."""

    def lower(database: Database) -> None:
        lists = WatchListStore(database, session.epoch)
        above = [
            head
            for head in lists.heads()
            if head.height > height and (folder is None or head.folder == folder)
        ]
        if above:
            with database.transaction():
                lists.lower(above, height, best.block_hash(height))

    return session.keep(lower)
