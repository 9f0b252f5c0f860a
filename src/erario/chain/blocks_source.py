"""The source that reads block files: headers first, then every block in chain order.

`chain` indexes the files once, when it is first asked; a node may go on writing to them. `trace`
reads every block up to a height and holds it against its header (Merkle root, coinbase, witness
commitment), unless the user says that the node is their own: then only the blocks that matter.
Block 0 is never read: erario knows it, and its output can never be spent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.values import Height, Script
from erario.chain.best_chain import BestChain
from erario.chain.block_copies import BlockCopies
from erario.chain.block_paths import find_block_files
from erario.chain.blocks_note import blocks_note
from erario.chain.evidence_builder import build_evidence
from erario.chain.folder_chain import FolderChain, read_folder_chain
from erario.chain.heights import refuse_height
from erario.chain.scanner import ScanResult, scan
from erario.chain.source import Progress, ProgressCallback, Trace
from erario.statement.evidence import BlockEvidence, SourceNote

SCAN_STEP: Final = "Scanning blocks"
EVIDENCE_STEP: Final = "Collecting evidence"


class BlocksSource:
    """Block files of a node, or a file of blocks, as a `ChainSource`.

    Args:
        path: a blocks folder, a node's data directory, or a file.
        name: the network asked about.
        own: the user says that the files are their own node's.
        folder: what lies at the path, where it was read already.

    Raises:
        RequestError: nothing is there, or no block file.
        SourceError: it cannot be looked at.
    """

    def __init__(
        self,
        path: Path | str,
        name: NetworkName,
        *,
        own: bool = False,
        folder: FolderChain | None = None,
    ) -> None:
        self._path = Path(path).expanduser()
        self._name = name
        self._own = own
        self._folder = folder
        self._copies: BlockCopies | None = None
        find_block_files(self._path, name)

    @property
    def network(self) -> NetworkName:
        """The network that it is asked about."""
        return self._name

    def only_height(self) -> Height | None:
        """None: block files answer for every height."""
        return None

    def notes(self) -> tuple[SourceNote, ...]:
        """What it vouches for, in words."""
        return (blocks_note(own=self._own),)

    def close(self) -> None:
        """Nothing is held open."""

    def chain(self, progress: ProgressCallback) -> BestChain:
        """The verified headers of the branch with the most work; read once, then kept.

        Raises:
            RequestError: there are no block files.
            SourceError: they cannot be read, hold no block of the network, or lack one.
        """
        return self._read(progress).best

    def trace(self, scripts: Sequence[Script], upto: Height, progress: ProgressCallback) -> Trace:
        """Every transaction in blocks 1 to `upto` of the best chain that touches `scripts`.

        Raises:
            RequestError: the chain does not reach `upto`.
            SourceError: a block up to `upto` has no good copy, or a file was changed.
        """
        folder = self._read(progress)
        refuse_height(self._path.name, folder.best, upto)
        if self._copies is None:
            self._copies = BlockCopies(folder)
        copies = self._copies
        copies.refuse_changes(Height(0))
        blocks, hits = self._scan(folder, copies, scripts, upto, progress)
        copies.refuse_changes(upto)
        evidence = tuple(self._evidence(folder, copies, blocks, hits, progress))
        return Trace(evidence, (*folder.findings, *copies.findings(upto)))

    def _read(self, progress: ProgressCallback) -> FolderChain:
        if self._folder is None:
            self._folder = read_folder_chain(self._path, self._name, progress)
        return self._folder

    def _scan(
        self,
        folder: FolderChain,
        copies: BlockCopies,
        scripts: Sequence[Script],
        upto: Height,
        progress: ProgressCallback,
    ) -> tuple[npt.NDArray[np.void], npt.NDArray[np.void]]:
        """The blocks that were read and the hits in them, all from good copies."""
        check_roots = not self._own
        while True:
            blocks = copies.blocks(np.arange(1, upto + 1, dtype=np.int64))
            result = self._scan_once(folder, blocks, scripts, progress, check_roots=check_roots)
            bad = [(int(blocks["height"][index]), fault) for index, fault in result.bad]
            if not bad and self._own:
                bad = self._check_hits(folder, blocks, result.hits)
            if not bad:
                return blocks, result.hits
            # A bad copy may hide coins that later blocks spend, so all is read once more. What
            # was good stays so: only the new copies had to be checked, and were.
            check_roots = False
            for height, fault in bad:
                copies.replace(Height(height), fault)

    def _scan_once(
        self,
        folder: FolderChain,
        blocks: npt.NDArray[np.void],
        scripts: Sequence[Script],
        progress: ProgressCallback,
        *,
        check_roots: bool,
    ) -> ScanResult:
        total = int(blocks["size"].sum(dtype=np.int64))

        def moved(done: int, height: int) -> None:
            progress(Progress(SCAN_STEP, done, total, "bytes", Height(height)))

        return scan(
            folder.index.views,
            blocks,
            scripts,
            check_roots=check_roots,
            segwit_height=network(self._name).segwit_height,
            progress=moved,
        )

    def _check_hits(
        self, folder: FolderChain, blocks: npt.NDArray[np.void], hits: npt.NDArray[np.void]
    ) -> list[tuple[int, StrEnum]]:
        """Hold the blocks that matter against their headers: their heights and faults."""
        matched = blocks[np.unique(hits["height"]) - 1]
        result = scan(
            folder.index.views,
            matched,
            (),
            check_roots=True,
            segwit_height=network(self._name).segwit_height,
        )
        return [(int(matched["height"][index]), fault) for index, fault in result.bad]

    def _evidence(
        self,
        folder: FolderChain,
        copies: BlockCopies,
        blocks: npt.NDArray[np.void],
        hits: npt.NDArray[np.void],
        progress: ProgressCallback,
    ) -> Iterator[BlockEvidence]:
        heights, starts = np.unique(hits["height"], return_index=True)
        ends = np.append(starts, len(hits))[1:]
        for done, (height, start, end) in enumerate(
            zip(heights.tolist(), starts.tolist(), ends.tolist(), strict=True)
        ):
            progress(Progress(EVIDENCE_STEP, done, len(heights), "blocks", Height(height)))
            built = build_evidence(
                folder.index.views,
                blocks[height - 1],
                folder.best.header(Height(height)),
                hits["position"][start:end].astype(np.int64),
            )
            if isinstance(built, StrEnum):
                raise copies.refusal(Height(height), built)
            yield built
        progress(Progress(EVIDENCE_STEP, len(heights), len(heights), "blocks"))
