"""The transactions of the evidence, parsed once, in the order of the chain.

A transaction that cannot be parsed is left out: it has no outputs to speak of. Whether each one
is proved to lie in its block is for `assess.existence` to say, and is carried here as a label.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from erario.bitcoin.errors import DecodeError
from erario.bitcoin.transaction import Transaction, read_transaction
from erario.bitcoin.values import Height, Script
from erario.statement.evidence import BlockEvidence


@dataclass(frozen=True, slots=True)
class SeenTransaction:
    """A transaction and where it stands. `proved`: its Merkle branch leads to its header."""

    height: Height
    position: int
    transaction: Transaction
    proved: bool


def read_transactions(blocks: Iterable[BlockEvidence]) -> Iterator[SeenTransaction]:
    """The transactions of interest that can be parsed, none of them proved yet."""
    for block in blocks:
        for one in block.transactions:
            try:
                transaction = read_transaction(one.raw)
            except DecodeError:
                continue
            yield SeenTransaction(block.height, one.position, transaction, proved=False)


def scripts_paid(blocks: Iterable[BlockEvidence], watched: Collection[Script]) -> set[Script]:
    """Those of the watched scripts that an output of the evidence pays to."""
    return {
        output.script
        for seen in read_transactions(blocks)
        for output in seen.transaction.outputs
        if output.script in watched
    }
