"""Scanning window by window, over threads, and merging what they find in chain order.

    window    some blocks in chain order, a few megabytes; a kernel scans it without the GIL
    merge     windows are taken in chain order: coins that they report join the known ones; then
              all that the window spends is held against them

Threads look at scripts only, which do not change. A scan also notes every outpoint that its window
spends, mixed to one word; to sift those words at the merge takes a twentieth of the scan's time,
and there all coins are known that can be spent. Invariant: what is found depends neither on windows
nor on threads. A coin is spent only behind its own transaction, in chain order.

Memory is bounded by the answer, the scripts and a few windows, whatever the chain's size.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from erario.chain.kernels import Bytes, Integers, Words
from erario.chain.kernels_check import MAX_WEIGHT
from erario.chain.kernels_hash import LANE, LANE_BYTES
from erario.chain.kernels_room import AT_ONCE, USED_ROWS, Room
from erario.chain.kernels_scan import Window, find_spends, scan_window
from erario.chain.kernels_table import CoinTable, ScriptTable
from erario.chain.kernels_walk import LEAST_INPUT, LEAST_TRANSACTION
from erario.chain.script_table import Coins
from erario.chain.sha256 import has_sha_instructions

PAYS: Final = 1
SPENDS: Final = 2

WINDOW_BYTES = 16 << 20
"""Large enough that a call costs little beside its scan, small enough to come back often."""
WINDOW_BLOCKS = 1 << 14
FIRST_ROWS = 1024
"""Room for matches in a window at first; it grows where more are found."""


@dataclass(frozen=True, slots=True)
class Places:
    """The blocks of a scan as plain arrays, one member for each block in chain order, and the
    mappings of their files.

    `segwit` is the first block that may have witnesses.
    """

    addresses: Integers
    sizes: Integers
    keys: Words
    files: Integers
    offsets: Integers
    lengths: Integers
    segwit: int

    def window(self, chosen: Integers) -> Window:
        """The blocks of these numbers."""
        return Window(
            self.addresses,
            self.sizes,
            self.keys,
            self.files[chosen],
            self.offsets[chosen],
            self.lengths[chosen],
            chosen,
            (chosen >= self.segwit).view(np.uint8),
        )


class WindowScan:
    """One scan. `places` and `kinds` of what was found, and `faults`, grow with each merge.

    A place is the number of a block in the scan, times 2^24, plus the transaction's position.
    """

    def __init__(self, places: Places, scripts: ScriptTable, *, check: bool) -> None:
        self.found_places: list[Integers] = []
        self.found_kinds: list[Bytes] = []
        self.faults: list[tuple[int, int]] = []
        self.coins = Coins()
        self._places = places
        self._check = check
        self._scripts = scripts
        self._bounds = _cut(places.lengths)
        self._spare: list[Room] = []

    def run(self, threads: int) -> Iterator[int]:
        """Scan all; yields the number of blocks that are done, after each window."""
        if threads <= 1:
            for i in range(len(self._bounds) - 1):
                window = self._window(i)
                self._merge(window, self._scan(window))
                yield int(self._bounds[i + 1])
            return
        pool = ThreadPoolExecutor(threads, thread_name_prefix="scan")
        try:
            yield from self._run_in(pool, threads)
        finally:
            # After an interrupt the windows under way end, which takes milliseconds.
            pool.shutdown(cancel_futures=True)

    def _run_in(self, pool: ThreadPoolExecutor, threads: int) -> Iterator[int]:
        ahead: deque[tuple[int, Window, Future[Room]]] = deque()
        last = len(self._bounds) - 1
        following = 0
        while ahead or following < last:
            while following < last and len(ahead) < 2 * threads:
                window = self._window(following)
                ahead.append((following, window, pool.submit(self._scan, window)))
                following += 1
            i, window, future = ahead.popleft()
            self._merge(window, future.result())
            yield int(self._bounds[i + 1])

    def _window(self, i: int) -> Window:
        return self._places.window(np.arange(self._bounds[i], self._bounds[i + 1]))

    def _scan(self, window: Window) -> Room:
        room = self._spare.pop() if self._spare else None
        if room is None or not _has_room(room, window.lengths):
            room = new_room(window.lengths)
        return scan_in_room(window, self._scripts, room, check=self._check)

    def _merge(self, window: Window, room: Room) -> None:
        """Take over what was found in the next window of the chain."""
        faults = room.faults[: window.files.size]
        for i in np.flatnonzero(faults):
            self.faults.append((int(window.numbers[i]), int(faults[i])))
        used = int(room.used[USED_ROWS])
        if used:
            self.coins.add(room.names[: 36 * used], room.births[:used])
            self._keep(room, PAYS)
        if self.coins.count:
            room = find_spends_in_room(window, self.coins.table, room)
            self._keep(room, SPENDS)
        self._spare.append(room)

    def _keep(self, room: Room, kind: int) -> None:
        used = int(room.used[USED_ROWS])
        if used:
            self.found_places.append(room.births[:used].copy())
            self.found_kinds.append(np.full(used, kind, np.uint8))


def scan_in_room(window: Window, scripts: ScriptTable, room: Room, *, check: bool) -> Room:
    """Scan all blocks of the window; the room, or a larger one if that was needed."""
    room.used[:] = 0
    at = 0
    while True:
        at = scan_window(window, at, scripts, room, check, has_sha_instructions())
        if at == window.files.size:
            return room
        room = _more_rows(room)


def find_spends_in_room(window: Window, coins: CoinTable, room: Room) -> Room:
    """Rows for the spends of `coins`, in place of those of the scan."""
    room.used[USED_ROWS] = 0
    at = 0
    while True:
        at = find_spends(window, at, coins, room)
        if at == window.files.size:
            return room
        room = _more_rows(room)


def _more_rows(room: Room) -> Room:
    """The room with four times as many rows; those found so far stay."""
    used = int(room.used[USED_ROWS])
    rows, names, births = _rows(4 * len(room.rows))
    rows[:used] = room.rows[:used]
    names[: 36 * used] = room.names[: 36 * used]
    births[:used] = room.births[:used]
    return room._replace(rows=rows, names=names, births=births)


def new_room(lengths: Integers) -> Room:
    """Room for a window with blocks of these lengths."""
    rows, names, births = _rows(FIRST_ROWS)
    inputs = max(_most_inputs(lengths), WINDOW_BYTES // LEAST_INPUT)
    most = _most_transactions(lengths)
    blocks = max(len(lengths), WINDOW_BLOCKS)
    return Room(
        used=np.zeros(4, np.int64),
        inputs=np.empty(inputs, np.uint64),
        input_places=np.empty(inputs, np.uint64),
        faults=np.zeros(blocks, np.uint8),
        ends=np.zeros(blocks, np.int64),
        rows=rows,
        names=names,
        births=births,
        outputs=np.empty(AT_ONCE, np.uint64),
        output_places=np.empty(AT_ONCE, np.uint64),
        passed=np.empty(AT_ONCE, np.int64),
        spans=np.empty((most, 4), np.int64),
        txids=np.empty(32 * most, np.uint8),
        nodes=np.empty(32 * (most + 2), np.uint8),
        hashes=np.empty(32 * most, np.uint8),
        whole=np.empty((most, 4), np.int64),
        states=np.empty(8 * most, np.uint32),
        lanes=np.zeros((2, LANE), np.int64),
        buffer=np.empty(LANE_BYTES, np.uint8),
    )


def _rows(count: int) -> tuple[Integers, Bytes, Integers]:
    return (
        np.empty((count, 2), np.int64),
        np.empty(36 * count, np.uint8),
        np.empty(count, np.int64),
    )


def _has_room(room: Room, lengths: Integers) -> bool:
    return (
        room.inputs.size >= _most_inputs(lengths)
        and len(room.spans) >= _most_transactions(lengths)
        and room.faults.size >= len(lengths)
    )


def _most_inputs(lengths: Integers) -> int:
    """How many inputs blocks of these lengths can have; too large ones are not read."""
    return int(np.minimum(lengths, MAX_WEIGHT).sum()) // LEAST_INPUT + 1


def _most_transactions(lengths: Integers) -> int:
    """How many transactions one block of these can have."""
    return int(np.minimum(lengths, MAX_WEIGHT).max(initial=0)) // LEAST_TRANSACTION + 1


def _cut(lengths: Integers) -> list[int]:
    """Where windows start, and the end of the last: at least one block each, else up to
    `WINDOW_BYTES` and `WINDOW_BLOCKS`."""
    ends = np.cumsum(np.minimum(lengths, MAX_WEIGHT))
    bounds = [0]
    while bounds[-1] < ends.size:
        start = bounds[-1]
        before = int(ends[start - 1]) if start else 0
        stop = int(np.searchsorted(ends, before + WINDOW_BYTES, "right"))
        bounds.append(max(start + 1, min(stop, start + WINDOW_BLOCKS)))
    return bounds
