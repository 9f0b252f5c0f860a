"""The protocol's plain values: amounts, heights, hashes and outpoints.

Hashes are bytes in internal order; `show_hash` and `read_hash` turn them into and from the hex
in display order that people and JSON use. Amounts are whole satoshis, never floats.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final, NamedTuple, NewType

Sats = NewType("Sats", int)
"""An amount held, in satoshis, never negative."""
SatsDelta = NewType("SatsDelta", int)
"""A change of an amount, in satoshis, with its sign."""
Height = NewType("Height", int)
Txid = NewType("Txid", bytes)
Wtxid = NewType("Wtxid", bytes)
BlockHash = NewType("BlockHash", bytes)
Script = NewType("Script", bytes)
"""A scriptPubKey."""

COIN: Final = 100_000_000
MAX_MONEY: Final = 21_000_000 * COIN
"""No amount on the chain exceeds this (Bitcoin Core, consensus/amount.h)."""

_HASH = re.compile(r"[0-9a-fA-F]{64}")
_BTC = re.compile(r"(?P<whole>[0-9]{1,8})(?:\.(?P<part>[0-9]+))?")


class Outpoint(NamedTuple):
    """One transaction output by name; sorts by txid in internal order, then by index."""

    txid: Txid
    vout: int

    def __str__(self) -> str:
        return f"{show_hash(self.txid)}:{self.vout}"


def sha256d(data: bytes | memoryview) -> bytes:
    """SHA-256 applied twice: the hash of headers and transactions."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def show_hash(value: bytes) -> str:
    """A 32-byte hash in display order (reversed hex)."""
    return value[::-1].hex()


def read_hash(text: str) -> bytes:
    """The internal bytes of 64 hex digits in display order.

    Raises:
        ValueError: not exactly 64 hex digits.
    """
    # Not left to `fromhex`, which passes over spaces.
    if _HASH.fullmatch(text) is None:
        raise ValueError("a hash has 64 hex digits")
    return bytes.fromhex(text)[::-1]


def total(amounts: Iterable[int]) -> Sats:
    """The sum as `Sats`: a bare `sum` would fall back to `int`."""
    return Sats(sum(amounts))


def show_btc(sats: int) -> str:
    """Satoshis as BTC with thousands separators and all eight decimals."""
    sign = "-" if sats < 0 else ""
    whole, part = divmod(abs(sats), COIN)
    return f"{sign}{whole:,}.{part:08d}"


def read_btc(text: str) -> Sats:
    """Satoshis from a plain decimal number of BTC, such as `6100` or `0.00000001`.

    Raises:
        ValueError: not a plain decimal, more than eight decimals, or more than 21 million.
    """
    match = _BTC.fullmatch(text)
    if match is None:
        raise ValueError("an amount of BTC is a plain decimal number")
    part = match["part"] or ""
    if len(part) > 8:
        raise ValueError("an amount of BTC has at most eight decimals")
    sats = int(match["whole"]) * COIN + int(part.ljust(8, "0"))
    if sats > MAX_MONEY:
        raise ValueError("there are at most 21 million BTC")
    return Sats(sats)
