"""Coins of a snapshot as their hash is taken over them: `hash_serialized_3`.

Each coin is txid, output number (4 bytes), twice the height plus 1 for a coinbase (4), satoshis
(8), and the script behind its compact size (Bitcoin Core, kernel/coinstats.cpp), in order of txid
and number. The upper half of an uncompressed key is not in the file: a hole is left and noted.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from erario.chain.kernels import (
    Bytes,
    Integers,
    Slots,
    Words,
    copy_bytes,
    copy_hash,
    half_at,
    inlined,
    part,
    put_half,
    put_word,
    word_at,
)

AT: Final = 0
COINS: Final = 1
TOTAL: Final = 2
PREVIOUS: Final = 3
USED: Final = 4
HOLES: Final = 5
ROWS: Final = 6
MARKS: Final = 7
STRIPPED: Final = 8
ASKED: Final = 9
STATE: Final = 10
"""Members of `Room.state`: where the next transaction begins in the window; coins and satoshis so
far; where the last txid is, -1 for none; bytes written; holes; rows; coins of the last transaction,
and what its outputs weigh at least, in bytes; coins that are still to be looked up."""

HOLE: Final = 2
"""Columns of `Room.holes`: where in `out` 32 bytes are missing, and where the window has the
packed script that they belong to."""
ROW: Final = 5
"""Columns of `Room.rows`: where the txid is in the window, output number, code, satoshis, entry."""
MARK: Final = 2
"""Columns of `Room.marks`: output number, and where the coin is in the window, behind its name."""
ASK: Final = 3
"""Columns of `Room.coins`: where the txid is in the window, output number, and where the coin is,
behind its name."""
ASK_AT_ONCE: Final = 512
"""Coins that are looked up together: one by one, the processor would wait for the filter's word of
each."""

MOST_OUTPUTS: Final = 111_112
"""No transaction has as many: each output has nine bytes at least, of a million in a block."""
WRITE_AT_ONCE: Final = 1 << 20
"""Bytes written after which a call ends; what is hashed soon should still lie in the cache."""
ROOM_BYTES: Final = WRITE_AT_ONCE + 8_000_000
"""Behind them one transaction has room: a million bytes, and 42 more for each output."""

PLAIN_KINDS: Final = 6
"""As in `bitcoin.compression`."""
_PLAIN: Final = np.uint64(0)


class Coin(NamedTuple):
    """A coin: where the window has its txid, output number, twice the height plus 1 for a coinbase,
    satoshis."""

    txid: int
    vout: int
    code: int
    sats: int


class Room(NamedTuple):
    """What reading fills, made in Python: see `new_room` in `snapshot_scan`.

    Attributes:
        state: how far it is.
        out: coins as they are hashed.
        holes, rows, marks: see `HOLE`, `ROW`, `MARK`; the marks are of the last transaction.
        order: zeros, one for each output that a transaction can have.
        asked: what the filter is asked with for coins that are still to be looked up.
        coins: which these are, see `ASK`.
        passed: those of them that the filter lets pass.
    """

    state: Integers
    out: Bytes
    holes: Integers
    rows: Integers
    marks: Integers
    order: Slots
    asked: Words
    coins: Integers
    passed: Integers


@part
def add_row(room: Room, coin: Coin, entry: int) -> None:
    """Note a coin that the script of `entry` has."""
    at = room.state[ROWS] * ROW
    room.rows[at] = coin.txid
    room.rows[at + 1] = coin.vout
    room.rows[at + 2] = coin.code
    room.rows[at + 3] = coin.sats
    room.rows[at + 4] = entry
    room.state[ROWS] += 1


@inlined
def write_coin(room: Room, data: Bytes, coin: Coin, kind: int, body: int) -> None:
    """Write a coin behind the last; its packed script has `kind`, and the rest at `body`."""
    state, out = room.state, room.out
    to = state[USED]
    copy_hash(data, coin.txid, out, to)
    put_half(out, to + 32, np.uint64(coin.vout))
    put_half(out, to + 36, np.uint64(coin.code))
    put_word(out, to + 40, np.uint64(coin.sats))
    to += 48
    if kind >= PLAIN_KINDS:
        to = _write_plain(out, to, data, body, kind - PLAIN_KINDS)
    elif kind < 2:
        to = _write_hash(out, to, data, body, kind)
    elif kind < 4:
        put_half(out, to, np.uint64(0x2123) | np.uint64(kind << 16))
        copy_hash(data, body, out, to + 3)
        out[to + 35] = 0xAC
        to += 36
    else:
        put_half(out, to, np.uint64(0x044143))
        copy_hash(data, body, out, to + 3)
        hole = state[HOLES] * HOLE
        room.holes[hole] = to + 35
        room.holes[hole + 1] = body - 1
        state[HOLES] += 1
        out[to + 67] = 0xAC
        to += 68
    state[USED] = to


@inlined
def _write_hash(out: Bytes, to: int, data: Bytes, body: int, kind: int) -> int:
    """P2PKH or P2SH; the position behind it."""
    if kind == 0:
        put_half(out, to, np.uint64(0x14A97619))
        to += 4
    else:
        put_half(out, to, np.uint64(0x14A917))
        to += 3
    put_word(out, to, word_at(data, body, _PLAIN))
    put_word(out, to + 8, word_at(data, body + 8, _PLAIN))
    put_half(out, to + 16, half_at(data, body + 16, _PLAIN))
    if kind == 0:
        put_half(out, to + 20, np.uint64(0xAC88))
        return to + 22
    out[to + 20] = 0x87
    return to + 21


@inlined
def _write_plain(out: Bytes, to: int, data: Bytes, body: int, size: int) -> int:
    """A script as it is; the position behind it."""
    if size < 0xFD:
        out[to] = size
        to += 1
    else:
        put_half(out, to, np.uint64(0xFD | size << 8))
        to += 3
    if size < 8:
        copy_bytes(data, body, size, _PLAIN, out, to)
        return to + size
    for done in range(0, size - 7, 8):
        put_word(out, to + done, word_at(data, body + done, _PLAIN))
    # The last word overlaps the one before.
    put_word(out, to + size - 8, word_at(data, body + size - 8, _PLAIN))
    return to + size
