"""The roll-forward: opening + in - out - fees = closing, for the holder and for each wallet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rich.text import Text

from erario.bitcoin.values import show_btc
from erario.cli.clean import clean
from erario.cli.show.layout import Column, Row, table
from erario.statement.model import HolderStatement, RollForward, Statement

SIDE_BY_SIDE: Final = 2
"""Books beside each other: two amounts of 21 million BTC and a long wallet id fit in 80 columns."""
LONGEST_TITLE: Final = 26
LONGEST_AMOUNT: Final = 19
"""Cells of `21,000,000.00000000`: with them, books below each other line up."""

_LINES: Final[tuple[tuple[str, Callable[[RollForward], int]], ...]] = (
    ("opening", lambda book: book.opening),
    ("+ received", lambda book: book.received),
    ("+ from own wallets", lambda book: book.between_in),
    ("- sent", lambda book: book.sent),
    ("- to own wallets", lambda book: book.between_out),
    ("- fees", lambda book: book.fees),
    ("= closing", lambda book: book.closing),
)


def roll_forward_lines(holder: HolderStatement, statement: Statement) -> list[Text]:
    """The counted books of one holder, and each wallet's, a few beside each other."""
    if holder.roll_forward is None or statement.since is None:
        return []
    since, upto = statement.since.height, statement.cutoff.height
    lines = [Text(f"Roll-forward from the end of block {since} to the end of block {upto}", "bold")]
    books = [("counted", holder.roll_forward)]
    books += [
        (clean(wallet.id), wallet.roll_forward)
        for wallet in holder.wallets
        if wallet.roll_forward is not None
    ]
    for start in range(0, len(books), SIDE_BY_SIDE):
        lines += _beside(books[start : start + SIDE_BY_SIDE])
    return lines


def _beside(books: list[tuple[str, RollForward]]) -> list[Text]:
    columns = [Column("")]
    columns += [Column(_short(name), right=True, least=LONGEST_AMOUNT) for name, _ in books]
    rows = [Row((label, *(show_btc(part(book)) for _, book in books))) for label, part in _LINES]
    return table(columns, rows)


def _short(name: str) -> str:
    if len(name) <= LONGEST_TITLE:
        return name
    return f"{name[: LONGEST_TITLE - 3]}..."
