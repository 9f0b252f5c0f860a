"""`headers.bin`: the headers that show where blocks and moments stand, and their verification.

    number of runs       compact size
    for each run, heights rising:
        start            4 bytes, little-endian: the height of its first header
        headers          4 bytes, little-endian: how many
        80 bytes each

Below the pins that erario carries a run counts as the hashes lead from it to a pin, with the pinned
bits and its own proof of work. What lies after the last pin, or on a network without pins, is one
run up to the tip, held against every rule of headers. A run ends at a pin or at the tip.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from erario.bitcoin.encoding import Reader
from erario.bitcoin.errors import DecodeError
from erario.bitcoin.header import HEADER_SIZE
from erario.bitcoin.header_rules import MEDIAN_SPAN, median_time
from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.values import BlockHash, Height, sha256d
from erario.bitcoin.work import target_of_bits
from erario.bundle.errors import BundleCode, BundleError
from erario.bundle.strict_json import MAX_HEIGHT
from erario.chain.header_pins import HeaderPins, header_pins
from erario.chain.header_run import HeaderRun as RunningHeaders
from erario.statement.evidence import BlockPoint, HeaderRun

_LEAST_RUN: Final = 8
_PREVIOUS: Final = slice(4, 36)
_TIME: Final = slice(68, 72)
_BITS: Final = slice(72, 76)


def read_headers(data: bytes) -> tuple[HeaderRun, ...]:
    """The runs that the bytes hold, not verified yet.

    Raises:
        BundleError: these are not the bytes of any runs in order.
    """
    reader = Reader(data)
    runs: list[HeaderRun] = []
    behind = -1
    try:
        for _ in range(reader.count(_LEAST_RUN)):
            start, count = reader.u32(), reader.u32()
            # Runs that touch are one run: there is one way to write the same headers.
            if start <= behind or count == 0 or start + count > MAX_HEIGHT:
                raise BundleError(BundleCode.HEADERS_FORM, "its runs of headers are out of order")
            behind = start + count
            runs.append(HeaderRun(Height(start), reader.take(count * HEADER_SIZE)))
        reader.finish()
    except DecodeError as error:
        raise BundleError(BundleCode.HEADERS_FORM, f"headers.bin: {error.what}") from error
    return tuple(runs)


class VerifiedHeaders:
    """Headers of the chain with the most work that a bundle shows.

    Args:
        name: the network.
        runs: as `read_headers` gives them.

    Raises:
        BundleError: one does not stand where it says, or breaks a rule.
    """

    def __init__(self, name: NetworkName, runs: Sequence[HeaderRun]) -> None:
        self.runs: Final = tuple(runs)
        self.tip: Height | None = None
        """The tip, where the last run reaches it: None where all of them end at pins."""
        self.work = 0
        """Cumulative, up to the tip; 0 where that is not known."""
        self.enough_work = bool(runs)
        """Whether the chain is known to have the network's minimum: by work, or by a pin."""
        self._network = network(name)
        pins = header_pins(name)
        last = pins.length * len(pins.periods)
        for number, run in enumerate(self.runs):
            pinned = min(run.end + 1, last) - run.start
            if pinned > 0:
                _verify_pinned(pins, run, pinned)
            if run.end >= last:
                self._verify_open(pins, run, last)
                if number != len(self.runs) - 1:
                    raise BundleError(BundleCode.HEADERS_END, "headers after the tip are there")

    def header(self, height: Height) -> bytes:
        """The header at a height.

        Raises:
            BundleError: the bundle does not have it.
        """
        for run in self.runs:
            if run.start <= height <= run.end:
                start = (height - run.start) * HEADER_SIZE
                return run.headers[start : start + HEADER_SIZE]
        raise BundleError(
            BundleCode.HEADERS_MISSING, f"it has no header that shows the block at height {height}"
        )

    def has(self, height: int) -> bool:
        """Whether the header at a height is there."""
        return any(run.start <= height <= run.end for run in self.runs)

    def block_hash(self, height: Height) -> BlockHash:
        """The hash of the block at a height."""
        return BlockHash(sha256d(self.header(height)))

    def time(self, height: Height) -> int:
        """The time of the header at a height."""
        return int.from_bytes(self.header(height)[_TIME], "little")

    def median(self, height: Height) -> int:
        """The median time past of the headers that end with this one."""
        first = max(0, height + 1 - MEDIAN_SPAN)
        return median_time(self.time(Height(at)) for at in range(first, height + 1))

    def point(self, height: Height) -> BlockPoint:
        """The block at a height."""
        return BlockPoint(
            height,
            self.block_hash(height),
            datetime.fromtimestamp(self.time(height), UTC),
            datetime.fromtimestamp(self.median(height), UTC),
        )

    def shows(self, height: Height | None, instant: datetime, upto: Height | None) -> bool:
        """Whether the highest block up to `upto` whose own header time is before an instant is
        this one; None: not even genesis is. `upto` is None for the tip, wherever that is.

        From the first block on whose median time past has reached the instant none can be before
        it, so that nobody has to see further.
        """
        seconds = instant.timestamp()
        if height is None:
            # Whatever came later has a time above genesis'.
            return int.from_bytes(self._network.genesis[_TIME], "little") >= seconds
        if self.time(height) >= seconds:
            return False
        last = self.tip if upto is None else upto
        while last is None or height < last:
            if self.median(height) >= seconds:
                return True
            height = Height(height + 1)
            if self.time(height) < seconds:
                return False
        return True

    def reached(self, instant: datetime, height: Height) -> bool:
        """Whether no block after the one at `height` can have a header time before an instant."""
        return self.median(height) >= instant.timestamp()

    def _verify_open(self, pins: HeaderPins, run: HeaderRun, last: int) -> None:
        """The headers behind the last pin, or all of them where there are no pins."""
        if run.start > last:
            raise BundleError(
                BundleCode.HEADERS_LINK, f"headers start at {run.start}, and lead to no pin"
            )
        if last:
            headers = run.headers[(last - run.start) * HEADER_SIZE :]
            running = RunningHeaders(
                self._network,
                height=last - 1,
                last_hash=pins.periods[-1][0],
                last_bits=pins.bits(len(pins.periods)),
                # What came before is not at hand: nothing is too early for the first eleven.
                times=(0,) * MEDIAN_SPAN,
                settled=pins.bits(len(pins.periods)),
                period=(0, 0),
                work=pins.work(len(pins.periods)),
                next_bits=pins.bits(len(pins.periods)),
            )
        else:
            genesis = self._network.genesis[:HEADER_SIZE]
            if run.headers[:HEADER_SIZE] != genesis:
                raise BundleError(BundleCode.HEADERS_GENESIS, "its headers start otherwise")
            headers = run.headers[HEADER_SIZE:]
            running = RunningHeaders.from_genesis(self._network)
        taken, fault = running.take(headers)
        if len(taken) // 32 * HEADER_SIZE != len(headers):
            at = running.height + 1
            if fault is None:
                raise BundleError(
                    BundleCode.HEADERS_LINK,
                    f"the header at height {at} does not name the one before",
                )
            raise BundleError(
                BundleCode.HEADERS_RULE, f"the header at height {at} breaks a rule ({fault})"
            )
        for height, block_hash in pins.others:
            if last <= height <= run.end and self.block_hash(height) != block_hash:
                raise BundleError(BundleCode.HEADERS_PIN, f"block {height} is not the pinned one")
        self.tip, self.work = run.end, running.work
        self.enough_work = running.work >= self._network.minimum_work


def _verify_pinned(pins: HeaderPins, run: HeaderRun, count: int) -> None:
    """The first `count` headers of a run, which lie up to the last pin: downwards from a pin."""
    end = run.start + count - 1
    if (end + 1) % pins.length:
        raise BundleError(BundleCode.HEADERS_END, f"headers end at {end}, where no pin is")
    others = dict(pins.others)
    wanted: bytes | None = None
    for at in range(count - 1, -1, -1):
        height = run.start + at
        period, within = divmod(height, pins.length)
        if within == pins.length - 1:
            pinned = pins.periods[period][0]
            if wanted not in {None, pinned}:
                raise BundleError(BundleCode.HEADERS_PIN, f"block {height} is not the pinned one")
            wanted = pinned
            bits = pins.bits(period)
            target = target_of_bits(bits) or 0
        raw = run.headers[at * HEADER_SIZE : (at + 1) * HEADER_SIZE]
        block_hash = sha256d(raw)
        if block_hash != wanted:
            raise BundleError(
                BundleCode.HEADERS_LINK, f"the header at height {height} leads to no pin"
            )
        weak = int.from_bytes(block_hash, "little") > target
        if weak or int.from_bytes(raw[_BITS], "little") != bits:
            raise BundleError(
                BundleCode.HEADERS_RULE, f"the header at height {height} lacks proof of work"
            )
        if others.get(Height(height), block_hash) != block_hash:
            raise BundleError(BundleCode.HEADERS_PIN, f"block {height} is not the pinned one")
        wanted = raw[_PREVIOUS]
    if run.start == 0:
        # The pins bind it already; said once more, since all counting starts here.
        return
    before, within = divmod(run.start - 1, pins.length)
    if within == pins.length - 1 and wanted != pins.periods[before][0]:
        raise BundleError(BundleCode.HEADERS_PIN, f"block {run.start - 1} is not the pinned one")
