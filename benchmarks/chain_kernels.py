"""The compiled part of `chain_maker`: one block after the other, from a pool of unspent outputs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from erario.chain.kernels import Bytes, Integers, Words, kernel, making_arrays, part
from erario.chain.kernels_hash import hash_transactions, merkle_root
from erario.chain.kernels_room import BODY_END, HAS_WITNESS, START, STOP, Room
from erario.chain.scanner_windows import new_room
from erario.chain.sha256 import has_sha_instructions, node

POOL_ROOM = 1_500_000
SCRIPT_ROOM = 200_000
KEPT_BYTES = 36
"""Of a kept script: its length, then its bytes."""
KEEP_ONE_IN = 100
MATURITY = 100
ROOM_BYTES = 2_000_000
SUBSIDY = 50 * 100_000_000
PLAIN = np.uint64(0)

P2PKH, P2SH, P2WPKH, P2WSH, P2TR = range(5)
SHARES = np.array([33, 45, 78, 84, 100], np.int64)
"""Of output kinds, in hundredths, summed up."""
INPUT_SIZES = np.array([148, 171, 148, 293, 107], np.int64)
"""Bytes of an input that spends each kind, its witness included."""
LARGEST = 600
"""No transaction has more bytes."""
LARGEST_OUTPUT = 43
OVERHEAD = 12


class Pool(NamedTuple):
    """Outputs that can be spent. `counts`: outputs here, outputs so far, scripts kept,
    transactions so far. `coinbases` wait for maturity, by height."""

    txids: Bytes
    numbers: Integers
    sats: Integers
    kinds: Integers
    coinbases: Bytes
    counts: Integers
    random: Words
    room: Room
    native: bool


def new_pool(seed: int) -> Pool:
    """An empty pool."""
    return Pool(
        txids=np.zeros((POOL_ROOM, 32), np.uint8),
        numbers=np.zeros(POOL_ROOM, np.int64),
        sats=np.zeros(POOL_ROOM, np.int64),
        kinds=np.zeros(POOL_ROOM, np.int64),
        coinbases=np.zeros((MATURITY, 32), np.uint8),
        counts=np.zeros(4, np.int64),
        random=np.array([seed * 0x9E3779B97F4A7C15 + 1 & (1 << 64) - 1], np.uint64),
        room=new_room(np.array([ROOM_BYTES])),
        native=has_sha_instructions(),
    )


@part
def draw(pool: Pool) -> np.uint64:
    """64 random bits (xorshift64*)."""
    x = pool.random[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    pool.random[0] = x
    return np.uint64(x * np.uint64(0x2545F4914F6CDD1D))


@part
def below(pool: Pool, limit: int) -> int:
    return np.int64((draw(pool) >> np.uint64(32)) % np.uint64(limit))


@part
def put(buffer: Bytes, at: int, number: int, size: int) -> int:
    for i in range(size):
        buffer[at + i] = (number >> (8 * i)) & 0xFF
    return at + size


@part
def put_random(buffer: Bytes, at: int, size: int, pool: Pool) -> int:
    word = np.uint64(0)
    for i in range(size):
        if i & 7 == 0:
            word = draw(pool)
        buffer[at + i] = (word >> np.uint64(8 * (i & 7))) & np.uint64(0xFF)
    return at + size


@part
def put_output(buffer: Bytes, at: int, sats: int, kind: int, pool: Pool, kept: Bytes) -> int:
    """An output to a new script; now and then the script is kept for the scans to look for."""
    at = put(buffer, at, sats, 8)
    begin = at
    if kind == P2PKH:
        at = put(buffer, at, 0x14A97619, 4)
        at = put_random(buffer, at, 20, pool)
        at = put(buffer, at, 0xAC88, 2)
    elif kind == P2SH:
        at = put(buffer, at, 0x14A917, 3)
        at = put_random(buffer, at, 20, pool)
        at = put(buffer, at, 0x87, 1)
    elif kind == P2WPKH:
        at = put(buffer, at, 0x140016, 3)
        at = put_random(buffer, at, 20, pool)
    else:
        at = put(buffer, at, 0x200022 if kind == P2WSH else 0x205122, 3)
        at = put_random(buffer, at, 32, pool)
    pool.counts[1] += 1
    if pool.counts[1] % KEEP_ONE_IN == 0 and pool.counts[2] < SCRIPT_ROOM:
        for i in range(at - begin):
            kept[pool.counts[2], i] = buffer[begin + i]
        pool.counts[2] += 1
    return at


@part
def put_push(buffer: Bytes, at: int, size: int, pool: Pool) -> int:
    return put_random(buffer, put(buffer, at, size, 1), size, pool)


@part
def put_input(buffer: Bytes, at: int, spent: int, pool: Pool) -> int:
    for i in range(32):
        buffer[at + i] = pool.txids[spent, i]
    at = put(buffer, at + 32, pool.numbers[spent], 4)
    kind = pool.kinds[spent]
    if kind == P2PKH:
        at = put(buffer, at, 106, 1)
        at = put_push(buffer, at, 71, pool)
        at = put_push(buffer, at, 33, pool)
    elif kind == P2SH:
        at = put(buffer, at, 0x140016 << 8 | 23, 4)
        at = put_random(buffer, at, 20, pool)
    else:
        at = put(buffer, at, 0, 1)
    return put(buffer, at, 0xFFFFFFFD, 4)


@part
def put_witness(buffer: Bytes, at: int, kind: int, pool: Pool) -> int:
    if kind == P2PKH:
        return put(buffer, at, 0, 1)
    if kind == P2TR:
        return put_push(buffer, put(buffer, at, 1, 1), 64, pool)
    if kind == P2WSH:
        at = put(buffer, at, 4, 2)
        at = put_push(buffer, at, 71, pool)
        at = put_push(buffer, at, 71, pool)
        return put_push(buffer, at, 105, pool)
    at = put_push(buffer, put(buffer, at, 2, 1), 71, pool)
    return put_push(buffer, at, 33, pool)


@part
def choose_inputs(pool: Pool, wanted: int, outputs: int) -> tuple[int, int]:
    """Move up to `wanted` outputs, all of wallets with witnesses or all without, behind the end
    of the pool; their number, and the bytes that it takes to spend them."""
    count, size, tries = 0, 0, 0
    legacy = False
    while count < wanted and pool.counts[0] > 0 and tries < 30:
        tries += 1
        pick = below(pool, pool.counts[0])
        kind = pool.kinds[pick]
        if count == 0:
            legacy = kind == P2PKH
        more = size + INPUT_SIZES[kind]
        if legacy != (kind == P2PKH) or more + OVERHEAD + outputs * LARGEST_OUTPUT > LARGEST:
            continue
        size = more
        pool.counts[0] -= 1
        _swap(pool, pick, pool.counts[0])
        count += 1
    return count, size


@making_arrays
def make_transaction(
    buffer: Bytes, at: int, pool: Pool, kept: Bytes, spans: Integers, number: int, txid: Bytes
) -> int:
    """A transaction at `buffer[at:]`; its inputs leave the pool, its outputs join it."""
    way = below(pool, 100)
    if pool.counts[0] < 20_000 or (way < 12 and pool.counts[0] < POOL_ROOM - 1000):
        inputs, outputs = 1, 7
    elif way < 30:
        inputs, outputs = 2, 3
    else:
        inputs, outputs = 3, 2
    count, _ = choose_inputs(pool, inputs, outputs)
    first = pool.counts[0]
    total = 0
    for i in range(count):
        total += pool.sats[first + i]
    witness = count > 0 and pool.kinds[first] != P2PKH
    begin = at
    at = put(buffer, at, 2, 4)
    if witness:
        at = put(buffer, at, 0x0100, 2)
    at = put(buffer, at, count, 1)
    kinds = np.empty(3, np.int64)
    for i in range(count):
        kinds[i] = pool.kinds[first + i]
        at = put_input(buffer, at, first + i, pool)
    at = put(buffer, at, outputs, 1)
    made = np.empty(10, np.int64)
    share = (total - 300) // outputs
    for i in range(outputs):
        made[i] = np.searchsorted(SHARES, below(pool, 100), "right")
        at = put_output(buffer, at, share, made[i], pool, kept)
    body_end = at
    if witness:
        for i in range(count):
            at = put_witness(buffer, at, kinds[i], pool)
    at = put(buffer, at, 0, 4)
    spans[number, START], spans[number, BODY_END] = begin, body_end
    spans[number, STOP], spans[number, HAS_WITNESS] = at, witness
    one = spans[number : number + 1]
    hash_transactions(buffer, PLAIN, one, 1, txid, pool.room, pool.native)
    for i in range(outputs):
        if share >= 1000:
            _join(pool, txid, i, share, made[i])
    return at


@part
def _swap(pool: Pool, a: int, b: int) -> None:
    for i in range(32):
        x = pool.txids[a, i]
        pool.txids[a, i] = pool.txids[b, i]
        pool.txids[b, i] = x
    pool.numbers[a], pool.numbers[b] = pool.numbers[b], pool.numbers[a]
    pool.sats[a], pool.sats[b] = pool.sats[b], pool.sats[a]
    pool.kinds[a], pool.kinds[b] = pool.kinds[b], pool.kinds[a]


@part
def _join(pool: Pool, txid: Bytes, number: int, sats: int, kind: int) -> None:
    at = pool.counts[0]
    for i in range(32):
        pool.txids[at, i] = txid[i]
    pool.numbers[at], pool.sats[at], pool.kinds[at] = number, sats, kind
    pool.counts[0] = at + 1


@part
def put_coinbase(buffer: Bytes, at: int, height: int, pool: Pool, kept: Bytes) -> int:
    """The coinbase with an empty commitment, 36 + 4 bytes before its end (witness behind)."""
    at = put(buffer, at, 2, 4)
    at = put(buffer, at, 0x010100, 3)
    for i in range(32):
        buffer[at + i] = 0
    at = put(buffer, at + 32, 0xFFFFFFFF, 4)
    at = put(buffer, at, 12, 1)
    at = put(buffer, at, 3, 1)
    at = put(buffer, at, height, 3)
    at = put_random(buffer, at, 8, pool)
    at = put(buffer, at, 0xFFFFFFFF, 4)
    at = put(buffer, at, 2, 1)
    at = put_output(buffer, at, SUBSIDY >> (height // 150), P2WPKH, pool, kept)
    at = put(buffer, at, 0, 8)
    at = put(buffer, at, 0xEDA921AA246A26, 7)
    return put(buffer, at, 0, 8) + 24


@kernel
def make_block(
    buffer: Bytes, height: int, time: int, previous: Bytes, pool: Pool, kept: Bytes, limit: int
) -> int:
    """The next block in `buffer`; its size. `previous` is its hash afterwards."""
    room = limit // 150
    spans = np.zeros((room, 4), np.int64)
    txid = np.zeros(32, np.uint8)
    if height > MATURITY:
        _join(
            pool,
            pool.coinbases[height % MATURITY],
            0,
            SUBSIDY >> ((height - MATURITY) // 150),
            P2WPKH,
        )
    # The count of transactions always takes three bytes where there are many.
    at = 83 if height > MATURITY else 81
    spans[0, START] = at
    at = put_coinbase(buffer, at, height, pool, kept)
    spans[0, BODY_END] = at
    at = put(buffer, at, 0x2001, 2)
    for i in range(36):
        buffer[at + i] = 0
    at += 36
    spans[0, STOP], spans[0, HAS_WITNESS] = at, 1
    count = 1
    while height > MATURITY and at < limit - 700 and pool.counts[0] > 3:
        at = make_transaction(buffer, at, pool, kept, spans, count, txid)
        count += 1
    while height > MATURITY and count < 253:
        at = make_transaction(buffer, at, pool, kept, spans, count, txid)
        count += 1
    if height > MATURITY:
        put(buffer, 80, 0xFD, 1)
        put(buffer, 81, count, 2)
    else:
        put(buffer, 80, count, 1)
    _seal(buffer, height, time, previous, pool, spans, count)
    pool.counts[3] += count
    return at


@making_arrays
def _seal(
    buffer: Bytes, height: int, time: int, previous: Bytes, pool: Pool, spans: Integers, count: int
) -> None:
    whole = spans.copy()
    for i in range(count):
        whole[i, HAS_WITNESS] = 0
    nodes = np.zeros(32 * (count + 1), np.uint8)
    hash_transactions(buffer, PLAIN, whole, count, nodes, pool.room, pool.native)
    for i in range(32):
        nodes[i] = 0
    merkle_root(nodes, count, pool.native)
    for i in range(32):
        nodes[32 + i] = 0
    node(nodes, 0, buffer, spans[0, BODY_END] - 32, pool.native)
    hash_transactions(buffer, PLAIN, spans, count, nodes, pool.room, pool.native)
    for i in range(32):
        pool.coinbases[height % MATURITY, i] = nodes[i]
    merkle_root(nodes, count, pool.native)
    put(buffer, 0, 0x20000000, 4)
    for i in range(32):
        buffer[4 + i] = previous[i]
        buffer[36 + i] = nodes[i]
    put(buffer, 68, time, 4)
    put(buffer, 72, 0x207FFFFF, 4)
    header = np.zeros((1, 4), np.int64)
    header[0, STOP] = 80
    nonce = 0
    while True:
        put(buffer, 76, nonce, 4)
        hash_transactions(buffer, PLAIN, header, 1, previous, pool.room, pool.native)
        if previous[31] < 0x7F:
            return
        nonce += 1
