"""Where hashes stand in a column of a million of them, which may hold some more than once.

The column is sorted by eight bytes of each hash, by numpy in a tenth of a second; a table of Python
objects would take ten times as long, and most of what is looked up is looked up at once. Whole
hashes are compared before anything counts, so that hashes which share those bytes on purpose cost
time and never an answer.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]


class HashColumn:
    """Look-ups in `hashes`, 32 bytes a row, internal order (whose first bytes are random)."""

    def __init__(self, hashes: Rows) -> None:
        self._hashes = hashes
        keys = _keys(hashes)
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]

    def all(self, wanted: bytes) -> Iterator[int]:
        """Every row with this hash, in order."""
        row = np.frombuffer(wanted, np.uint8)
        key = _keys(row.reshape(1, -1))[0]
        begin, end = (
            np.searchsorted(self._keys, [key], "left"),
            np.searchsorted(self._keys, [key], "right"),
        )
        for number in self._order[int(begin[0]) : int(end[0])].tolist():
            if np.array_equal(self._hashes[number], row):
                yield number

    def first(self, wanted: Rows) -> Numbers:
        """For each of these hashes the first row that has it; -1 where none has."""
        places = self._places(_keys(wanted))
        found = np.full(len(wanted), -1, np.int64)
        if not len(self._keys):
            return found
        there = places < len(self._keys)
        candidates = self._order[np.where(there, places, 0)]
        same = there & (self._hashes[candidates] == wanted).all(axis=1)
        found[same] = candidates[same]
        # What shares its key with an earlier row, and what is not there.
        doubtful = there & ~same & (self._keys[np.where(there, places, 0)] == _keys(wanted))
        for number in np.flatnonzero(doubtful).tolist():
            found[number] = next(self.all(wanted[number].tobytes()), -1)
        return found

    def _places(self, keys: npt.NDArray[np.uint64]) -> Numbers:
        """Where these keys belong. Asked in their order, neighbours are found in the cache."""
        order = np.argsort(keys)
        places = np.empty(len(keys), np.int64)
        places[order] = np.searchsorted(self._keys, keys[order], "left")
        return places

    def firsts(self) -> Numbers:
        """The first row of each hash, in order."""
        is_first = np.ones(len(self._keys), np.bool_)
        shared = np.flatnonzero(self._keys[1:] == self._keys[:-1])
        rows = self._order[np.union1d(shared, shared + 1)]
        seen: set[bytes] = set()
        for number in sorted(rows.tolist()):
            name = self._hashes[number].tobytes()
            is_first[number] = name not in seen
            seen.add(name)
        return np.flatnonzero(is_first)


def _keys(hashes: Rows) -> npt.NDArray[np.uint64]:
    return np.ascontiguousarray(hashes[:, :8]).view("<u8").reshape(-1)
