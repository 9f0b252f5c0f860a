"""The verified headers of the branch with the most work, and questions about its times.

Header times run backwards now and then; the median time past (BIP 113) never does, so `cutoff`
finds by that and then walks. Storage is flat: 80 + 32 bytes a header, and two arrays of times.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from erario.bitcoin.header import HEADER_SIZE
from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.values import BlockHash, Height
from erario.chain.hash_index import HASH_SIZE, HashIndex
from erario.statement.evidence import BlockPoint


class BestChain:
    """Headers 0 to `tip` of one branch. Made by `HeaderTree`, which has verified them.

    Args:
        name: the network.
        headers: 80 bytes each, from genesis on.
        hashes: their 32-byte hashes, internal order.
        times: their own times.
        medians: the median time past of the eleven headers that end with each.
        work: cumulative, in hashes, genesis included.
    """

    def __init__(
        self,
        name: NetworkName,
        *,
        headers: bytes,
        hashes: bytes,
        times: Sequence[int],
        medians: Sequence[int],
        work: int,
    ) -> None:
        self.network: Final = name
        self.work: Final = work
        self.tip: Final = Height(len(times) - 1)
        self._headers = headers
        self._hashes = hashes
        self._times = array("I", times)
        self._medians = array("I", medians)
        self._index: HashIndex | None = None

    @property
    def enough_work(self) -> bool:
        """Whether the tip has the network's minimum work; below it a chain proves nothing."""
        return self.work >= network(self.network).minimum_work

    @property
    def headers(self) -> bytes:
        """All headers, 80 bytes each, from genesis on."""
        return self._headers

    def header(self, height: Height) -> bytes:
        """The 80 bytes of the header at `height`, 0 to `tip`."""
        start = self._checked(height) * HEADER_SIZE
        return self._headers[start : start + HEADER_SIZE]

    def block_hash(self, height: Height) -> BlockHash:
        """The hash of the block at `height`, 0 to `tip`, internal order."""
        start = self._checked(height) * HASH_SIZE
        return BlockHash(self._hashes[start : start + HASH_SIZE])

    def point(self, height: Height) -> BlockPoint:
        """The block at `height`, 0 to `tip`, with its times in UTC."""
        return BlockPoint(
            height,
            self.block_hash(height),
            datetime.fromtimestamp(self._times[height], UTC),
            datetime.fromtimestamp(self._medians[height], UTC),
        )

    def height_of(self, block_hash: BlockHash) -> Height | None:
        """The height of a block, or None where it is not on this chain."""
        if self._index is None:
            # Few callers ask, and the table takes a second for a million headers.
            self._index = HashIndex(self._hashes)
        height = self._index.find(block_hash)
        return None if height is None else Height(height)

    def cutoff(self, instant: datetime, upto: Height) -> Height | None:
        """The highest block at or below `upto` whose own header time is before `instant`.

        None where there is none. `instant` is aware.
        """
        self._checked(upto)
        seconds = instant.timestamp()
        # A header's own time is above the median before it. So above the first block whose median
        # has reached the instant no header time is before it; up to that block one walks down.
        reached = bisect_left(self._medians, seconds, 0, upto + 1)
        height = min(reached, upto)
        while height >= 0 and self._times[height] >= seconds:
            height -= 1
        return Height(height) if height >= 0 else None

    def reached(self, instant: datetime, upto: Height) -> bool:
        """Whether no block after `upto` can have a header time before `instant`."""
        return self._medians[self._checked(upto)] >= instant.timestamp()

    def _checked(self, height: Height) -> Height:
        if not 0 <= height <= self.tip:
            raise IndexError(f"the chain has heights 0 to {self.tip}, not {height}")
        return height
