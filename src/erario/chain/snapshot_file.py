"""The file of a UTXO snapshot, as `dumptxoutset` writes it: its head, and its bytes mapped.

    since Bitcoin Core 28    "utxo" ff, version 2 (2 bytes), magic of the network (4), base block
                             (32), coins (8); then by transaction: txid, compact size n, n coins,
                             each behind the compact size of its output number
    Bitcoin Core 22 to 27    base block (32), coins (8); then each coin behind its outpoint (36)
    Bitcoin Core 0.20, 0.21  as that, with the transactions of the chain (4) behind the coins

A coin is: packed number, twice the height plus 1 for a coinbase; packed number, the packed amount;
packed script (`bitcoin.compression`). The older heads cannot be told from each other: see
`snapshot_scan`.

Trusted: nothing. Which coins are right is what the pinned hash says.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from erario.bitcoin.network import Network
from erario.bitcoin.values import BlockHash
from erario.chain.block_files import FileStamp
from erario.chain.block_paths import unreadable
from erario.chain.errors import ChainCode
from erario.chain.snapshot_errors import SnapshotCode, refuse_snapshot
from erario.errors import Place, RequestError

MAGIC: Final = b"utxo\xff"
VERSION: Final = 2
HEAD_SIZE: Final = 51
OLD_HEAD_SIZES: Final = (40, 44)


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

    def map(self) -> npt.NDArray[np.uint8]:
        """All bytes, mapped and read-only.

        Raises:
            SourceError: it cannot be read, or is not what it was.
        """
        try:
            with self._path.open("rb") as file:
                if FileStamp.of(os.fstat(file.fileno())) != self.stamp:
                    raise self._changed()
                mapped = mmap.mmap(file.fileno(), self.stamp.size, access=mmap.ACCESS_READ)
        except OSError as error:
            raise unreadable(self._path, error) from error
        return np.frombuffer(mapped, dtype=np.uint8)

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
            raise self._changed()

    def _changed(self) -> Exception:
        return refuse_snapshot(self.name, SnapshotCode.CHANGED, "it changed while it was read")


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
