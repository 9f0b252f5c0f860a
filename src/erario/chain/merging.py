"""Evidence of several passes or sources over one chain as one: the union by height and position."""

from __future__ import annotations

from collections.abc import Sequence

from erario.bitcoin.errors import DecodeError
from erario.bitcoin.transaction import read_transaction
from erario.chain.errors import ChainCode
from erario.errors import SourceError
from erario.statement.evidence import BlockEvidence, TransactionEvidence


def merge_blocks(
    first: Sequence[BlockEvidence], second: Sequence[BlockEvidence]
) -> tuple[BlockEvidence, ...]:
    """All blocks of both, in order of height, each with the transactions of both.

    Raises:
        SourceError: they show different blocks or transactions in one place.
    """
    blocks = {block.height: block for block in first}
    for block in second:
        other = blocks.get(block.height)
        blocks[block.height] = block if other is None else _merge(other, block)
    return tuple(blocks[height] for height in sorted(blocks))


def _merge(one: BlockEvidence, other: BlockEvidence) -> BlockEvidence:
    if one.header != other.header or not _is_same(one.coinbase, other.coinbase):
        raise _contradiction(one)
    transactions: dict[int, TransactionEvidence] = {}
    for transaction in (*one.transactions, *other.transactions):
        if not _is_same(transactions.setdefault(transaction.position, transaction), transaction):
            raise _contradiction(one)
    ordered = tuple(transactions[position] for position in sorted(transactions))
    return BlockEvidence(one.height, one.header, one.coinbase, ordered)


def _is_same(one: TransactionEvidence, other: TransactionEvidence) -> bool:
    """Whether both show one transaction: a branch proves nothing of its witnesses."""
    if one == other:
        return True
    if (one.position, one.branch) != (other.position, other.branch):
        return False
    try:
        return read_transaction(one.raw).txid == read_transaction(other.raw).txid
    except DecodeError:
        return False


def _contradiction(block: BlockEvidence) -> SourceError:
    # A node that reorganises between two passes does this, if its chain was read in between.
    return SourceError(
        ChainCode.CONTRADICTING_PASSES,
        f"the source showed two different blocks at height {block.height}",
        remedy="Run the audit again: the chain may have changed while it was read.",
    )
