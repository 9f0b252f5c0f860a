"""Evidence out of a block: the transactions of interest, cut out, each with its Merkle branch.

A block is never parsed in Python: the kernels tell where its transactions lie and what their
hashes are. Invariant: the block begins with the header that was verified, and every branch leads
to that header's root; both are checked here for each block, whatever was checked before.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from erario.bitcoin.block import check_transaction
from erario.bitcoin.errors import BlockFault
from erario.bitcoin.transaction import read_transaction
from erario.bitcoin.values import Height
from erario.chain.block_files import clear
from erario.chain.block_walk import HEADER
from erario.chain.errors import ChainCode
from erario.chain.kernels_branch import merkle_branches
from erario.chain.scanner import BlockFileView, list_transactions
from erario.chain.sha256 import has_sha_instructions
from erario.statement.evidence import BlockEvidence, TransactionEvidence

_ROOT = slice(36, 68)


def build_evidence(
    views: Sequence[BlockFileView],
    block: np.void,
    header: bytes,
    positions: npt.NDArray[np.int64],
) -> BlockEvidence | StrEnum:
    """What a block shows of its transactions at `positions`, in order; or what is wrong with it.

    Args:
        views: what `block` names by index.
        block: of BLOCK_DTYPE.
        header: the verified header of this height.
        positions: of the transactions of interest, sorted.
    """
    view = views[int(block["file"])]
    start = int(block["offset"])
    if clear(bytes(view.data[start : start + HEADER]), view.key, start) != header:
        return ChainCode.FILE_CHANGED
    # Alone: what the scanner does for each file that it is given adds up over many blocks.
    placed = block.copy()
    placed["file"] = 0
    listing = list_transactions([view], placed)
    wanted = np.concatenate(([0], positions)).astype(np.int64)
    if len(listing.txids) <= int(wanted[-1]):
        return BlockFault.MERKLE_ROOT
    branches, root = merkle_branches(listing.txids, wanted, has_sha_instructions())
    if root.tobytes() != header[_ROOT]:
        return BlockFault.MERKLE_ROOT
    found = []
    for position, branch in zip(wanted.tolist(), branches, strict=True):
        begin = start + int(listing.offsets[position])
        raw = clear(
            bytes(view.data[begin : begin + int(listing.lengths[position])]), view.key, begin
        )
        faults = check_transaction(read_transaction(raw))
        if faults:
            return faults[0]
        found.append(TransactionEvidence(position, raw, tuple(level.tobytes() for level in branch)))
    return BlockEvidence(Height(int(block["height"])), header, found[0], tuple(found[1:]))
