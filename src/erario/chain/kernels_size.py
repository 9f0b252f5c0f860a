"""Compact sizes as Bitcoin Core reads them (serialize.h): shortest form only, at most 32 MiB."""

from __future__ import annotations

from typing import Final

import numpy as np

from erario.chain.kernels import Bytes, byte_at, inlined, integer, part

MAX_SIZE: Final = 0x02000000
"""The largest compact size (Bitcoin Core, serialize.h, MAX_SIZE)."""


@inlined
def read_size(data: Bytes, position: int, end: int, key: np.uint64) -> tuple[int, int]:
    """A compact size and the position behind it; -1 where it is cut, not canonical, too large."""
    if end - position < 1:
        return -1, position
    size = byte_at(data, position, key)
    if size < 0xFD:
        return size, position + 1
    return _read_wide_size(data, position, end, key, size)


@part
def _read_wide_size(
    data: Bytes, position: int, end: int, key: np.uint64, first: int
) -> tuple[int, int]:
    width = integer(2) << (first - 0xFD)
    if end - position < 1 + width:
        return -1, position
    word = np.uint64(0)
    for i in range(width):
        word |= np.uint64(byte_at(data, position + 1 + i, key)) << np.uint64(8 * i)
    # The shortest form only: what fits a narrower one is refused.
    least = np.uint64(0xFD) if width == 2 else np.uint64(1) << np.uint64(4 * width)
    if word < least or word > np.uint64(MAX_SIZE):
        return -1, position
    return integer(word), position + 1 + width
