"""The verified header chain of a server, of which only as much is fetched as is asked for.

On the main chain a header below the last pin is fetched with those up to the next pin, and linked
to it by hashes: at most 2016 of them. Behind the last pin all are fetched and held against every
rule, so that work is exact: below it is the work that the pins' bits stand for. Where there are no
pins, or all headers are kept, the whole chain from genesis is verified.

    open_served_chain   the chain of a server, with the help of what is kept
    stored_chain        what is kept, alone
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from erario.bitcoin.header import HEADER_SIZE
from erario.bitcoin.header_rules import MEDIAN_SPAN, median_time
from erario.bitcoin.network import Network, NetworkName, network
from erario.bitcoin.values import BlockHash, Height, sha256d
from erario.chain.best_chain import BestChain
from erario.chain.header_follow import HeaderAsker, HeaderFollower, anchor_tail
from erario.chain.header_keeping import HeaderKeeping
from erario.chain.header_pins import HeaderPins, header_pins
from erario.chain.header_store import common_headers
from erario.chain.header_tail import Anchor, HeaderTail, genesis_tail, times_of, work_of_headers
from erario.chain.history_server import HeaderServer
from erario.chain.pinned_headers import PinnedHeaders, leads
from erario.chain.source import HeaderChain, ProgressCallback
from erario.chain.state_folder import StateFolder
from erario.chain.stretch_store import Stretch
from erario.statement.evidence import BlockPoint

_PREVIOUS: Final = 4


def open_served_chain(
    name: NetworkName,
    server: HeaderServer,
    state: StateFolder | None,
    progress: ProgressCallback,
    *,
    now: Callable[[], float] = time.time,
    pins: HeaderPins | None = None,
) -> HeaderChain:
    """The chain that a server follows, verified.

    Args:
        name: the network that it should be of.
        server: who is asked, now and whenever the chain is asked for more.
        state: where headers are kept for the next time, or None.
        progress: told of headers while they come in.
        now: the clock, in seconds since 1970: headers may be two hours ahead of it.
        pins: those of the network, unless others are wanted; without any, all is verified.

    Raises:
        SourceError: the server cannot be asked, or lies.
    """
    rules, pins = network(name), header_pins(name) if pins is None else pins
    keeping = HeaderKeeping(state)
    if keeping.wants_whole:
        pins = HeaderPins(pins.first_bits)
    asker = HeaderAsker(server, rules)
    tip = asker.tip()
    keeping.load()
    reached = sum(pins.end(period) <= tip[0] for period in range(len(pins.periods)))
    is_whole = len(keeping.whole) // HEADER_SIZE > pins.end(reached - 1)
    if not reached or (is_whole and _agrees(keeping.whole, pins)):
        follower = HeaderFollower(asker, pins.all(), now=now, progress=progress)
        return _follow_whole(rules, keeping, follower, tip)
    anchor = _anchor(pins, reached)
    follower = HeaderFollower(asker, pins.others, now=now, progress=progress)
    kept = _kept_tail(rules, anchor, keeping.stretches)

    def keep(tail: HeaderTail, work: int) -> None:
        if reached == len(pins.periods):
            _keep_tail(keeping, kept, tail, work)

    tail, work = follower.follow(kept or anchor_tail(asker, rules, anchor), tip, keep)
    return ServedChain(pins, PinnedHeaders(pins, anchor.height, keeping, asker), tail, work)


def stored_chain(name: NetworkName, state: StateFolder) -> HeaderChain | None:
    """The chain that the kept headers alone show; None where too few are kept.

    On the main chain it may not have the headers of blocks below the last pin that nobody asked
    for yet: it raises a `SourceError` for these.
    """
    rules, pins = network(name), header_pins(name)
    keeping = HeaderKeeping(state)
    keeping.load()
    whole = None
    if keeping.whole and _agrees(keeping.whole, pins):
        whole = BestChain(name, headers=keeping.whole, work=work_of_headers(keeping.whole))
    if not pins.periods:
        return whole
    anchor = _anchor(pins, len(pins.periods))
    tail = _kept_tail(rules, anchor, keeping.stretches)
    if tail is None or (whole is not None and whole.work >= tail.work()):
        return whole
    return ServedChain(pins, PinnedHeaders(pins, anchor.height, keeping), tail, tail.work())


class ServedChain:
    """A `HeaderChain` of which the headers below the last pin come in as they are asked for.

    Args:
        pins: those of its network.
        pinned: the headers below.
        tail: the verified headers that go on from a pin.
        work: cumulative, up to the tip.
    """

    def __init__(
        self, pins: HeaderPins, pinned: PinnedHeaders, tail: HeaderTail, work: int
    ) -> None:
        self._rules = tail.network
        self._pins = pins
        self._pinned = pinned
        self._tail = tail
        genesis = BlockHash(sha256d(tail.network.genesis[:HEADER_SIZE]))
        self._known = {Height(0): genesis, **dict(pins.all())}
        self.work: Final = work

    @property
    def network(self) -> NetworkName:
        """The network that it is of."""
        return self._rules.name

    @property
    def tip(self) -> Height:
        """The height of its last block."""
        return Height(self._tail.tip)

    @property
    def enough_work(self) -> bool:
        """Whether the tip has the network's minimum work; below it a chain proves nothing."""
        return self.work >= self._rules.minimum_work

    def header(self, height: Height) -> bytes:
        """The 80 bytes of the header at `height`, 0 to `tip`."""
        self._check(height)
        return self._headers(height, height)

    def block_hash(self, height: Height) -> BlockHash:
        """The hash of the block at `height`, 0 to `tip`, internal order; a pinned one is known."""
        self._check(height)
        known = self._known.get(height)
        return known or BlockHash(sha256d(self._headers(height, height)))

    def point(self, height: Height) -> BlockPoint:
        """The block at `height`, 0 to `tip`, with its times in UTC."""
        self._check(height)
        headers = self._headers(max(0, height + 1 - MEDIAN_SPAN), height)
        times = times_of(headers)
        return BlockPoint(
            height,
            BlockHash(sha256d(headers[-HEADER_SIZE:])),
            datetime.fromtimestamp(times[-1], UTC),
            datetime.fromtimestamp(median_time(times), UTC),
        )

    def height_of(self, block_hash: BlockHash) -> Height | None:
        """The height of a block, or None where it is not on this chain.

        Behind the last pin, and where somebody asked before, headers are here; an older block is
        found where the server can say its height, which is then held against the header there.

        Raises:
            SourceError: the server cannot be asked, or lies about that header.
            RequestError: whether the block is on this chain cannot be told by its hash.
        """
        for height, pinned in self._known.items():
            if pinned == block_hash and height <= self.tip:
                return height
        for first, headers in self._here():
            found = _find(headers, block_hash)
            if found is not None:
                return Height(first + found)
        said = self._pinned.said_height(block_hash)
        if said is None or said > self.tip or self.block_hash(said) != block_hash:
            return None
        return said

    def cutoff(self, instant: datetime, upto: Height) -> Height | None:
        """The highest block at or below `upto` whose own header time is before `instant`.

        None where there is none. `instant` is aware.
        """
        self._check(upto)
        seconds = instant.timestamp()
        # As in `BestChain`: above the first block whose median has reached the instant no header
        # time is before it. The period is found by the medians at the pins, eleven headers each.
        ends = bisect_left(range(self._periods), upto, key=self._pins.end)
        period = bisect_left(range(ends), seconds, key=self._median_at_end)
        low = self._pins.end(period - 1) + 1 if period else 0
        high = self._pins.end(period) if period < ends else upto + 1
        reached = low + bisect_left(range(low, high), seconds, key=self._median)
        height = min(reached, upto)
        while height >= 0 and self._time(height) >= seconds:
            height -= 1
        return Height(height) if height >= 0 else None

    def reached(self, instant: datetime, upto: Height) -> bool:
        """Whether no block after `upto` can have a header time before `instant`."""
        self._check(upto)
        return self._median(upto) >= instant.timestamp()

    @property
    def _periods(self) -> int:
        """The number of periods up to the pin that the tail goes on from."""
        return (self._tail.anchor.height + 1) // self._pins.length

    def _check(self, height: Height) -> None:
        if not 0 <= height <= self.tip:
            raise IndexError(f"the chain has heights 0 to {self.tip}, not {height}")

    def _time(self, height: int) -> int:
        return times_of(self._headers(height, height))[0]

    def _median(self, height: int) -> int:
        """The median time past of the headers that end with this one."""
        return median_time(times_of(self._headers(max(0, height + 1 - MEDIAN_SPAN), height)))

    def _median_at_end(self, period: int) -> int:
        return self._median(self._pins.end(period))

    def _headers(self, low: int, high: int) -> bytes:
        """The headers from one height to another, fetched where they are not here."""
        tail = self._tail
        if low >= tail.anchor.first:
            start = (low - tail.anchor.first) * HEADER_SIZE
            return tail.headers[start : start + (high + 1 - low) * HEADER_SIZE]
        if high == 0:
            return self._rules.genesis[:HEADER_SIZE]
        found = []
        while low <= high:
            if low > tail.anchor.height:
                found.append(self._headers(low, high))
                break
            period = low // self._pins.length
            end = self._pins.end(period)
            stretch = self._pinned.stretch(period, low)
            first = end + 1 - len(stretch) // HEADER_SIZE
            last = min(high, end)
            found.append(stretch[(low - first) * HEADER_SIZE : (last + 1 - first) * HEADER_SIZE])
            low = last + 1
        return b"".join(found)

    def _here(self) -> list[Stretch]:
        """All headers that are here and linked."""
        return [(self._tail.anchor.first, self._tail.headers), *self._pinned.linked()]


def _follow_whole(
    rules: Network,
    keeping: HeaderKeeping,
    follower: HeaderFollower,
    tip: tuple[Height, BlockHash],
) -> BestChain:
    known = genesis_tail(rules)
    before = keeping.whole
    if before:
        known = HeaderTail(rules, known.anchor, before)

    def keep(tail: HeaderTail, work: int) -> None:
        # A server that lags or follows a branch with less work takes nothing from what is kept.
        if tail.headers != before and work >= work_of_headers(before):
            keeping.keep_whole(tail.headers)

    tail, work = follower.follow(known, tip, keep)
    return BestChain(rules.name, headers=tail.headers, work=work)


def _agrees(headers: bytes, pins: HeaderPins) -> bool:
    """Whether whole headers have all pinned blocks that they reach."""
    return all(
        sha256d(headers[height * HEADER_SIZE : (height + 1) * HEADER_SIZE]) == block_hash
        for height, block_hash in pins.all()
        if (height + 1) * HEADER_SIZE <= len(headers)
    )


def _anchor(pins: HeaderPins, count: int) -> Anchor:
    """The end of the first `count` periods."""
    block_hash, bits = pins.periods[count - 1]
    return Anchor(pins.end(count - 1), block_hash, pins.work(count), bits)


def _kept_tail(rules: Network, anchor: Anchor, stretches: Sequence[Stretch]) -> HeaderTail | None:
    """What is kept from a pin on, held against every rule again; None where nothing is."""
    headers = bytearray()
    for start, more in stretches:
        at = (start - anchor.first) * HEADER_SIZE
        if 0 <= at <= len(headers):
            headers[at:] = more
        elif at < 0 and len(more) + at > len(headers):
            # Kept before the pin was there; a stretch that only ends at it says nothing new.
            headers[:] = more[-at:]
    behind = (anchor.height + 1 - anchor.first) * HEADER_SIZE
    before, rest = bytes(headers[:behind]), bytes(headers[behind:])
    if len(before) < behind or not leads(before, anchor.block_hash):
        return None
    tail = HeaderTail(rules, anchor, before)
    hashes, _ = tail.run(len(rest) // HEADER_SIZE).take(rest)
    return HeaderTail(rules, anchor, before + rest[: len(hashes) // 32 * HEADER_SIZE])


def _keep_tail(
    keeping: HeaderKeeping, kept: HeaderTail | None, tail: HeaderTail, work: int
) -> None:
    if kept is not None and (kept.headers == tail.headers or work < kept.work()):
        return
    common = 0 if kept is None else common_headers(kept.headers, tail.headers)
    keeping.keep_stretches([(tail.anchor.first + common, tail.headers[common * HEADER_SIZE :])])


def _find(headers: bytes, block_hash: bytes) -> int | None:
    """Which of these headers, each naming the one before, has a hash."""
    last = len(headers) - HEADER_SIZE
    if last >= 0 and sha256d(headers[last:]) == block_hash:
        return last // HEADER_SIZE
    at = headers.find(block_hash, HEADER_SIZE)
    while at >= 0:
        child, place = divmod(at, HEADER_SIZE)
        if place == _PREVIOUS:
            return child - 1
        at = headers.find(block_hash, at + 1)
    return None
