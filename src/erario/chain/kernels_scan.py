"""The entries that `scanner` calls: scan a window of blocks, ask for late coins, list a block.

A window is some blocks in chain order, in whatever files; kernels reach the files by the address
of their mapping, so that one call does a window. What a kernel has no room for it counts, stops
at the block, and is called again from there with more room.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from erario.chain.kernels import (
    Bytes,
    Integers,
    Words,
    inlined,
    integer,
    kernel,
    mapped,
    merged,
    part,
)
from erario.chain.kernels_check import GOOD, MAX_WEIGHT, TOO_HEAVY, UNREADABLE, check_block
from erario.chain.kernels_hash import hash_transactions
from erario.chain.kernels_table import CoinTable, may_hold
from erario.chain.kernels_walk import (
    HEADER_SIZE,
    NUMBER,
    POSITION,
    SPAN,
    USED_INPUTS,
    USED_ROWS,
    Block,
    Matches,
    Tables,
    count_transactions,
    ordinal,
    walk_block,
)

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


class Answers(NamedTuple):
    """What a scan of a window fills.

    Attributes:
        faults: of each block, see `kernels_check`.
        ends: how many inputs and rows there are up to the end of each block.
        names: outpoints (36 bytes) of the rows that pay.
        births: ordinal of the transaction of each row.
        spans, txids: of all transactions of the one block of a window; empty where not asked.
    """

    faults: Bytes
    ends: Integers
    names: Bytes
    births: Integers
    spans: Integers
    txids: Bytes


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


@kernel
def scan_window(
    window: Window,
    begin: int,
    tables: Tables,
    found: Matches,
    answers: Answers,
    check: bool,
    native: bool,
) -> int:
    """Scan the blocks from index `begin` on; the index of the block that there was no room for."""
    for i in range(begin, window.files.size):
        inputs, row = found.used[USED_INPUTS], found.used[USED_ROWS]
        fault = fault_of_place(window, i)
        if fault == GOOD:
            fault = _scan_block(window, i, tables, found, answers, check, native)
        if fault != GOOD:
            found.used[USED_INPUTS], found.used[USED_ROWS] = inputs, row
        if fault == NO_ROOM:
            return i
        answers.faults[i] = fault
        answers.ends[i, 0] = found.used[USED_INPUTS]
        answers.ends[i, 1] = found.used[USED_ROWS]
    return window.files.size


@merged
def _scan_block(
    window: Window,
    i: int,
    tables: Tables,
    found: Matches,
    answers: Answers,
    check: bool,
    native: bool,
) -> int:
    file, start = window.files[i], window.offsets[i]
    data = mapped(window.addresses[file], window.sizes[file])
    end = start + window.lengths[i]
    block = Block(data, start, end, window.keys[file], window.numbers[i])
    spans, txids = answers.spans, answers.txids
    count = count_transactions(block) if check else 0
    if count != spans.shape[0]:
        spans, txids = np.empty((count, 4), np.int64), np.empty(32 * count, np.uint8)
    row = found.used[USED_ROWS]
    if not walk_block(block, tables, found, np.empty(4, np.int64), spans):
        return UNREADABLE
    if found.used[USED_ROWS] > found.rows.shape[0]:
        return NO_ROOM
    if check:
        fault = check_block(block, spans, txids, window.segwit[i] != 0, native)
        if fault != GOOD:
            return fault
    if found.used[USED_ROWS] > row:
        _name_rows(block, found, row, txids, answers, native)
    return GOOD


@merged
def _name_rows(
    block: Block, found: Matches, begin: int, txids: Bytes, answers: Answers, native: bool
) -> None:
    """Fill the names and births of the rows from `begin` on, all of one block. `txids` has the
    hashes of the whole block, or none: then those that pay are hashed here."""
    rows, end = found.rows, found.used[USED_ROWS]
    checked = txids.size > 0
    if not checked:
        txids = _hash_paying(block, rows, begin, end, native)
    paying = integer(-1)
    for i in range(begin, end):
        answers.births[i] = ordinal(block.place, rows[i, POSITION])
        if rows[i, NUMBER] < 0:
            continue
        txid = rows[i, POSITION]
        if not checked:
            paying += is_first(rows, begin, i)
            txid = paying
        for j in range(32):
            answers.names[36 * i + j] = txids[32 * txid + j]
        for j in range(4):
            answers.names[36 * i + 32 + j] = (rows[i, NUMBER] >> (8 * j)) & 0xFF


@merged
def _hash_paying(block: Block, rows: Integers, begin: int, end: int, native: bool) -> Bytes:
    """The txids of the transactions that rows `begin` to `end` pay in, each once."""
    spans = np.empty((end - begin, 4), np.int64)
    count = 0
    for i in range(begin, end):
        if rows[i, NUMBER] >= 0 and is_first(rows, begin, i):
            for j in range(4):
                spans[count, j] = rows[i, SPAN + j]
            count += 1
    txids = np.empty(32 * count, np.uint8)
    hash_transactions(block.data, block.key, spans, count, txids, native)
    return txids


@inlined
def is_first(rows: Integers, begin: int, i: int) -> bool:
    """Whether row `i`, which pays, is the first of its transaction that does. Spends of a
    transaction come before what it pays."""
    return bool(i == begin or rows[i - 1, POSITION] != rows[i, POSITION] or rows[i - 1, NUMBER] < 0)


@kernel
def late_blocks(inputs: Words, ends: Integers, coins: CoinTable) -> Bytes:
    """1 for each block of a scanned window that may spend one of `coins`, by the filter."""
    flags = np.zeros(ends.shape[0], np.uint8)
    _flag_blocks(inputs, ends, coins, flags)
    return flags


@part
def _flag_blocks(inputs: Words, ends: Integers, coins: CoinTable, flags: Bytes) -> None:
    begin = integer(0)
    for i in range(ends.shape[0]):
        for j in range(begin, ends[i, 0]):
            if may_hold(coins.filter, coins.shift, inputs[j]):
                flags[i] = 1
                break
        begin = ends[i, 0]
