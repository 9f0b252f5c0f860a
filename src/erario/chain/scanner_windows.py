"""Scanning window by window, over threads, and merging what they find in chain order.

    window    some blocks in chain order, a few megabytes; a kernel scans it without the GIL
    merge     windows are taken in chain order; coins that they report join the known ones

While a window is scanned, earlier ones may still be under way. So each window also hands back
every outpoint that it spends, mixed to one word; when its turn to merge comes, they are held
against the coins that its scan could not know, its own among them: a look at one word for each
input, not a second scan. Invariant: what is found depends neither on windows nor on threads. A
coin is spent only behind its own transaction, in chain order.

Memory is bounded by the answer, the scripts and a few windows, whatever the chain's size.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from erario.chain.kernels import Bytes, Integers, Words
from erario.chain.kernels_check import MAX_WEIGHT
from erario.chain.kernels_hash import LANE, LANE_BYTES
from erario.chain.kernels_room import AT_ONCE, NUMBER, USED_ROWS, Room
from erario.chain.kernels_scan import Tables, Window, find_late, scan_window
from erario.chain.kernels_table import CoinTable
from erario.chain.kernels_walk import LEAST_INPUT, LEAST_TRANSACTION
from erario.chain.script_table import Coins, build_scripts, table_of_coins
from erario.chain.sha256 import has_sha_instructions

PAYS: Final = 1
SPENDS: Final = 2

WINDOW_BYTES = 8 << 20
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


@dataclass(slots=True)
class Found:
    """What the scan of one window found; the room is used again after the merge.

    `known` is how many coins the scan knew for certain.
    """

    room: Room
    known: int = 0

    def make_room(self) -> None:
        """Take four times as many rows; those found so far stay."""
        used = int(self.room.used[USED_ROWS])
        rows, names, births = _rows(4 * len(self.room.rows))
        rows[:used] = self.room.rows[:used]
        names[: 36 * used] = self.room.names[: 36 * used]
        births[:used] = self.room.births[:used]
        self.room = self.room._replace(rows=rows, names=names, births=births)


class WindowScan:
    """One scan. `places` and `kinds` of what was found, and `faults`, grow with each merge.

    A place is the number of a block in the scan, times 2^24, plus the transaction's position.
    """

    def __init__(self, places: Places, scripts: Sequence[bytes], *, check: bool) -> None:
        self.found_places: list[Integers] = []
        self.found_kinds: list[Bytes] = []
        self.faults: list[tuple[int, int]] = []
        self.coins = Coins()
        self._places = places
        self._check = check
        self._scripts = build_scripts(scripts)
        self._bounds = _cut(places.lengths)
        self._spare: list[Found] = []

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
        ahead: deque[tuple[int, Window, Future[Found]]] = deque()
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

    def _scan(self, window: Window) -> Found:
        found = self._spare.pop() if self._spare else None
        if found is None or not _has_room(found.room, window.lengths):
            found = Found(new_room(window.lengths))
        # The count before the table: what joins in between is found twice, never missed.
        found.known = self.coins.count
        scan_in_room(window, Tables(self._scripts, self.coins.table), found, check=self._check)
        return found

    def _merge(self, window: Window, found: Found) -> None:
        """Take over what was found in the next window of the chain."""
        faults = found.room.faults[: window.files.size]
        for i in np.flatnonzero(faults):
            self.faults.append((int(window.numbers[i]), int(faults[i])))
        used = int(found.room.used[USED_ROWS])
        if used:
            pays = found.room.rows[:used, NUMBER] >= 0
            names = found.room.names[: 36 * used].reshape(-1, 36)[pays]
            self.coins.add(names.reshape(-1), found.room.births[:used][pays])
            self._keep(found.room)
        if self.coins.count > found.known:
            late = table_of_coins(*self.coins.late(found.known), self.coins.table.secret)
            find_late_in_room(window, late, found)
            self._keep(found.room)
        self._spare.append(found)

    def _keep(self, room: Room) -> None:
        used = int(room.used[USED_ROWS])
        numbers = room.rows[:used, NUMBER]
        self.found_places.append(room.births[:used].copy())
        self.found_kinds.append(np.where(numbers >= 0, PAYS, SPENDS).astype(np.uint8))


def scan_in_room(window: Window, tables: Tables, found: Found, *, check: bool) -> None:
    """Scan all blocks of the window; `found` gets more room where it is needed."""
    found.room.used[:] = 0
    at = 0
    while True:
        at = scan_window(window, at, tables, found.room, check, has_sha_instructions())
        if at == window.files.size:
            return
        found.make_room()


def find_late_in_room(window: Window, coins: CoinTable, found: Found) -> None:
    """Rows for the spends of `coins`, in place of those of the scan."""
    found.room.used[USED_ROWS] = 0
    at = 0
    while True:
        at = find_late(window, at, coins, found.room)
        if at == window.files.size:
            return
        found.make_room()


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
