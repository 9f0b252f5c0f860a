"""The unspent coins that a history leaves, in the plainest words: to hold lists of coins against.

Not the ledger of `erario.holdings`, which knows wallets, contradictions and losses: here the
question is only whether two sources tell of the same coins.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from erario.bitcoin.script import is_unspendable
from erario.bitcoin.transaction import read_transaction
from erario.bitcoin.values import Height, Outpoint, Sats, Script
from erario.statement.evidence import BlockEvidence, ListedCoin


def unspent_coins(
    blocks: Sequence[BlockEvidence], scripts: Collection[Script], upto: Height
) -> dict[Outpoint, ListedCoin]:
    """The coins of `scripts` that are unspent after the block at `upto`.

    `blocks` are in order of height, their transactions whole and in order of position.
    """
    watched = frozenset(scripts)
    coins: dict[Outpoint, ListedCoin] = {}
    for block in blocks:
        if not 0 < block.height <= upto:
            continue
        for one in block.transactions:
            transaction = read_transaction(one.raw)
            for spending in transaction.inputs:
                coins.pop(spending.outpoint, None)
            for number, output in enumerate(transaction.outputs):
                if output.script in watched and not is_unspendable(output.script):
                    outpoint = Outpoint(transaction.txid, number)
                    coins[outpoint] = ListedCoin(
                        outpoint,
                        Sats(output.sats),
                        output.script,
                        block.height,
                        transaction.is_coinbase,
                    )
    return coins
