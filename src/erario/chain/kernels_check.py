"""Whether a block's transactions are those that its header commits to.

Checked in this order, the first fault counts: the Merkle root and that it names one list only
(CVE-2012-2459), one coinbase and it comes first, the weight, and the witness commitment (BIP 141).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from erario.chain.kernels import byte_at, copy_bytes, copy_hash, half_at, part, word_at
from erario.chain.kernels_hash import hash_transactions, merkle_root
from erario.chain.kernels_room import BODY_END, HAS_WITNESS, START, STOP, Block, Room
from erario.chain.kernels_size import read_size
from erario.chain.sha256 import node

GOOD: Final = 0
UNREADABLE: Final = 1
NO_TRANSACTION: Final = 2
MERKLE_ROOT: Final = 3
MERKLE_MUTATED: Final = 4
NO_COINBASE: Final = 5
MORE_COINBASES: Final = 6
TOO_HEAVY: Final = 7
COMMITMENT_MISSING: Final = 8
COMMITMENT_NONCE: Final = 9
COMMITMENT_WRONG: Final = 10

MAX_WEIGHT: Final = 4_000_000
"""Weight units (Bitcoin Core, consensus/consensus.h; BIP 141)."""
_MERKLE_AT: Final = 36  # of the root in the header
_NO_HASH: Final = np.uint64(0)
_NO_NUMBER: Final = np.uint64(0xFFFFFFFF)
_COMMITMENT: Final = np.uint64(0xEDA9_21AA_246A)
_COMMITMENT_MASK: Final = np.uint64(0x0000_FFFF_FFFF_FFFF)


@part
def check_block(block: Block, count: int, room: Room, segwit: bool, native: bool) -> int:
    """Hash the `count` transactions of a block that was walked into `room.txids`; the first
    fault, or `GOOD`. `segwit`: the block may have witnesses at its height."""
    if count == 0:
        return NO_TRANSACTION
    hash_transactions(block.data, block.key, room.spans, count, room.txids, room, native)
    for i in range(count):
        copy_hash(room.txids, 32 * i, room.nodes, 32 * i)
    mutated = merkle_root(room.nodes, count, native)
    for i in range(32):
        if room.nodes[i] != byte_at(block.data, block.start + _MERKLE_AT + i, block.key):
            return MERKLE_ROOT
    if mutated:
        return MERKLE_MUTATED
    for i in range(count):
        if _is_coinbase(block, room, i) != (i == 0):
            return NO_COINBASE if i == 0 else MORE_COINBASES
    if _weight(block, count, room) > MAX_WEIGHT:
        return TOO_HEAVY
    return _check_commitment(block, count, room, segwit, native)


@part
def _is_coinbase(block: Block, room: Room, i: int) -> bool:
    data, key = block.data, block.key
    at = room.spans[i, START] + (6 if room.spans[i, HAS_WITNESS] else 4)
    # One input, whose outpoint names no coin. The walk has seen that it is there.
    return bool(
        byte_at(data, at, key) == 1
        and half_at(data, at + 33, key) == _NO_NUMBER
        and word_at(data, at + 1, key) == _NO_HASH
        and word_at(data, at + 9, key) == _NO_HASH
        and word_at(data, at + 17, key) == _NO_HASH
        and word_at(data, at + 25, key) == _NO_HASH
    )


@part
def _weight(block: Block, count: int, room: Room) -> int:
    # Witness data weighs one unit a byte, all else four.
    witnesses = 0
    for i in range(count):
        if room.spans[i, HAS_WITNESS]:
            witnesses += room.spans[i, STOP] - 4 - room.spans[i, BODY_END] + 2
    return 4 * (block.end - block.start) - 3 * witnesses


@part
def _find_commitment(block: Block, room: Room) -> int:
    """Where the 32 bytes of the last commitment in the coinbase are, or -1."""
    data, end, key = block.data, block.end, block.key
    position = room.spans[0, START] + (6 if room.spans[0, HAS_WITNESS] else 4)
    _, position = read_size(data, position, end, key)
    size, position = read_size(data, position + 36, end, key)
    count, position = read_size(data, position + size + 4, end, key)
    found = -1
    for _ in range(count):
        size, position = read_size(data, position + 8, end, key)
        if size >= 38 and word_at(data, position, key) & _COMMITMENT_MASK == _COMMITMENT:
            found = position + 6
        position += size
    return found


@part
def _check_commitment(block: Block, count: int, room: Room, segwit: bool, native: bool) -> int:
    data, key, nodes, spans = block.data, block.key, room.nodes, room.spans
    found = _find_commitment(block, room) if segwit else -1
    if found < 0:
        for i in range(count):
            if spans[i, HAS_WITNESS]:
                return COMMITMENT_MISSING
        return GOOD
    # The coinbase's witness is one item of 32 bytes.
    at = spans[0, BODY_END]
    if (
        not spans[0, HAS_WITNESS]
        or spans[0, STOP] - 4 - at != 34
        or byte_at(data, at, key) != 1
        or byte_at(data, at + 1, key) != 32
    ):
        return COMMITMENT_NONCE
    _put_wtxids(block, count, room, native)
    merkle_root(nodes, count, native)
    copy_bytes(data, at + 2, 32, key, nodes, 32)
    node(nodes, 0, nodes, 0, native)
    for i in range(32):
        if nodes[i] != byte_at(data, found + i, key):
            return COMMITMENT_WRONG
    return GOOD


@part
def _put_wtxids(block: Block, count: int, room: Room, native: bool) -> None:
    """Write the leaves of the witness tree to `room.nodes`."""
    spans, whole, nodes = room.spans, room.whole, room.nodes
    carried = 0
    for i in range(1, count):
        if spans[i, HAS_WITNESS]:
            whole[carried, START] = spans[i, START]
            whole[carried, STOP] = spans[i, STOP]
            whole[carried, HAS_WITNESS] = 0
            carried += 1
    hash_transactions(block.data, block.key, whole, carried, room.hashes, room, native)
    # The coinbase commits to itself as zero, since it holds the commitment.
    for j in range(32):
        nodes[j] = 0
    carried = 0
    for i in range(1, count):
        if spans[i, HAS_WITNESS]:
            copy_hash(room.hashes, 32 * carried, nodes, 32 * i)
            carried += 1
        else:
            copy_hash(room.txids, 32 * i, nodes, 32 * i)
