"""Positions by hash: an open-addressed table of four bytes a slot beside a column of hashes.

A dict would hold two Python objects for each of a million headers. Slots are chosen by Python's
own hash of the bytes, which is salted per process, so that nobody can prepare collisions.
"""

from __future__ import annotations

from array import array
from typing import Final

HASH_SIZE: Final = 32
_FREE: Final = -1


class HashIndex:
    """Where a 32-byte hash stands in `hashes`, a column of distinct hashes that only grows.

    Whoever appends to the column calls `take_in` before each new hash, in order.
    """

    def __init__(self, hashes: bytes | bytearray) -> None:
        self._hashes = hashes
        self._count = len(hashes) // HASH_SIZE
        self._mask = 0
        self._slots = array("i")
        self._resize()

    def find(self, wanted: bytes) -> int | None:
        """The position of a hash, or None."""
        position = self._slots[self._slot(wanted)]
        return None if position == _FREE else position

    def take_in(self, block_hash: bytes) -> bool:
        """Note the next hash that will stand in the column; false where it stands there already
        and must not be appended."""
        if 2 * self._count > self._mask:
            self._resize()
        slot = self._slot(block_hash)
        if self._slots[slot] != _FREE:
            return False
        self._slots[slot] = self._count
        self._count += 1
        return True

    def _slot(self, wanted: bytes) -> int:
        """The slot that holds the position of a hash, or the free one where it belongs."""
        slots, mask, hashes = self._slots, self._mask, self._hashes
        slot = hash(wanted) & mask
        while (position := slots[slot]) != _FREE:
            start = position * HASH_SIZE
            if hashes[start : start + HASH_SIZE] == wanted:
                break
            slot = (slot + 1) & mask
        return slot

    def _resize(self) -> None:
        # Never more than half full, so that a search ends after a few steps.
        size = 1 << max(4 * self._count, 1024).bit_length()
        self._mask = size - 1
        self._slots = array("i", [_FREE]) * size
        for position in range(self._count):
            start = position * HASH_SIZE
            slot = hash(bytes(self._hashes[start : start + HASH_SIZE])) & self._mask
            while self._slots[slot] != _FREE:
                slot = (slot + 1) & self._mask
            self._slots[slot] = position
