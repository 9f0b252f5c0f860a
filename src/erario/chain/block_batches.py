"""Reading blocks in batches of a few seconds, so that what was found can be kept in between.

A batch is scanned with the coins that the batches before it left. A bad copy in it is replaced and
the batch read once more; batches before it cannot know anything of it. Where the folder's word is
taken (--own), a bad copy ends all this: then the whole is read plainly and nothing of it is kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from erario.bitcoin.network import network
from erario.bitcoin.values import Height
from erario.chain.evidence_builder import build_evidence
from erario.chain.kept_folder import BadOwnCopyError
from erario.chain.kept_index import KeptIndex
from erario.chain.place_store import CHECKED, READ
from erario.chain.scanner import ScanResult, scan
from erario.chain.source import Progress, ProgressCallback
from erario.chain.watch_list import WatchedCoins, WatchList
from erario.statement.evidence import BlockEvidence
from erario.statement.finding import Finding

SCAN_STEP: Final = "Scanning blocks"
CHECK_STEP: Final = "Checking changed files"

FIRST_BYTES = 512 << 20
"""The size of the first batch; later ones are as large as takes `SECONDS`."""
SECONDS = 5.0

Heights = npt.NDArray[np.int64]


class BlockBatches:
    """Batches of the blocks of an open index. Made once for each trace."""

    def __init__(self, index: KeptIndex, progress: ProgressCallback, *, own: bool) -> None:
        self._index = index
        self._progress = progress
        self._own = own
        self._bytes = FIRST_BYTES
        self._segwit_height = network(index.chain.best.network).segwit_height
        self._moved = self._mover(SCAN_STEP, 0, 0)
        index.copies.refuse_changes(Height(0))

    def read(self, one: WatchList, goal: Height) -> Iterator[tuple[list[BlockEvidence], Height]]:
        """What touches the scripts of a list in the blocks behind it, and the height come to.

        Raises:
            SourceError: a block has no good copy.
            BadOwnCopyError: the folder's word is not to be had.
        """
        coins = WatchedCoins(one.scripts)
        coins.touching(one.blocks)
        heights = np.arange(one.height + 1, goal + 1, dtype=np.int64)
        for batch in self._cut(heights, SCAN_STEP):
            is_checked = not self._own and bool(len(self._unknown(batch)))
            hits = self._hits(one, coins, batch, is_checked=is_checked)
            evidence = list(self._evidence(hits))
            coins.touching(evidence)
            self._index.mark(batch, READ if self._own else CHECKED)
            yield evidence, Height(int(batch[-1]))

    def check(self, upto: Height) -> Iterator[None]:
        """Hold against their headers all blocks up to a height that nobody checked as they are.

        Raises:
            SourceError: a block has no good copy.
        """
        heights = self._index.unknown(Height(1), upto, CHECKED)
        for batch in self._cut(heights, CHECK_STEP):
            self._replace_bad(batch, self._scan((), batch, None, check_roots=True))
            self._index.mark(batch, CHECKED)
            yield

    def finish(self, upto: Height) -> tuple[Finding, ...]:
        """The findings about bad copies up to a height, once all was read.

        Raises:
            SourceError: files no longer hold the blocks that were read.
        """
        self._index.copies.refuse_changes(upto)
        return self._index.copies.findings(upto)

    def _unknown(self, batch: Heights) -> Heights:
        return self._index.unknown(Height(int(batch[0])), Height(int(batch[-1])), CHECKED)

    def _cut(self, heights: Heights, step: str) -> Iterator[Heights]:
        """The heights in batches; whoever takes the next one has read the one before."""
        if not len(heights):
            return
        sizes = self._blocks(heights)["size"].astype(np.int64)
        ends = np.cumsum(sizes)
        total, start = int(ends[-1]), 0
        while start < len(heights):
            before = int(ends[start - 1]) if start else 0
            stop = max(start + 1, int(np.searchsorted(ends, before + self._bytes, "right")))
            self._moved = self._mover(step, before, total)
            began = time.monotonic()
            yield heights[start:stop]
            took = max(time.monotonic() - began, 1e-3)
            # One odd batch, as after a pause, must not spoil the next.
            self._bytes = int(self._bytes * min(2.0, max(0.5, SECONDS / took)))
            start = stop

    def _mover(self, step: str, before: int, total: int) -> Callable[[int, int], None]:
        def moved(done: int, height: int) -> None:
            self._progress(Progress(step, before + done, total, "bytes", Height(height)))

        return moved

    def _hits(
        self, one: WatchList, coins: WatchedCoins, batch: Heights, *, is_checked: bool
    ) -> npt.NDArray[np.void]:
        known = np.frombuffer(coins.names, np.uint8)
        while True:
            result = self._scan(one.scripts, batch, known, check_roots=is_checked)
            if self._own and (result.bad or self._has_bad(result.hits)):
                raise BadOwnCopyError
            if not self._replace_bad(batch, result):
                return result.hits
            # What was good stays so, and the copies that stand in were checked.
            is_checked = False

    def _has_bad(self, hits: npt.NDArray[np.void]) -> bool:
        matched = np.unique(hits["height"]).astype(np.int64)
        return bool(len(matched) and self._scan((), matched, None, check_roots=True).bad)

    def _replace_bad(self, batch: Heights, result: ScanResult) -> bool:
        for number, fault in result.bad:
            self._index.copies.replace(Height(int(batch[number])), fault)
        return bool(result.bad)

    def _scan(
        self,
        scripts: tuple[bytes, ...],
        batch: Heights,
        known: npt.NDArray[np.uint8] | None,
        *,
        check_roots: bool,
    ) -> ScanResult:
        return scan(
            self._index.views,
            self._blocks(batch),
            scripts,
            check_roots=check_roots,
            segwit_height=self._segwit_height,
            known_coins=known,
            progress=self._moved,
        )

    def _blocks(self, heights: Heights) -> npt.NDArray[np.void]:
        return self._index.copies.blocks(heights)

    def _evidence(self, hits: npt.NDArray[np.void]) -> Iterator[BlockEvidence]:
        heights, starts = np.unique(hits["height"], return_index=True)
        if not len(heights):
            return
        places = self._blocks(heights.astype(np.int64))
        best, copies = self._index.chain.best, self._index.copies
        for place, own in zip(places, np.split(hits["position"], starts[1:]), strict=True):
            height = Height(int(place["height"]))
            built = build_evidence(
                self._index.views, place, best.header(height), own.astype(np.int64)
            )
            if isinstance(built, StrEnum):
                if self._own:
                    raise BadOwnCopyError
                raise copies.refusal(height, built)
            yield built
