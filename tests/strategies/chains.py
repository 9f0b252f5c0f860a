"""Chains to test with: regtest blocks made here, byte by byte, and the files that hold them.

    mine(previous, ...)        one valid block: header, merkle root, witness commitment, proof of work
    histories()                a main branch with payments among a few scripts, and stale branches
    arrangements(history)      the same blocks in block files: any order, split, obfuscated, repeated,
                               with garbage, zero tails, cut blocks
    write_folder, record       what a node writes to its `blocks` folder

Nothing of erario is used here, so that it can be compared with what erario reads. Regtest's proof
of work takes two tries on average, so blocks are cheap. Coinbase maturity and scripts are not kept:
erario checks neither.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path

from hypothesis import strategies as st

MAGIC = bytes.fromhex("fabfb5da")
BITS = 0x207FFFFF
VERSION = 0x20000000
BTC = 100_000_000
SUBSIDY = 50 * BTC
OP_TRUE = b"\x51"
SPACING = 600
"""Seconds between blocks, unless a test says otherwise."""

SCRIPTS: tuple[bytes, ...] = (
    b"\x76\xa9\x14" + b"\x01" * 20 + b"\x88\xac",  # P2PKH
    b"\xa9\x14" + b"\x02" * 20 + b"\x87",  # P2SH
    b"\x00\x14" + b"\x03" * 20,  # P2WPKH
    b"\x00\x20" + b"\x04" * 32,  # P2WSH
    b"\x51\x20" + b"\x05" * 32,  # P2TR
    b"\x41\x04" + b"\x06" * 64 + b"\xac",  # P2PK
    b"\x21\x02" + b"\x07" * 32 + b"\xac",  # P2PK, compressed
    b"\x51\x21\x02" + b"\x08" * 32 + b"\x51\xae",  # 1-of-1, bare
    OP_TRUE,
)
"""One script of each kind that histories pay to."""

_GENESIS_KEY = bytes.fromhex(
    "04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb6"
    "49f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5f"
)
_HEADLINE = b"The Times 03/Jan/2009 Chancellor on brink of second bailout for banks"


def sha256d(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def compact_size(number: int) -> bytes:
    if number < 0xFD:
        return bytes([number])
    if number <= 0xFFFF:
        return b"\xfd" + struct.pack("<H", number)
    return b"\xfe" + struct.pack("<I", number)


@dataclass(frozen=True)
class Tx:
    """A transaction; `witnesses` has one stack for each input, or is empty."""

    inputs: tuple[tuple[bytes, int], ...]
    outputs: tuple[tuple[int, bytes], ...]
    signatures: tuple[bytes, ...] = ()
    witnesses: tuple[tuple[bytes, ...], ...] = ()
    version: int = 2
    locktime: int = 0

    @cached_property
    def stripped(self) -> bytes:
        return self._serialised(with_witness=False)

    @cached_property
    def raw(self) -> bytes:
        return self._serialised(with_witness=bool(self.witnesses))

    @property
    def txid(self) -> bytes:
        return sha256d(self.stripped)

    @property
    def wtxid(self) -> bytes:
        return sha256d(self.raw)

    def _serialised(self, *, with_witness: bool) -> bytes:
        signatures = self.signatures or (b"",) * len(self.inputs)
        out = [struct.pack("<i", self.version), b"\x00\x01" if with_witness else b""]
        out.append(compact_size(len(self.inputs)))
        for (txid, vout), script in zip(self.inputs, signatures, strict=True):
            out += [txid, struct.pack("<I", vout), compact_size(len(script)), script, b"\xff" * 4]
        out.append(compact_size(len(self.outputs)))
        for sats, script in self.outputs:
            out += [struct.pack("<q", sats), compact_size(len(script)), script]
        if with_witness:
            for stack in self.witnesses:
                out.append(compact_size(len(stack)))
                out += [compact_size(len(item)) + item for item in stack]
        out.append(struct.pack("<I", self.locktime))
        return b"".join(out)


def coinbase(
    height: int,
    outputs: Sequence[tuple[int, bytes]] = ((SUBSIDY, OP_TRUE),),
    *,
    tag: bytes = b"",
    script: bytes | None = None,
) -> Tx:
    """A coinbase with its height by BIP 34; `script` replaces that, `tag` is appended to it."""
    number = height.to_bytes(height.bit_length() // 8 + 1, "little")
    own = bytes([0x50 + height]) if 1 <= height <= 16 else bytes([len(number)]) + number
    extra = bytes([len(tag)]) + tag
    return Tx(
        inputs=((bytes(32), 0xFFFFFFFF),),
        outputs=tuple(outputs),
        signatures=(own + extra if script is None else script,),
    )


def merkle_root(hashes: Sequence[bytes]) -> bytes:
    level = list(hashes)
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        level = [sha256d(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


@dataclass(frozen=True)
class Made:
    """A block that was made here."""

    height: int
    header: bytes
    transactions: tuple[Tx, ...]

    @cached_property
    def raw(self) -> bytes:
        body = b"".join(tx.raw for tx in self.transactions)
        return self.header + compact_size(len(self.transactions)) + body

    @cached_property
    def block_hash(self) -> bytes:
        return sha256d(self.header)

    @property
    def previous(self) -> bytes:
        return self.header[4:36]

    @property
    def time(self) -> int:
        return int.from_bytes(self.header[68:72], "little")


def genesis() -> Made:
    """Regtest's block 0 (Bitcoin Core, kernel/chainparams.cpp)."""
    tx = Tx(
        inputs=((bytes(32), 0xFFFFFFFF),),
        outputs=((SUBSIDY, b"\x41" + _GENESIS_KEY + b"\xac"),),
        signatures=(bytes.fromhex("04ffff001d010445") + _HEADLINE,),
        version=1,
    )
    header = struct.pack("<i32s32sIII", 1, bytes(32), tx.txid, 1296688602, BITS, 2)
    return Made(height=0, header=header, transactions=(tx,))


GENESIS = genesis()


def mine(
    previous: Made,
    transactions: Sequence[Tx] = (),
    *,
    pay: Sequence[tuple[int, bytes]] = ((SUBSIDY, OP_TRUE),),
    first: Tx | None = None,
    tag: bytes = b"",
    time: int | None = None,
    version: int = VERSION,
    root: bytes | None = None,
) -> Made:
    """A block on `previous`: its coinbase pays `pay`, or is `first` as it stands.

    `tag` makes two blocks differ that would otherwise be the same; `root` lies about the merkle
    root. A witness commitment is added where a transaction has a witness.
    """
    height = previous.height + 1
    head = coinbase(height, pay, tag=tag) if first is None else first
    if first is None and any(tx.witnesses for tx in transactions):
        head = _committed(head, transactions)
    whole = (head, *transactions)
    top = root if root is not None else merkle_root([tx.txid for tx in whole])
    moment = previous.time + SPACING if time is None else time
    for nonce in count():
        header = struct.pack("<i32s32sIII", version, previous.block_hash, top, moment, BITS, nonce)
        if sha256d(header)[31] < 0x7F:
            return Made(height=height, header=header, transactions=whole)
    raise AssertionError


def _committed(head: Tx, transactions: Sequence[Tx]) -> Tx:
    reserved = bytes(32)
    root = merkle_root([bytes(32), *(tx.wtxid for tx in transactions)])
    commitment = b"\x6a\x24\xaa\x21\xa9\xed" + sha256d(root + reserved)
    return Tx(
        inputs=head.inputs,
        outputs=(*head.outputs, (0, commitment)),
        signatures=head.signatures,
        witnesses=((reserved,),),
        version=head.version,
    )


def mine_many(previous: Made, number: int, *, tag: bytes = b"") -> list[Made]:
    """A run of empty blocks on `previous`."""
    blocks = []
    for _ in range(number):
        previous = mine(previous, tag=tag)
        blocks.append(previous)
    return blocks


# What a node writes -----------------------------------------------------------------------------


def record(raw: bytes, magic: bytes = MAGIC) -> bytes:
    """A block as it lies in a file: network magic, length, block."""
    return magic + struct.pack("<I", len(raw)) + raw


def obfuscated(data: bytes, key: bytes | None) -> bytes:
    """`data`, from the start of a file, under `key`."""
    if key is None:
        return data
    pad = key * (len(data) // len(key) + 1)
    return bytes(a ^ b for a, b in zip(data, pad, strict=False))


def write_folder(
    folder: Path,
    files: Sequence[bytes],
    key: bytes | None = None,
    digits: int = 5,
    zeros: Sequence[int] = (),
) -> Path:
    """`files` as blk00000.dat, blk00001.dat, ... of a `blocks` folder, with its xor.dat.

    `zeros` says how many the node keeps in reserve at the end of each; those are not obfuscated.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("blk*.dat"):
        old.unlink()
    (folder / "xor.dat").unlink(missing_ok=True)
    if key is not None:
        (folder / "xor.dat").write_bytes(key)
    for number, data in enumerate(files):
        reserve = bytes(zeros[number] if number < len(zeros) else 0)
        (folder / f"blk{number:0{digits}}.dat").write_bytes(obfuscated(data, key) + reserve)
    return folder


def plain_folder(folder: Path, blocks: Sequence[Made], *, with_genesis: bool = True) -> Path:
    """The plainest arrangement: one file, in order, nothing else."""
    whole = [GENESIS, *blocks] if with_genesis else list(blocks)
    return write_folder(folder, [b"".join(record(block.raw) for block in whole)])


# Strategies -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class History:
    """A main branch from height 1, and blocks of shorter branches beside it."""

    main: tuple[Made, ...]
    stale: tuple[Made, ...]


@dataclass
class _Ledger:
    """The coins of the branch that is being made."""

    coins: list[tuple[tuple[bytes, int], int]]

    def take(self, index: int) -> tuple[tuple[bytes, int], int]:
        return self.coins.pop(index % len(self.coins))

    def add(self, tx: Tx) -> None:
        txid = tx.txid
        self.coins += [((txid, n), sats) for n, (sats, _) in enumerate(tx.outputs) if sats]


@st.composite
def histories(draw: st.DrawFn, *, least: int = 2, most: int = 12) -> History:
    """Histories of `least` to `most` blocks that pay among `SCRIPTS`, spends in the same block
    and witnesses among them."""
    length = draw(st.integers(least, most))
    ledger = _Ledger([])
    main: list[Made] = []
    for _ in range(length):
        previous = main[-1] if main else GENESIS
        payments = [_payment(draw, ledger) for _ in range(draw(st.integers(0, 3)))]
        txs = [tx for tx in payments if tx is not None]
        block = mine(previous, txs, pay=((SUBSIDY, draw(st.sampled_from(SCRIPTS))),))
        ledger.add(block.transactions[0])
        main.append(block)
    stale: list[Made] = []
    for number in range(draw(st.integers(0, 2))):
        fork = draw(st.integers(0, length - 2))
        longest = length - fork - 1
        start = main[fork - 1] if fork else GENESIS
        pay = ((SUBSIDY, draw(st.sampled_from(SCRIPTS))),)
        for _ in range(draw(st.integers(1, longest))):
            start = mine(start, pay=pay, tag=b"stale%d" % number)
            stale.append(start)
    return History(tuple(main), tuple(stale))


def _payment(draw: st.DrawFn, ledger: _Ledger) -> Tx | None:
    if not ledger.coins:
        return None
    taken = [
        ledger.take(draw(st.integers(0, 50)))
        for _ in range(draw(st.integers(1, 2)))
        if ledger.coins
    ]
    amount = sum(sats for _, sats in taken)
    outs = draw(st.lists(st.sampled_from(SCRIPTS), min_size=1, max_size=3))
    share = amount // len(outs)
    stack = draw(st.sampled_from(((), (b"", b"\x30" * 71), (b"\x05" * 64,))))
    tx = Tx(
        inputs=tuple(outpoint for outpoint, _ in taken),
        outputs=tuple((share, script) for script in outs),
        signatures=tuple(b"" if stack else b"\x02\x51\x51" for _ in taken),
        witnesses=tuple(stack for _ in taken) if stack else (),
    )
    ledger.add(tx)
    return tx


@dataclass(frozen=True)
class Arrangement:
    """Block files: contents before obfuscation, the key, the digits in their names, and how many
    zeros lie in reserve at the end of each."""

    files: tuple[bytes, ...]
    key: bytes | None
    digits: int
    zeros: tuple[int, ...]

    def write(self, folder: Path) -> Path:
        return write_folder(folder, self.files, self.key, self.digits, self.zeros)


KEYS = st.one_of(st.none(), st.just(bytes(8)), st.binary(min_size=8, max_size=8))


@st.composite
def garbage(draw: st.DrawFn, blocks: Sequence[Made]) -> bytes:
    """Bytes that are no whole block: noise, a bare magic, a hostile length, a foreign or cut one."""
    block = draw(st.sampled_from(blocks)).raw
    whole = record(block)
    choices = (
        st.binary(min_size=1, max_size=200),
        st.just(MAGIC),
        st.integers(0, 80).map(lambda n: MAGIC + struct.pack("<I", n)),
        st.integers(4_000_001, 2**32 - 1).map(lambda n: MAGIC + struct.pack("<I", n) + block),
        st.just(record(block, magic=bytes.fromhex("f9beb4d9"))),
        st.integers(1, len(whole) - 1).map(lambda n: whole[:n]),
        st.just(bytes(17)),
    )
    return draw(st.one_of(*choices))


@st.composite
def arrangements(draw: st.DrawFn, history: History, *, tidy: bool = False) -> Arrangement:
    """Every block of the history at least once, in any order and shape of files.

    `tidy` leaves garbage and cut blocks out.
    """
    blocks = [GENESIS] if draw(st.booleans()) else []
    blocks += [*history.main, *history.stale]
    blocks += draw(st.lists(st.sampled_from(blocks), max_size=3))
    pieces: list[bytes] = [record(block.raw) for block in draw(st.permutations(blocks))]
    number = draw(st.integers(1, 3))
    files: list[list[bytes]] = [[] for _ in range(number)]
    for piece in pieces:
        file = files[draw(st.integers(0, number - 1))]
        if not tidy and draw(st.integers(0, 5)) == 0:
            file.append(draw(garbage(blocks)))
        file.append(piece)
    if not tidy:
        for file in files:
            if draw(st.booleans()):
                last = record(draw(st.sampled_from(blocks)).raw)
                file.append(last[: draw(st.integers(1, len(last) - 1))])
    return Arrangement(
        files=tuple(b"".join(file) for file in files),
        key=draw(KEYS),
        digits=draw(st.sampled_from((5, 5, 6, 4))),
        zeros=tuple(draw(st.sampled_from((0, 0, 5, 3000))) for _ in files),
    )
