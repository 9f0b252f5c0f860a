"""Roll-forwards: opening + in - out - fees = closing, exactly, or erario is wrong.

The flows are summed from the movements; opening and closing are counted from the coins, which know
nothing of movements.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple

from erario.bitcoin.values import Sats
from erario.holdings.coins import Ledger
from erario.holdings.errors import HoldingsCode, InvariantError
from erario.holdings.movements import Member, happened_by
from erario.holdings.timeline import State
from erario.statement.model import Movement, RollForward, WalletEntry


def roll_forward(
    ledger: Ledger,
    members: Mapping[str, Member],
    movements: Iterable[Movement],
    opening: State | None,
    closing: State,
) -> dict[str, RollForward]:
    """The roll-forward of each wallet; from before the first block where `opening` is None.

    A wallet holds nothing, in its own books, while it does not count.

    Raises:
        InvariantError: movements and coins disagree.
    """
    entries: dict[str, list[WalletEntry]] = {wallet: [] for wallet in members}
    for one in movements:
        if happened_by(one, closing) and not (opening and happened_by(one, opening)):
            for entry in one.entries:
                entries[entry.wallet].append(entry)
    opened = _counted(ledger, members, opening) if opening else dict.fromkeys(members, 0)
    closed = _counted(ledger, members, closing)
    return {
        wallet: _roll(wallet, opened[wallet], entries[wallet], closed[wallet]) for wallet in members
    }


def add_roll_forwards(parts: Iterable[RollForward]) -> RollForward:
    """The roll-forward of several wallets of one book together."""
    sums = [sum(column) for column in zip(*(astuple(part) for part in parts), strict=True)]
    return RollForward(*(Sats(one) for one in sums or [0] * 7))


def _counted(ledger: Ledger, members: Mapping[str, Member], state: State) -> dict[str, int]:
    """What each wallet holds in its books at a state."""
    held = ledger.held(state.height)
    return {
        wallet: held.get(wallet, 0) if member.window.counts_at(state) else 0
        for wallet, member in members.items()
    }


def _roll(wallet: str, opening: int, entries: Iterable[WalletEntry], closing: int) -> RollForward:
    received = between_in = sent = between_out = fees = 0
    for entry in entries:
        received += entry.received
        between_in += entry.between_in
        sent += entry.sent
        between_out += entry.between_out
        fees += entry.fee
    if opening + received + between_in - sent - between_out - fees != closing:
        raise InvariantError(
            HoldingsCode.UNBALANCED,
            f"the roll-forward of wallet {wallet!r} does not balance",
            remedy="This is a defect of erario: report it with the command that you ran.",
        )
    return RollForward(
        Sats(opening),
        Sats(received),
        Sats(between_in),
        Sats(sent),
        Sats(between_out),
        Sats(fees),
        Sats(closing),
    )
