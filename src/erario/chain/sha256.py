"""SHA-256 (FIPS 180-4) inside kernels: plain compiled code, and what picks the processor's own.

State is eight 32-bit words; input is whole blocks of 64 bytes. Each function takes `native`:
whether to use the instructions of `sha256_native`, which only machines that have them may ask
for: `has_sha_instructions()`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from erario.chain.kernels import (
    Bytes,
    Halves,
    inlined,
    integer,
    kernel,
    making_arrays,
    part,
    put_word,
)
from erario.chain.sha256_native import (
    CONSTANTS,
    INITIAL,
    compress_native,
    compress_two_native,
    double_native,
    double_two_native,
    finish_native,
    finish_two_native,
    has_sha_instructions,
)

__all__ = [
    "compress",
    "compress_two",
    "digests",
    "finish",
    "finish_two",
    "has_sha_instructions",
    "node",
    "node_two",
    "reset",
]

_CONSTANTS: Final = np.array(CONSTANTS, np.uint32)
_INITIAL: Final = np.array(INITIAL, np.uint32)
_MASK: Final = np.uint32(0xFFFFFFFF)


@inlined
def _turn(x: np.uint32, n: int) -> np.uint32:
    return np.uint32((x >> np.uint32(n)) | (x << np.uint32(32 - n)))


@part
def reset(state: Halves, at: int) -> None:
    """Put the initial hash value at `state[at:at + 8]`."""
    for i in range(8):
        state[at + i] = _INITIAL[i]


@part
def _compress_words(state: Halves, at: int, words: Halves) -> None:
    """One round of compression of the 16 `words`, which has room for 64."""
    for t in range(16, 64):
        x, y = words[t - 15], words[t - 2]
        small_0 = _turn(x, 7) ^ _turn(x, 18) ^ (x >> np.uint32(3))
        small_1 = _turn(y, 17) ^ _turn(y, 19) ^ (y >> np.uint32(10))
        words[t] = np.uint32(words[t - 16] + small_0 + words[t - 7] + small_1)
    a, b, c, d = state[at], state[at + 1], state[at + 2], state[at + 3]
    e, f, g, h = state[at + 4], state[at + 5], state[at + 6], state[at + 7]
    for t in range(64):
        big_1 = _turn(e, 6) ^ _turn(e, 11) ^ _turn(e, 25)
        choice = (e & f) ^ (~e & g)
        first = np.uint32(h + big_1 + choice + _CONSTANTS[t] + words[t])
        big_0 = _turn(a, 2) ^ _turn(a, 13) ^ _turn(a, 22)
        majority = (a & b) ^ (a & c) ^ (b & c)
        h, g, f = g, f, e
        e = np.uint32(d + first)
        d, c, b = c, b, a
        a = np.uint32(first + np.uint32(big_0 + majority))
    state[at] += a
    state[at + 1] += b
    state[at + 2] += c
    state[at + 3] += d
    state[at + 4] += e
    state[at + 5] += f
    state[at + 6] += g
    state[at + 7] += h


@making_arrays
def _compress_plain(state: Halves, at: int, data: Bytes, position: int, blocks: int) -> None:
    words = np.empty(64, np.uint32)
    for block in range(blocks):
        for i in range(16):
            p = position + 64 * block + 4 * i
            words[i] = np.uint32(
                (np.uint32(data[p]) << np.uint32(24))
                | (np.uint32(data[p + 1]) << np.uint32(16))
                | (np.uint32(data[p + 2]) << np.uint32(8))
                | np.uint32(data[p + 3])
            )
        _compress_words(state, at, words)


@making_arrays
def _finish_plain(state: Halves, at: int, out: Bytes, to: int) -> None:
    words = np.zeros(64, np.uint32)
    for i in range(8):
        words[i] = state[at + i]
    words[8] = np.uint32(0x80000000)
    words[15] = np.uint32(256)
    again = np.empty(8, np.uint32)
    reset(again, 0)
    _compress_words(again, 0, words)
    for i in range(8):
        for j in range(4):
            out[to + 4 * i + j] = (again[i] >> np.uint32(24 - 8 * j)) & np.uint32(0xFF)


@making_arrays
def _node_plain(data: Bytes, position: int, out: Bytes, to: int) -> None:
    state = np.empty(8, np.uint32)
    reset(state, 0)
    _compress_plain(state, 0, data, position, 1)
    words = np.zeros(64, np.uint32)
    words[0] = np.uint32(0x80000000)
    words[15] = np.uint32(512)
    _compress_words(state, 0, words)
    _finish_plain(state, 0, out, to)


@part
def compress(state: Halves, at: int, data: Bytes, position: int, blocks: int, native: bool) -> None:
    """Take in `blocks` blocks from `data[position:]`."""
    if native:
        compress_native(state, at, data, position, blocks)
    else:
        _compress_plain(state, at, data, position, blocks)


@part
def compress_two(
    state: Halves,
    at: int,
    data: Bytes,
    position: int,
    other_at: int,
    other_position: int,
    blocks: int,
    native: bool,
) -> None:
    """`compress` for two messages at once, of states in one array and data in another."""
    if native:
        compress_two_native(state, at, data, position, other_at, other_position, blocks)
    else:
        _compress_plain(state, at, data, position, blocks)
        _compress_plain(state, other_at, data, other_position, blocks)


@part
def finish(state: Halves, at: int, out: Bytes, to: int, native: bool) -> None:
    """Write the SHA-256 of the 32-byte digest that `state` stands for."""
    if native:
        finish_native(state, at, out, to)
    else:
        _finish_plain(state, at, out, to)


@part
def finish_two(state: Halves, at: int, out: Bytes, to: int, native: bool) -> None:
    """`finish` for the states at `at` and `at + 8`, to `to` and `to + 32`."""
    if native:
        finish_two_native(state, at, out, to)
    else:
        _finish_plain(state, at, out, to)
        _finish_plain(state, at + 8, out, to + 32)


@part
def node(data: Bytes, position: int, out: Bytes, to: int, native: bool) -> None:
    """Write the double SHA-256 of 64 bytes; `out` may be `data`."""
    if native:
        double_native(data, position, out, to)
    else:
        _node_plain(data, position, out, to)


@part
def node_two(data: Bytes, position: int, out: Bytes, to: int, native: bool) -> None:
    """`node` for 64 bytes at `position` and the 64 behind, to `to` and `to + 32`."""
    if native:
        double_two_native(data, position, out, to)
    else:
        _node_plain(data, position, out, to)
        _node_plain(data, position + 64, out, to + 32)


@kernel
def digests(data: Bytes, sizes: Halves, native: bool) -> Bytes:
    """The SHA-256 of the first `sizes[i]` bytes of `data`, 32 bytes each."""
    out = np.empty((sizes.size, 32), np.uint8)
    state = np.empty(8, np.uint32)
    for i in range(sizes.size):
        size = integer(sizes[i])
        whole = size >> 6
        reset(state, 0)
        compress(state, 0, data, 0, whole, native)
        tail = np.zeros(144, np.uint8)
        for j in range(size & 63):
            tail[j] = data[64 * whole + j]
        tail_blocks = pad(tail, 0, size & 63, size)
        compress(state, 0, tail, 0, tail_blocks, native)
        for k in range(32):
            out[i, k] = (state[k >> 2] >> np.uint32(24 - 8 * (k & 3))) & np.uint32(0xFF)
    return out


@part
def pad(data: Bytes, start: int, used: int, size: int) -> int:
    """End a message of `size` bytes, whose last `used` stand at `data[start:]`; the number of
    blocks there. `data` has room for the 80 bytes that are written behind them at most."""
    blocks = (used + 9 + 63) >> 6
    end = start + 64 * blocks
    put_word(data, start + used, np.uint64(0x80))
    for at in range(start + used + 8, end, 8):
        put_word(data, at, np.uint64(0))
    bits = np.uint64(size) << np.uint64(3)
    swapped = np.uint64(0)
    for i in range(8):
        swapped |= ((bits >> np.uint64(8 * i)) & np.uint64(0xFF)) << np.uint64(56 - 8 * i)
    put_word(data, end - 8, swapped)
    return blocks
