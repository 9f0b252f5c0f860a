"""What blocks in hand show of the watched scripts: every block is checked, nothing is believed.

    PlainFinder       in plain Python, for some blocks
    CompiledFinder    by the compiled scanner, for many; needs the extra `scan`

Both take blocks in chain order, hold each against its header (Merkle root, coinbase, witness
commitment) and give the same evidence, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, Protocol

from erario.bitcoin.block import check_block_content, read_block
from erario.bitcoin.errors import DecodeError
from erario.bitcoin.merkle import merkle_branches
from erario.bitcoin.network import Network
from erario.bitcoin.values import Script
from erario.chain.errors import ServerCode
from erario.chain.node_blocks import RawBlock
from erario.chain.scan_extra import missing_package
from erario.chain.watch_list import WatchedCoins
from erario.errors import SourceError
from erario.statement.evidence import BlockEvidence, TransactionEvidence

MANY: Final = 10
"""Blocks from which on the compiled scanner is worth its start: in Python a full one takes some
tenths of a second, compiled some thousandths."""


class Finder(Protocol):
    """Follows scripts through blocks."""

    def take_in(self, blocks: Sequence[RawBlock]) -> list[BlockEvidence]:
        """Go on by these blocks; what of them touches the scripts.

        Raises:
            SourceError: LIED_BLOCK: one is not what its header says.
        """
        ...


def new_finder(name: str, network: Network, scripts: Iterable[Script], blocks: int) -> Finder:
    """A finder for about so many blocks of the node `name`."""
    if blocks >= MANY and missing_package() is None:
        from erario.chain.node_finder_compiled import CompiledFinder  # noqa: PLC0415

        return CompiledFinder(name, network, scripts)
    return PlainFinder(name, network, scripts)


class PlainFinder:
    """Follows scripts through blocks, in plain Python.

    Args:
        name: who gives the blocks.
        network: whose rules they follow.
        scripts: those that can never be spent are passed over.
    """

    def __init__(self, name: str, network: Network, scripts: Iterable[Script]) -> None:
        self._name = name
        self._network = network
        self._coins = WatchedCoins(scripts)

    def take_in(self, blocks: Sequence[RawBlock]) -> list[BlockEvidence]:
        """Go on by these blocks; what of them touches the scripts."""
        found = (self._take_in(raw) for raw in blocks)
        return [block for block in found if block is not None]

    def _take_in(self, raw: RawBlock) -> BlockEvidence | None:
        try:
            block = read_block(raw.data)
        except DecodeError as error:
            raise refuse_block(self._name, raw, error.code) from None
        faults = check_block_content(block, self._network, raw.height)
        if faults:
            raise refuse_block(self._name, raw, faults[0])
        transactions = block.transactions
        touching = [at for at, each in enumerate(transactions) if self._coins.follow(each)]
        if not touching:
            return None
        positions = [0, *touching]
        branches = merkle_branches([each.txid for each in transactions], positions)
        first, *others = (
            TransactionEvidence(at, transactions[at].raw, branch)
            for at, branch in zip(positions, branches, strict=True)
        )
        return BlockEvidence(raw.height, raw.header, first, tuple(others))


def refuse_block(name: str, raw: RawBlock, fault: StrEnum) -> SourceError:
    """What is raised where a block is not what its header says."""
    return SourceError(
        ServerCode.LIED_BLOCK,
        f"{name} gives a block {raw.height} that is not what its header says ({fault})",
        remedy="Ask another node, and look after this one: its data may be damaged.",
    )
