"""Verified headers in a row up to a tip, and the work that they stand for.

They start at genesis, or with the eleven headers that end at a pin: enough for the median of what
follows. From any of them on, up from the pin, a `HeaderRun` can go on.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from erario.bitcoin.difficulty import PERIOD, is_settling
from erario.bitcoin.header import HEADER_SIZE
from erario.bitcoin.header_rules import MEDIAN_SPAN
from erario.bitcoin.network import Network
from erario.bitcoin.values import BlockHash, sha256d
from erario.bitcoin.work import work_of_bits
from erario.chain.header_run import BITS_WORD, TIME_WORD, HeaderRun, column, is_fast_ready


@dataclass(frozen=True, slots=True)
class Anchor:
    """A block that nothing goes back behind: genesis, or one that is pinned.

    Attributes:
        height: of the block.
        block_hash: its hash.
        work: cumulative, up to it.
        next_bits: of the period that begins behind it; None for genesis.
    """

    height: int
    block_hash: BlockHash
    work: int
    next_bits: int | None = None

    @property
    def first(self) -> int:
        """The height of the first header that is needed to go on from it."""
        return max(0, self.height + 1 - MEDIAN_SPAN)


@dataclass(frozen=True, slots=True)
class HeaderTail:
    """Headers in a row, verified from the anchor on; the first is at `anchor.first`."""

    network: Network
    anchor: Anchor
    headers: bytes

    @property
    def tip(self) -> int:
        """The height of the last."""
        return self.anchor.first + len(self.headers) // HEADER_SIZE - 1

    def header(self, height: int) -> bytes:
        """The header at a height that is among them."""
        start = (height - self.anchor.first) * HEADER_SIZE
        return self.headers[start : start + HEADER_SIZE]

    def upto(self, height: int) -> HeaderTail:
        """Only those up to a height, which is not below the anchor."""
        size = (height + 1 - self.anchor.first) * HEADER_SIZE
        return HeaderTail(self.network, self.anchor, self.headers[:size])

    def work(self) -> int:
        """Cumulative, up to the tip."""
        behind = (self.anchor.height + 1 - self.anchor.first) * HEADER_SIZE
        return self.anchor.work + work_of_headers(self.headers[behind:])

    def run(self, count: int) -> HeaderRun:
        """What goes on from the tip, by some `count` headers."""
        tip = self.tip
        first = tip - tip % PERIOD
        next_bits = self.anchor.next_bits if tip == self.anchor.height else None
        last = self.header(tip)
        settled = tip
        while settled > self.anchor.first and not is_settling(
            self.network, settled, _word(self.header(settled), BITS_WORD)
        ):
            settled -= 1
        if first >= self.anchor.first:
            start = self.header(first)
            period = (_word(start, TIME_WORD), _word(start, BITS_WORD))
        else:
            period = (0, 0)  # the pin says what follows; nobody asks for the start
        return HeaderRun(
            self.network,
            height=tip,
            last_hash=sha256d(last),
            last_bits=_word(last, BITS_WORD),
            times=times_of(self.headers[-MEDIAN_SPAN * HEADER_SIZE :]),
            settled=_word(self.header(settled), BITS_WORD),
            period=period,
            work=self.work(),
            next_bits=next_bits,
            fast=is_fast_ready(count),
        )


def genesis_tail(network: Network) -> HeaderTail:
    """The chain that has only its genesis block."""
    raw = network.genesis[:HEADER_SIZE]
    anchor = Anchor(0, BlockHash(sha256d(raw)), work_of_bits(_word(raw, BITS_WORD)))
    return HeaderTail(network, anchor, raw)


def times_of(headers: bytes) -> list[int]:
    """The times of headers, in order."""
    return column(headers, TIME_WORD).tolist()


def work_of_headers(headers: bytes) -> int:
    """The work of headers, without that of those before."""
    counted = Counter(column(headers, BITS_WORD))
    return sum(count * work_of_bits(bits) for bits, count in counted.items())


def _word(header: bytes, word: int) -> int:
    return int.from_bytes(header[4 * word : 4 * word + 4], "little")
