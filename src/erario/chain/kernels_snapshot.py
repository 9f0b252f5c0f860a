"""Reading the coins of a UTXO snapshot: check, match, and write out what its hash is taken over.

The file is a sequence that only reading tells apart, so a kernel goes through it once, from one
transaction to the next, and does all that is asked for on the way. A coin's script is looked up as
it lies there, packed (`bitcoin.compression`); nothing is unpacked but to be hashed.

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
    mapped,
    part,
    word_at,
)
from erario.chain.kernels_size import read_size
from erario.chain.kernels_snapshot_write import (
    AT,
    COINS,
    HOLES,
    MARK,
    MARKS,
    MOST_OUTPUTS,
    PLAIN_KINDS,
    PREVIOUS,
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
    may_hold,
    mix_script,
    short_word,
)

GOING: Final = 0
DONE: Final = 1
"""What `read_coins` answers: there is more; all coins are read. Above that: faults."""
TRUNCATED: Final = 10
BAD_NUMBER: Final = 11
TXID_ORDER: Final = 12
OUTPUT_ORDER: Final = 13
BAD_COUNT: Final = 14
BAD_OUTPUT: Final = 15
BAD_HEIGHT: Final = 16
BAD_AMOUNT: Final = 17
TOO_MUCH: Final = 18
BAD_SCRIPT: Final = 19
UNSPENDABLE: Final = 20
NOT_PACKED: Final = 21
TOO_LARGE: Final = 22

STRETCH: Final = 8 << 20
"""Bytes of the file that one call reads, about."""
MOST_STRIPPED: Final = 1_000_000
"""Bytes of a transaction without its witnesses: a block weighs 4,000,000 (BIP 141)."""
LEAST_OUTPUT: Final = 9
"""Bytes of an output in its transaction, beside its script."""
CUT: Final = -1
_PLAIN: Final = np.uint64(0)
_MOST_SCRIPT: Final = 10_000
_MOST_MONEY: Final = 2_100_000_000_000_000
_MOST_PACKED: Final = 9 * _MOST_MONEY + 10
_POWERS: Final = np.array([10**i for i in range(10)], np.uint64)
_MOST_NUMBERS: Final = np.array([_MOST_MONEY // 10**i for i in range(10)], np.uint64)


class Name(NamedTuple):
    """A coin's name: where the file has its txid, and its output number."""

    txid: int
    vout: int


class Snapshot(NamedTuple):
    """The file: its bytes, how it is written, and what its coins may be.

    It announces `announced` coins; none is from above `height`, and all are at most `supply`.
    """

    address: int
    size: int
    each_named: bool
    announced: int
    height: int
    supply: int


@kernel
def read_coins(file: Snapshot, table: ScriptTable, room: Room, write: bool) -> int:
    """Read on for about `STRETCH` bytes or until something of `room` is full; see `GOING`."""
    return _read_groups(mapped(file.address, file.size), file, table, room, write)


@part
def _read_groups(data: Bytes, file: Snapshot, table: ScriptTable, room: Room, write: bool) -> int:
    state = room.state
    stop = state[AT] + STRETCH
    while (
        state[AT] < stop
        and state[USED] <= WRITE_AT_ONCE
        and state[ROWS] <= MOST_OUTPUTS
        and state[HOLES] <= MOST_OUTPUTS
    ):
        if state[COINS] == file.announced:
            return DONE
        fault = _read_group(data, file, table, room, write)
        if fault:
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
        if file.each_named and state[MARKS] and not _goes_on(data, at, file.size, txid):
            break
        vout, at = _read_output(data, at, file)
        if vout < 0:
            return -vout
        key = _database_key(vout)
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
        code, at = _read_number(data, room.marks[i * MARK + 1], file.size, 2 * file.height + 1)
        sats, at = _read_amount(data, at, file.size)
        kind, body = _read_script(data, at, file.size)
        write_coin(room, data, Coin(txid, vout, code, sats), kind, body)


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
        vout, at = _read_vout(data, at, file.size)
    elif file.size - at < 36:
        return -TRUNCATED, at
    else:
        vout, at = integer(half_at(data, at + 32, _PLAIN)), at + 36
    return -BAD_OUTPUT if vout < 0 or vout >= MOST_OUTPUTS else vout, at


@inlined
def _read_vout(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """A compact size; that of two bytes, which most large numbers have, at once."""
    if end - at >= 5 and byte_at(data, at, _PLAIN) == 0xFD:
        vout = integer(half_at(data, at + 1, _PLAIN) & np.uint64(0xFFFF))
        return vout if vout >= 0xFD else -1, at + 3
    return read_size(data, at, end, _PLAIN)


@inlined
def _read_coin(
    data: Bytes, at: int, name: Name, file: Snapshot, table: ScriptTable, room: Room, write: bool
) -> int:
    """Read a coin behind its name; the position behind it, or a fault as a negative number."""
    state = room.state
    code, at = _read_number(data, at, file.size, 2 * file.height + 1)
    if code < 2:
        return -TRUNCATED if code == CUT else -BAD_HEIGHT
    sats, at = _read_amount(data, at, file.size)
    if sats < 0:
        return sats
    state[TOTAL] += sats
    kind, body = _read_script(data, at, file.size)
    if kind < 0:
        return kind
    state[STRIPPED] += LEAST_OUTPUT + _script_size(kind)
    if state[TOTAL] > file.supply or state[STRIPPED] > MOST_STRIPPED:
        return -TOO_MUCH if state[TOTAL] > file.supply else -TOO_LARGE
    end = body + _body_size(kind)
    entry = _look_up(table, data, at, end - at)
    coin = Coin(name.txid, name.vout, code, sats)
    if entry >= 0:
        add_row(room, coin, entry)
    if write:
        write_coin(room, data, coin, kind, body)
    return end


@inlined
def _read_amount(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Satoshis and the position behind them; a fault as a negative number."""
    packed, at = _read_number(data, at, end, _MOST_PACKED)
    if packed < 0:
        return -TRUNCATED if packed == CUT else -BAD_AMOUNT, at
    sats = _unpack_amount(np.uint64(packed))
    return sats if sats >= 0 else -BAD_AMOUNT, at


@inlined
def _read_script(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """The kind of a packed script, and where the rest of it is; a fault as a negative number."""
    kind, body = _read_number(data, at, end, _MOST_SCRIPT + PLAIN_KINDS)
    if kind < 0:
        return -TRUNCATED if kind == CUT else -BAD_SCRIPT, body
    length = _body_size(kind)
    if end - body < length:
        return -TRUNCATED, body
    if kind >= PLAIN_KINDS:
        fault = _plain_fault(data, body, length)
        if fault:
            return -fault, body
    return kind, body


@inlined
def _read_number(data: Bytes, at: int, end: int, most: int) -> tuple[int, int]:
    """A packed number and the position behind it; `CUT` where it ends, -2 above `most`."""
    number = integer(0)
    while at < end:
        byte = byte_at(data, at, _PLAIN)
        at += 1
        number = (number << 7) | (byte & 0x7F)
        if number > most:
            return -2, at
        if byte < 0x80:
            return number, at
        number += 1
    return CUT, at


@inlined
def _unpack_amount(packed: np.uint64) -> int:
    """Satoshis (Bitcoin Core, compressor.cpp: trailing zeros, last digit, the rest); -1 where
    there are not so many."""
    if packed == np.uint64(0):
        return 0
    rest = np.uint64(packed - np.uint64(1))
    zeros = rest % np.uint64(10)
    rest //= np.uint64(10)
    if zeros < np.uint64(9):
        digit = rest % np.uint64(9) + np.uint64(1)
        number = np.uint64(rest // np.uint64(9) * np.uint64(10) + digit)
    else:
        number = np.uint64(rest + np.uint64(1))
    # Held against a quotient, so that no product is too large for its word.
    if number > _MOST_NUMBERS[zeros]:
        return -1
    return integer(number * _POWERS[zeros])


@inlined
def _body_size(kind: int) -> int:
    """Bytes behind the kind of a packed script."""
    if kind < 2:
        return 20
    return 32 if kind < PLAIN_KINDS else kind - PLAIN_KINDS


@inlined
def _script_size(kind: int) -> int:
    """Bytes of the script that is packed as `kind`."""
    if kind >= PLAIN_KINDS:
        return kind - PLAIN_KINDS
    if kind < 2:
        return 25 - 2 * kind
    return 35 if kind < 4 else 67


@part
def _plain_fault(data: Bytes, body: int, size: int) -> int:
    """What is wrong with a script that stands as it is. One that has a packed form must have
    it: it would be looked up in vain."""
    if size and byte_at(data, body, _PLAIN) == 0x6A:
        return UNSPENDABLE
    if size == 25:
        start = half_at(data, body, _PLAIN) & np.uint64(0xFFFFFF)
        end = half_at(data, body + 21, _PLAIN) >> np.uint64(16)
        packable = start == np.uint64(0x14A976) and end == np.uint64(0xAC88)
    elif size == 23:
        start = half_at(data, body, _PLAIN) & np.uint64(0xFFFF)
        packable = start == np.uint64(0x14A9) and byte_at(data, body + 22, _PLAIN) == 0x87
    elif size == 35:
        start = half_at(data, body, _PLAIN) & np.uint64(0xFEFF)
        start_ok = start == np.uint64(0x0221)
        packable = start_ok and byte_at(data, body + 34, _PLAIN) == 0xAC
    else:
        packable = False
    return NOT_PACKED if packable else 0


@inlined
def _look_up(table: ScriptTable, data: Bytes, start: int, size: int) -> int:
    """The entry of the packed script, or -1."""
    if size >= LEAST_WORD:
        word = word_at(data, start + 3, _PLAIN)
    else:
        word = short_word(data, start, size, _PLAIN)
    if may_hold(table.filter, table.shift, mix_script(word, size)):
        return find_script(table, data, start, size, _PLAIN)
    return -1


@inlined
def _database_key(vout: int) -> np.uint64:
    """An output number as its packed bytes sort, above 0; see `bitcoin.compression`."""
    low = np.uint64(vout & 0x7F)
    if vout < 0x80:
        return np.uint64((low << np.uint64(16)) + np.uint64(1))
    high = (vout >> 7) - 1
    middle = np.uint64(high & 0x7F | 0x80)
    if high < 0x80:
        return np.uint64(((middle << np.uint64(16)) | (low << np.uint64(8))) + np.uint64(1))
    top = np.uint64((high >> 7) - 1 | 0x80)
    word = (top << np.uint64(16)) | (middle << np.uint64(8)) | low
    return np.uint64(word + np.uint64(1))


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
