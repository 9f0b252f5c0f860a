"""Compact difficulty bits, targets, and the work that they stand for.

A target is a 256-bit number; a block's hash, read as a little-endian number, must not exceed it.
Rules as Bitcoin Core's arith_uint256.cpp (SetCompact, GetCompact) and chain.cpp (GetBlockProof).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

_SIGN: Final = 0x00800000


@lru_cache(maxsize=4096)
def target_of_bits(bits: int) -> int | None:
    """The target that compact `bits` stand for, above zero and below 2^256; else None.

    None: the bits are negative, zero, or too large for 256 bits.
    """
    size, word = bits >> 24, bits & 0x007FFFFF
    if bits & _SIGN and word:
        return None
    target = word >> 8 * (3 - size) if size <= 3 else word << 8 * (size - 3)
    if target == 0 or target.bit_length() > 256:
        return None
    return target


def bits_of_target(target: int) -> int:
    """The compact bits of a target below 2^256, rounded down to what three bytes can say."""
    size = (target.bit_length() + 7) // 8
    word = target << 8 * (3 - size) if size <= 3 else target >> 8 * (size - 3)
    if word & _SIGN:
        # The top bit is the sign, so the word moves one byte to the right.
        word >>= 8
        size += 1
    return size << 24 | word


@lru_cache(maxsize=4096)
def work_of_bits(bits: int) -> int:
    """How many hashes a block with these bits takes on average; 0 where they are no target."""
    target = target_of_bits(bits)
    return 0 if target is None else (1 << 256) // (target + 1)
