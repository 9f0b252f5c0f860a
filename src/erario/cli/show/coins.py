"""The coins behind the figures, as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from erario.bitcoin.address import show_address
from erario.bitcoin.script import classify
from erario.bitcoin.values import show_btc, show_hash
from erario.cli.clean import clean
from erario.cli.show.holders import short_script
from erario.cli.show.layout import Column, Row, table
from erario.cli.show.spreadsheet import say_state
from erario.cli.show.statement import opening_lines
from erario.cli.show.words import count
from erario.statement.model import Coin, Statement


def coin_lines(coins: Sequence[Coin], statement: Statement) -> list[Text]:
    """Each coin: its figures, its outpoint, and where it lies."""
    lines = [*opening_lines(statement), Text()]
    columns = (
        Column("wallet"),
        Column("height", right=True),
        Column("BTC", right=True),
        Column("existence"),
        Column("state"),
    )
    rows = (
        Row(
            (
                clean(coin.wallet),
                str(coin.height),
                show_btc(coin.sats),
                coin.existence.value if coin.unspent else "",
                _state(coin),
            ),
            (str(coin.outpoint), "; ".join(_coin_notes(coin, statement))),
        )
        for coin in coins
    )
    lines += table(columns, rows)
    unspent = [coin for coin in coins if coin.unspent]
    sum_unspent = show_btc(sum(coin.sats for coin in unspent))
    return [*lines, Text(), Text(f"{count(len(unspent), 'unspent coin')}, {sum_unspent} BTC")]


def _state(coin: Coin) -> str:
    if coin.spent is not None:
        return f"spent in {coin.spent.height}"
    return "immature" if coin.unspent and coin.immature else say_state(coin)


def _coin_notes(coin: Coin, statement: Statement) -> list[str]:
    place = show_address(coin.script, statement.network) or short_script(coin.script)
    notes = [f"{classify(coin.script).value} {place}"]
    if coin.coinbase:
        notes.append("coinbase")
    if coin.exposed:
        notes.append("exposed")
    if coin.spent is not None:
        notes.append(f"spent by {show_hash(coin.spent.txid)}, input {coin.spent.input}")
    return notes
