"""The verified headers of the branch with the most work, and questions about its times.

Header times run backwards now and then; the median time past (BIP 113) never does, so `cutoff`
finds by that and then walks. Headers are all that is held: a block's hash is what the next header
names as its parent, and times are read where they are asked for. So a chain of a million headers
costs nothing to make.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime
from typing import Final

from erario.bitcoin.header import HEADER_SIZE
from erario.bitcoin.header_rules import MEDIAN_SPAN, median_time
from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.values import BlockHash, Height, sha256d
from erario.statement.evidence import BlockPoint

_PREVIOUS: Final = 4
_TIME: Final = 68
_HASH: Final = 32


class BestChain:
    """Headers 0 to `tip` of one branch. Made from what `HeaderTree` has verified.

    Args:
        name: the network.
        headers: 80 bytes each, from genesis on, each naming the one before.
        work: cumulative, in hashes, genesis included.
    """

    def __init__(self, name: NetworkName, *, headers: bytes, work: int) -> None:
        self.network: Final = name
        self.work: Final = work
        self.headers: Final = headers
        self.tip: Final = Height(len(headers) // HEADER_SIZE - 1)
        self._tip_hash = BlockHash(sha256d(headers[-HEADER_SIZE:]))

    @property
    def enough_work(self) -> bool:
        """Whether the tip has the network's minimum work; below it a chain proves nothing."""
        return self.work >= network(self.network).minimum_work

    def header(self, height: Height) -> bytes:
        """The 80 bytes of the header at `height`, 0 to `tip`."""
        start = self._checked(height) * HEADER_SIZE
        return self.headers[start : start + HEADER_SIZE]

    def block_hash(self, height: Height) -> BlockHash:
        """The hash of the block at `height`, 0 to `tip`, internal order."""
        if self._checked(height) == self.tip:
            return self._tip_hash
        start = (height + 1) * HEADER_SIZE + _PREVIOUS
        return BlockHash(self.headers[start : start + _HASH])

    def point(self, height: Height) -> BlockPoint:
        """The block at `height`, 0 to `tip`, with its times in UTC."""
        return BlockPoint(
            height,
            self.block_hash(height),
            datetime.fromtimestamp(self._time(height), UTC),
            datetime.fromtimestamp(self._median(height), UTC),
        )

    def height_of(self, block_hash: BlockHash) -> Height | None:
        """The height of a block, or None where it is not on this chain."""
        if block_hash == self._tip_hash:
            return self.tip
        at = self.headers.find(block_hash, HEADER_SIZE)
        while at >= 0:
            child, place = divmod(at, HEADER_SIZE)
            if place == _PREVIOUS:
                return Height(child - 1)
            at = self.headers.find(block_hash, at + 1)
        return None

    def cutoff(self, instant: datetime, upto: Height) -> Height | None:
        """The highest block at or below `upto` whose own header time is before `instant`.

        None where there is none. `instant` is aware.
        """
        self._checked(upto)
        seconds = instant.timestamp()
        # A header's own time is above the median before it. So above the first block whose median
        # has reached the instant no header time is before it; up to that block one walks down.
        reached = bisect_left(range(upto + 1), seconds, key=self._median)
        height = min(reached, upto)
        while height >= 0 and self._time(height) >= seconds:
            height -= 1
        return Height(height) if height >= 0 else None

    def reached(self, instant: datetime, upto: Height) -> bool:
        """Whether no block after `upto` can have a header time before `instant`."""
        return self._median(self._checked(upto)) >= instant.timestamp()

    def _time(self, height: int) -> int:
        start = height * HEADER_SIZE + _TIME
        return int.from_bytes(self.headers[start : start + 4], "little")

    def _median(self, height: int) -> int:
        """The median time past of the headers that end with this one."""
        return median_time(map(self._time, range(max(0, height + 1 - MEDIAN_SPAN), height + 1)))

    def _checked(self, height: Height) -> Height:
        if not 0 <= height <= self.tip:
            raise IndexError(f"the chain has heights 0 to {self.tip}, not {height}")
        return height
