"""Which copy of each block of the best chain is read, and what happens to bad ones.

A block may lie in several places. The first copy is taken; where it turns out to be bad, the next
good one takes its place, and the bad one is reported. Where no good one is left, the audit ends.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt

from erario.bitcoin.header import HEADER_SIZE
from erario.bitcoin.values import Height, show_hash
from erario.chain.best_chain import BestChain
from erario.chain.block_index import BlockIndex
from erario.chain.errors import ChainCode
from erario.chain.folder_chain import FolderChain
from erario.chain.scanner import BLOCK_DTYPE
from erario.errors import Place, SourceError
from erario.statement.finding import Finding, FindingCode, Severity, Verdict


class BlockCopies:
    """The chosen copies of the blocks of a folder's best chain, genesis left out."""

    def __init__(self, folder: FolderChain) -> None:
        self._index: BlockIndex = folder.index
        self._best = folder.best
        firsts = folder.firsts
        if firsts is None:
            firsts = self._index.first_of(block_hashes(folder.best, Height(1)))
        self._chosen = firsts.copy()
        self._bad: dict[int, tuple[Height, StrEnum]] = {}

    def blocks(self, heights: npt.NDArray[np.int64]) -> npt.NDArray[np.void]:
        """The copies of the blocks at these heights, of BLOCK_DTYPE."""
        places = self._index.records[self._chosen[heights - 1]]
        blocks = np.empty(len(places), dtype=BLOCK_DTYPE)
        for name in ("file", "offset", "size"):
            blocks[name] = places[name]
        blocks["height"] = heights
        return blocks

    def numbers(self, upto: Height) -> npt.NDArray[np.int64]:
        """The records of the chosen copies of blocks 1 to `upto`; -1 where there is none."""
        return self._chosen[:upto]

    def replace(self, height: Height, fault: StrEnum) -> None:
        """Take another copy of the block at `height`, since the present one has `fault`.

        Raises:
            SourceError: there is no good one.
        """
        present = int(self._chosen[height - 1])
        self._bad[present] = (height, fault)
        for number in self._index.copies(self._best.block_hash(height)):
            if number in self._bad:
                continue
            found = self._index.check(number, height)
            if found is None:
                self._chosen[height - 1] = number
                return
            self._bad[number] = (height, found)
        raise self.refusal(height, fault, present)

    def refusal(self, height: Height, fault: StrEnum, number: int | None = None) -> SourceError:
        """The error for a block of the best chain that is bad in every copy, or by its content."""
        number = int(self._chosen[height - 1]) if number is None else number
        name = self._index.name_of(number)
        offset = int(self._index.records["offset"][number])
        block_hash = show_hash(self._index.block_hash(number))
        return SourceError(
            ChainCode.BLOCK_BAD,
            f"block {height} ({block_hash}) is bad in {name} at offset {offset} ({fault}), and "
            "there is no good copy of it",
            remedy="Get the block again: let the node check its files (-reindex), or take the file "
            "from another node.",
            place=Place(str(self._index.path_of(number))),
        )

    def refuse_changes(self, upto: Height) -> None:
        """Make sure that files that were written to still hold the blocks that were read.

        Raises:
            SourceError: they do not.
        """
        changed = self._index.changed_files()
        for height in range(1, upto + 1) if changed else ():
            number = int(self._chosen[height - 1])
            if int(self._index.records["file"][number]) in changed and self._index.read_header(
                number
            ) != self._index.header(number):
                raise self.refusal(Height(height), ChainCode.FILE_CHANGED)

    def findings(self, upto: Height) -> tuple[Finding, ...]:
        """A finding for each bad copy of a block up to `upto` that a good one stood in for."""
        seen = sorted(
            (height, number, fault)
            for number, (height, fault) in self._bad.items()
            if height <= upto
        )
        return tuple(self._finding(*each) for each in seen)

    def _finding(self, height: Height, number: int, fault: StrEnum) -> Finding:
        block_hash = show_hash(self._index.block_hash(number))
        return Finding(
            FindingCode.CHAIN_BAD_COPY,
            Verdict.FAIL,
            Severity.WARNING,
            block_hash,
            f"the copy of block {height} in {self._index.name_of(number)} at offset "
            f"{int(self._index.records['offset'][number])} is bad ({fault}); another copy of "
            f"{block_hash} is good and was read",
            "Let the node check its files (-reindex), and look at the disk.",
        )


def block_hashes(best: BestChain, first: Height) -> npt.NDArray[np.uint8]:
    """The hashes of the blocks from `first` to the tip: each header names the one before."""
    rows = np.frombuffer(best.headers, np.uint8).reshape(-1, HEADER_SIZE)[first + 1 :, 4:36]
    tip = np.frombuffer(best.block_hash(best.tip), np.uint8).reshape(1, -1)
    return np.concatenate((rows, tip[: max(0, best.tip + 1 - first)]))
