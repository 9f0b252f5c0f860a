"""Claims: public statements about holdings, held against the balances that the chain shows.

A comparator with its amount is a range of balances that satisfy it; the balances found over the
claim's moment lie between a lowest and a highest. Kept: all of them are in the range. Broken: no
amount between the lowest and the highest is. Else unclear.

What was found is a lower bound. Unless the holder says that the file lists all that it has, and
where a named wallet is only inferred, there may be more coins at any time: the true balances are
these or higher. A verdict that this could change is `unknown`, with what was found beside it.

Where the sources only list the coins at the cut-off, an earlier balance is known from below: the
coins of then that are still there. That alone can keep a claim, or break it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from erario.assess import wording
from erario.assess.ground import Ground
from erario.bitcoin.values import Height, Sats, SatsDelta, total
from erario.holdings.timeline import State, claim_state
from erario.reserve.model import Attribution, Comparator, Role
from erario.reserve.moment import Interval
from erario.statement.evidence import DeclaredClaim
from erario.statement.model import ClaimStatement, Existence, Outcome

_NO_LIMIT: Final = 1 << 80
"""More satoshis than any evidence can show."""


@dataclass(frozen=True, slots=True)
class _Bounds:
    """The bounds of a claim, None where it has none, and whether they themselves satisfy it."""

    low: int | None
    high: int | None
    strict: bool = False

    @property
    def _least(self) -> int:
        """The least balance that satisfies the claim; no balance is below zero."""
        return 0 if self.low is None else self.low + self.strict

    @property
    def _most(self) -> int:
        """The greatest balance that satisfies the claim; none reaches `_NO_LIMIT`."""
        return _NO_LIMIT if self.high is None else self.high - self.strict

    def compare(self, found: _Balances) -> Outcome:
        """What the balances found come to, as if they were all there are."""
        highest = _NO_LIMIT if found.highest is None else found.highest
        if highest < self._least or found.lowest > self._most:
            return Outcome.BROKEN
        if self._least <= found.lowest and highest <= self._most:
            return Outcome.KEPT
        return Outcome.UNCLEAR

    def could_change(self, shown: Outcome, found: _Balances) -> bool:
        """Whether higher balances could come to something else."""
        if shown is Outcome.KEPT:
            return self.high is not None
        if shown is Outcome.BROKEN:
            return found.lowest <= self._most
        return True

    def margin(self, shown: Outcome, found: _Balances) -> SatsDelta | None:
        """From the bound that decided to the balance that decided; None where it is unclear."""
        highest = found.lowest if found.highest is None else found.highest
        above = None if self.low is None else (found.lowest - self.low, highest - self.low)
        below = None if self.high is None else (self.high - highest, self.high - found.lowest)
        sides = [side for side in (above, below) if side is not None]
        if shown is Outcome.KEPT:
            return SatsDelta(min(worst for worst, _ in sides))
        if shown is Outcome.BROKEN:
            return SatsDelta(min(best for _, best in sides))
        return None


@dataclass(frozen=True, slots=True)
class _Balances:
    """The lowest and the highest balance found over a moment, in satoshis; `highest` is None where
    all that is known is how much there was at least."""

    lowest: Sats
    highest: Sats | None

    @property
    def is_one(self) -> bool:
        """Whether the balance was the same all the time."""
        return self.lowest == self.highest


@dataclass(frozen=True, slots=True)
class _Concerned:
    """The wallets that a claim speaks of: those that are the holder's, and those inferred."""

    known: frozenset[str]
    inferred: frozenset[str]

    @property
    def everything(self) -> frozenset[str]:
        return self.known | self.inferred


def judge_claim(ground: Ground, claim: DeclaredClaim) -> ClaimStatement:
    """What a claim comes to."""
    concerned = _concerned(ground, claim)
    if not (concerned.known or concerned.inferred):
        return _unanswered(ground, claim, concerned, wording.NOTHING_CONCERNED)
    moment = _moment(ground, claim)
    if moment is None:
        return _unanswered(ground, claim, concerned, wording.AFTER_CUTOFF)
    bounds = _bounds(claim)
    complete = _is_complete(ground, claim)
    unseen = not ground.unseen.isdisjoint(concerned.everything)
    found = _find(ground, concerned.known or concerned.inferred, *moment)
    shown = bounds.compare(found)
    would_be = None
    if concerned.inferred:
        everything = _find(ground, concerned.everything, *moment)
        would_be = _outcome(bounds, everything, complete=complete and not unseen)
    if not concerned.known:
        outcome, words = Outcome.UNKNOWN, wording.only_inferred(would_be or Outcome.UNKNOWN)
    else:
        is_all = complete and not concerned.inferred and not unseen
        outcome = _outcome(bounds, found, complete=is_all)
        words = _words(outcome, shown, found, inferred=bool(concerned.inferred), unseen=unseen)
    start, end = moment
    return ClaimStatement(
        claim=claim,
        outcome=outcome,
        would_be=would_be,
        lowest=found.lowest,
        highest=found.highest,
        from_height=_block(start),
        to_height=_block(end),
        margin=bounds.margin(shown, found),
        existence=_existence(ground, concerned, start),
        reason=words.reason,
        settle=words.settle,
    )


def _find(ground: Ground, wallets: frozenset[str], start: State, end: State) -> _Balances:
    """The balances over a moment."""
    if ground.evidence.has_history:
        return _Balances(*ground.balances.over(wallets, start, end))
    # What counts at both ends counts all the time: a wallet counts once, without a gap.
    members = [ground.members[wallet] for wallet in wallets]
    at_both = frozenset(
        one.wallet for one in members if one.window.counts_at(start) and one.window.counts_at(end)
    )
    lowest = total(
        coin.sats
        for coin in ground.ledger.coins
        if coin.unspent and coin.wallet in at_both and coin.height <= start.height
    )
    cutoff = ground.evidence.cutoff.height
    is_exact = start.height == end.height == cutoff and all(
        one.window.counts_at(start) is one.window.counts_at(end) for one in members
    )
    return _Balances(lowest, lowest if is_exact else None)


def _words(
    outcome: Outcome, shown: Outcome, found: _Balances, *, inferred: bool, unseen: bool
) -> wording.Words:
    if found.highest is None:
        if outcome is Outcome.UNKNOWN:
            return wording.NO_HISTORY
        return wording.decided_by_later(outcome)
    if outcome is Outcome.UNKNOWN and unseen:
        return wording.unseen(shown, one=found.is_one)
    if outcome is Outcome.UNKNOWN:
        return wording.lower_bound(shown, one=found.is_one, inferred=inferred)
    return wording.decided(outcome, one=found.is_one)


def _unanswered(
    ground: Ground, claim: DeclaredClaim, concerned: _Concerned, words: wording.Words
) -> ClaimStatement:
    return ClaimStatement(
        claim=claim,
        outcome=Outcome.UNKNOWN,
        would_be=None,
        lowest=None,
        highest=None,
        from_height=None,
        to_height=None,
        margin=None,
        existence=_existence(ground, concerned, None),
        reason=words.reason,
        settle=words.settle,
    )


def _concerned(ground: Ground, claim: DeclaredClaim) -> _Concerned:
    """The named wallets, whatever their role, or all of the holder's that hold."""
    wallets = (
        [ground.wallets[name] for name in claim.wallets]
        if claim.wallets
        else [w for w in ground.wallets_of[claim.holder] if w.role is Role.HOLDING]
    )
    inferred = frozenset(w.id for w in wallets if w.attribution is Attribution.INFERRED)
    known = frozenset(w.id for w in wallets) - inferred
    # A claim about a holder never speaks of what is only inferred, unless there is nothing else.
    return _Concerned(known, inferred if claim.wallets or not known else frozenset())


def _moment(ground: Ground, claim: DeclaredClaim) -> tuple[State, State] | None:
    """The states that a claim's moment begins and ends with; None where one is not reached.

    A point is a cut-off there: a wallet that counts until that instant counts, one that counts
    since then does not. An interval begins with what begins at its first instant.
    """
    moment = claim.moment
    cutoff = ground.evidence.cutoff.height
    if not isinstance(moment, Interval):
        point = claim_state(moment, ground.timeline, cutoff, inclusive=False)
        return None if point is None else (point, point)
    start = claim_state(moment.start, ground.timeline, cutoff, inclusive=True)
    end = claim_state(moment.end, ground.timeline, cutoff, inclusive=False)
    return None if start is None or end is None else (start, end)


def _bounds(claim: DeclaredClaim) -> _Bounds:
    match claim.comparator:
        case Comparator.MORE:
            return _Bounds(claim.amount, None, strict=True)
        case Comparator.AT_LEAST:
            return _Bounds(claim.amount, None)
        case Comparator.LESS:
            return _Bounds(None, claim.amount, strict=True)
        case Comparator.AT_MOST:
            return _Bounds(None, claim.amount)
        case Comparator.EQUAL | Comparator.ABOUT:
            return _Bounds(claim.amount - claim.within, claim.amount + claim.within)


def _outcome(bounds: _Bounds, found: _Balances, *, complete: bool) -> Outcome:
    shown = bounds.compare(found)
    if shown is Outcome.UNCLEAR and found.highest is None:
        return Outcome.UNKNOWN
    if not complete and bounds.could_change(shown, found):
        return Outcome.UNKNOWN
    return shown


def _is_complete(ground: Ground, claim: DeclaredClaim) -> bool:
    return any(
        holder.id == claim.holder and holder.complete
        for holder in ground.evidence.declaration.holders
    )


def _existence(ground: Ground, concerned: _Concerned, start: State | None) -> Existence:
    """The weakest that a verdict rests on, which begins with the state `start`."""
    if not ground.doubted.isdisjoint(concerned.everything):
        return Existence.REPORTED
    is_earlier = start is not None and start.height < ground.evidence.cutoff.height
    return ground.earlier if is_earlier else ground.label


def _block(state: State) -> Height | None:
    return state.height if state.height >= 0 else None
