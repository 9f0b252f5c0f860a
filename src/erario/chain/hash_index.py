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

    Whoever appends to the column calls `take_in` before each new hash, in order, or `take_over`
    behind many that are known to be new. These get their slots only once somebody asks.
    """

    def __init__(self, hashes: bytes | bytearray) -> None:
        self._hashes = hashes
        self._count = len(hashes) // HASH_SIZE
        self._placed = 0
        self._mask = -1
        self._slots = array("i")
        self._catch_up()

    def find(self, wanted: bytes) -> int | None:
        """The position of a hash, or None."""
        if self._placed < self._count:
            self._catch_up()
        position = self._slots[self._slot(wanted)]
        return None if position == _FREE else position

    def take_in(self, block_hash: bytes) -> bool:
        """Note the next hash that will stand in the column; false where it stands there already
        and must not be appended."""
        if self._placed < self._count or 2 * self._count > self._mask:
            self._catch_up()
        slot = self._slot(block_hash)
        if self._slots[slot] != _FREE:
            return False
        self._slots[slot] = self._count
        self._count += 1
        self._placed += 1
        return True

    def take_over(self) -> None:
        """Note the hashes that were appended to the column; none of them stood in it before."""
        self._count = len(self._hashes) // HASH_SIZE

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

    def _catch_up(self) -> None:
        """Give every hash of the column a slot, in a table that has room for more."""
        if 2 * self._count > self._mask:
            # Never more than half full, so that a search ends after a few steps.
            size = 1 << max(4 * self._count, 1024).bit_length()
            self._mask = size - 1
            self._slots = array("i", [_FREE]) * size
            self._placed = 0
        slots, mask, hashes = self._slots, self._mask, self._hashes
        for position in range(self._placed, self._count):
            start = position * HASH_SIZE
            slot = hash(bytes(hashes[start : start + HASH_SIZE])) & mask
            while slots[slot] != _FREE:
                slot = (slot + 1) & mask
            slots[slot] = position
        self._placed = self._count
