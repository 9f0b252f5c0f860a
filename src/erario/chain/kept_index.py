"""The index of a folder that was partly kept: where blocks lie, and what is known of each copy.

Files whose stamps are as they were are not walked again. Of their records a byte each is known:
CHECKED where the block was held against its header, READ where it was read on the folder's word.
Of a file that changed nothing is known.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Container
from pathlib import Path

import numpy as np
import numpy.typing as npt

from erario.bitcoin.values import Height
from erario.chain.block_copies import BlockCopies
from erario.chain.block_index import BlockIndex, read_block_index
from erario.chain.block_paths import unreadable
from erario.chain.earlier_chain import follow_chain, stale_blocks
from erario.chain.errors import ChainCode
from erario.chain.file_records import FileRecords
from erario.chain.folder_chain import FolderChain, find_folder_chain
from erario.chain.kept_folder import EarlierChain, FolderLook
from erario.chain.place_store import (
    CHECKED,
    READ,
    FileState,
    FolderState,
    PlaceStore,
    Stamp,
    encode_records,
)
from erario.chain.scanner import BlockFileView
from erario.chain.source import ProgressCallback
from erario.chain.state_folder import StateSession
from erario.chain.store_database import Database
from erario.errors import Place, SourceError


class KeptIndex:
    """An open index, the chain in it, and what is known of the copies of its blocks."""

    def __init__(
        self, look: FolderLook, index: BlockIndex, known: npt.NDArray[np.uint8], chain: FolderChain
    ) -> None:
        self.chain = chain
        self.copies = BlockCopies(chain)
        self._look = look
        self._index = index
        self._known = known
        self._bounds = _bounds(index)
        self._unsaved = set(range(len(index.files)))
        # What is kept of the chain is about the first copies: where one of them is bad, the next
        # run has to find that again, so that it says the same.
        self._firsts = self.copies.numbers(chain.best.tip).copy()
        if len(self._firsts) and int(self._firsts.min()) < 0:
            raise SourceError(
                ChainCode.FILE_CHANGED,
                f"{look.path.name} changed while it was read",
                remedy="Start again once nothing but the node itself writes to the folder.",
                place=Place(str(look.path)),
            )

    @property
    def views(self) -> tuple[BlockFileView, ...]:
        """The mapped files."""
        return self._index.views

    def known_upto(self, kind: int) -> Height:
        """Up to which height the first copy of every block is known in this way."""
        missing = np.flatnonzero(self._known[self._firsts] & kind == 0)
        return Height(int(missing[0]) if len(missing) else len(self._firsts))

    def unknown(self, first: Height, last: Height, kind: int) -> npt.NDArray[np.int64]:
        """The heights from `first` to `last` whose chosen copy is not known in this way."""
        numbers = self.copies.numbers(last)[first - 1 :]
        return np.flatnonzero(self._known[numbers] & kind == 0) + first

    def mark(self, heights: npt.NDArray[np.int64], kind: int) -> None:
        """Know from now on that the chosen copies at these heights were checked, or read."""
        numbers = self.copies.numbers(self.chain.best.tip)[heights - 1]
        fresh = numbers[self._known[numbers] & kind == 0]
        self._known[fresh] |= kind
        self._unsaved.update(np.unique(self._index.records["file"][fresh]).tolist())

    def take_known(self, paths: Container[Path]) -> None:
        """These files are kept as they are."""
        files = self._index.files
        self._unsaved = {number for number in self._unsaved if files[number].path not in paths}

    def save(self, session: StateSession) -> bool:
        """Keep what is known of the files and of the folder as a whole; whether it was."""
        best = self.chain.best
        state = FolderState(
            self._look.digest,
            best.tip,
            best.block_hash(best.tip),
            best.work,
            self.known_upto(CHECKED),
            self.known_upto(CHECKED | READ),
            self.chain.findings,
            stale_blocks(self._index, best, self._firsts),
        )
        is_kept = session.keep(lambda database: self._save(database, state))
        if is_kept:
            self._unsaved.clear()
        return is_kept

    def _save(self, database: Database, state: FolderState) -> None:
        places = PlaceStore(database, self._look.name)
        files = self._index.files
        with database.transaction():
            for number in sorted(self._unsaved):
                path = files[number].path
                stamp = self._look.stamps.get(path)
                if stamp is not None and not stamp.is_fresh:
                    records, known = self._encode(number)
                    places.save_file(os.fsencode(path.name), stamp.packed, records, known)
            places.keep_only(frozenset(os.fsencode(file.path.name) for file in files))
            if self._look.is_fresh or len(files) != len(self._look.stamps):
                places.forget()
            else:
                places.save_folder(state)

    def _encode(self, number: int) -> tuple[bytes, bytes]:
        index, file = self._index, self._index.files[number]
        begin, end = self._bounds[number : number + 2].tolist()
        part = index.records[begin:end]
        garbage = [found for found in index.garbage if found.file == file.path.name]
        records = FileRecords(
            offsets=array("q", part["offset"].tobytes()),
            sizes=array("i", part["size"].tobytes()),
            headers=index.headers[begin:end].tobytes(),
            hashes=index.hashes[begin:end].tobytes(),
            ends_open=part["open"].tobytes(),
            extent=file.extent,
            garbage=garbage[0] if garbage else None,
        )
        return encode_records(records), self._known[begin:end].tobytes()


def open_index(
    look: FolderLook,
    session: StateSession,
    progress: ProgressCallback,
    earlier: EarlierChain | None,
) -> KeptIndex:
    """Index the files of a folder, and walk only those that are not kept as they are now.

    Args:
        earlier: the chain that was in these files, where it was kept as well.

    Raises:
        RequestError: there are no block files.
        SourceError: they cannot be read, are another network's, or lack a block.
    """
    kept = _kept_files(look, session)
    while True:
        records = {path: file.records for path, file in kept.items()}
        index = read_block_index(look.path, look.network, progress, records)
        changed = [path for path in kept if not _is_as_it_was(path, look)]
        if not changed:
            break
        # A node wrote to it in between.
        for path in changed:
            del kept[path]
    known = np.zeros(len(index.records), np.uint8)
    bounds = _bounds(index)
    for number, file in enumerate(index.files):
        if file.path in kept:
            known[bounds[number] : bounds[number + 1]] = np.frombuffer(
                kept[file.path].known, np.uint8
            )
    chain = None if earlier is None else follow_chain(earlier, index)
    if chain is None:
        chain = find_folder_chain(look.path, look.network, index, progress)
    opened = KeptIndex(look, index, known, chain)
    opened.take_known(kept)
    return opened


def _bounds(index: BlockIndex) -> npt.NDArray[np.int64]:
    """Where each file's records begin, and the end of the last."""
    numbers = np.ascontiguousarray(index.records["file"])
    return np.searchsorted(numbers, np.arange(len(index.files) + 1))


def _kept_files(look: FolderLook, session: StateSession) -> dict[Path, FileState]:
    paths = {os.fsencode(path.name): path for path in look.stamps}
    stamps = {name: look.stamps[path].packed for name, path in paths.items()}
    files = session.recall(lambda database: PlaceStore(database, look.name).files(stamps))
    return {paths[file.name]: file for file in files or ()}


def _is_as_it_was(path: Path, look: FolderLook) -> bool:
    try:
        return Stamp.of(path).packed == look.stamps[path].packed
    except OSError as error:
        raise unreadable(path, error) from error
