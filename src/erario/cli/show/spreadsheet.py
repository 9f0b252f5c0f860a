"""CSV that a spreadsheet opens without running it.

A cell of somebody's text that starts with =, +, -, @, a tab or a carriage return would be taken
for a formula (CWE-1236): such a cell begins with a quote instead. Figures are left as they are.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from erario.bitcoin.address import show_address
from erario.bitcoin.values import Script, Txid, show_hash
from erario.cli.show.words import plain_btc
from erario.reserve.model import Attribution
from erario.statement.model import (
    Coin,
    Existence,
    HolderStatement,
    Movement,
    ScriptStatement,
    Statement,
    WalletEntry,
    WalletStatement,
)

Cell = str | int | None
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")

SCRIPT_COLUMNS: Final = (
    "holder", "wallet", "role", "attribution", "document", "counted", "script", "address", "type",
    "branch", "index", "existence", "balance_sats", "balance_btc", "coins", "immature_sats",
    "exposed_sats", "exposed_by_proof_sats", "first_height", "last_height", "received_in",
    "spent_from",
)  # fmt: skip
COIN_COLUMNS: Final = (
    "wallet", "txid", "vout", "sats", "btc", "script", "address", "height", "position", "coinbase",
    "immature", "exposed", "existence", "state", "spent_txid", "spent_input", "spent_height",
)  # fmt: skip
MOVEMENT_COLUMNS: Final = (
    "height", "position", "kind", "txid", "holder", "book", "wallet", "coinbase", "received_sats",
    "between_in_sats", "sent_sats", "between_out_sats", "fee_sats", "change_sats", "change_btc",
    "balance_sats", "balance_btc",
)  # fmt: skip


def guard(text: str | None) -> str | None:
    """Text from a file, made harmless where a spreadsheet would run it."""
    return f"'{text}" if text is not None and text.startswith(_FORMULA) else text


def scripts_csv(statement: Statement) -> bytes:
    """A row for each script of each wallet, in the statement's order."""
    weakest: dict[tuple[str, Script], Existence] = {}
    order = list(Existence)
    for coin in statement.coins:
        if coin.unspent:
            key = (coin.wallet, coin.script)
            known = weakest.get(key, coin.existence)
            weakest[key] = min(known, coin.existence, key=order.index)
    rows = (
        _script_row(
            holder, wallet, script, weakest.get((wallet.id, script.script), statement.existence)
        )
        for holder in statement.holders
        for wallet in holder.wallets
        for script in wallet.scripts
    )
    return write(SCRIPT_COLUMNS, rows)


def _script_row(
    holder: HolderStatement,
    wallet: WalletStatement,
    script: ScriptStatement,
    existence: Existence,
) -> tuple[Cell, ...]:
    balance = script.balance
    counted = wallet.counts and wallet.attribution is not Attribution.INFERRED
    counted = counted and wallet.role.value != "origin"
    return (
        guard(holder.id), guard(wallet.id), wallet.role.value, wallet.attribution.value,
        guard(wallet.document), _flag(counted), script.script.hex(), script.address,
        script.type.value, script.branch, script.index, existence.value, balance.sats,
        plain_btc(balance.sats), balance.coins, balance.immature_sats, balance.exposed_sats,
        balance.exposed_by_proof_sats, script.first_height, script.last_height,
        script.received_in, _flag(script.spent_from),
    )  # fmt: skip


def coins_csv(coins: Iterable[Coin], statement: Statement) -> bytes:
    """A row for each coin."""
    rows = (
        (
            guard(coin.wallet), show_hash(coin.outpoint.txid), coin.outpoint.vout, coin.sats,
            plain_btc(coin.sats), coin.script.hex(), show_address(coin.script, statement.network),
            coin.height, coin.position, _flag(coin.coinbase), _flag(coin.immature),
            coin.exposed.value if coin.exposed else None, coin.existence.value, say_state(coin),
            _hash(coin.spent.txid if coin.spent else None),
            coin.spent.input if coin.spent else None, coin.spent.height if coin.spent else None,
        )
        for coin in coins
    )  # fmt: skip
    return write(COIN_COLUMNS, rows)


def say_state(coin: Coin) -> str:
    """`unspent`, `spent`, or `lost` (BIP 30)."""
    if coin.spent is not None:
        return "spent"
    return "lost" if coin.lost else "unspent"


def movements_csv(
    booked: Iterable[tuple[Movement, WalletEntry]], balances: Mapping[tuple[int, str], int]
) -> bytes:
    """A row for each wallet that a movement changes, with the wallet's balance after it."""
    rows = (
        (
            movement.height, movement.position if movement.txid else None,
            movement.kind.value, _hash(movement.txid),
            guard(movement.holder), movement.book.value, guard(entry.wallet),
            _flag(movement.coinbase), entry.received, entry.between_in, entry.sent,
            entry.between_out, entry.fee, entry.change, plain_btc(entry.change),
            balances[id(movement), entry.wallet], plain_btc(balances[id(movement), entry.wallet]),
        )
        for movement, entry in booked
    )  # fmt: skip
    return write(MOVEMENT_COLUMNS, rows)


def write(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """A heading and rows, in UTF-8, a line feed after each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "backslashreplace")


def _hash(txid: Txid | None) -> str | None:
    return None if txid is None else show_hash(txid)


def _flag(value: bool) -> str:  # noqa: FBT001
    return "true" if value else "false"
