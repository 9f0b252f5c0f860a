"""The slow twin of the snapshot kernels: writes snapshots of every format, and hashes coins, with
nothing but Python's own numbers and bytes."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from embit.ec import PrivateKey

from erario.bitcoin.compression import pack_script, write_number
from erario.bitcoin.encoding import write_compact_size
from erario.bitcoin.network import NetworkName, network

FORMATS = ("new", "old", "oldest")
REGTEST = network(NetworkName.REGTEST)


@dataclass(frozen=True)
class Each:
    """A coin. `packed` overrides how its script is written."""

    txid: bytes
    vout: int
    code: int
    sats: int
    script: bytes
    packed: bytes | None = None


def pack_amount(sats: int) -> int:
    """Bitcoin Core, compressor.cpp: 0; else trailing zeros, the last digit, the rest."""
    if sats == 0:
        return 0
    zeros = 0
    while sats % 10 == 0 and zeros < 9:
        sats //= 10
        zeros += 1
    if zeros == 9:
        return 1 + 10 * (sats - 1) + 9
    return 1 + 10 * (9 * (sats // 10) + sats % 10 - 1) + zeros


def in_file_order(coins: Iterable[Each]) -> list[Each]:
    """As a node's database has them: the packed output number sorts by its bytes."""
    return sorted(coins, key=lambda coin: (coin.txid, write_number(coin.vout)))


def write_coins(coins: Iterable[Each], form: str) -> bytes:
    """The coins in the given order."""
    parts = []
    for txid, group in groupby(coins, key=lambda coin: coin.txid):
        each = list(group)
        if form == "new":
            parts += [txid, write_compact_size(len(each))]
        for coin in each:
            if form == "new":
                parts.append(write_compact_size(coin.vout))
            else:
                parts += [txid, coin.vout.to_bytes(4, "little")]
            parts += [write_number(coin.code), write_number(pack_amount(coin.sats))]
            parts.append(coin.packed if coin.packed is not None else pack_script(coin.script))
    return b"".join(parts)


def write_snapshot(
    coins: Iterable[Each], base: bytes, form: str = "new", *, count: int | None = None
) -> bytes:
    """A whole file."""
    coins = list(coins)
    announced = (len(coins) if count is None else count).to_bytes(8, "little")
    if form == "new":
        head = b"utxo\xff\x02\x00" + REGTEST.magic + base + announced
    else:
        head = base + announced + (b"\x07\x00\x00\x00" if form == "oldest" else b"")
    return head + write_coins(coins, form)


def hash_coins(coins: Iterable[Each]) -> bytes:
    """`hash_serialized_3`."""
    digest = hashlib.sha256()
    for coin in sorted(coins, key=lambda coin: (coin.txid, coin.vout)):
        digest.update(coin.txid + coin.vout.to_bytes(4, "little"))
        digest.update(coin.code.to_bytes(4, "little") + coin.sats.to_bytes(8, "little"))
        digest.update(write_compact_size(len(coin.script)) + coin.script)
    return hashlib.sha256(digest.digest()).digest()


def full_key_script(number: int) -> bytes:
    """P2PK to the uncompressed key of the private key `number`."""
    key = PrivateKey(number.to_bytes(32, "big"), compressed=False).get_public_key()
    return b"\x41" + bytes(key.sec()) + b"\xac"


def some_script(chance: random.Random) -> bytes:
    """A script of any kind that a coin can have."""
    body = chance.randbytes(32)
    kinds = [
        b"\x76\xa9\x14" + body[:20] + b"\x88\xac",
        b"\xa9\x14" + body[:20] + b"\x87",
        b"\x21" + bytes((2 + body[0] % 2,)) + body + b"\xac",
        full_key_script(chance.randrange(1, 9)),
        b"\x41\x04" + body + body + b"\xac",
        b"\x00\x14" + body[:20],
        b"\x51\x20" + body,
        b"",
        b"\x51",
        b"\x51\x02\x4e\x73",
        b"\x52" + chance.randbytes(chance.choice((7, 93, 94, 245, 246, 247, 252, 253, 9_999))),
    ]
    return chance.choice(kinds)


def some_coins(chance: random.Random, transactions: int, height: int) -> list[Each]:
    """Coins of so many transactions, in the order of a file."""
    coins = []
    for _ in range(transactions):
        txid = chance.randbytes(32)
        code = 2 * chance.randint(1, height) + chance.randint(0, 1)
        reach = chance.choice((1, 3, 128, 300, 20_000, 111_000))
        for vout in {chance.randrange(reach) for _ in range(chance.choice((1, 1, 2, 5)))}:
            sats = chance.choice((0, 1, 546, 10**8, 123_456_789, 999, 10**9, 77 * 10**6))
            coins.append(Each(txid, vout, code, sats, some_script(chance)))
    return in_file_order(coins)
