"""Hashes of all transactions of a block, two at a time, and Merkle trees over them.

The processor's SHA instructions wait for one another, so two messages are hashed side by side:
each lane takes the next transaction when its own is done. A message is copied through a small
buffer that stays in the innermost cache; this joins the pieces of a stripped transaction
(version, inputs and outputs, locktime: BIP 144), de-obfuscates, and leaves room for the padding.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from erario.chain.kernels import (
    Bytes,
    Halves,
    Integers,
    copy_bytes,
    copy_hash,
    half_at,
    part,
    put_half,
    word_at,
)
from erario.chain.kernels_room import BODY_END, HAS_WITNESS, START, STOP, Room
from erario.chain.sha256 import (
    compress,
    compress_two,
    finish,
    finish_two,
    node,
    node_two,
    pad,
    reset,
)

_PLAIN: Final = np.uint64(0)
_BUFFER: Final = 4096
"""Bytes of a message in a lane at once, a multiple of 64; one more block for the padding."""
_STRIDE: Final = _BUFFER + 128
LANE_BYTES: Final = 2 * _STRIDE
"""Size of `Room.buffer`."""

_FROM: Final = 0  # three pieces: from, to
_PIECE: Final = 6  # the piece that is being read; 3 once all are
_SIZE: Final = 7  # of the whole message
_JOB: Final = 8  # the transaction that is hashed, or -1
_LEFT: Final = 9  # blocks in the buffer that are not yet taken in
_AT: Final = 10  # where in the buffer the next one is
_ENDED: Final = 11  # 1 once the padding is in the buffer
LANE: Final = 12
"""Members of a lane; `Room.lanes` has two."""


@part
def hash_transactions(
    data: Bytes,
    key: np.uint64,
    spans: Integers,
    count: int,
    out: Bytes,
    room: Room,
    native: bool,
) -> None:
    """Write the txids of the first `count` transactions of `spans` to `out`, 32 bytes each.

    A transaction whose witnesses `spans` does not tell of is hashed whole: that is its wtxid.
    """
    _hash_in_lanes(data, key, spans, count, room, native)
    _finish_all(room.states, count, out, native)


@part
def _hash_in_lanes(
    data: Bytes, key: np.uint64, spans: Integers, count: int, room: Room, native: bool
) -> None:
    """Hash each transaction once, into its eight words of `room.states`."""
    lanes, buffer, states = room.lanes, room.buffer, room.states
    lanes[0, _LEFT] = 0
    lanes[1, _LEFT] = 0
    lanes[0, _JOB] = -1
    lanes[1, _JOB] = -1
    following = 0
    while True:
        for i in range(2):
            lane = lanes[i]
            while lane[_LEFT] == 0:
                if lane[_JOB] >= 0 and lane[_ENDED] == 0:
                    _fill(data, key, lane, buffer, i * _STRIDE)
                    continue
                if following == count:
                    lane[_JOB] = -1
                    break
                reset(states, 8 * following)
                _start(data, key, lane, spans, following, buffer, i * _STRIDE)
                following += 1
        blocks = min(lanes[0, _LEFT], lanes[1, _LEFT])
        if blocks > 0:
            a, b = 8 * lanes[0, _JOB], 8 * lanes[1, _JOB]
            compress_two(states, a, buffer, lanes[0, _AT], b, lanes[1, _AT], blocks, native)
            _advance(lanes[0], blocks)
            _advance(lanes[1], blocks)
        elif lanes[0, _LEFT] + lanes[1, _LEFT] > 0:
            i = 0 if lanes[0, _LEFT] > 0 else 1
            blocks = lanes[i, _LEFT]
            compress(states, 8 * lanes[i, _JOB], buffer, lanes[i, _AT], blocks, native)
            _advance(lanes[i], blocks)
        else:
            break


@part
def _start(
    data: Bytes, key: np.uint64, lane: Integers, spans: Integers, job: int, buffer: Bytes, base: int
) -> None:
    """Give the lane its next transaction, whole if it is short, else piece by piece."""
    begin, body_end, stop = spans[job, START], spans[job, BODY_END], spans[job, STOP]
    stripped = spans[job, HAS_WITNESS] != 0
    size = body_end - begin + 2 if stripped else stop - begin
    lane[_JOB] = job
    lane[_SIZE] = size
    if size <= _BUFFER:
        if stripped:
            put_half(buffer, base, half_at(data, begin, key))
            copy_bytes(data, begin + 6, body_end - begin - 6, key, buffer, base + 4)
            put_half(buffer, base + size - 4, half_at(data, stop - 4, key))
        else:
            copy_bytes(data, begin, size, key, buffer, base)
        lane[_LEFT] = pad(buffer, base, size, size)
        lane[_AT] = base
        lane[_ENDED] = 1
        return
    lane[_FROM] = begin
    lane[_FROM + 1] = begin + 4
    lane[_FROM + 2] = begin + 6
    lane[_FROM + 3] = body_end
    lane[_FROM + 4] = stop - 4 if stripped else begin
    lane[_FROM + 5] = stop
    lane[_PIECE] = 0 if stripped else 2
    lane[_ENDED] = 0


@part
def _fill(data: Bytes, key: np.uint64, lane: Integers, buffer: Bytes, base: int) -> None:
    """Copy the next part of the message to `buffer[base:]`, with the padding behind its end."""
    used = 0
    while lane[_PIECE] < 3 and used < _BUFFER:
        at = 2 * lane[_PIECE]
        size = min(lane[at + 1] - lane[at], _BUFFER - used)
        copy_bytes(data, lane[at], size, key, buffer, base + used)
        used += size
        lane[at] += size
        if lane[at] == lane[at + 1]:
            lane[_PIECE] += 1
    lane[_AT] = base
    if lane[_PIECE] == 3:
        lane[_LEFT] = pad(buffer, base, used, lane[_SIZE])
        lane[_ENDED] = 1
    else:
        lane[_LEFT] = used >> 6


@part
def _advance(lane: Integers, blocks: int) -> None:
    lane[_LEFT] -= blocks
    lane[_AT] += blocks << 6


@part
def _finish_all(states: Halves, count: int, out: Bytes, native: bool) -> None:
    for i in range(0, count - 1, 2):
        finish_two(states, 8 * i, out, 32 * i, native)
    if count & 1:
        finish(states, 8 * (count - 1), out, 32 * (count - 1), native)


@part
def merkle_root(nodes: Bytes, count: int, native: bool) -> bool:
    """Put the root of the first `count` hashes of `nodes` into its first 32 bytes, over them;
    whether the list is mutated (CVE-2012-2459). `nodes` has room for one more."""
    mutated = False
    while count > 1:
        for i in range(0, count - 1, 2):
            mutated = mutated or _equal(nodes, 32 * i, 32 * i + 32)
        if count & 1:
            copy_hash(nodes, 32 * count - 32, nodes, 32 * count)
            count += 1
        count >>= 1
        for i in range(0, count - 1, 2):
            node_two(nodes, 64 * i, nodes, 32 * i, native)
        if count & 1:
            node(nodes, 64 * (count - 1), nodes, 32 * (count - 1), native)
    return mutated


@part
def _equal(nodes: Bytes, a: int, b: int) -> bool:
    for i in range(0, 32, 8):
        if word_at(nodes, a + i, _PLAIN) != word_at(nodes, b + i, _PLAIN):
            return False
    return True
