"""A piece of headers held against the rules, compiled: the twin of `header_run.good_hashes`.

Two headers are hashed side by side, since the processor's SHA instructions wait for one another.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from erario.bitcoin.header import HEADER_SIZE
from erario.bitcoin.header_rules import MEDIAN_SPAN
from erario.chain.header_run import Piece
from erario.chain.kernels import (
    Bytes,
    Halves,
    Integers,
    Words,
    half_at,
    integer,
    kernel,
    part,
    put_word,
    word_at,
)
from erario.chain.sha256 import compress_two, finish_two, has_sha_instructions, reset

_PLAIN: Final = np.uint64(0)
_SIGN: Final = 1 << 31
_IN_PAIRS: Final = 2
"""Rooms for hashes are even, so that the last header is hashed beside itself."""


def good_hashes_compiled(piece: Piece) -> bytes | None:
    """The hashes of all headers of a piece, or None where not all are good."""
    data = np.frombuffer(piece.data, np.uint8)
    count = data.size // HEADER_SIZE
    recent = np.zeros(MEDIAN_SPAN, np.int64)
    recent[: len(piece.recent)] = piece.recent
    hashes = np.empty(32 * (count + _IN_PAIRS), np.uint8)
    good = check_piece(
        data,
        count,
        np.frombuffer(piece.previous, np.uint8),
        recent,
        len(piece.recent),
        piece.bits,
        np.frombuffer(piece.target.to_bytes(32, "little"), "<u8"),
        piece.version,
        hashes,
        has_sha_instructions(),
    )
    return hashes[: 32 * count].tobytes() if good else None


@kernel
def check_piece(
    data: Bytes,
    count: int,
    previous: Bytes,
    recent: Integers,
    known: int,
    bits: int,
    target: Words,
    version: int,
    out: Bytes,
    native: bool,
) -> bool:
    """Whether all `count` headers are good; their hashes go to `out`, which has room for two
    more. `recent` has the `known` last times in front, oldest first, and is written over."""
    states = np.empty(16, np.uint32)
    tails = np.zeros(128, np.uint8)
    for lane in range(2):
        # What pads a message of 80 bytes: its end, and its length in bits, the high byte first.
        tails[64 * lane + 16] = 0x80
        tails[64 * lane + 62] = 0x02
        tails[64 * lane + 63] = 0x80
    ordered = np.empty(MEDIAN_SPAN, np.int64)
    oldest = 0
    for i in range(count):
        start = HEADER_SIZE * i
        if i & 1 == 0:
            other = start if i + 1 == count else start + HEADER_SIZE
            _hash_two(data, start, other, states, tails, out, 32 * i, native)
        linked = (
            _is_same(data, start + 4, out, 32 * i - 32)
            if i > 0
            else _is_same(data, start + 4, previous, 0)
        )
        if not linked or not _has(data, start, bits, version) or not _meets(out, 32 * i, target):
            return False
        time = integer(half_at(data, start + 68, _PLAIN))
        if not _is_above_median(time, recent, known, ordered):
            return False
        if known < MEDIAN_SPAN:
            recent[known] = time
            known += 1
        else:
            recent[oldest] = time
            oldest = oldest + 1 if oldest + 1 < MEDIAN_SPAN else 0
    return True


@part
def _hash_two(
    data: Bytes,
    start: int,
    other: int,
    states: Halves,
    tails: Bytes,
    out: Bytes,
    to: int,
    native: bool,
) -> None:
    """Write the hashes of the headers at two positions to `out[to:]`."""
    reset(states, 0)
    reset(states, 8)
    compress_two(states, 0, data, start, 8, other, 1, native)
    put_word(tails, 0, word_at(data, start + 64, _PLAIN))
    put_word(tails, 8, word_at(data, start + 72, _PLAIN))
    put_word(tails, 64, word_at(data, other + 64, _PLAIN))
    put_word(tails, 72, word_at(data, other + 72, _PLAIN))
    compress_two(states, 0, tails, 0, 8, 64, 1, native)
    finish_two(states, 0, out, to, native)


@part
def _has(data: Bytes, start: int, bits: int, version: int) -> bool:
    """Whether a header has these bits, and this version or a later one."""
    found = integer(half_at(data, start, _PLAIN))
    if found >= _SIGN:
        found -= 2 * _SIGN
    return integer(half_at(data, start + 72, _PLAIN)) == bits and found >= version


@part
def _is_same(data: Bytes, at: int, hashes: Bytes, place: int) -> bool:
    for i in range(0, 32, 8):
        if word_at(data, at + i, _PLAIN) != word_at(hashes, place + i, _PLAIN):
            return False
    return True


@part
def _meets(hashes: Bytes, at: int, target: Words) -> bool:
    for i in range(3, -1, -1):
        word = word_at(hashes, at + 8 * i, _PLAIN)
        if word != target[i]:
            return bool(word < target[i])
    return True


@part
def _is_above_median(time: int, recent: Integers, known: int, ordered: Integers) -> bool:
    """Whether a time is above the median of the `known` times in `recent`, in whatever order."""
    highest = recent[0]
    for i in range(1, known):
        highest = max(highest, recent[i])
    if time > highest:
        return True
    for i in range(known):
        value = recent[i]
        place = i
        while place > 0 and ordered[place - 1] > value:
            ordered[place] = ordered[place - 1]
            place -= 1
        ordered[place] = value
    return bool(time > ordered[known >> 1])
