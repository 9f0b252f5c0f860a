"""One pass over a block: every byte's meaning, every output and input held against the tables.

The rules of reading are those of `erario.bitcoin.block.read_block`, which are Bitcoin Core's.
Positions are offsets in the block's file, since the obfuscation key goes by them; -1 stands for a
block that cannot be read. Invariant: `end - position` is held against what is needed before each
read, so that no length that the block claims is ever added to a position unchecked.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from erario.chain.kernels import (
    Bytes,
    Integers,
    Words,
    byte_at,
    half_at,
    inlined,
    part,
    word_at,
)
from erario.chain.kernels_table import (
    LEAST_WORD,
    LONG_LENGTH,
    CoinTable,
    ScriptTable,
    find_coin,
    find_script,
    may_hold,
    mix_coin,
    mix_script,
    short_word,
)

HEADER_SIZE: Final = 80
MAX_SIZE: Final = 0x02000000
"""The largest compact size (Bitcoin Core, serialize.h, MAX_SIZE)."""
LEAST_TRANSACTION: Final = 10
LEAST_INPUT: Final = 41
LEAST_OUTPUT: Final = 9

START: Final = 0
BODY_END: Final = 1
STOP: Final = 2
HAS_WITNESS: Final = 3
"""Columns of `spans`: where a transaction starts, its outputs end, it ends; 1 with witnesses."""

BLOCK: Final = 0
POSITION: Final = 1
NUMBER: Final = 2
SPAN: Final = 3
ROW: Final = 7
"""Columns of `Matches.rows`: block of the window, position of the transaction in it, output
number, or -1 for a spend; then the columns of `spans` for the transaction."""

USED_INPUTS: Final = 0
USED_ROWS: Final = 1
"""Members of `Matches.used`."""


class Matches(NamedTuple):
    """Where a walk writes what it finds.

    Attributes:
        inputs: every input's outpoint, mixed for the filter, in order.
        rows: what matched; `used[USED_ROWS]` counts on beyond its length.
        used: how much of both is filled.
    """

    inputs: Words
    rows: Integers
    used: Integers


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
    width = np.int64(2) << (first - 0xFD)
    if end - position < 1 + width:
        return -1, position
    word = np.uint64(0)
    for i in range(width):
        word |= np.uint64(byte_at(data, position + 1 + i, key)) << np.uint64(8 * i)
    # The shortest form only: what fits a narrower one is refused.
    least = np.uint64(0xFD) if width == 2 else np.uint64(1) << np.uint64(4 * width)
    if word < least or word > np.uint64(MAX_SIZE):
        return -1, position
    return np.int64(word), position + 1 + width


@part
def add_row(matches: Matches, block: int, position: int, number: int) -> None:
    """Note a match; where the rows are full, only count it."""
    row = matches.used[USED_ROWS]
    if row < matches.rows.shape[0]:
        matches.rows[row, BLOCK] = block
        matches.rows[row, POSITION] = position
        matches.rows[row, NUMBER] = number
    matches.used[USED_ROWS] = row + 1


@inlined
def _walk_inputs(  # noqa: PLR0917
    data: Bytes,
    position: int,
    end: int,
    key: np.uint64,
    coins: CoinTable,
    shift: np.uint64,
    matches: Matches,
    block: int,
    number: int,
    place: int,
) -> int:
    count, position = read_size(data, position, end, key)
    if count < 0 or count * LEAST_INPUT > end - position:
        return -1
    used = matches.used[USED_INPUTS]
    for _ in range(count):
        if end - position < LEAST_INPUT:
            return -1
        mixed = mix_coin(word_at(data, position, key), half_at(data, position + 32, key))
        matches.inputs[used] = mixed
        used += 1
        if may_hold(coins.filter, shift, mixed):
            entry = find_coin(coins, data, position, key)
            if entry >= 0 and coins.births[entry] < ordinal(place, number):
                add_row(matches, block, number, -1)
        size, position = read_size(data, position + 36, end, key)
        if size < 0 or end - position < size + 4:
            return -1
        position += size + 4
    matches.used[USED_INPUTS] = used
    return position


@inlined
def _walk_outputs(  # noqa: PLR0917
    data: Bytes,
    position: int,
    end: int,
    key: np.uint64,
    scripts: ScriptTable,
    shift: np.uint64,
    matches: Matches,
    block: int,
    number: int,
) -> int:
    count, position = read_size(data, position, end, key)
    if count < 0 or count * LEAST_OUTPUT > end - position:
        return -1
    for i in range(count):
        if end - position < LEAST_OUTPUT:
            return -1
        size, position = read_size(data, position + 8, end, key)
        if size < 0 or end - position < size:
            return -1
        if (scripts.lengths >> np.uint64(min(size, LONG_LENGTH))) & np.uint64(1):
            if size >= LEAST_WORD:
                word = word_at(data, position + 3, key)
            else:
                word = short_word(data, position, size, key)
            if (
                may_hold(scripts.filter, shift, mix_script(word, size))
                and find_script(scripts, data, position, size, key) >= 0
            ):
                add_row(matches, block, number, i)
        position += size
    return position


@inlined
def _walk_witnesses(data: Bytes, position: int, end: int, key: np.uint64, inputs: int) -> int:
    some = False
    for _ in range(inputs):
        count, position = read_size(data, position, end, key)
        if count < 0 or count > end - position:
            return -1
        some = some or count > 0
        for _ in range(count):
            size, position = read_size(data, position, end, key)
            if size < 0 or end - position < size:
                return -1
            position += size
    # A witness record without a witness is refused.
    return position if some else -1


@inlined
def ordinal(block: int, number: int) -> int:
    """The place of a transaction in the chain as one number (a block has under 2^24)."""
    return (block << 24) | number


@part
def walk_block(  # noqa: PLR0917
    data: Bytes,
    start: int,
    end: int,
    key: np.uint64,
    scripts: ScriptTable,
    script_shift: np.uint64,
    coins: CoinTable,
    coin_shift: np.uint64,
    matches: Matches,
    block: int,
    place: int,
    spans: Integers,
) -> bool:
    """Walk the block at `start`, up to `end`; whether it can be read.

    `block` is its index in the window, `place` in the whole scan.
    `spans` gets a row for each transaction, unless it has none.
    """
    count, position = read_size(data, start + HEADER_SIZE, end, key)
    if count < 0 or count * LEAST_TRANSACTION > end - position:
        return False
    for number in range(count):
        begin = position
        rows = matches.used[USED_ROWS]
        if end - position < LEAST_TRANSACTION:
            return False
        position += 4
        witness = False
        if byte_at(data, position, key) == 0:
            # No inputs: the flag of the extended format follows. Zero: no outputs either.
            flag = byte_at(data, position + 1, key)
            position += 2
            if flag > 1:
                return False
            witness = flag == 1
        if witness or position == begin + 4:
            inputs_at = position
            position = _walk_inputs(
                data, position, end, key, coins, coin_shift, matches, block, number, place
            )
            if position < 0:
                return False
            position = _walk_outputs(
                data, position, end, key, scripts, script_shift, matches, block, number
            )
            if position < 0:
                return False
            body_end = position
            if witness:
                inputs, _ = read_size(data, inputs_at, end, key)
                position = _walk_witnesses(data, position, end, key, inputs)
                if position < 0:
                    return False
        else:
            body_end = position
        if end - position < 4:
            return False
        position += 4
        if spans.shape[0]:
            spans[number, START] = begin
            spans[number, BODY_END] = body_end
            spans[number, STOP] = position
            spans[number, HAS_WITNESS] = witness
        for row in range(rows, min(matches.used[USED_ROWS], matches.rows.shape[0])):
            matches.rows[row, SPAN + START] = begin
            matches.rows[row, SPAN + BODY_END] = body_end
            matches.rows[row, SPAN + STOP] = position
            matches.rows[row, SPAN + HAS_WITNESS] = witness
    return position == end


@part
def count_transactions(data: Bytes, start: int, end: int, key: np.uint64) -> int:
    """How many transactions the block says it has, 0 where it cannot have so many."""
    count, position = read_size(data, start + HEADER_SIZE, end, key)
    return count if 0 <= count * LEAST_TRANSACTION <= end - position else 0
