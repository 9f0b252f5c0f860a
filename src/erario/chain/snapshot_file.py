"""The file of a UTXO snapshot, as `dumptxoutset` writes it: its head, and its bytes by windows.

    since Bitcoin Core 28    "utxo" ff, version 2 (2 bytes), magic of the network (4), base block
                             (32), coins (8); then by transaction: txid, compact size n, n coins,
                             each behind the compact size of its output number
    Bitcoin Core 22 to 27    base block (32), coins (8); then each coin behind its outpoint (36)
    Bitcoin Core 0.20, 0.21  as that, with the transactions of the chain (4) behind the coins

A coin is: packed number, twice the height plus 1 for a coinbase; packed number, the packed amount;
packed script (`bitcoin.compression`). The older heads cannot be told from each other: see
`snapshot_scan`.

Trusted: nothing. Which coins are right is what the pinned hash says. The bytes are copied, not
mapped: they are read twice, to be hashed and to be listed, and must not change in between; and a
mapped file that somebody cuts short ends the process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final

import numpy as np

from erario.bitcoin.network import Network
from erario.bitcoin.values import BlockHash
from erario.chain.block_files import FileStamp
from erario.chain.block_paths import unreadable
from erario.chain.errors import ChainCode
from erario.chain.snapshot_errors import SnapshotCode, refuse_snapshot
from erario.errors import Place, RequestError, SourceError

MAGIC: Final = b"utxo\xff"
VERSION: Final = 2
HEAD_SIZE: Final = 51
OLD_HEAD_SIZES: Final = (40, 44)
LEAD: Final = 32
"""Where the bytes of the file begin in a window."""
WINDOW: Final = 4 << 20
LARGEST_WINDOW: Final = 8 << 20
"""Bytes that a window shows: what the near caches hold, and what any one transaction fits into."""


@dataclass(frozen=True, slots=True)
class SnapshotHead:
    """What the file says of itself.

    Attributes:
        starts: where the coins may begin; more than one place where the format leaves it open.
        each_named: each coin has its whole outpoint (before Bitcoin Core 28).
    """

    base: BlockHash
    coins: int
    starts: tuple[int, ...]
    each_named: bool


class SnapshotFile:
    """A snapshot that lies at a path. `name` is how errors call it.

    Raises:
        RequestError: there is no file.
        SourceError: it cannot be read, or is no snapshot of the network.
    """

    def __init__(self, path: Path, rules: Network) -> None:
        self.name: Final = path.name
        self._path = path
        if not path.is_file():
            raise RequestError(
                ChainCode.PATH_MISSING,
                f"there is no file {path}",
                remedy="Give the file that dumptxoutset wrote, as snapshot:FILE.",
                place=Place(str(path)),
            )
        try:
            with path.open("rb") as file:
                self.stamp: Final = FileStamp.of(os.fstat(file.fileno()))
                start = file.read(HEAD_SIZE)
        except OSError as error:
            raise unreadable(path, error) from error
        self.head: Final = _read_head(path.name, start, rules)

    @contextmanager
    def open(self) -> Iterator[SnapshotWindow]:
        """A window on its bytes, which shows nothing yet.

        Raises:
            SourceError: it cannot be read, or is not what it was, now or when all was read.
        """
        try:
            with self._path.open("rb", buffering=0) as file:
                if FileStamp.of(os.fstat(file.fileno())) != self.stamp:
                    raise self.changed()
                yield SnapshotWindow(self, file)
        except OSError as error:
            raise unreadable(self._path, error) from error
        self.refuse_changes()

    def refuse_changes(self) -> None:
        """Make sure that nobody has written to it since it was opened.

        Raises:
            SourceError: it is not what it was.
        """
        try:
            stamp = FileStamp.of(self._path.stat())
        except OSError as error:
            raise unreadable(self._path, error) from error
        if stamp != self.stamp:
            raise self.changed()

    def changed(self) -> SourceError:
        """The error for a file that is not what it was."""
        return refuse_snapshot(self.name, SnapshotCode.CHANGED, "it changed while it was read")


class SnapshotWindow:
    """A part of a snapshot, in memory of our own. Before it there is room for one txid.

    Attributes:
        data: the window.
        size: how much of `data` is in use.
        more: whether the file goes on behind it.
    """

    def __init__(self, file: SnapshotFile, raw: FileIO) -> None:
        self.data: Final = np.empty(LEAD + LARGEST_WINDOW, np.uint8)
        self.size = LEAD
        self.more = True
        self._file = file
        self._raw = raw
        self._offset = 0

    def where(self, at: int) -> int:
        """The offset in the file of what is at `at` in the window."""
        return self._offset + at - LEAD

    def show(self, offset: int, *, largest: bool = False) -> None:
        """Show the file from `offset` on, as much as is usual or as can be; that is then at `LEAD`.

        Raises:
            SourceError: it cannot be read, or has become shorter.
        """
        left = max(0, self._file.stamp.size - offset)
        size = min(left, LARGEST_WINDOW if largest else WINDOW)
        self._offset, self.size, self.more = offset, LEAD + size, left > size
        view = self.data[LEAD : self.size].data
        self._raw.seek(offset)
        while view:
            count = self._raw.readinto(view)
            if not count:
                raise self._file.changed()
            view = view[count:]

    def move(self, at: int, txid: int) -> None:
        """Show what follows from `at` on, and before it the txid that is at `txid` now, if any.

        Raises:
            SourceError: as above.
        """
        if txid >= 0:
            self.data[:LEAD] = self.data[txid : txid + LEAD].copy()
        # What the window did not hold though it was at its beginning takes a larger one.
        self.show(self.where(at), largest=at == LEAD)


def _read_head(name: str, start: bytes, rules: Network) -> SnapshotHead:
    if not start.startswith(MAGIC):
        return _read_old_head(name, start)
    if len(start) < HEAD_SIZE:
        raise refuse_snapshot(name, SnapshotCode.TRUNCATED, "it ends within its head")
    version = int.from_bytes(start[5:7], "little")
    if version != VERSION:
        raise refuse_snapshot(
            name, SnapshotCode.VERSION, f"its format is version {version}, not {VERSION}"
        )
    if start[7:11] != rules.magic:
        raise refuse_snapshot(
            name, SnapshotCode.OTHER_NETWORK, f"it is of another network than {rules.name.value}"
        )
    coins = int.from_bytes(start[43:51], "little")
    return SnapshotHead(BlockHash(start[11:43]), coins, (HEAD_SIZE,), each_named=False)


def _read_old_head(name: str, start: bytes) -> SnapshotHead:
    if len(start) < OLD_HEAD_SIZES[0]:
        raise refuse_snapshot(name, SnapshotCode.NOT_ONE, "it is too short for any snapshot")
    coins = int.from_bytes(start[32:40], "little")
    return SnapshotHead(BlockHash(start[:32]), coins, OLD_HEAD_SIZES, each_named=True)
