"""The entries that `scanner_windows` calls: scan a window of blocks; then find what it spends.

A window is some blocks in chain order, in whatever files; kernels reach the files by the address
of their mapping, so that one call does a window. Where the rows are full, a kernel stops at the
block, and is called again from there with more room.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from erario.chain.kernels import (
    Bytes,
    Integers,
    Words,
    copy_hash,
    integer,
    kernel,
    mapped,
    merged,
    part,
)
from erario.chain.kernels_check import GOOD, MAX_WEIGHT, TOO_HEAVY, UNREADABLE, check_block
from erario.chain.kernels_hash import hash_transactions
from erario.chain.kernels_match import match_inputs
from erario.chain.kernels_room import (
    NUMBER,
    POSITION,
    TRANSACTIONS,
    USED_INPUTS,
    USED_ROWS,
    Block,
    Room,
    ordinal,
)
from erario.chain.kernels_table import CoinTable, ScriptTable
from erario.chain.kernels_walk import HEADER_SIZE, walk_block

NO_ROOM: Final = 255
"""In place of a fault: the rows are full."""
LEAST_BLOCK: Final = HEADER_SIZE + 1


class Window(NamedTuple):
    """Blocks to scan, in chain order.

    Attributes:
        addresses, sizes, keys: of each file's mapping; key 0 for plain files.
        files, offsets, lengths: of each block.
        numbers: the place of each block in the whole scan.
        segwit: 1 for each block at or above the segwit height.
    """

    addresses: Integers
    sizes: Integers
    keys: Words
    files: Integers
    offsets: Integers
    lengths: Integers
    numbers: Integers
    segwit: Bytes


@part
def fault_of_place(window: Window, i: int) -> int:
    """Whether the block at index `i` lies in its file and has a possible size."""
    file = window.files[i]
    if file < 0 or file >= window.addresses.size:
        return UNREADABLE
    length = window.lengths[i]
    if length < LEAST_BLOCK or window.offsets[i] < 0:
        return UNREADABLE
    if window.offsets[i] > window.sizes[file] - length:
        return UNREADABLE
    # All bytes weigh at least one unit. No memory is spent on more than this.
    return TOO_HEAVY if length > MAX_WEIGHT else GOOD


@merged
def block_at(window: Window, i: int) -> Block:
    """The block at index `i`, whose place has no fault."""
    file, start = window.files[i], window.offsets[i]
    data = mapped(window.addresses[file], window.sizes[file])
    return Block(data, start, start + window.lengths[i], window.keys[file], window.numbers[i])


@kernel
def scan_window(
    window: Window, begin: int, scripts: ScriptTable, room: Room, check: bool, native: bool
) -> int:
    """Scan the blocks from index `begin` on: rows for what pays to `scripts`, and all inputs; the
    index of the block that there was no room for."""
    for i in range(begin, window.files.size):
        inputs, row = room.used[USED_INPUTS], room.used[USED_ROWS]
        room.used[TRANSACTIONS] = 0
        fault = fault_of_place(window, i)
        if fault == GOOD:
            block = block_at(window, i)
            fault = _scan_block(block, scripts, room, check, window.segwit[i] != 0, native)
        if fault != GOOD:
            room.used[USED_INPUTS], room.used[USED_ROWS] = inputs, row
        if fault == NO_ROOM:
            return i
        room.faults[i] = fault
        room.ends[i] = room.used[USED_INPUTS]
    return window.files.size


@part
def _scan_block(
    block: Block, scripts: ScriptTable, room: Room, check: bool, segwit: bool, native: bool
) -> int:
    row = room.used[USED_ROWS]
    count = walk_block(block, scripts, room)
    if count < 0:
        return UNREADABLE
    room.used[TRANSACTIONS] = count
    if room.used[USED_ROWS] > room.rows.shape[0]:
        return NO_ROOM
    if check:
        fault = check_block(block, count, room, segwit, native)
        if fault != GOOD:
            return fault
    if room.used[USED_ROWS] > row:
        if not check:
            _hash_paying(block, row, room, native)
        _name_rows(row, room)
        _place_rows(block, row, room)
    return GOOD


@part
def _hash_paying(block: Block, begin: int, room: Room, native: bool) -> None:
    """Put the txids of those transactions that the rows from `begin` on pay in to their places in
    `room.txids`."""
    count = 0
    last = integer(-1)
    for i in range(begin, room.used[USED_ROWS]):
        # Rows come in the order of the block.
        if room.rows[i, POSITION] != last:
            last = room.rows[i, POSITION]
            for j in range(4):
                room.whole[count, j] = room.spans[last, j]
            count += 1
    hash_transactions(block.data, block.key, room.whole, count, room.hashes, room, native)
    count = integer(-1)
    last = integer(-1)
    for i in range(begin, room.used[USED_ROWS]):
        if room.rows[i, POSITION] != last:
            last = room.rows[i, POSITION]
            count += 1
            copy_hash(room.hashes, 32 * count, room.txids, 32 * last)


@part
def _name_rows(begin: int, room: Room) -> None:
    """Fill the names of the rows from `begin` on, all of one block."""
    for i in range(begin, room.used[USED_ROWS]):
        position, number = room.rows[i, POSITION], room.rows[i, NUMBER]
        copy_hash(room.txids, 32 * position, room.names, 36 * i)
        for j in range(4):
            room.names[36 * i + 32 + j] = (number >> (8 * j)) & 0xFF


@part
def _place_rows(block: Block, begin: int, room: Room) -> None:
    """Fill the births of the rows from `begin` on, all of one block."""
    for i in range(begin, room.used[USED_ROWS]):
        room.births[i] = ordinal(block.place, room.rows[i, POSITION])


@kernel
def find_spends(window: Window, begin: int, coins: CoinTable, room: Room) -> int:
    """Rows for the inputs that spend one of `coins` in a window that was scanned, from block index
    `begin` on; the index of the block that there was no room for."""
    first = room.ends[begin - 1] if begin else integer(0)
    for i in range(begin, window.files.size):
        row = room.used[USED_ROWS]
        if room.ends[i] > first:
            block = block_at(window, i)
            match_inputs(block, coins, first, room.ends[i], room)
            if room.used[USED_ROWS] > room.rows.shape[0]:
                room.used[USED_ROWS] = row
                return i
            _place_rows(block, row, room)
        first = room.ends[i]
    return window.files.size
