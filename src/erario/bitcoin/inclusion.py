"""Whether a Merkle branch shows a transaction in a block.

An inner node of the tree is 64 bytes and so could be read as a transaction, or a transaction of 64
bytes as a node (CVE-2017-12842). Both tricks are closed at every depth: a transaction of 64
stripped bytes proves nothing, and every branch of a block must be as long as its coinbase's, which
only the real first leaf can have.

The tree repeats the last hash of an odd row (CVE-2012-2459), so that a leaf could be shown at a
place that no transaction has. A node that equals its neighbour on the left stands there.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from erario.bitcoin.transaction import Transaction
from erario.bitcoin.values import sha256d

NODE_SIZE: Final = 64
"""Bytes of an inner node of the Merkle tree: two hashes."""
MAX_BRANCH: Final = 32
"""No block has as many transactions as a longer branch would need."""


class BranchFault(StrEnum):
    """Why a branch shows nothing."""

    NODE_SIZED = "node-sized"
    LENGTH = "length"
    POSITION = "position"
    ROOT = "root"


def branch_fault(
    transaction: Transaction, position: int, branch: Sequence[bytes], root: bytes, length: int
) -> BranchFault | None:
    """What is wrong with a branch, leaf first; None where it shows the transaction.

    Args:
        transaction: what is to be shown.
        position: its place in the block.
        branch: hashes of 32 bytes, internal order.
        root: the Merkle root in the block's header.
        length: how long the branch of the block's coinbase is.
    """
    if transaction.stripped_size == NODE_SIZE:
        return BranchFault.NODE_SIZED
    if len(branch) != length or length > MAX_BRANCH:
        return BranchFault.LENGTH
    if not 0 <= position < 1 << length or any(len(node) != 32 for node in branch):
        return BranchFault.POSITION
    node, is_repeated = bytes(transaction.txid), False
    for level, beside in enumerate(branch):
        is_right = bool(position >> level & 1)
        is_repeated = is_repeated or (is_right and beside == node)
        node = sha256d(beside + node if is_right else node + beside)
    if node != root:
        return BranchFault.ROOT
    return BranchFault.POSITION if is_repeated else None
