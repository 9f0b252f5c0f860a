"""A watch list: scripts that are followed together, how far, and all that touches them so far.

Invariant: `blocks` hold every transaction of blocks 1 to `height` that pays to one of the scripts
or spends such an output, in order, and no other. So a list can be narrowed to some of its scripts,
cut to a lower height, or united with another one at the same height, and stays true without a look
at the chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from erario.bitcoin.script import is_unspendable
from erario.bitcoin.transaction import Transaction, read_transaction
from erario.bitcoin.values import Height
from erario.statement.evidence import BlockEvidence, TransactionEvidence

_GENESIS: Final = Height(0)


@dataclass(slots=True)
class WatchList:
    """Scripts, each once, and what the chain shows of them up to `height`.

    Attributes:
        number: its number in the store, where it lies there; None while it does not.
        epoch: which making of the store's file that number belongs to.
        folder: whose word it lies there on.
        kept: how many of `blocks` lie there.
        seal: over what lies there.
    """

    scripts: tuple[bytes, ...]
    height: Height = _GENESIS
    blocks: list[BlockEvidence] = field(default_factory=list)
    number: int | None = None
    epoch: int = 0
    folder: bytes = b""
    kept: int = 0
    seal: bytes = b""

    def cut(self, height: Height) -> WatchList:
        """The same list as it was at a lower height; it lies nowhere."""
        blocks = [block for block in self.blocks if block.height <= height]
        return WatchList(self.scripts, min(self.height, height), blocks)

    def narrow(self, scripts: Iterable[bytes]) -> WatchList:
        """The list of just these of its scripts; it lies nowhere."""
        wanted = tuple(scripts)
        coins = WatchedCoins(wanted)
        return WatchList(wanted, self.height, coins.touching(self.blocks))


class WatchedCoins:
    """The coins of some scripts, followed through the transactions of a chain in its order."""

    def __init__(self, scripts: Iterable[bytes]) -> None:
        self._scripts = frozenset(script for script in scripts if not is_unspendable(script))
        self._names: dict[bytes, None] = {}

    @property
    def names(self) -> bytes:
        """The outpoints of all coins so far, 36 bytes each, in order of birth."""
        return b"".join(self._names)

    def take_in(self, raw: bytes) -> bool:
        """Go on by one transaction, given by its bytes; whether it touches the scripts."""
        return self.follow(read_transaction(raw))

    def follow(self, transaction: Transaction) -> bool:
        """Go on by one transaction; whether it touches the scripts."""
        touches = any(
            txid + vout.to_bytes(4, "little") in self._names
            for txid, vout in (spend.outpoint for spend in transaction.inputs)
        )
        for vout, output in enumerate(transaction.outputs):
            if output.script in self._scripts:
                self._names[transaction.txid + vout.to_bytes(4, "little")] = None
                touches = True
        return touches

    def touching(self, blocks: Iterable[BlockEvidence]) -> list[BlockEvidence]:
        """What of these blocks touches the scripts; blocks without such a transaction are out."""
        found = []
        for block in blocks:
            own = tuple(one for one in block.transactions if self.take_in(one.raw))
            if own:
                found.append(BlockEvidence(block.height, block.header, block.coinbase, own))
        return found


def unite(lists: Sequence[WatchList]) -> WatchList:
    """One list of the scripts of several lists that are at the same height."""
    scripts = dict.fromkeys(script for one in lists for script in one.scripts)
    blocks: dict[Height, BlockEvidence] = {}
    for one in lists:
        for block in one.blocks:
            other = blocks.get(block.height)
            blocks[block.height] = block if other is None else _unite_blocks(other, block)
    ordered = [blocks[height] for height in sorted(blocks)]
    return WatchList(tuple(scripts), lists[0].height, ordered)


def _unite_blocks(one: BlockEvidence, other: BlockEvidence) -> BlockEvidence:
    transactions: dict[int, TransactionEvidence] = {
        transaction.position: transaction
        for transaction in (*one.transactions, *other.transactions)
    }
    ordered = tuple(transactions[position] for position in sorted(transactions))
    return BlockEvidence(one.height, one.header, one.coinbase, ordered)
