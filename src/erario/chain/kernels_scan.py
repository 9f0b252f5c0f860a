"""The entries that `scanner` calls: scan a window of blocks, ask for late coins, list a block.

A window is some blocks in chain order, in whatever files; kernels reach the files by the address
of their mapping, so that one call does a window. What a kernel has no room for it counts, stops
at the block, and is called again from there with more room.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from erario.chain.kernels import Bytes, Integers, Words, kernel, mapped, part
from erario.chain.kernels_check import GOOD, MAX_WEIGHT, TOO_HEAVY, UNREADABLE, check_block
from erario.chain.kernels_hash import hash_transactions
from erario.chain.kernels_table import CoinTable, ScriptTable, may_hold
from erario.chain.kernels_walk import (
    HEADER_SIZE,
    NUMBER,
    POSITION,
    SPAN,
    START,
    STOP,
    USED_KEYS,
    USED_ROWS,
    Matches,
    count_transactions,
    ordinal,
    walk_block,
)

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
    """

    faults: Bytes
    ends: Integers
    names: Bytes
    births: Integers


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
def scan_window(  # noqa: PLR0917
    window: Window,
    begin: int,
    scripts: ScriptTable,
    script_shift: np.uint64,
    coins: CoinTable,
    coin_shift: np.uint64,
    matches: Matches,
    answers: Answers,
    check: bool,
    native: bool,
) -> int:
    """Scan the blocks from index `begin` on; the index of the block that there was no room for."""
    for i in range(begin, window.files.size):
        used_keys, used_rows = matches.used[USED_KEYS], matches.used[USED_ROWS]
        fault = fault_of_place(window, i)
        if fault == GOOD:
            file, start = window.files[i], window.offsets[i]
            end = start + window.lengths[i]
            data = mapped(window.addresses[file], window.sizes[file])
            key = window.keys[file]
            count = count_transactions(data, start, end, key) if check else 0
            spans = np.empty((count, 4), np.int64)
            txids = np.empty((count, 32), np.uint8)
            read = walk_block(
                data, start, end, key, scripts, script_shift, coins, coin_shift,
                matches, i, window.numbers[i], spans,
            )  # fmt: skip
            if not read:
                fault = UNREADABLE
            elif matches.used[USED_ROWS] > matches.rows.shape[0]:
                matches.used[USED_KEYS], matches.used[USED_ROWS] = used_keys, used_rows
                return i
            elif check:
                fault = check_block(
                    data, start, end, key, spans, txids, window.segwit[i] != 0, native
                )
        if fault == GOOD:
            if matches.used[USED_ROWS] > used_rows:
                rows = matches.rows[used_rows : matches.used[USED_ROWS]]
                _name_rows(
                    data, key, rows, txids, check, answers, used_rows, window.numbers[i], native
                )
        else:
            matches.used[USED_KEYS], matches.used[USED_ROWS] = used_keys, used_rows
        answers.faults[i] = fault
        answers.ends[i, 0] = matches.used[USED_KEYS]
        answers.ends[i, 1] = matches.used[USED_ROWS]
    return window.files.size


@part
def _is_new(spans: Integers, count: int, row: Integers) -> bool:
    """Whether the row is of another transaction than the last of `count` spans."""
    return count == 0 or spans[count - 1, START] != row[SPAN + START]


@part
def _name_rows(  # noqa: PLR0917
    data: Bytes,
    key: np.uint64,
    rows: Integers,
    txids: Bytes,
    checked: bool,
    answers: Answers,
    at: int,
    block: int,
    native: bool,
) -> None:
    """Fill the names and births of `rows`, which go to `answers` from row `at` on. Where the
    block was `checked`, `txids` has them all; otherwise those that pay are hashed here."""
    spans = np.empty((0 if checked else rows.shape[0], 4), np.int64)
    paying = 0
    for row in rows:
        if not checked and row[NUMBER] >= 0 and _is_new(spans, paying, row):
            spans[paying] = row[SPAN:]
            paying += 1
    if not checked:
        txids = np.empty((paying, 32), np.uint8)
        hash_transactions(data, key, spans[:paying], txids, False, native)
    paying = 0
    for i in range(rows.shape[0]):
        row = rows[i]
        answers.births[at + i] = ordinal(block, row[POSITION])
        if row[NUMBER] < 0:
            continue
        txid = row[POSITION]
        if not checked:
            paying += _is_new(spans, paying, row)
            txid = paying - 1
        for j in range(32):
            answers.names[36 * (at + i) + j] = txids[txid, j]
        for j in range(4):
            answers.names[36 * (at + i) + 32 + j] = (row[NUMBER] >> (8 * j)) & 0xFF


@kernel
def late_blocks(inputs: Words, ends: Integers, coins: CoinTable, shift: np.uint64) -> Bytes:
    """1 for each block of a scanned window that may spend one of `coins`, by the filter."""
    flags = np.zeros(ends.shape[0], np.uint8)
    begin = np.int64(0)
    for i in range(ends.shape[0]):
        for j in range(begin, ends[i, 0]):
            if may_hold(coins.filter, shift, inputs[j]):
                flags[i] = 1
                break
        begin = ends[i, 0]
    return flags


@kernel
def list_block(  # noqa: PLR0917
    window: Window,
    scripts: ScriptTable,
    script_shift: np.uint64,
    coins: CoinTable,
    coin_shift: np.uint64,
    matches: Matches,
    whole: bool,
    native: bool,
) -> tuple[Integers, Bytes, Bytes]:
    """Spans, txids and (with `whole`) wtxids of the one block of `window`; nothing if it cannot
    be read. The tables are empty ones."""
    spans = np.empty((0, 4), np.int64)
    if fault_of_place(window, 0) != GOOD:
        return spans, np.empty((0, 32), np.uint8), np.empty((0, 32), np.uint8)
    file, start = window.files[0], window.offsets[0]
    end = start + window.lengths[0]
    data = mapped(window.addresses[file], window.sizes[file])
    key = window.keys[file]
    count = count_transactions(data, start, end, key)
    spans = np.empty((count, 4), np.int64)
    read = walk_block(
        data, start, end, key, scripts, script_shift, coins, coin_shift, matches, 0, 0, spans
    )
    if not read:
        count = 0
    spans = spans[:count]
    txids = np.empty((count, 32), np.uint8)
    hash_transactions(data, key, spans, txids, False, native)
    wtxids = txids.copy()
    if whole:
        hash_transactions(data, key, spans, wtxids, True, native)
    for i in range(count):
        spans[i, START] -= start
        spans[i, STOP] -= start
    return spans, txids, wtxids
