"""Scanning window by window, over threads, and merging what they find in chain order.

    window    some blocks in chain order, a few megabytes; a kernel scans it without the GIL
    merge     windows are taken in chain order; coins that they report join the known ones

While a window is scanned, earlier ones may still be under way. So each window also hands back
every outpoint that it spends, mixed to one word; when its turn to merge comes, they are held
against the coins that its scan could not know, its own among them, and the blocks where one
may be spent are scanned again for those coins. Invariant: what is found depends neither on
windows nor on threads. A coin is spent only behind its own transaction, in chain order.

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
from erario.chain.kernels_scan import Answers, Window, late_blocks, scan_window
from erario.chain.kernels_walk import (
    LEAST_INPUT,
    NUMBER,
    ROW,
    USED_ROWS,
    Matches,
    Tables,
)
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
    """What the scan of one window found; the arrays are used again after the merge."""

    matches: Matches
    answers: Answers
    known: int = 0

    def make_room(self, rows: int) -> None:
        """Take up to `rows` matches; those found so far stay."""
        used = int(self.matches.used[USED_ROWS])
        wide, names, births = _room(rows)
        wide[:used] = self.matches.rows[:used]
        names[: 36 * used] = self.answers.names[: 36 * used]
        births[:used] = self.answers.births[:used]
        self.matches = self.matches._replace(rows=wide)
        self.answers = self.answers._replace(names=names, births=births)


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
        self._no_scripts = build_scripts(())
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
        # The count before the table: what joins in between is found twice, never missed.
        known = self.coins.count
        found = self._scan_for(window, Tables(self._scripts, self.coins.table), check=self._check)
        found.known = known
        return found

    def _scan_for(self, window: Window, tables: Tables, *, check: bool) -> Found:
        found = self._take_room(window)
        scan_in_room(window, tables, found, check=check)
        return found

    def _take_room(self, window: Window) -> Found:
        """Room that a merge has given back, or new room."""
        inputs = _most_inputs(window.lengths)
        found = self._spare.pop() if self._spare else None
        if found is None or found.matches.inputs.size < inputs:
            found = new_room(max(inputs, WINDOW_BYTES // LEAST_INPUT), WINDOW_BLOCKS)
        found.matches.used[:] = 0
        return found

    def _merge(self, window: Window, found: Found) -> None:
        """Take over what was found in the next window of the chain."""
        count = window.files.size
        faults = found.answers.faults[:count]
        for i in np.flatnonzero(faults):
            self.faults.append((int(window.numbers[i]), int(faults[i])))
        used = int(found.matches.used[USED_ROWS])
        if used:
            pays = found.matches.rows[:used, NUMBER] >= 0
            self._keep(found, used)
            names = found.answers.names[: 36 * used].reshape(-1, 36)[pays]
            self.coins.add(names.reshape(-1), found.answers.births[:used][pays])
        if self.coins.count > found.known:
            self._find_late(window, found)
        self._spare.append(found)

    def _find_late(self, window: Window, found: Found) -> None:
        """Spends of coins that became known after the window's scan had begun."""
        late = table_of_coins(*self.coins.late(found.known), self.coins.table.secret)
        ends = found.answers.ends[: window.files.size]
        flags = late_blocks(found.matches.inputs, ends, late)
        chosen = window.numbers[flags.nonzero()[0]]
        if chosen.size:
            again = self._scan_for(
                self._places.window(chosen), Tables(self._no_scripts, late), check=False
            )
            self._keep(again, int(again.matches.used[USED_ROWS]))
            self._spare.append(again)

    def _keep(self, found: Found, used: int) -> None:
        numbers = found.matches.rows[:used, NUMBER]
        self.found_places.append(found.answers.births[:used].copy())
        self.found_kinds.append(np.where(numbers >= 0, PAYS, SPENDS).astype(np.uint8))


def scan_in_room(window: Window, tables: Tables, found: Found, *, check: bool) -> None:
    """Scan all blocks of the window; `found` gets more room where it is needed."""
    at = 0
    while at < window.files.size:
        at = scan_window(
            window,
            at,
            tables,
            found.matches,
            found.answers,
            check,
            has_sha_instructions(),
        )
        if at < window.files.size:
            found.make_room(4 * len(found.matches.rows))


def new_room(inputs: int, blocks: int) -> Found:
    """Room for the scan of a window of up to so many inputs and blocks."""
    rows, names, births = _room(FIRST_ROWS)
    matches = Matches(np.empty(inputs, np.uint64), rows, np.zeros(2, np.int64))
    faults, ends = np.zeros(blocks, np.uint8), np.zeros((blocks, 2), np.int64)
    spans, txids = np.empty((0, 4), np.int64), np.empty(0, np.uint8)
    return Found(matches, Answers(faults, ends, names, births, spans, txids))


def _room(rows: int) -> tuple[Integers, Bytes, Integers]:
    return (
        np.empty((rows, ROW), np.int64),
        np.empty(36 * rows, np.uint8),
        np.empty(rows, np.int64),
    )


def _most_inputs(lengths: Integers) -> int:
    """How many inputs blocks of these lengths can have; too large ones are not read."""
    return int(np.minimum(lengths, MAX_WEIGHT).sum()) // LEAST_INPUT + 1


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
