"""The scanner's slow twin: block files walked byte by byte in plain Python.

Nothing of erario is used here. Faults are named by the codes that erario's enums have.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

PAYS, SPENDS = 1, 2
MAX_SIZE = 0x02000000
MAX_WEIGHT = 4_000_000
NO_COIN = bytes(32) + b"\xff" * 4


class Cut(Exception):  # noqa: N818
    """The bytes are no block."""


@dataclass
class NaiveTx:
    inputs: list[bytes] = field(default_factory=list)
    outputs: list[bytes] = field(default_factory=list)
    stacks: list[list[bytes]] = field(default_factory=list)
    raw: bytes = b""
    stripped: bytes = b""

    @property
    def has_witness(self) -> bool:
        return self.raw != self.stripped


class Cursor:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        if self.at + size > len(self.data):
            raise Cut
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def size(self) -> int:
        first = self.number(1)
        if first < 0xFD:
            return first
        width = {0xFD: 2, 0xFE: 4, 0xFF: 8}[first]
        size = self.number(width)
        if size < {2: 0xFD, 4: 0x10000, 8: 0x100000000}[width] or size > MAX_SIZE:
            raise Cut
        return size


def sha256d(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def read_tx(cursor: Cursor) -> NaiveTx:
    tx, begin = NaiveTx(), cursor.at
    version = cursor.take(4)
    body, count, flag = cursor.at, cursor.size(), 0
    if count == 0:
        flag = cursor.number(1)
        if flag:
            body, count = cursor.at, cursor.size()
    if count or flag:
        for _ in range(count):
            tx.inputs.append(cursor.take(36))
            cursor.take(cursor.size())
            cursor.take(4)
        for _ in range(cursor.size()):
            cursor.take(8)
            tx.outputs.append(cursor.take(cursor.size()))
    core = cursor.data[body : cursor.at]
    if flag & 1:
        tx.stacks = [
            [cursor.take(cursor.size()) for _ in range(cursor.size())] for _ in range(count)
        ]
        if not any(tx.stacks):
            raise Cut
    if flag > 1:
        raise Cut
    locktime = cursor.take(4)
    tx.raw = cursor.data[begin : cursor.at]
    tx.stripped = version + core + locktime if flag else tx.raw
    return tx


def read_block(data: bytes) -> list[NaiveTx]:
    cursor = Cursor(data)
    cursor.take(80)
    transactions = [read_tx(cursor) for _ in range(cursor.size())]
    if cursor.at != len(data):
        raise Cut
    return transactions


def merkle(hashes: list[bytes]) -> tuple[bytes, bool]:
    mutated = False
    while len(hashes) > 1:
        mutated |= any(hashes[i] == hashes[i + 1] for i in range(0, len(hashes) - 1, 2))
        if len(hashes) % 2:
            hashes = [*hashes, hashes[-1]]
        hashes = [sha256d(hashes[i] + hashes[i + 1]) for i in range(0, len(hashes), 2)]
    return hashes[0], mutated


def first_fault(block: bytes, transactions: list[NaiveTx], segwit: bool) -> str | None:
    if not transactions:
        return "block.no-transaction"
    root, mutated = merkle([sha256d(tx.stripped) for tx in transactions])
    if root != block[36:68]:
        return "block.merkle-root"
    if mutated:
        return "block.merkle-mutated"
    if transactions[0].inputs != [NO_COIN]:
        return "block.no-coinbase"
    if any(tx.inputs == [NO_COIN] for tx in transactions[1:]):
        return "block.more-coinbases"
    witnesses = sum(len(tx.raw) - len(tx.stripped) for tx in transactions)
    if 4 * len(block) - 3 * witnesses > MAX_WEIGHT:
        return "block.too-heavy"
    found = [s for s in transactions[0].outputs if len(s) >= 38 and s[:6].hex() == "6a24aa21a9ed"]
    if not found or not segwit:
        return "block.commitment-missing" if any(t.has_witness for t in transactions) else None
    if [[len(item) for item in stack] for stack in transactions[0].stacks] != [[32]]:
        return "block.commitment-nonce"
    root, _ = merkle([bytes(32), *(sha256d(tx.raw) for tx in transactions[1:])])
    if sha256d(root + transactions[0].stacks[0][0]) != found[-1][6:38]:
        return "block.commitment-wrong"
    return None


def naive_scan(
    files: list[bytes],
    places: list[tuple[int, int, int, int]],
    scripts: list[bytes],
    *,
    check_roots: bool,
    segwit_height: int = 0,
    known: tuple[bytes, ...] = (),
) -> tuple[list[tuple[int, int, int]], list[tuple[int, str]]]:
    """Hits (height, position, kind) and faults (index, code) of de-obfuscated `files`; a place is
    file, offset, size, height."""
    watched = {s for s in scripts if s[:1] != b"\x6a" and len(s) <= 10_000}
    coins, hits, bad = set(known), [], []
    for index, (file, offset, size, height) in enumerate(places):
        block = files[file][offset : offset + size]
        if offset < 0 or size < 81 or len(block) < size:
            bad.append((index, "block.unreadable"))
            continue
        if size > MAX_WEIGHT:
            bad.append((index, "block.too-heavy"))
            continue
        try:
            transactions = read_block(block)
        except Cut:
            bad.append((index, "block.unreadable"))
            continue
        fault = first_fault(block, transactions, height >= segwit_height) if check_roots else None
        if fault:
            bad.append((index, fault))
            continue
        for position, tx in enumerate(transactions):
            kind = SPENDS if any(spent in coins for spent in tx.inputs) else 0
            for number, script in enumerate(tx.outputs):
                if script in watched:
                    kind |= PAYS
                    coins.add(sha256d(tx.stripped) + number.to_bytes(4, "little"))
            if kind:
                hits.append((height, position, kind))
    return hits, bad
