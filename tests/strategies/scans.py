"""Blocks for scanners, good and hostile: header rules do not count here, so nothing is mined.

    scan_cases()   a chain in files, damaged or not, with scripts to watch

Outputs are spent later, in the same block, twice, or before they exist; coinbases repeat as those
that BIP 30 tells of; scripts are of every kind and length.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st
from tests.strategies.chains import KEYS, SCRIPTS, Tx, compact_size, merkle_root, sha256d

LENGTHS = (
    b"",
    b"\x51",
    bytes.fromhex("51024e73"),
    bytes(range(10)),
    bytes(range(11)),
    b"\x00\x14" + b"\x03" * 8 + b"\x09" * 12,  # as the P2WPKH of SCRIPTS in the bytes that key it
    b"\x6a\x04data",
    b"\x51" * 62,
    b"\x51" * 63,
    b"\x51" * 64,
    b"\x52" * 252,
    b"\x52" * 253,
    b"\x53" * 10_000,
    b"\x53" * 10_001,
)
ALL_SCRIPTS = (*SCRIPTS, *LENGTHS)
NO_COIN = (bytes(32), 0xFFFFFFFF)


@dataclass(frozen=True)
class ScanCase:
    """Files before obfuscation, blocks as (file, offset, size, height), and what is asked."""

    files: tuple[bytes, ...]
    key: bytes | None
    places: tuple[tuple[int, int, int, int], ...]
    scripts: tuple[bytes, ...]
    segwit_height: int


def block_of(transactions: list[Tx], header: bytes = bytes(80)) -> bytes:
    root = merkle_root([tx.txid for tx in transactions]) if transactions else bytes(32)
    body = b"".join(tx.raw for tx in transactions)
    return header[:36] + root + header[68:] + compact_size(len(transactions)) + body


def committed(coinbase: Tx, others: list[Tx]) -> Tx:
    """The coinbase with a right witness commitment."""
    root = merkle_root([bytes(32), *(tx.wtxid for tx in others)])
    script = bytes.fromhex("6a24aa21a9ed") + sha256d(root + b"\x07" * 32)
    return Tx(
        coinbase.inputs,
        (*coinbase.outputs, (0, script)),
        coinbase.signatures,
        ((b"\x07" * 32,),),
    )


@st.composite
def transactions_of(draw: st.DrawFn, coins: list[tuple[bytes, int]]) -> Tx:
    some = st.sampled_from(coins) if coins else st.just((b"\x09" * 32, 1))
    foreign = st.tuples(st.binary(min_size=32, max_size=32), st.integers(0, 2**32 - 1))
    inputs = draw(st.lists(st.one_of(some, some, some, foreign), min_size=1, max_size=3))
    outputs = draw(
        st.lists(
            st.tuples(st.integers(-1, 2**62), st.sampled_from(ALL_SCRIPTS)), min_size=1, max_size=4
        )
    )
    stack = st.lists(st.sampled_from((b"", b"\x30" * 71, b"\x20" * 300)), max_size=3).map(tuple)
    witnesses = tuple(draw(stack) for _ in inputs) if draw(st.booleans()) else ()
    return Tx(
        tuple(inputs),
        tuple(outputs),
        tuple(draw(st.sampled_from((b"", b"\x01" * 107, b"\x02" * 254))) for _ in inputs),
        witnesses if any(witnesses) else (),
        locktime=draw(st.integers(0, 2**32 - 1)),
    )


@st.composite
def chains_of_blocks(draw: st.DrawFn) -> list[bytes]:
    coins: list[tuple[bytes, int]] = []
    blocks: list[list[Tx]] = []
    for height in range(draw(st.integers(1, 8))):
        tag = bytes([draw(st.integers(0, 2))]) if draw(st.booleans()) else bytes([3, height])
        pays = ((50, draw(st.sampled_from(ALL_SCRIPTS))),)
        block = [Tx((NO_COIN,), pays, (tag,))]
        for _ in range(draw(st.integers(0, 4))):
            tx = draw(transactions_of(coins))
            block.append(tx)
            coins += [(tx.txid, n) for n in range(len(tx.outputs))]
        coins.append((block[0].txid, 0))
        blocks.append(block)
    if draw(st.integers(0, 3)) == 0:
        # Spends that come before what they spend.
        blocks = draw(st.permutations(blocks))
        blocks = [[b[0], *draw(st.permutations(b[1:]))] for b in blocks]
    return [draw(sealed(block)) for block in blocks]


@st.composite
def sealed(draw: st.DrawFn, block: list[Tx]) -> bytes:
    """The block's bytes: mostly right, now and then with one lie."""
    lie = draw(st.integers(0, 11))
    if lie == 1:
        block = [*block, block[0]]
    elif lie == 2:
        block = block[1:]
    elif lie == 3:
        block = [*block, block[-1]]
    elif lie == 4 and len(block) > 1:
        block = [block[1], block[0], *block[2:]]
    if block and lie != 5 and any(tx.witnesses for tx in block):
        block = [committed(block[0], block[1:]), *block[1:]]
    raw = block_of(block, draw(st.binary(min_size=80, max_size=80)))
    if lie == 6:
        return draw(damaged(raw))
    return raw


@st.composite
def damaged(draw: st.DrawFn, raw: bytes) -> bytes:
    """The bytes with some of them changed, cut, added or left out."""
    out = bytearray(raw)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(out) - 1)))
        way = draw(st.integers(0, 4))
        if way == 0:
            del out[at:]
        elif way == 1:
            out[at : at + 1] = draw(st.sampled_from((b"\xfd", b"\xfe", b"\xff", b"\x00", b"\x01")))
        elif way == 2:
            size = draw(st.integers(0, 2**64 - 1).map(lambda n: b"\xff" + n.to_bytes(8, "little")))
            out[at : at + len(size)] = size
        elif way == 3:
            out += draw(st.binary(min_size=1, max_size=5))
        else:
            del out[at : at + draw(st.integers(1, 4))]
    return bytes(out)


@st.composite
def scan_cases(draw: st.DrawFn) -> ScanCase:
    number = draw(st.integers(1, 3))
    files = [bytearray(draw(st.binary(max_size=9))) for _ in range(number)]
    places = []
    for height, block in enumerate(draw(chains_of_blocks()), start=1):
        file = draw(st.integers(0, number - 1))
        size = len(block)
        if draw(st.integers(0, 30)) == 0:
            size = draw(st.sampled_from((0, 80, 81, size - 1, size + 1, 4_000_001, 2**32 - 1)))
        places.append((file, len(files[file]), max(0, size), height))
        files[file] += block + draw(st.binary(max_size=3))
    return ScanCase(
        tuple(map(bytes, files)),
        draw(KEYS),
        tuple(places),
        tuple(draw(st.lists(st.sampled_from(ALL_SCRIPTS), max_size=8))),
        draw(st.sampled_from((0, 0, 3, 100))),
    )
