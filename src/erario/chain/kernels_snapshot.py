"""Reading the coins of a UTXO snapshot: check, match, and write out what its hash is taken over.

The file is a sequence that only reading tells apart, so a kernel goes through it once, from one
transaction to the next, and does all that is asked for on the way. It sees a window of the file,
and comes back where that ends within a transaction. A coin's script is looked up as it lies there,
packed (`bitcoin.compression`), with those of the coins before it; nothing is unpacked but to be
hashed.

Two formats: since Bitcoin Core 28 each transaction has its txid, a count, and its coins; before
(`each_named`) every coin has its whole outpoint. Both lie in the order of the node's database: by
txid, then by the bytes of the packed output number, which is not quite the order of numbers.

Invariant: state moves on by whole transactions, and only where all in them was right.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from erario.chain.kernels import (
    Bytes,
    Integers,
    byte_at,
    half_at,
    inlined,
    integer,
    kernel,
    part,
    word_at,
)
from erario.chain.kernels_size import read_size
from erario.chain.kernels_snapshot_coin import (
    BAD_COUNT,
    BAD_HEIGHT,
    BAD_NUMBER,
    BAD_OUTPUT,
    CUT,
    OUTPUT_ORDER,
    TOO_LARGE,
    TOO_MUCH,
    TRUNCATED,
    TXID_ORDER,
    body_size,
    database_key,
    read_amount,
    read_number,
    read_script,
    read_vout,
    script_size,
)
from erario.chain.kernels_snapshot_write import (
    ASK,
    ASK_AT_ONCE,
    ASKED,
    AT,
    COINS,
    HOLES,
    MARK,
    MARKS,
    MOST_OUTPUTS,
    PREVIOUS,
    ROW,
    ROWS,
    STRIPPED,
    TOTAL,
    USED,
    WRITE_AT_ONCE,
    Coin,
    Room,
    add_row,
    write_coin,
)
from erario.chain.kernels_table import (
    LEAST_WORD,
    ScriptTable,
    find_script,
    may_still_hold,
    mix_script,
    short_word,
    sift,
)

GOING: Final = 0
DONE: Final = 1
"""What `read_coins` answers: there is more; all coins are read. Above that: faults, which
are none where the file goes on behind the window (`kernels_snapshot_coin`)."""

LARGEST_GROUP: Final = 8_000_000
"""More bytes than any transaction has in the file: its outputs are fewer than `MOST_OUTPUTS`, have
51 bytes each at most beside their scripts, and these fewer than `MOST_STRIPPED` together."""
MOST_STRIPPED: Final = 1_000_000
"""Bytes of a transaction without its witnesses: a block weighs 4,000,000 (BIP 141)."""
LEAST_OUTPUT: Final = 9
"""Bytes of an output in its transaction, beside its script."""
_PLAIN: Final = np.uint64(0)


class Name(NamedTuple):
    """A coin's name: where the window has its txid, and its output number."""

    txid: int
    vout: int


class Snapshot(NamedTuple):
    """The file: how much of it is in the window and whether there is more, how it is written, and
    what its coins may be.

    It announces `announced` coins; none is from above `height`, and all are at most `supply`.
    """

    size: int
    more: bool
    each_named: bool
    announced: int
    height: int
    supply: int


@kernel
def read_coins(data: Bytes, file: Snapshot, table: ScriptTable, room: Room, write: bool) -> int:
    """Read on until the window ends or something of `room` is full; see `GOING`."""
    answer = _read_groups(data, file, table, room, write)
    _look_up(data, file, table, room)
    if answer > DONE:
        # What was found in the transaction that has the fault.
        state = room.state
        while state[ROWS] and room.rows[(state[ROWS] - 1) * ROW] == state[AT]:
            state[ROWS] -= 1
    return answer


@part
def _read_groups(data: Bytes, file: Snapshot, table: ScriptTable, room: Room, write: bool) -> int:
    state = room.state
    while (
        state[USED] <= WRITE_AT_ONCE
        and state[ROWS] <= MOST_OUTPUTS
        and state[HOLES] <= MOST_OUTPUTS
    ):
        if state[COINS] == file.announced:
            return DONE
        total, used, holes = state[TOTAL], state[USED], state[HOLES]
        fault = _read_group(data, file, table, room, write)
        if fault:
            state[TOTAL], state[USED], state[HOLES] = total, used, holes
            return fault
    return GOING


@inlined
def _read_group(data: Bytes, file: Snapshot, table: ScriptTable, room: Room, write: bool) -> int:
    """Read one transaction's coins; 0 or a fault."""
    state = room.state
    txid, used, holes = state[AT], state[USED], state[HOLES]
    most, at = _open_group(data, txid, file, state)
    if most < 0:
        return -most
    state[MARKS] = state[STRIPPED] = 0
    last, last_key, in_order = integer(-1), np.uint64(0), True
    while state[MARKS] < most:
        if file.each_named and state[MARKS]:
            if file.more and file.size - at < 36:
                return TRUNCATED
            if not _goes_on(data, at, file.size, txid):
                break
        vout, at = _read_output(data, at, file)
        if vout < 0:
            return -vout
        key = database_key(vout)
        if key <= last_key:
            return OUTPUT_ORDER
        mark = state[MARKS] * MARK
        room.marks[mark], room.marks[mark + 1] = vout, at
        in_order = in_order and vout > last
        # What is out of order is written below, all of it.
        at = _read_coin(data, at, Name(txid, vout), file, table, room, write and in_order)
        if at < 0:
            return -at
        last, last_key = vout, key
        state[MARKS] += 1
    state[AT], state[PREVIOUS] = at, txid
    state[COINS] += state[MARKS]
    if write and not in_order:
        state[USED], state[HOLES] = used, holes
        _write_in_order(data, txid, file, room)
    return GOING


@part
def _write_in_order(data: Bytes, txid: int, file: Snapshot, room: Room) -> None:
    """Write the coins of the transaction that was read, in the order of their numbers."""
    highest = integer(0)
    for i in range(room.state[MARKS]):
        vout = room.marks[i * MARK]
        room.order[vout] = i + 1
        highest = max(highest, vout)
    for vout in range(highest + 1):
        i = integer(room.order[vout]) - 1
        if i < 0:
            continue
        room.order[vout] = 0
        code, sats, at = _read_again(data, room.marks[i * MARK + 1], file)
        kind, body = read_script(data, at, file.size)
        write_coin(room, data, Coin(txid, vout, code, sats), kind, body)


@inlined
def _read_again(data: Bytes, at: int, file: Snapshot) -> tuple[int, int, int]:
    """Code and satoshis of a coin that was right, and where its script begins."""
    code, at = read_number(data, at, file.size, 2 * file.height + 1)
    sats, at = read_amount(data, at, file.size)
    return code, sats, at


@inlined
def _open_group(data: Bytes, txid: int, file: Snapshot, state: Integers) -> tuple[int, int]:
    """How many coins the transaction at `txid` has at most, and where the first begins; a fault
    as a negative number."""
    most = file.announced - state[COINS]
    if file.size - txid < 33:
        return -TRUNCATED, txid
    if state[PREVIOUS] >= 0 and not _is_above(data, txid, state[PREVIOUS]):
        return -TXID_ORDER, txid
    if file.each_named:
        return most, txid
    count, at = read_size(data, txid + 32, file.size, _PLAIN)
    if count < 1:
        return -BAD_NUMBER, txid
    return -BAD_COUNT if count > most else count, at


@inlined
def _read_output(data: Bytes, at: int, file: Snapshot) -> tuple[int, int]:
    """An output's number and the position behind it; a fault as a negative number."""
    if not file.each_named:
        vout, at = read_vout(data, at, file.size)
    elif file.size - at < 36:
        return -TRUNCATED, at
    else:
        vout, at = integer(half_at(data, at + 32, _PLAIN)), at + 36
    return -BAD_OUTPUT if vout < 0 or vout >= MOST_OUTPUTS else vout, at


@inlined
def _read_coin(
    data: Bytes, at: int, name: Name, file: Snapshot, table: ScriptTable, room: Room, write: bool
) -> int:
    """Read a coin behind its name; the position behind it, or a fault as a negative number."""
    state = room.state
    begin = at
    code, at = read_number(data, at, file.size, 2 * file.height + 1)
    if code < 2:
        return -TRUNCATED if code == CUT else -BAD_HEIGHT
    sats, at = read_amount(data, at, file.size)
    if sats < 0:
        return sats
    state[TOTAL] += sats
    kind, body = read_script(data, at, file.size)
    if kind < 0:
        return kind
    state[STRIPPED] += LEAST_OUTPUT + script_size(kind)
    if state[TOTAL] > file.supply or state[STRIPPED] > MOST_STRIPPED:
        return -TOO_MUCH if state[TOTAL] > file.supply else -TOO_LARGE
    end = body + body_size(kind)
    if state[ASKED] == ASK_AT_ONCE:
        _look_up(data, file, table, room)
    _ask(room, _mixed(data, at, end - at), name, begin)
    if write:
        write_coin(room, data, Coin(name.txid, name.vout, code, sats), kind, body)
    return end


@inlined
def _ask(room: Room, mixed: np.uint64, name: Name, at: int) -> None:
    """Have a coin looked up, which lies at `at` behind its name."""
    count = room.state[ASKED]
    room.asked[count] = mixed
    room.coins[count * ASK] = name.txid
    room.coins[count * ASK + 1] = name.vout
    room.coins[count * ASK + 2] = at
    room.state[ASKED] = count + 1


@part
def _look_up(data: Bytes, file: Snapshot, table: ScriptTable, room: Room) -> None:
    """Note those of the coins asked about that the scripts have."""
    passed = sift(table.filter, table.shift, room.asked, 0, room.state[ASKED], room.passed)
    for i in range(passed):
        if not may_still_hold(table.filter, table.shift, room.asked[room.passed[i]]):
            continue
        asked = room.passed[i] * ASK
        code, sats, at = _read_again(data, room.coins[asked + 2], file)
        kind, body = read_script(data, at, file.size)
        size = body + body_size(kind) - at
        entry = find_script(table, data, at, size, _PLAIN)
        if entry >= 0:
            add_row(room, Coin(room.coins[asked], room.coins[asked + 1], code, sats), entry)
    room.state[ASKED] = 0


@inlined
def _mixed(data: Bytes, start: int, size: int) -> np.uint64:
    """What the filter is asked with for a packed script."""
    if size >= LEAST_WORD:
        return mix_script(word_at(data, start + 3, _PLAIN), size)
    return mix_script(short_word(data, start, size, _PLAIN), size)


@inlined
def _goes_on(data: Bytes, one: int, end: int, other: int) -> bool:
    """Whether the txid at `one` is there, and that at `other`."""
    if end - one < 32:
        return False
    for done in range(0, 32, 8):
        if word_at(data, one + done, _PLAIN) != word_at(data, other + done, _PLAIN):
            return False
    return True


@inlined
def _is_above(data: Bytes, one: int, other: int) -> bool:
    """Whether 32 bytes sort behind others."""
    for i in range(32):
        byte, before = byte_at(data, one + i, _PLAIN), byte_at(data, other + i, _PLAIN)
        if byte != before:
            return bool(byte > before)
    return False
