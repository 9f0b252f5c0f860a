"""The movements behind the figures, with each wallet's balance after them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.text import Text

from erario.bitcoin.values import show_btc, show_hash
from erario.cli.clean import clean
from erario.cli.show.layout import Column, Row, table
from erario.cli.show.statement import opening_lines
from erario.cli.show.words import count, show_change
from erario.reserve.model import Reserve
from erario.reserve.moment import AtInstant
from erario.statement.model import Book, Movement, MovementKind, Statement, WalletEntry

Booked = tuple[Movement, WalletEntry]
_KINDS = {
    MovementKind.OVERWRITTEN: "lost",
    MovementKind.SINCE: "counts from here",
    MovementKind.UNTIL: "counts until here",
}


def booked_entries(statement: Statement) -> Iterator[Booked]:
    """Every change of every wallet, in the statement's order."""
    for movement in statement.movements:
        for entry in movement.entries:
            yield movement, entry


def is_after_opening(
    movement: Movement, entry: WalletEntry, statement: Statement, reserve: Reserve
) -> bool:
    """Whether a movement came after what `--since` opens with; all did where nothing was asked.

    What a wallet held when it began or ceased to count moves between the opening's block and the
    next. Then an opening asked for by height comes first; one by an instant has what happened
    before that instant behind it.
    """
    opening = statement.since
    if opening is None or movement.height != opening.height or movement.txid is not None:
        return opening is None or movement.height > opening.height
    if not isinstance(statement.asked_since, AtInstant):
        return True
    wallet = next(wallet for wallet in reserve.wallets if wallet.id == entry.wallet)
    moment = wallet.since if movement.kind is MovementKind.SINCE else wallet.until
    return moment is None or moment >= statement.asked_since.instant


def history_lines(
    booked: Iterable[Booked], balances: dict[tuple[int, str], int], statement: Statement
) -> list[Text]:
    """A row for each change, the balance of its wallet beside it, its transaction below."""
    lines = [*opening_lines(statement), Text()]
    columns = (
        Column("wallet"),
        Column("height", right=True),
        Column("change BTC", right=True),
        Column("balance BTC", right=True),
        Column("movement"),
    )
    rows = [
        Row(
            (
                clean(entry.wallet),
                str(movement.height),
                show_change(entry.change),
                show_btc(balances[id(movement), entry.wallet]),
                say_kind(movement, entry),
            ),
            _movement_notes(movement, entry),
        )
        for movement, entry in booked
    ]
    lines += table(columns, rows)
    return [*lines, Text(), Text(count(len(rows), "movement"))]


def running_balances(statement: Statement) -> dict[tuple[int, str], int]:
    """Each wallet's balance after each movement, by the movement's identity and the wallet."""
    balances: dict[tuple[int, str], int] = {}
    held: dict[str, int] = {}
    for movement, entry in booked_entries(statement):
        held[entry.wallet] = held.get(entry.wallet, 0) + entry.change
        balances[id(movement), entry.wallet] = held[entry.wallet]
    return balances


def say_kind(movement: Movement, entry: WalletEntry) -> str:
    """`in`, `out`, `between`, `fee`, `mined`, or what a movement without a transaction is."""
    if movement.kind is not MovementKind.TRANSACTION:
        return _KINDS[movement.kind]
    if movement.coinbase:
        return "mined"
    parts = []
    if entry.received:
        parts.append("in")
    if entry.sent:
        parts.append("out")
    if entry.between_in or entry.between_out:
        parts.append("between")
    if entry.fee and not parts:
        parts.append("fee")
    return ", ".join(parts) or "even"


def _movement_notes(movement: Movement, entry: WalletEntry) -> tuple[str, ...]:
    notes = []
    if movement.txid is not None:
        notes.append(show_hash(movement.txid))
    details = []
    if movement.book is not Book.COUNTED:
        details.append(f"{movement.book.value}, not counted")
    if entry.fee:
        details.append(f"of it fee {show_btc(entry.fee)} BTC")
    if details:
        notes.append("; ".join(details))
    return tuple(notes)
