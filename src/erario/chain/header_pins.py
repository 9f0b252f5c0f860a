"""Pins: facts of the main chain that ship with erario, so that not all headers must be fetched.

`mainnet-pins.json` says in its note where they are from. A pin says which hash the last block of a
difficulty period has, and the bits of the period after it: a header below is believed once it is
linked to the next pin by hashes. Whoever trusts no pin runs `erario headers`, which fetches every
header from genesis and holds all pins against it. Snapshot pins bind a height, a block and the
hash of all coins there (`hash_serialized_3`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from erario.bitcoin.difficulty import PERIOD
from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.values import BlockHash, Height, read_hash
from erario.bitcoin.work import work_of_bits

_FILE: Final = "mainnet-pins.json"


@dataclass(frozen=True, slots=True)
class SnapshotPin:
    """What a UTXO snapshot at a height must be. Hashes in internal order."""

    height: Height
    block_hash: BlockHash
    coins_hash: bytes


@dataclass(frozen=True, slots=True)
class HeaderPins:
    """The pins of a network.

    Attributes:
        first_bits: of the period that begins with genesis.
        periods: for each period in order, the hash of its last block, and the bits of the next.
        others: block hashes at further heights, which are no ends of periods.
        length: blocks of a period.
    """

    first_bits: int
    periods: tuple[tuple[BlockHash, int], ...] = ()
    others: tuple[tuple[Height, BlockHash], ...] = ()
    length: int = PERIOD

    def end(self, period: int) -> Height:
        """The height of the last block of a period, the first being period 0."""
        return Height(self.length * (period + 1) - 1)

    def bits(self, period: int) -> int:
        """The bits of all blocks of a period; of those up to the one after the last pin."""
        return self.periods[period - 1][1] if period else self.first_bits

    def work(self, count: int) -> int:
        """Cumulative work up to the end of the first `count` periods, genesis included."""
        return sum(self.length * work_of_bits(self.bits(period)) for period in range(count))

    def all(self) -> tuple[tuple[Height, BlockHash], ...]:
        """Every height that a block hash is pinned at, in order."""
        ends = [(self.end(at), block_hash) for at, (block_hash, _) in enumerate(self.periods)]
        return tuple(sorted({*ends, *self.others}))


def header_pins(name: NetworkName) -> HeaderPins:
    """The pins of a network; none where it is not the main one."""
    first_bits = int.from_bytes(network(name).genesis[72:76], "little")
    if name is not NetworkName.MAIN:
        return HeaderPins(first_bits)
    periods, snapshots = _carried()
    return HeaderPins(first_bits, periods, tuple((pin.height, pin.block_hash) for pin in snapshots))


def snapshot_pins(name: NetworkName) -> tuple[SnapshotPin, ...]:
    """The snapshots of a network that are known, in order of height."""
    return _carried()[1] if name is NetworkName.MAIN else ()


@cache
def _carried() -> tuple[tuple[tuple[BlockHash, int], ...], tuple[SnapshotPin, ...]]:
    carried = json.loads((files("erario.chain") / _FILE).read_text(encoding="ascii"))
    periods = tuple(
        (BlockHash(read_hash(block_hash)), int(bits, 16)) for block_hash, bits in carried["periods"]
    )
    snapshots = tuple(
        SnapshotPin(Height(height), BlockHash(read_hash(block_hash)), read_hash(coins_hash))
        for height, block_hash, coins_hash in carried["assumeutxo"]
    )
    return periods, snapshots
