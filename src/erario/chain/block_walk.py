"""The walk through one block file: where its whole blocks begin, and what else lies there.

Blocks follow each other as network magic, length and block; the walk reads 88 bytes of each and
jumps by its length. Lengths are hostile: one that is wrong would jump over good blocks. So a record
counts only if its header has the proof of work that it claims, within the network's limit, and
either the next record begins right behind it or the block itself is whole: it parses to its length
and has its header's Merkle root. Otherwise the search goes on just behind the failed magic.

What lies between the records that count is garbage, and reported. At the end of a file, zeros (a
node keeps them in reserve) and one cut block (a node is writing it) are none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from erario.bitcoin.values import sha256d
from erario.bitcoin.work import target_of_bits
from erario.chain.block_files import BlockFile
from erario.chain.errors import ChainCode
from erario.chain.file_records import FileRecords, Garbage
from erario.errors import Place, SourceError

PREFIX: Final = 8
"""Bytes before a block: four of network magic, four of length, little-endian."""
HEADER: Final = 80
LEAST_BLOCK: Final = 81
MOST_BLOCK: Final = 4_000_000
"""Bounds on a serialised block in bytes (Bitcoin Core, consensus/consensus.h)."""

_RECORD: Final = PREFIX + HEADER
_FIRST_WINDOW: Final = 1 << 12
_WINDOW: Final = 1 << 20
_LEAST_COST: Final = 256
_TRIALS_FLOOR: Final = 64 << 20
_TRIALS_RATIO: Final = 2

IsWhole = Callable[[bytes], bool]
"""Whether bytes are one whole block with its own Merkle root."""


class BlockWalk:
    """One walk through one file.

    Args:
        file: the file.
        magic: of the network whose blocks count.
        pow_limit: that network's easiest target.
        is_whole: the judge of blocks that nothing follows.
        moved: is told the offset that the walk has come to.
    """

    def __init__(
        self,
        file: BlockFile,
        magic: bytes,
        pow_limit: int,
        is_whole: IsWhole,
        moved: Callable[[int], None],
    ) -> None:
        self._file = file
        self._magic = magic
        self._pow_limit = pow_limit
        self._is_whole = is_whole
        self._moved = moved
        self._window = b""
        self._window_start = 0
        # Failed trials cost up to the length of a block each, at as little as eight bytes.
        self._trials = _TRIALS_FLOOR + _TRIALS_RATIO * file.size
        self._records = FileRecords()

    def run(self) -> FileRecords:
        """Every record that counts.

        Raises:
            SourceError: so much of the file only looks like blocks that it was not made by a node.
        """
        position, lost = 0, -1
        head = self._file.read(0, _RECORD)
        while position >= 0:
            if self._looks_like_record(head):
                size = int.from_bytes(head[4:8], "little")
                end = position + PREFIX + size
                behind = self._file.read(end, _RECORD)
                if self._counts(position, size, behind):
                    if lost >= 0:
                        self._note_garbage(lost)
                        lost = -1
                    self._take(position, size, head, followed=behind[:4] == self._magic)
                    position, head = end, behind
                    self._moved(position)
                    continue
            lost = position if lost < 0 else lost
            position = self._find_magic(position + 1)
            if position >= 0:
                self._spend(_LEAST_COST)
                head = self._file.read(position, _RECORD)
        if not self._ends_properly(lost):
            self._note_garbage(lost)
        return self._records

    def _looks_like_record(self, head: bytes) -> bool:
        if len(head) < _RECORD or head[:4] != self._magic:
            return False
        if not LEAST_BLOCK <= int.from_bytes(head[4:8], "little") <= MOST_BLOCK:
            return False
        header = head[PREFIX:]
        target = target_of_bits(int.from_bytes(header[72:76], "little"))
        if target is None or target > self._pow_limit:
            return False
        return int.from_bytes(sha256d(header), "little") <= target

    def _counts(self, position: int, size: int, behind: bytes) -> bool:
        if behind[:4] == self._magic:
            return True
        raw = self._file.read(position + PREFIX, size)
        if len(raw) == size and self._is_whole(raw):
            return True
        self._spend(len(raw))
        return False

    def _take(self, position: int, size: int, head: bytes, *, followed: bool) -> None:
        records = self._records
        records.offsets.append(position + PREFIX)
        records.sizes.append(size)
        records.headers += head[PREFIX:]
        records.hashes += sha256d(head[PREFIX:])
        records.ends_open += bytes((not followed,))
        records.extent = position + PREFIX + size

    def _note_garbage(self, offset: int) -> None:
        known = self._records.garbage
        self._records.garbage = (
            Garbage(self._file.name, offset, 1)
            if known is None
            else Garbage(known.file, known.offset, known.stretches + 1)
        )

    def _spend(self, cost: int) -> None:
        self._trials -= max(cost, _LEAST_COST)
        if self._trials < 0:
            raise SourceError(
                ChainCode.TOO_MUCH_GARBAGE,
                f"{self._file.name} is full of what looks like blocks and is none",
                remedy="Take the file out, or get it again from a node that you trust.",
                place=Place(self._file.name),
            )

    def _find_magic(self, position: int) -> int:
        """The offset of the next magic from `position` on; -1 where there is none."""
        # Windows start small: a file that alternates blocks and garbage must not cost a large one
        # for each of them.
        length = _FIRST_WINDOW
        while True:
            within = position - self._window_start
            if not 0 <= within <= len(self._window) - len(self._magic):
                self._window = self._file.read(position, length)
                length = min(2 * length, _WINDOW)
                self._window_start, within = position, 0
                self._moved(position)
            found = self._window.find(self._magic, within)
            if found >= 0:
                return self._window_start + found
            if len(self._window) < len(self._magic):
                return -1
            # A magic may lie across the end of the window.
            position = self._window_start + len(self._window) - len(self._magic) + 1

    def _ends_properly(self, lost: int) -> bool:
        """Whether what lies from `lost` to the end is nothing but zeros or one cut block."""
        length = self._last_byte(lost) + 1 - lost
        if length <= 0:
            return True
        head = self._file.read(lost, PREFIX)
        if head[: min(length, 4)] != self._magic[:length]:
            return False
        size = int.from_bytes(head[4:8], "little")
        return length < PREFIX or (LEAST_BLOCK <= size <= MOST_BLOCK and length <= PREFIX + size)

    def _last_byte(self, start: int) -> int:
        """The offset of the last byte that is not zero, from `start` on; `start - 1` if none is.

        The zeros that a node keeps in reserve are not obfuscated.
        """
        end = self._file.size
        while end > start:
            begin = max(start, end - _WINDOW)
            kept = self._file.read_as_is(begin, end - begin).rstrip(b"\0")
            if kept:
                return begin + len(kept) - 1
            end = begin
        return start - 1
