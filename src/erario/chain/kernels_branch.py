"""Merkle branches of some transactions of a block, all levels hashed once."""

from __future__ import annotations

import numpy as np

from erario.chain.kernels import Bytes, Integers, kernel
from erario.chain.sha256 import node, node_two


@kernel
def merkle_branches(
    txids: Bytes,
    positions: Integers,
    native: bool,
) -> tuple[Bytes, Bytes]:
    """The branches of the leaves at `positions`, leaf first, and the root.

    `txids` has a row of 32 bytes for each transaction, at least one; the branches have the shape
    (positions, levels, 32). As `erario.bitcoin.merkle`: an odd level repeats its last hash.
    """
    count = txids.shape[0]
    nodes = np.empty(32 * (count + 1), np.uint8)
    # Loops, not slices: numba takes seconds to compile a slice that is assigned.
    for i in range(count):
        for j in range(32):
            nodes[32 * i + j] = txids[i, j]
    levels = 0
    while (1 << levels) < count:
        levels += 1
    out = np.empty((positions.size, levels, 32), np.uint8)
    at = positions.copy()
    for level in range(levels):
        if count & 1:
            for j in range(32):
                nodes[32 * count + j] = nodes[32 * count - 32 + j]
            count += 1
        for i in range(positions.size):
            beside = at[i] ^ 1
            for j in range(32):
                out[i, level, j] = nodes[32 * beside + j]
            at[i] >>= 1
        count >>= 1
        for i in range(0, count - 1, 2):
            node_two(nodes, 64 * i, nodes, 32 * i, native)
        if count & 1:
            node(nodes, 64 * (count - 1), nodes, 32 * (count - 1), native)
    root = np.empty(32, np.uint8)
    for j in range(32):
        root[j] = nodes[j]
    return out, root
