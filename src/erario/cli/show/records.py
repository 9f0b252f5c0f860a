"""Coins and movements as JSON, keys as in the statement's own JSON.

The answer names the network and the cut-off, so that a file of it speaks for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from erario.bitcoin.address import show_address
from erario.bitcoin.values import show_hash
from erario.cli.printer import json_line
from erario.cli.show.spreadsheet import say_state
from erario.statement.model import Coin, Movement, Statement, WalletEntry


def coins_json(coins: Iterable[Coin], statement: Statement) -> bytes:
    """Coins as JSON."""
    records = [
        {
            "wallet": coin.wallet,
            "txid": show_hash(coin.outpoint.txid),
            "vout": coin.outpoint.vout,
            "sats": coin.sats,
            "script": coin.script.hex(),
            "address": show_address(coin.script, statement.network),
            "height": coin.height,
            "position": coin.position,
            "coinbase": coin.coinbase,
            "immature": coin.immature,
            "exposed": coin.exposed,
            "existence": coin.existence.value,
            "state": say_state(coin),
            "spent": None
            if coin.spent is None
            else {
                "txid": show_hash(coin.spent.txid),
                "input": coin.spent.input,
                "height": coin.spent.height,
            },
        }
        for coin in coins
    ]
    return json_line({**_head(statement), "coins": records})


def movements_json(booked: Iterable[tuple[Movement, WalletEntry]], statement: Statement) -> bytes:
    """Movements as JSON, one record for each wallet that a movement changes."""
    records = [
        {
            "kind": movement.kind.value,
            "height": movement.height,
            "position": movement.position if movement.txid is not None else None,
            "txid": None if movement.txid is None else show_hash(movement.txid),
            "holder": movement.holder,
            "book": movement.book.value,
            "coinbase": movement.coinbase,
            "wallet": entry.wallet,
            "received": entry.received,
            "between_in": entry.between_in,
            "sent": entry.sent,
            "between_out": entry.between_out,
            "fee": entry.fee,
            "change": entry.change,
        }
        for movement, entry in booked
    ]
    return json_line({**_head(statement), "movements": records})


def _head(statement: Statement) -> Mapping[str, object]:
    cutoff = {
        "height": statement.cutoff.height,
        "hash": show_hash(statement.cutoff.block_hash),
    }
    return {"network": statement.network.value, "cutoff": cutoff}
