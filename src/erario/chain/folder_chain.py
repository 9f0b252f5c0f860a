"""From an index of block files to the chain that they hold: the best branch, and its holes.

A node that runs may be writing its newest block: such a block, whole in length but not in content,
is left out as if its file ended before it, and a finding says so. A hole is a block that must lie
below others which are there: then the folder is pruned or incomplete, and what it shows cannot be
called a chain's end.
"""

from __future__ import annotations

from array import array
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from erario.bitcoin.encoding import Reader
from erario.bitcoin.errors import DecodeError
from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.values import Height, show_hash
from erario.chain.best_chain import BestChain
from erario.chain.block_index import BlockIndex, read_block_index
from erario.chain.block_walk import HEADER
from erario.chain.errors import ChainCode
from erario.chain.header_tree import HeaderTree
from erario.chain.source import Progress, ProgressCallback
from erario.errors import Place, SourceError
from erario.statement.finding import Finding, FindingCode, Severity, Verdict

STEP: Final = "Verifying headers"

_BATCH: Final = 5_000
_BIP34_VERSION: Final = 2
_COINBASE_START: Final = 160
"""Bytes of a block behind its header that hold the height in its coinbase."""
_MOST_HEIGHT: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class FolderChain:
    """The best chain of block files, where their blocks lie, and what was seen on the way.

    `firsts` are the first records of blocks 1 to the tip where they were looked up already.
    """

    index: BlockIndex
    best: BestChain
    findings: tuple[Finding, ...]
    firsts: npt.NDArray[np.int64] | None = None


def read_folder_chain(path: Path, name: NetworkName, progress: ProgressCallback) -> FolderChain:
    """Index the block files beneath `path` and find the branch with the most work.

    Raises:
        RequestError: there are no block files.
        SourceError: they cannot be read, hold no block of the network, or lack one.
    """
    return find_folder_chain(path, name, read_block_index(path, name, progress), progress)


def find_folder_chain(
    path: Path, name: NetworkName, index: BlockIndex, progress: ProgressCallback
) -> FolderChain:
    """The branch with the most work among indexed blocks.

    Raises:
        SourceError: there is no block of the network, or one is missing.
    """
    if not len(index.records):
        raise SourceError(
            ChainCode.NO_BLOCKS,
            f"there is no block of {name} in {path.name}",
            remedy="Give the blocks folder of a node on that network; if it is obfuscated, "
            "xor.dat must lie in it.",
            place=Place(str(path)),
        )
    unfinished: dict[int, Finding] = {}
    while True:
        tree = _grow_tree(index, name, unfinished, progress)
        best = tree.best()
        at_tip = unfinished_tip(index, best)
        if at_tip < 0:
            break
        unfinished[at_tip] = _unfinished_finding(index, at_tip, best.tip)
    if tree.missing_height is not None:
        _refuse_hole(path, index, best)
    return FolderChain(
        index, best, (*tree.findings, *unfinished.values(), *garbage_findings(index))
    )


def _grow_tree(
    index: BlockIndex, name: NetworkName, unfinished: Container[int], progress: ProgressCallback
) -> HeaderTree:
    tree = HeaderTree(name)
    firsts = index.firsts
    for begin in range(0, len(firsts), _BATCH):
        progress(Progress(STEP, begin, len(firsts), "blocks"))
        batch = firsts[begin : begin + _BATCH]
        if unfinished:
            batch = batch[[number not in unfinished for number in batch.tolist()]]
        tree.add_many(index.headers[batch].tobytes())
    progress(Progress(STEP, len(firsts), len(firsts), "blocks"))
    return tree


def unfinished_tip(index: BlockIndex, best: BestChain) -> int:
    """The first record of the tip if no copy of it is finished, else -1."""
    copies = list(index.copies(best.block_hash(best.tip)))
    for number in copies:
        # One that others follow was finished long ago: if it is bad, that is not for us to hide.
        if not index.records["open"][number]:
            return -1
        if index.check(number, best.tip) is None:
            return -1
    return copies[0] if copies else -1


def _unfinished_finding(index: BlockIndex, number: int, height: Height) -> Finding:
    name = show_hash(index.block_hash(number))
    return Finding(
        FindingCode.CHAIN_UNFINISHED,
        Verdict.PASS,
        Severity.WARNING,
        name,
        f"Block {height}, {name}, at the end of {index.name_of(number)}, is not whole: a node may "
        "be writing it, or it is damaged. It was left out.",
        "Audit again: what a node was writing is finished in a moment.",
    )


def _refuse_hole(path: Path, index: BlockIndex, best: BestChain) -> None:
    """Raise for the first missing block, if blocks that do not connect show that there is one.

    A node may keep a few blocks of a stale branch whose beginning it never fetched: they tell by
    the height in their coinbase (BIP 34) that they end at or below the tip, and are passed over.
    """
    missing = best.tip + 1
    is_hole = False
    for root, length in _loose_branches(index, best).items():
        height = _claimed_height(index, root, network(best.network).bip34_height)
        if length == 1 and index.check(root, height or Height(0)) is not None:
            # Noise behind a header whose proof of work cost nothing, as on regtest.
            continue
        if height is None or height + length - 1 > best.tip:
            is_hole = True
            missing = min(missing, missing if height is None else height - 1)
    if is_hole:
        raise SourceError(
            ChainCode.BLOCK_MISSING,
            f"block {missing} is not in {path.name}, but later ones are",
            remedy="The folder is pruned or incomplete: give that of a node with prune=0 that has "
            "all its blocks.",
            place=Place(str(path)),
        )


def _claimed_height(index: BlockIndex, number: int, bip34_height: int) -> Height | None:
    """The height that a block's coinbase starts with (BIP 34); None where it need not tell it."""
    if int.from_bytes(index.header(number)[:4], "little", signed=True) < _BIP34_VERSION:
        return None
    reader = Reader(index.read(number, HEADER, _COINBASE_START))
    try:
        reader.compact_size()
        reader.take(4)
        inputs = reader.compact_size()
        if inputs == 0:
            reader.u8()
            inputs = reader.compact_size()
        reader.take(36)
        reader.compact_size()
        size = reader.u8()
        # The numbers 1 to 16 have opcodes of their own.
        height = size - 0x50 if size > 0x50 else int.from_bytes(reader.take(size), "little")
    except DecodeError:
        return None
    return Height(height) if bip34_height <= height < _MOST_HEIGHT else None


def _loose_branches(index: BlockIndex, best: BestChain) -> dict[int, int]:
    """The first records of blocks whose parent is not there, and how many blocks long each is."""
    parents = _parents(index)
    genesis = best.block_hash(Height(0))
    roots: dict[int, int] = {}
    place = array("i", [-1]) * len(parents)  # depth below its root; 0 is the root itself
    root_of = array("i", [-1]) * len(parents)
    for number in index.firsts.tolist():
        path = []
        node = number
        while place[node] < 0:
            path.append(node)
            if parents[node] < 0:
                break
            node = parents[node]
        for each in reversed(path):
            parent = parents[each]
            place[each] = 0 if parent < 0 else place[parent] + 1
            root_of[each] = each if parent < 0 else root_of[parent]
        root = root_of[number]
        roots[root] = max(roots.get(root, 0), place[number] + 1)
    return {
        root: length
        for root, length in roots.items()
        if index.header(root)[4:36] != genesis and index.block_hash(root) != genesis
    }


def _parents(index: BlockIndex) -> array[int]:
    """For each record that is the first of its block, the first record of its parent, or -1."""
    parents = array("i", [-1]) * len(index.records)
    for number in index.firsts.tolist():
        parents[number] = index.first(index.header(number)[4:36])
    return parents


def garbage_findings(index: BlockIndex) -> tuple[Finding, ...]:
    """What the files hold beside blocks, as findings."""
    findings = []
    for found in index.garbage:
        more = f"; {found.stretches} such stretches in the file" if found.stretches > 1 else ""
        findings.append(
            Finding(
                FindingCode.CHAIN_GARBAGE,
                Verdict.PASS,
                Severity.INFO,
                "",
                f"{found.file} holds bytes at offset {found.offset} that are no whole block, as a "
                f"crash leaves them; they were passed over{more}",
                "",
            )
        )
    return tuple(findings)
