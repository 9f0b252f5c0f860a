"""A straight run of headers, each the child of the one before, held against every rule at once.

Headers from servers, and mostly those from block files, come in chain order. Then nothing has to be
looked up: within a period the bits and the target stand still, links are compared with hashes as
lists, and the median of the last eleven times matters only where a time is not above all before
it. Where one piece is not good as a whole, its headers are gone through one by one, as they are
on networks whose difficulty depends on the time of the block itself.

Invariant: what is taken is what `header_rules` and `difficulty` would take, header by header.
`fast` names the compiled twin of `_hash_good` (`kernels_headers`), for whom it pays.
"""

from __future__ import annotations

import hashlib
import sys
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, compress, count, islice
from operator import le
from typing import Final

from erario.bitcoin.difficulty import (
    PERIOD,
    bits_within_period,
    is_settling,
    retarget,
)
from erario.bitcoin.header import FIELDS, HEADER_SIZE
from erario.bitcoin.header_rules import (
    MEDIAN_SPAN,
    HeaderFault,
    check_context,
    check_work,
    least_version,
    median_time,
)
from erario.bitcoin.network import Network
from erario.bitcoin.values import sha256d
from erario.bitcoin.work import target_of_bits, work_of_bits
from erario.chain.scan_extra import missing_package

FAST_FROM: Final = 300_000
"""Headers from which on it pays to load numba, and what it compiles, for them alone."""
READY_FROM: Final = 50_000
"""Headers from which on it pays to load, or to compile once, one kernel more."""

VERSION_WORD: Final = 0
TIME_WORD: Final = 17
BITS_WORD: Final = 18

_KERNELS: Final = "erario.chain.kernels"


@dataclass(frozen=True, slots=True)
class Piece:
    """Headers of one period, and what they must keep.

    Attributes:
        data: 80 bytes each.
        previous: the hash that the first must name.
        recent: the times of up to eleven headers before, oldest first.
        bits: of all.
        target: that these stand for.
        version: the lowest that any may have.
    """

    data: bytes
    previous: bytes
    recent: Sequence[int]
    bits: int
    target: int
    version: int


Engine = Callable[[Piece], "bytes | None"]
"""The hashes of all headers of a piece, or None where not all are good."""


class HeaderRun:
    """The end of a chain of valid headers, which goes on with each header that is taken.

    Args:
        network: whose rules.
        height: of the last header.
        last_hash: its hash.
        last_bits: its bits.
        times: of the last up to eleven headers, oldest first; all where there are fewer.
        settled: the bits that a block takes which does not start a period.
        period: time and bits of the first block of the period.
        work: cumulative, up to the last header.
        next_bits: of a period that starts with the next header, where they are known by a pin.
        fast: use compiled code.
    """

    def __init__(
        self,
        network: Network,
        *,
        height: int,
        last_hash: bytes,
        last_bits: int,
        times: Sequence[int],
        settled: int,
        period: tuple[int, int],
        work: int,
        next_bits: int | None = None,
        fast: bool = False,
    ) -> None:
        self.network: Final = network
        self.height = height
        self.last_hash = last_hash
        self.work = work
        self._last_bits = last_bits
        self._times = list(times)[-MEDIAN_SPAN:]
        self._settled = settled
        self._period = period
        self._next_bits = next_bits
        self._engine: Engine = good_hashes
        if fast:
            self.use_compiled()
        # Where bits depend on the time of the block, or times on the period, one looks at each.
        self._is_plain = not network.bip94 and not (
            network.retargets and network.min_difficulty_blocks
        )

    @classmethod
    def from_genesis(cls, network: Network, *, fast: bool = False) -> HeaderRun:
        """The chain that has only its genesis block."""
        raw = network.genesis[:HEADER_SIZE]
        _, _, _, time, bits, _ = FIELDS.unpack(raw)
        return cls(
            network,
            height=0,
            last_hash=sha256d(raw),
            last_bits=bits,
            times=(time,),
            settled=bits,
            period=(time, bits),
            work=work_of_bits(bits),
            fast=fast,
        )

    def use_compiled(self) -> None:
        """Go on by compiled code. Needs the extra `scan`."""
        from erario.chain.kernels_headers import good_hashes_compiled  # noqa: PLC0415 - numba

        self._engine = good_hashes_compiled

    def take(self, data: bytes) -> tuple[bytes, HeaderFault | None]:
        """Take in headers of 80 bytes each, up to the first that does not follow or breaks a rule.

        Returns:
            The hashes of those taken, and the rule that the next one breaks: None where there is
            no next one, or where it does not name the last as its parent.
        """
        total = len(data) // HEADER_SIZE
        taken = []
        start = 0
        while start < total:
            stop = min(total, start + PERIOD - (self.height + 1) % PERIOD)
            hashes, fault = self._take_within_period(data[start * HEADER_SIZE : stop * HEADER_SIZE])
            taken.append(hashes)
            start += len(hashes) // 32
            if start < stop:
                return b"".join(taken), fault
        return b"".join(taken), None

    def _take_within_period(self, data: bytes) -> tuple[bytes, HeaderFault | None]:
        first, last = self.height + 1, self.height + len(data) // HEADER_SIZE
        version = least_version(self.network, first)
        bits = self._settled if first % PERIOD else self._bits_of_period()
        target = target_of_bits(bits)
        if self._is_plain and target and version == least_version(self.network, last):
            piece = Piece(data, self.last_hash, self._times, bits, target, version)
            hashes = self._engine(piece)
            if hashes is not None:
                self._advance(data, hashes, bits)
                return hashes, None
        return self._take_one_by_one(data)

    def _bits_of_period(self) -> int:
        """Those that a period must have which starts with the next header."""
        if self._next_bits is not None:
            return self._next_bits
        if not self.network.retargets:
            return self._last_bits
        first_time, first_bits = self._period
        base = first_bits if self.network.bip94 else self._last_bits
        return retarget(self.network, base, self._times[-1] - first_time)

    def _advance(self, data: bytes, hashes: bytes, bits: int) -> None:
        """Go on by good headers of one period that all have these bits."""
        number = len(data) // HEADER_SIZE
        if (self.height + 1) % PERIOD == 0:
            self._period = (int.from_bytes(data[68:72], "little"), bits)
            self._next_bits = None
        self.height += number
        self.last_hash = hashes[-32:]
        self.work += number * work_of_bits(bits)
        self._last_bits = self._settled = bits
        ends = data[-MEDIAN_SPAN * HEADER_SIZE :]
        times = [int.from_bytes(ends[at : at + 4], "little") for at in range(68, len(ends), 80)]
        self._times = [*self._times, *times][-MEDIAN_SPAN:]

    def _take_one_by_one(self, data: bytes) -> tuple[bytes, HeaderFault | None]:
        taken = bytearray()
        for start in range(0, len(data), HEADER_SIZE):
            raw = data[start : start + HEADER_SIZE]
            version, previous, _, time, bits, _ = FIELDS.unpack(raw)
            if previous != self.last_hash:
                return bytes(taken), None
            block_hash = sha256d(raw)
            height, last_time = self.height + 1, self._times[-1]
            starts = height % PERIOD == 0
            fault = check_work(self.network, block_hash, bits)
            if fault is None:
                required = (
                    self._bits_of_period()
                    if starts
                    else bits_within_period(self.network, time, last_time, self._settled)
                )
                median = median_time(self._times)
                fault = check_context(
                    self.network, height, version, time, bits, required, median, last_time
                )
            if fault is not None:
                return bytes(taken), fault
            taken += block_hash
            if starts:
                self._period, self._next_bits = (time, bits), None
            if is_settling(self.network, height, bits):
                self._settled = bits
            self.height, self.last_hash, self._last_bits = height, block_hash, bits
            self.work += work_of_bits(bits)
            self._times = [*self._times, time][-MEDIAN_SPAN:]
        return bytes(taken), None


def good_hashes(piece: Piece) -> bytes | None:
    """The hashes of all headers of a piece, or None where not all are good."""
    data, sha256 = piece.data, hashlib.sha256
    starts = range(0, len(data), HEADER_SIZE)
    all_have_bits = column(data, BITS_WORD).count(piece.bits) == len(starts)
    if not all_have_bits or min(column(data, VERSION_WORD, signed=True)) < piece.version:
        return None
    hashes = [sha256(sha256(data[at : at + HEADER_SIZE]).digest()).digest() for at in starts]
    if [data[at + 4 : at + 36] for at in starts] != [piece.previous, *hashes[:-1]]:
        return None
    if not _meet(hashes, piece.target) or not _times_hold(piece.recent, column(data, TIME_WORD)):
        return None
    return b"".join(hashes)


def column(headers: bytes, word: int, *, signed: bool = False) -> array[int]:
    """One of the twenty 32-bit words of every header."""
    found = array(
        "i" if signed else "I", memoryview(headers).cast("I")[word :: HEADER_SIZE // 4].tobytes()
    )
    if sys.byteorder == "big":
        found.byteswap()
    return found


def sum_work(bits: array[int]) -> int:
    """The work of headers with these bits."""
    if bits and bits.count(bits[0]) == len(bits):
        return len(bits) * work_of_bits(bits[0])
    return sum(map(work_of_bits, bits))


def _meet(hashes: Sequence[bytes], target: int) -> bool:
    """Whether no hash is above a target."""
    highest = max([value[::-1] for value in hashes])
    return int.from_bytes(highest, "big") <= target


def _times_hold(recent: Sequence[int], times: Sequence[int]) -> bool:
    """Whether each time is above the median of the eleven before it."""
    before = len(recent)
    line = [*recent, *times]
    # A time above all before it is above any median of them.
    highest = islice(accumulate(line, max), before - 1, None)
    for at in compress(count(before), map(le, times, highest)):
        if line[at] <= median_time(line[max(0, at - MEDIAN_SPAN) : at]):
            return False
    return True


def is_fast_ready(count: int) -> bool:
    """Whether compiled code is at hand, or is worth loading for so many headers."""
    if count < READY_FROM:
        return False
    if _KERNELS in sys.modules:
        return True
    return count >= FAST_FROM and missing_package() is None
