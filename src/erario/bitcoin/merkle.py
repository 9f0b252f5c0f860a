"""Merkle trees of blocks: root, branches, and the witness commitment (BIP 141).

Bitcoin's tree repeats the last hash of an odd level, so different lists can have the same root
(CVE-2012-2459). Invariant: a list whose root could come from another list is called mutated, as
Bitcoin Core does (consensus/merkle.cpp): two equal hashes side by side at any level.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from erario.bitcoin.errors import BlockFault
from erario.bitcoin.transaction import Transaction
from erario.bitcoin.values import sha256d

_COMMITMENT: Final = bytes.fromhex("6a24aa21a9ed")


def merkle_root(hashes: Sequence[bytes]) -> tuple[bytes, bool]:
    """The root over `hashes` (32 bytes each, internal order), and whether the list is mutated.

    The root of nothing is 32 zero bytes.
    """
    if not hashes:
        return bytes(32), False
    level = list(hashes)
    mutated = False
    while len(level) > 1:
        mutated = mutated or any(level[i] == level[i + 1] for i in range(0, len(level) - 1, 2))
        level = _next_level(level)
    return level[0], mutated


def merkle_branch(hashes: Sequence[bytes], position: int) -> tuple[bytes, ...]:
    """The hashes beside the path from the leaf at `position` to the root, leaf first.

    Raises:
        IndexError: there is no leaf at `position`.
    """
    return merkle_branches(hashes, (position,))[0]


def merkle_branches(hashes: Sequence[bytes], positions: Sequence[int]) -> list[tuple[bytes, ...]]:
    """The branches of several leaves, in the order asked; the tree is hashed once.

    Raises:
        IndexError: there is no leaf at one of `positions`.
    """
    for position in positions:
        if not 0 <= position < len(hashes):
            raise IndexError(f"no leaf at {position} among {len(hashes)}")
    branches: list[list[bytes]] = [[] for _ in positions]
    level = list(hashes)
    depth = 0
    while len(level) > 1:
        for branch, position in zip(branches, positions, strict=True):
            own = position >> depth
            branch.append(level[own ^ 1] if own ^ 1 < len(level) else level[own])
        level = _next_level(level)
        depth += 1
    return [tuple(branch) for branch in branches]


def root_of_branch(leaf: bytes, position: int, branch: Sequence[bytes]) -> bytes:
    """The root that `leaf` leads to at `position` along `branch`, leaf first."""
    for beside in branch:
        leaf = sha256d(beside + leaf if position & 1 else leaf + beside)
        position >>= 1
    return leaf


def check_witness_commitment(transactions: Sequence[Transaction]) -> BlockFault | None:
    """What is wrong with the witness commitment of a block at or above the segwit height.

    The commitment is the last output of the coinbase that starts with 6a24aa21a9ed; without one
    no transaction may carry a witness. `transactions` starts with the coinbase.
    """
    coinbase = transactions[0]
    commitment = None
    for output in coinbase.outputs:
        if len(output.script) >= 38 and output.script.startswith(_COMMITMENT):
            commitment = output.script[6:38]
    if commitment is None:
        carried = any(t.stripped_size != len(t.raw) for t in transactions)
        return BlockFault.COMMITMENT_MISSING if carried else None
    witness = coinbase.inputs[0].witness
    if len(witness) != 1 or len(witness[0]) != 32:
        return BlockFault.COMMITMENT_NONCE
    # The coinbase commits to itself as zero, since it holds the commitment.
    root, _ = merkle_root([bytes(32), *(t.wtxid for t in transactions[1:])])
    if sha256d(root + witness[0]) != commitment:
        return BlockFault.COMMITMENT_WRONG
    return None


def _next_level(level: list[bytes]) -> list[bytes]:
    if len(level) % 2:
        level = [*level, level[-1]]
    return [sha256d(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
