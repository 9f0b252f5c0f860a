"""The parts of a coin in a UTXO snapshot: packed numbers, amounts, scripts; what can be wrong.

Each reader gives a value and the position behind it; a fault is a negative value. No position is
trusted: each is held against the end first.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from erario.chain.kernels import Bytes, byte_at, half_at, inlined, integer, part
from erario.chain.kernels_size import read_size
from erario.chain.kernels_snapshot_write import PLAIN_KINDS

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

CUT: Final = -1
"""What `read_number` gives where the bytes end."""
_PLAIN: Final = np.uint64(0)
_MOST_SCRIPT: Final = 10_000
_MOST_MONEY: Final = 2_100_000_000_000_000
_MOST_PACKED: Final = 9 * _MOST_MONEY + 10
_POWERS: Final = np.array([10**i for i in range(10)], np.uint64)
_MOST_NUMBERS: Final = np.array([_MOST_MONEY // 10**i for i in range(10)], np.uint64)


@inlined
def read_vout(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """A compact size; that of two bytes, which most large numbers have, at once."""
    if end - at >= 5 and byte_at(data, at, _PLAIN) == 0xFD:
        vout = integer(half_at(data, at + 1, _PLAIN) & np.uint64(0xFFFF))
        return vout if vout >= 0xFD else -1, at + 3
    return read_size(data, at, end, _PLAIN)


@inlined
def read_amount(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Satoshis and the position behind them; a fault as a negative number."""
    packed, at = read_number(data, at, end, _MOST_PACKED)
    if packed < 0:
        return -TRUNCATED if packed == CUT else -BAD_AMOUNT, at
    sats = _unpack_amount(np.uint64(packed))
    return sats if sats >= 0 else -BAD_AMOUNT, at


@inlined
def read_script(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """The kind of a packed script, and where the rest of it is; a fault as a negative number."""
    kind, body = read_number(data, at, end, _MOST_SCRIPT + PLAIN_KINDS)
    if kind < 0:
        return -TRUNCATED if kind == CUT else -BAD_SCRIPT, body
    length = body_size(kind)
    if end - body < length:
        return -TRUNCATED, body
    if kind >= PLAIN_KINDS:
        fault = _plain_fault(data, body, length)
        if fault:
            return -fault, body
    return kind, body


@inlined
def read_number(data: Bytes, at: int, end: int, most: int) -> tuple[int, int]:
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
def body_size(kind: int) -> int:
    """Bytes behind the kind of a packed script."""
    if kind < 2:
        return 20
    return 32 if kind < PLAIN_KINDS else kind - PLAIN_KINDS


@inlined
def script_size(kind: int) -> int:
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
def database_key(vout: int) -> np.uint64:
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
