"""Movements: what each transaction did to the books, and the books' other changes.

The rules of docs/explanation/axes.md. A holder has three books that are outsiders to each other:
`counted` (declared and documented wallets), `inferred` and `origin`. In each, a wallet's net
change is booked. With L lost by its losers, G gained by its gainers and F the fee (0 where it is
unknown):

    between = min(L - F, G)      out = L - F - between      in = G - between

Losers, in the order of their first input, bear the fee, then out, then between; gainers, in the
order of their first output, take between, then in. The fee is known only if every input is the
book's. A wallet that does not count in the transaction's block is an outsider as well.

Invariant: the changes of a movement add up to what its coins did; `roll_forward` checks it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from erario.bitcoin.values import Sats
from erario.holdings.coins import Ledger, Touch
from erario.holdings.timeline import Boundary, State, Window
from erario.reserve.model import Attribution, Role
from erario.statement.evidence import DeclaredWallet
from erario.statement.model import AFTER_BLOCK, Book, Coin, Movement, MovementKind, WalletEntry

_IN_BLOCK: Final = datetime.min.replace(tzinfo=UTC)
"""Before any instant: blocks come before the gap behind them."""
_BOOKS: Final = tuple(Book)


@dataclass(frozen=True, slots=True)
class Member:
    """A wallet as the books see it; `rank` is its holder's place in the declaration."""

    wallet: str
    holder: str
    rank: int
    book: Book
    window: Window


def book_of(wallet: DeclaredWallet) -> Book:
    """Which of its holder's books a wallet stands in."""
    if wallet.role is Role.ORIGIN:
        return Book.ORIGIN
    return Book.INFERRED if wallet.attribution is Attribution.INFERRED else Book.COUNTED


def book_movements(ledger: Ledger, members: Mapping[str, Member]) -> tuple[Movement, ...]:
    """Every movement up to the cut-off, in order; in one block by position, holder and book.

    A boundary stands here as soon as its instant is reached; whether a state includes it is for
    `happened_by` to say.
    """
    movements = [m for touch in ledger.touches for m in _book(touch, ledger, members)]
    movements += _boundaries(ledger, members)
    return tuple(sorted(movements, key=moment_of))


def happened_by(movement: Movement, state: State) -> bool:
    """Whether a movement is part of what has happened at a state."""
    if movement.instant is None:
        return movement.height <= state.height
    return state.has(Boundary(movement.instant, movement.height))


def moment_of(movement: Movement) -> tuple[int, datetime]:
    """What movements are ordered by, blocks before their gap; those of one moment are at once."""
    return movement.height, movement.instant or _IN_BLOCK


@dataclass(slots=True)
class _Sheet:
    """What one transaction did in one book: satoshis by wallet, in order of first appearance."""

    holder: str
    spent: dict[str, int] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    overwritten: dict[str, int] = field(default_factory=dict)
    inputs: int = 0


def _book(touch: Touch, ledger: Ledger, members: Mapping[str, Member]) -> Iterator[Movement]:
    """The movements of one transaction, by holder and book."""
    seen = touch.seen
    sheets: dict[tuple[int, int], _Sheet] = {}

    def sheet_of(coin: Coin) -> _Sheet | None:
        member = members[coin.wallet]
        if not member.window.counts_in(seen.height):
            return None
        key = (member.rank, _BOOKS.index(member.book))
        return sheets.setdefault(key, _Sheet(member.holder))

    for index in touch.overwritten:
        coin = ledger.coins[index]
        if (sheet := sheet_of(coin)) is not None:
            _add(sheet.overwritten, coin)
    for _, index in touch.spent:
        coin = ledger.coins[index]
        if (sheet := sheet_of(coin)) is not None:
            _add(sheet.spent, coin)
            sheet.inputs += 1
    for index in touch.made:
        coin = ledger.coins[index]
        if (sheet := sheet_of(coin)) is not None:
            _add(sheet.made, coin)
    for (_, book), sheet in sorted(sheets.items(), key=lambda item: item[0]):
        if sheet.overwritten:
            yield _overwritten(touch, sheet, _BOOKS[book])
        if sheet.spent or sheet.made:
            yield _transaction(touch, sheet, _BOOKS[book])


def _add(amounts: dict[str, int], coin: Coin) -> None:
    amounts[coin.wallet] = amounts.get(coin.wallet, 0) + coin.sats


def _overwritten(touch: Touch, sheet: _Sheet, book: Book) -> Movement:
    return Movement(
        kind=MovementKind.OVERWRITTEN,
        height=touch.seen.height,
        position=touch.seen.position,
        instant=None,
        txid=touch.seen.transaction.txid,
        holder=sheet.holder,
        book=book,
        coinbase=touch.seen.transaction.is_coinbase,
        fee=None,
        entries=tuple(_entry(wallet, sent=sats) for wallet, sats in sheet.overwritten.items()),
    )


def _transaction(touch: Touch, sheet: _Sheet, book: Book) -> Movement:
    transaction = touch.seen.transaction
    fee = None
    if not transaction.is_coinbase and sheet.inputs == len(transaction.inputs):
        paid = sum(sheet.spent.values()) - sum(output.sats for output in transaction.outputs)
        # Below zero where the ledger has noted a contradiction: no fee can be told then.
        fee = Sats(paid) if paid >= 0 else None
    return Movement(
        kind=MovementKind.TRANSACTION,
        height=touch.seen.height,
        position=touch.seen.position,
        instant=None,
        txid=transaction.txid,
        holder=sheet.holder,
        book=book,
        coinbase=transaction.is_coinbase,
        fee=fee,
        entries=_entries(sheet, fee or 0),
    )


def _entries(sheet: _Sheet, fee: int) -> tuple[WalletEntry, ...]:
    """The wallets' net changes, with fee, out, between and in dealt out in their order."""
    changes = {
        wallet: sheet.made.get(wallet, 0) - sheet.spent.get(wallet, 0)
        for wallet in (*sheet.spent, *sheet.made)
    }
    lost = -sum(change for change in changes.values() if change < 0)
    gained = sum(change for change in changes.values() if change > 0)
    between = min(lost - fee, gained)
    out = lost - fee - between
    losers, gainers = [], []
    left_between = between
    for wallet in sheet.spent:
        loss = -changes[wallet]
        if loss <= 0:
            continue
        own_fee = min(loss, fee)
        own_out = min(loss - own_fee, out)
        fee, out = fee - own_fee, out - own_out
        losers.append(
            _entry(wallet, fee=own_fee, sent=own_out, between_out=loss - own_fee - own_out)
        )
    for wallet in sheet.made:
        gain = changes[wallet]
        if gain <= 0:
            continue
        own_between = min(gain, left_between)
        left_between -= own_between
        gainers.append(_entry(wallet, between_in=own_between, received=gain - own_between))
    even = [_entry(wallet) for wallet, change in changes.items() if change == 0]
    return (*losers, *gainers, *even)


def _entry(
    wallet: str,
    *,
    received: int = 0,
    between_in: int = 0,
    sent: int = 0,
    between_out: int = 0,
    fee: int = 0,
) -> WalletEntry:
    return WalletEntry(
        wallet, Sats(received), Sats(between_in), Sats(sent), Sats(between_out), Sats(fee)
    )


def _boundaries(ledger: Ledger, members: Mapping[str, Member]) -> Iterator[Movement]:
    """What wallets held when they began or ceased to count; nothing where that was nothing."""
    boundaries = [
        (kind, boundary, member)
        for member in members.values()
        for kind, boundary in (
            (MovementKind.SINCE, member.window.since),
            (MovementKind.UNTIL, member.window.until),
        )
        if boundary is not None
    ]
    boundaries.sort(key=lambda one: one[1].height)
    held_after = ledger.held_after(boundary.height for _, boundary, _ in boundaries)
    for (kind, boundary, member), held in zip(boundaries, held_after, strict=True):
        sats = held.get(member.wallet, 0)
        if sats:
            yield _boundary(kind, boundary, member, sats)


def _boundary(kind: MovementKind, boundary: Boundary, member: Member, sats: int) -> Movement:
    begins = kind is MovementKind.SINCE
    entry = _entry(member.wallet, received=sats if begins else 0, sent=0 if begins else sats)
    return Movement(
        kind=kind,
        height=boundary.height,
        position=AFTER_BLOCK,
        instant=boundary.instant,
        txid=None,
        holder=member.holder,
        book=member.book,
        coinbase=False,
        fee=None,
        entries=(entry,),
    )
