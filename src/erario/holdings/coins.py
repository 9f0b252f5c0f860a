"""Coins: what the watched scripts were paid, and what became of it up to the cut-off.

One pass over the transactions in the order of the chain. A `Ledger` keeps the coins in order of
(height, position, vout), and for each transaction which coins it spent, made and overwrote: all
that movements and balances are made of.

Never a coin: an unspendable script, and every output of the genesis block. BIP 30: a transaction
that is created again while its outputs are unspent makes the earlier coins `lost`; the new ones
count.

Evidence may contradict itself. A coin that is spent again stays spent by the first; a transaction
that pays out more than it takes is booked as it stands. Either is a `Contradiction`, and every
coin that rests on it is `reported`. More coins at one time than can ever exist are an error: no
sum over them means anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from erario.bitcoin.script import is_unspendable
from erario.bitcoin.values import MAX_MONEY, Height, Outpoint, Sats, Script
from erario.errors import SourceError
from erario.holdings.errors import HoldingsCode
from erario.holdings.exposure import Revealed
from erario.holdings.transactions import SeenTransaction
from erario.statement.evidence import ListedCoin
from erario.statement.model import Coin, Existence, Exposure, Spend

MATURITY: Final = 100
"""Blocks between a coinbase and the first block that may spend it (Bitcoin Core, consensus.h)."""


@dataclass(frozen=True, slots=True)
class Touch:
    """What one transaction did to watched coins, which are numbers into the ledger's coins.

    `spent` pairs the input with the coin; `overwritten` are the coins lost to it (BIP 30).
    """

    seen: SeenTransaction
    spent: tuple[tuple[int, int], ...]
    made: tuple[int, ...]
    overwritten: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SpentAgain:
    """An input that spends a coin which `first` had spent already."""

    input: int
    outpoint: Outpoint
    first: Spend


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A transaction that cannot stand beside what went before it.

    `excess` is what it pays out beyond what it takes, where all that it takes are watched coins.
    """

    seen: SeenTransaction
    again: tuple[SpentAgain, ...]
    excess: Sats


@dataclass(frozen=True, slots=True)
class Ledger:
    """Every coin that the wallets had, and every transaction that touched one, in order; coins
    that were only listed stand behind the others."""

    coins: tuple[Coin, ...]
    touches: tuple[Touch, ...]
    contradictions: tuple[Contradiction, ...]

    def held(self, height: int) -> dict[str, int]:
        """What each wallet holds after the block at `height`, in satoshis, counting or not."""
        return next(self.held_after([height]))

    def held_after(self, heights: Iterable[int]) -> Iterator[dict[str, int]]:
        """The same for several heights, which must not fall, in one pass over the touches.

        One mapping is yielded for all of them: read it before you ask for the next.
        """
        held: dict[str, int] = {}
        done = 0
        for height in heights:
            while done < len(self.touches) and self.touches[done].seen.height <= height:
                touch = self.touches[done]
                done += 1
                for index in touch.made:
                    coin = self.coins[index]
                    held[coin.wallet] = held.get(coin.wallet, 0) + coin.sats
                for index in (*(index for _, index in touch.spent), *touch.overwritten):
                    coin = self.coins[index]
                    held[coin.wallet] -= coin.sats
            yield held


def read_ledger(
    transactions: Iterable[SeenTransaction],
    owners: Mapping[Script, str],
    cutoff: Height,
    label: Existence,
    listed: Iterable[ListedCoin] = (),
) -> Ledger:
    """The coins and touches of the watched scripts up to a cut-off.

    Args:
        transactions: in any order, each once.
        owners: the wallet of each watched script.
        cutoff: no transaction lies above it.
        label: the existence of a coin whose transactions are proved; others are `reported`.
        listed: unspent coins that no transaction shows, from a source without history.

    Raises:
        SourceError: more coins at one time than can ever exist.
    """
    ordered = sorted(transactions, key=lambda seen: (seen.height, seen.position))
    reader = _Reader(owners, cutoff, label)
    touches = tuple(touch for seen in ordered if (touch := reader.read(seen)) is not None)
    for coin in listed:
        reader.take(coin)
    return Ledger(reader.finish(), touches, tuple(reader.contradictions))


@dataclass(slots=True)
class _Draft:
    """A coin while the chain passes by: where it was made, and what became of it."""

    height: Height
    position: int | None
    coinbase: bool
    outpoint: Outpoint
    sats: Sats
    script: Script
    wallet: str
    spend: Spend | None = None
    lost: bool = False
    doubted: bool = False


class _Reader:
    """The unspent coins while the chain passes by, and all coins so far.

    A draft is `doubted` where something unproved made, spent or overwrote it, or where it rests
    on a contradiction. `_rootless` are the drafts that rest on one: what spends them does too.
    """

    def __init__(self, owners: Mapping[Script, str], cutoff: Height, label: Existence) -> None:
        self.contradictions: list[Contradiction] = []
        self._owners = owners
        self._cutoff = cutoff
        self._label = label
        self._drafts: list[_Draft] = []
        self._unspent: dict[Outpoint, int] = {}
        self._gone: dict[Outpoint, tuple[int, Spend]] = {}
        self._rootless: set[int] = set()
        self._held = 0
        self._revealed = Revealed()

    def read(self, seen: SeenTransaction) -> Touch | None:
        """Spend and make coins; None where the transaction does neither."""
        spent, stands = ((), True) if seen.transaction.is_coinbase else self._spend(seen)
        made, overwritten = self._make(seen, stands=stands)
        if not spent and not made:
            return None
        return Touch(seen, spent, made, overwritten)

    def take(self, coin: ListedCoin) -> None:
        """Take over a coin that was listed; its source proved the list, or vouches for it."""
        wallet = self._owners.get(coin.script)
        if wallet is None or is_unspendable(coin.script) or coin.outpoint in self._unspent:
            return
        self._revealed.pay(coin.script)
        self._hold(coin.sats)
        self._unspent[coin.outpoint] = len(self._drafts)
        self._drafts.append(
            _Draft(coin.height, None, coin.coinbase, coin.outpoint, coin.sats, coin.script, wallet)
        )

    def finish(self) -> tuple[Coin, ...]:
        """All coins, once everything that reveals a key is known."""
        exposed = {
            script: Exposure.CHAIN if self._revealed.exposes(script) else None
            for script in {draft.script for draft in self._drafts}
        }
        return tuple(self._coin(draft, exposed=exposed[draft.script]) for draft in self._drafts)

    def _spend(self, seen: SeenTransaction) -> tuple[tuple[tuple[int, int], ...], bool]:
        """What a transaction spends, and whether what it makes stands on firm ground."""
        spent: list[tuple[int, int]] = []
        again: list[SpentAgain] = []
        taken: list[int] = []
        for number, one in enumerate(seen.transaction.inputs):
            index = self._unspent.pop(one.outpoint, None)
            if index is None:
                if one.outpoint in self._gone:
                    index, first = self._gone[one.outpoint]
                    again.append(SpentAgain(number, one.outpoint, first))
                    taken.append(index)
                continue
            draft = self._drafts[index]
            draft.spend = Spend(seen.transaction.txid, number, seen.height)
            draft.doubted = draft.doubted or not seen.proved
            self._gone[one.outpoint] = index, draft.spend
            self._held -= draft.sats
            self._revealed.spend(draft.script, one.script_sig)
            spent.append((number, index))
            taken.append(index)
        stands = self._rootless.isdisjoint(taken)
        return tuple(spent), self._is_consistent(seen, taken, again) and stands

    def _is_consistent(
        self, seen: SeenTransaction, taken: list[int], again: list[SpentAgain]
    ) -> bool:
        """Whether a transaction can stand beside what went before it; noted where it cannot.

        `taken` are the watched coins that its inputs name, spent before or not.
        """
        excess = 0
        if len(taken) == len(seen.transaction.inputs):
            paid = sum(output.sats for output in seen.transaction.outputs)
            excess = max(0, paid - sum(self._drafts[index].sats for index in taken))
        if not (again or excess):
            return True
        for index in taken:
            self._drafts[index].doubted = True
        self.contradictions.append(Contradiction(seen, tuple(again), Sats(excess)))
        return False

    def _make(
        self, seen: SeenTransaction, *, stands: bool
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        made: list[int] = []
        overwritten: list[int] = []
        outputs = seen.transaction.outputs if seen.height > 0 else ()
        for vout, output in enumerate(outputs):
            wallet = self._owners.get(output.script)
            if wallet is None or is_unspendable(output.script):
                continue
            outpoint = Outpoint(seen.transaction.txid, vout)
            earlier = self._unspent.get(outpoint)
            if earlier is not None:
                self._drafts[earlier].lost = True
                self._drafts[earlier].doubted |= not seen.proved
                self._held -= self._drafts[earlier].sats
                overwritten.append(earlier)
            self._revealed.pay(output.script)
            self._hold(output.sats)
            self._unspent[outpoint] = len(self._drafts)
            if not stands:
                self._rootless.add(len(self._drafts))
            made.append(len(self._drafts))
            self._drafts.append(
                _Draft(
                    seen.height,
                    seen.position,
                    seen.transaction.is_coinbase,
                    outpoint,
                    Sats(output.sats),
                    output.script,
                    wallet,
                    doubted=not (seen.proved and stands),
                )
            )
        return tuple(made), tuple(overwritten)

    def _hold(self, sats: int) -> None:
        self._held += sats
        if self._held > MAX_MONEY:
            raise SourceError(
                HoldingsCode.MORE_THAN_EXISTS,
                "the evidence shows more coins at one time than can ever exist",
                remedy="Collect the evidence again, from another source.",
            )

    def _coin(self, draft: _Draft, *, exposed: Exposure | None) -> Coin:
        return Coin(
            outpoint=draft.outpoint,
            sats=draft.sats,
            script=draft.script,
            wallet=draft.wallet,
            height=draft.height,
            position=draft.position,
            coinbase=draft.coinbase,
            immature=draft.coinbase and self._cutoff + 1 - draft.height < MATURITY,
            spent=draft.spend,
            lost=draft.lost,
            exposed=exposed,
            existence=Existence.REPORTED if draft.doubted else self._label,
        )
