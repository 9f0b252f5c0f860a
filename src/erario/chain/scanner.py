"""Which transactions of a chain touch the watched scripts; and the transactions of one block.

    scan           all blocks, in chain order
    list_transactions   txids and places of the transactions of one block

This is the door to the kernels: `scanner_windows` says how a scan runs, `kernels_walk` how a block
is read, `kernels_check` what is checked. Importing it imports numba.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from erario.bitcoin.errors import BlockFault
from erario.chain.kernels import Bytes, Integers
from erario.chain.kernels_room import START, STOP, TRANSACTIONS
from erario.chain.scanner_windows import (
    PAYS,
    SPENDS,
    Places,
    WindowScan,
    new_room,
    scan_in_room,
)
from erario.chain.script_table import build_scripts

__all__ = [
    "BLOCK_DTYPE",
    "HIT_DTYPE",
    "PAYS",
    "SPENDS",
    "BlockFileView",
    "BlockListing",
    "ScanFault",
    "ScanResult",
    "list_transactions",
    "scan",
]

BLOCK_DTYPE: Final = np.dtype(
    [("file", np.int32), ("offset", np.int64), ("size", np.uint32), ("height", np.int32)]
)
"""A block: its file, the first byte of its header there, all its bytes, its height."""

HIT_DTYPE: Final = np.dtype([("height", np.int32), ("position", np.int32), ("kind", np.uint8)])
"""A transaction that touches a watched script: its place, and `PAYS`, `SPENDS` or both."""


class ScanFault(StrEnum):
    """What can be wrong with a block before its content is looked at."""

    UNREADABLE = "block.unreadable"


_FAULTS: Final[tuple[StrEnum, ...]] = (
    ScanFault.UNREADABLE,
    BlockFault.NO_TRANSACTION,
    BlockFault.MERKLE_ROOT,
    BlockFault.MERKLE_MUTATED,
    BlockFault.NO_COINBASE,
    BlockFault.MORE_COINBASES,
    BlockFault.TOO_HEAVY,
    BlockFault.COMMITMENT_MISSING,
    BlockFault.COMMITMENT_NONCE,
    BlockFault.COMMITMENT_WRONG,
)
"""In the order of the numbers in `kernels_check`, from 1 on."""


class BlockFileView:
    """The bytes of a file with blocks.

    Args:
        name: of the file.
        data: a mapping that nobody writes, or what makes it once it is first read.
        key: the eight bytes of `xor.dat`, or None for a plain file.
    """

    __slots__ = ("_data", "key", "name")

    def __init__(self, name: str, data: Bytes | Callable[[], Bytes], key: bytes | None) -> None:
        self.name: Final = name
        self.key: Final = key
        self._data = data

    @property
    def is_mapped(self) -> bool:
        """Whether its bytes were asked for, or were there from the start."""
        return not callable(self._data)

    @property
    def data(self) -> Bytes:
        """Its bytes.

        Raises:
            SourceError: they are only read now, and cannot be.
        """
        if callable(self._data):
            self._data = self._data()
        return self._data


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a scan found.

    Attributes:
        hits: of `HIT_DTYPE`, sorted by height and position, each place once.
        bad: index of a block and its first fault, in order; nothing is found in such a block.
    """

    hits: npt.NDArray[np.void]
    bad: tuple[tuple[int, StrEnum], ...]


@dataclass(frozen=True, slots=True)
class BlockListing:
    """The transactions of one block; all empty if it cannot be read.

    Attributes:
        txids: 32 bytes each, internal order.
        offsets, lengths: of each transaction, from the block's first byte on.
    """

    txids: Bytes
    offsets: Integers
    lengths: Integers


def scan(
    files: Sequence[BlockFileView],
    blocks: npt.NDArray[np.void],
    scripts: Sequence[bytes],
    *,
    check_roots: bool,
    segwit_height: int = 0,
    known_coins: Bytes | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] = lambda _bytes, _height: None,
) -> ScanResult:
    """Every transaction that pays to one of `scripts` or spends such an output.

    Args:
        files: what `blocks` name by index.
        blocks: of `BLOCK_DTYPE`, in chain order, one copy a height.
        scripts: those that start with 6a or are longer than 10,000 bytes are passed over.
        check_roots: whether the Merkle root, the coinbase and, from `segwit_height` on, the
            witness commitment of each block are checked too.
        known_coins: outpoints, 36 bytes each, that were there before the first block.
        threads: how many scan at once; None for one a processor.
        progress: called now and then, in this thread, with the bytes done and the last height.
    """
    places = places_of(files, blocks, segwit_height)
    job = WindowScan(places, build_scripts(scripts), check=check_roots)
    if known_coins is not None:
        names = np.ascontiguousarray(known_coins, np.uint8).reshape(-1)
        job.coins.add(names, np.full(names.size // 36, -1, np.int64))
    ends = np.cumsum(places.lengths)
    for count in job.run(processors() if threads is None else threads):
        progress(int(ends[count - 1]), int(blocks["height"][count - 1]))
    bad = tuple((number, _FAULTS[fault - 1]) for number, fault in job.faults)
    return ScanResult(_hits(job, blocks), bad)


def list_transactions(files: Sequence[BlockFileView], block: np.void) -> BlockListing:
    """The transactions of `block` (of `BLOCK_DTYPE`), in order, whatever its header says."""
    places = places_of(files, np.array([block], BLOCK_DTYPE), 0)
    window = places.window(np.zeros(1, np.int64))
    room = scan_in_room(window, build_scripts(()), new_room(places.lengths), check=True)
    count = int(room.used[TRANSACTIONS])
    starts, stops = room.spans[:count, START], room.spans[:count, STOP]
    txids = room.txids[: 32 * count].reshape(-1, 32)
    return BlockListing(txids, starts - places.offsets[0], stops - starts)


def _hits(job: WindowScan, blocks: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """What was found, in order, each transaction once."""
    if not job.found_places:
        return np.empty(0, HIT_DTYPE)
    places, kinds = np.concatenate(job.found_places), np.concatenate(job.found_kinds)
    order = np.argsort(places, kind="stable")
    places, kinds = places[order], kinds[order]
    starts = np.flatnonzero(np.concatenate(([True], places[1:] != places[:-1])))
    hits = np.empty(starts.size, HIT_DTYPE)
    hits["height"] = blocks["height"][places[starts] >> 24]
    hits["position"] = places[starts] & 0xFFFFFF
    hits["kind"] = np.bitwise_or.reduceat(kinds, starts)
    return hits


def places_of(
    files: Sequence[BlockFileView], blocks: npt.NDArray[np.void], segwit_height: int
) -> Places:
    """The blocks as `scanner_windows` takes them; `files` must outlive them."""
    addresses, sizes = np.zeros(len(files), np.int64), np.zeros(len(files), np.int64)
    keys = np.zeros(len(files), np.uint64)
    # Only those that are read: others need not even be mapped.
    for number in np.unique(blocks["file"]).tolist():
        file = files[number]
        if file.data.dtype != np.uint8 or not file.data.flags.c_contiguous:
            raise TypeError("a block file is mapped as contiguous bytes")
        addresses[number], sizes[number] = file.data.ctypes.data, file.data.size
        keys[number] = int.from_bytes(file.key or b"", "little")
    return Places(
        addresses=addresses,
        sizes=sizes,
        keys=keys,
        files=blocks["file"].astype(np.int64),
        offsets=blocks["offset"].astype(np.int64),
        lengths=blocks["size"].astype(np.int64),
        segwit=int(np.searchsorted(blocks["height"], segwit_height)),
    )


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
