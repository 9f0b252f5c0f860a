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
    integer,
    merged,
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

POSITION: Final = 0
NUMBER: Final = 1
SPAN: Final = 2
ROW: Final = 6
"""Columns of `Matches.rows`: position of the transaction in its block, output number, or -1 for
a spend; then the columns of `spans` for the transaction."""

USED_INPUTS: Final = 0
USED_ROWS: Final = 1
"""Members of `Matches.used`."""


class Block(NamedTuple):
    """Where a block is: from `start` to `end` of the file `data` under `key`; `place` is its
    number in the scan."""

    data: Bytes
    start: int
    end: int
    key: np.uint64
    place: int


class Tables(NamedTuple):
    """What is looked for."""

    scripts: ScriptTable
    coins: CoinTable


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


@part
def add_row(matches: Matches, position: int, number: int) -> None:
    """Note a match; where the rows are full, only count it."""
    row = matches.used[USED_ROWS]
    if row < matches.rows.shape[0]:
        matches.rows[row, POSITION] = position
        matches.rows[row, NUMBER] = number
    matches.used[USED_ROWS] = row + 1


@inlined
def ordinal(place: int, number: int) -> int:
    """The place of a transaction in the chain as one number (a block has under 2^24)."""
    return (place << 24) | number


@inlined
def _walk_inputs(block: Block, position: int, number: int, coins: CoinTable, found: Matches) -> int:
    data, end, key = block.data, block.end, block.key
    count, position = read_size(data, position, end, key)
    if count < 0 or count * LEAST_INPUT > end - position:
        return -1
    used = found.used[USED_INPUTS]
    for _ in range(count):
        if end - position < LEAST_INPUT:
            return -1
        mixed = mix_coin(word_at(data, position, key), half_at(data, position + 32, key))
        found.inputs[used] = mixed
        used += 1
        if may_hold(coins.filter, coins.shift, mixed):
            entry = find_coin(coins, data, position, key)
            if entry >= 0 and coins.births[entry] < ordinal(block.place, number):
                add_row(found, number, -1)
        size, position = read_size(data, position + 36, end, key)
        if size < 0 or end - position < size + 4:
            return -1
        position += size + 4
    found.used[USED_INPUTS] = used
    return position


@inlined
def _walk_outputs(
    block: Block, position: int, number: int, scripts: ScriptTable, found: Matches
) -> int:
    data, end, key = block.data, block.end, block.key
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
                may_hold(scripts.filter, scripts.shift, mix_script(word, size))
                and find_script(scripts, data, position, size, key) >= 0
            ):
                add_row(found, number, i)
        position += size
    return position


@inlined
def _walk_witnesses(block: Block, position: int, inputs: int) -> int:
    data, end, key = block.data, block.end, block.key
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
def _read_flag(block: Block, position: int) -> tuple[int, int]:
    """The flag behind a version, and the position behind it. -1: none, the inputs follow. 0: no
    inputs and no outputs. 1: witnesses follow the outputs. All others are refused later."""
    if byte_at(block.data, position, block.key):
        return -1, position
    return byte_at(block.data, position + 1, block.key), position + 2


@merged
def _walk_transaction(
    block: Block, begin: int, number: int, tables: Tables, found: Matches, span: Integers
) -> int:
    """Walk the transaction at `begin`, note it in `span`; the position behind it."""
    if block.end - begin < LEAST_TRANSACTION:
        return -1
    flag, position = _read_flag(block, begin + 4)
    if flag > 1:
        return -1
    body = position
    if flag != 0:
        position = _walk_inputs(block, position, number, tables.coins, found)
        if position < 0:
            return -1
        position = _walk_outputs(block, position, number, tables.scripts, found)
    body_end = position
    if flag == 1 and position >= 0:
        inputs, _ = read_size(block.data, body, block.end, block.key)
        position = _walk_witnesses(block, position, inputs)
    if position < 0 or block.end - position < 4:
        return -1
    span[START] = begin
    span[BODY_END] = body_end
    span[STOP] = position + 4
    span[HAS_WITNESS] = flag == 1
    return position + 4


@part
def walk_block(
    block: Block, tables: Tables, found: Matches, span: Integers, spans: Integers
) -> bool:
    """Walk the block; whether it can be read. `found` gets what matches, `spans` a row for each
    transaction, unless it has none; `span` is room for one."""
    count, position = read_size(block.data, block.start + HEADER_SIZE, block.end, block.key)
    if count < 0 or count * LEAST_TRANSACTION > block.end - position:
        return False
    for number in range(count):
        row = found.used[USED_ROWS]
        position = _walk_transaction(block, position, number, tables, found, span)
        if position < 0:
            return False
        if spans.shape[0]:
            for j in range(4):
                spans[number, j] = span[j]
        for i in range(row, min(found.used[USED_ROWS], found.rows.shape[0])):
            for j in range(4):
                found.rows[i, SPAN + j] = span[j]
    return position == block.end


@part
def count_transactions(block: Block) -> int:
    """How many transactions the block says it has, 0 where it cannot have so many."""
    count, position = read_size(block.data, block.start + HEADER_SIZE, block.end, block.key)
    return count if 0 <= count * LEAST_TRANSACTION <= block.end - position else 0
