"""A slow twin of `BlocksSource.trace`, and small helpers for its tests."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from tests.strategies.chains import Made, sha256d

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Height, Script
from erario.chain.blocks_source import BlocksSource
from erario.chain.source import Progress, Trace
from erario.statement.evidence import BlockEvidence, TransactionEvidence


def quiet(_: Progress) -> None:
    """No progress."""


def source(path: Path, *, own: bool = False) -> BlocksSource:
    return BlocksSource(path, NetworkName.REGTEST, own=own)


def tip_of(path: Path) -> int:
    return source(path).chain(quiet).tip


def traced(
    path: Path, scripts: Sequence[bytes], *, upto: int | None = None, own: bool = False
) -> Trace:
    blocks = source(path, own=own)
    tip = blocks.chain(quiet).tip
    return blocks.trace(
        [Script(script) for script in scripts], Height(tip if upto is None else upto), quiet
    )


def expected(main: Sequence[Made], scripts: Collection[bytes]) -> tuple[BlockEvidence, ...]:
    """What a trace over the whole branch must show, found with nothing but dicts and loops."""
    coins: set[tuple[bytes, int]] = set()
    blocks = []
    for block in main:
        touched = []
        for position, tx in enumerate(block.transactions):
            spent = coins.intersection(tx.inputs)
            paid = {(tx.txid, n) for n, (_, script) in enumerate(tx.outputs) if script in scripts}
            coins |= paid
            if spent or paid:
                touched.append(position)
        if touched:
            blocks.append(
                BlockEvidence(
                    height=Height(block.height),
                    header=block.header,
                    coinbase=_transaction(block, 0),
                    transactions=tuple(_transaction(block, position) for position in touched),
                )
            )
    return tuple(blocks)


def _transaction(block: Made, position: int) -> TransactionEvidence:
    branch = []
    level = [tx.txid for tx in block.transactions]
    at = position
    while len(level) > 1:
        level += level[-1:] if len(level) % 2 else []
        branch.append(level[at ^ 1])
        level = [sha256d(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
        at //= 2
    return TransactionEvidence(position, block.transactions[position].raw, tuple(branch))
