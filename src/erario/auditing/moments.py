"""Moments as blocks: the cut-off, the opening, and every instant that the declaration names.

An instant is *reached* where no later block can change what it falls on: the median time past of
the cut-off's block is not before it; or the cut-off itself was asked as that instant or a later
one, and that of the tip is not. Only then is it resolved, so that an early cut-off answers as if
later blocks did not exist, and nobody answers for a day that is not over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from erario.auditing.errors import AuditCode
from erario.bitcoin.values import Height, show_hash
from erario.chain.source import HeaderChain
from erario.errors import RequestError
from erario.reserve.cutoff import read_cutoff, read_instant
from erario.reserve.model import Reserve
from erario.reserve.moment import AtHash, AtHeight, AtInstant, AtTip, CutoffRequest, Interval
from erario.statement.evidence import ResolvedInstant

Moment = CutoffRequest | str | int | date | datetime | None
"""What an audit can be asked for: a request, or what `read_cutoff` reads."""


@dataclass(frozen=True, slots=True)
class Cutoff:
    """A moment that was asked for, as the statement repeats it, and the block that it means."""

    asked: AtHeight | AtInstant
    height: Height

    def reaches(self, instant: datetime, chain: HeaderChain) -> bool:
        """Whether an instant is resolved for good by the blocks up to here."""
        if isinstance(self.asked, AtInstant) and instant <= self.asked.instant:
            return chain.reached(instant, chain.tip)
        return chain.reached(instant, self.height)


def find_cutoff(
    at: Moment,
    timezone: str,
    chain: HeaderChain,
    only: Height | None = None,
    default: Height | None = None,
) -> Cutoff:
    """The block that a statement closes on; `only` is the one that the source can answer for,
    `default` the one that it closes on where none is asked for.

    Raises:
        RequestError: it cannot be read, means no block of this chain, or another than `only`.
    """
    request = _request(at, timezone)
    wanted = only if only is not None else default
    if wanted is not None and isinstance(request, AtTip):
        request = AtHeight(wanted)
    cutoff = _resolve(request, chain, chain.tip)
    if only is not None and cutoff.height != only:
        raise RequestError(
            AuditCode.OTHER_HEIGHT,
            f"the source lists the coins at block {only:,} only, not at block {cutoff.height:,}",
            remedy=f"Ask for that block (--at {only}), or read a source that has the history.",
        )
    return cutoff


def find_since(since: Moment, timezone: str, chain: HeaderChain, cutoff: Cutoff) -> Cutoff:
    """The block that a roll-forward opens on, at or before the cut-off.

    Raises:
        RequestError: it cannot be read, means no block of this chain, lies after the cut-off, or
            is an instant that later blocks can still fall before.
    """
    request = _request(since, timezone)
    if isinstance(request, AtInstant) and not cutoff.reaches(request.instant, chain):
        raise _not_reached(request.instant, chain, cutoff)
    upto = cutoff.height if isinstance(request, AtInstant) else chain.tip
    opening = _resolve(request, chain, upto)
    if opening.height > cutoff.height:
        raise _after_cutoff()
    return opening


def resolve_instants(
    reserve: Reserve, chain: HeaderChain, cutoff: Cutoff
) -> tuple[ResolvedInstant, ...]:
    """Every instant that the declaration names and that is reached, in order of time."""
    resolved = []
    for instant in sorted(set(_instants(reserve))):
        if cutoff.reaches(instant, chain):
            height = chain.cutoff(instant, cutoff.height)
            point = None if height is None else chain.point(height)
            resolved.append(ResolvedInstant(instant, point))
    return tuple(resolved)


def is_settled(cutoff: Cutoff, chain: HeaderChain) -> bool | None:
    """Whether no block to come can belong to the cut-off; None where no instant was asked for."""
    if isinstance(cutoff.asked, AtHeight):
        return None
    return chain.reached(cutoff.asked.instant, chain.tip)


def _request(at: Moment, timezone: str) -> CutoffRequest:
    if isinstance(at, AtInstant):
        # A program can make one that names no instant, or names it in another zone.
        return AtInstant(read_instant(at.instant), at.written)
    if isinstance(at, AtTip | AtHeight | AtHash):
        return at
    # What type checkers would refuse; programs that use none say it all the same.
    if not isinstance(at, str | int | date | None):
        raise RequestError(
            AuditCode.NO_MOMENT,
            f"a {type(at).__name__} is no moment",
            remedy="Give a height as an int, a date, a datetime with its offset, or a text.",
        )
    return read_cutoff(at, timezone)


def _resolve(request: CutoffRequest, chain: HeaderChain, upto: Height) -> Cutoff:
    match request:
        case AtTip():
            return Cutoff(AtHeight(chain.tip), chain.tip)
        case AtHeight(height):
            if 0 <= height <= chain.tip:
                return Cutoff(request, height)
            raise RequestError(
                AuditCode.ABOVE_TIP,
                f"there is no block {height:,}: the chain ends at {chain.tip:,}",
                remedy="Ask for an earlier block, or read blocks that reach so far.",
            )
        case AtHash(block_hash):
            found = chain.height_of(block_hash)
            if found is not None:
                return Cutoff(AtHeight(found), found)
            raise RequestError(
                AuditCode.NOT_ON_CHAIN,
                f"the block {show_hash(block_hash)} is not on the chain with the most work",
                remedy="Ask for a block of the best chain; this one is stale, or not there yet.",
            )
        case AtInstant(instant, written):
            before = chain.cutoff(instant, upto)
            if before is not None:
                return Cutoff(request, before)
            raise RequestError(
                AuditCode.BEFORE_GENESIS,
                f"no block of the chain is before {written}",
                remedy="Ask for a later moment.",
            )


def _not_reached(instant: datetime, chain: HeaderChain, cutoff: Cutoff) -> RequestError:
    """An opening that lies after the cut-off for certain, or one that nobody can tell yet."""
    if isinstance(cutoff.asked, AtInstant):
        is_after = instant > cutoff.asked.instant
    else:
        before = chain.cutoff(instant, chain.tip)
        is_after = before is not None and before > cutoff.height
    if is_after:
        return _after_cutoff()
    return RequestError(
        AuditCode.SINCE_NOT_REACHED,
        "a block after the cut-off could still fall before the opening of the roll-forward",
        remedy="Give an earlier opening (--since): some two hours before the cut-off, as a rule.",
    )


def _after_cutoff() -> RequestError:
    return RequestError(
        AuditCode.SINCE_AFTER_CUTOFF,
        "the opening of the roll-forward lies after the cut-off",
        remedy="Give an opening (--since) that is before the cut-off (--at).",
    )


def _instants(reserve: Reserve) -> Iterator[datetime]:
    for wallet in reserve.wallets:
        if wallet.since is not None:
            yield wallet.since
        if wallet.until is not None:
            yield wallet.until
    for claim in reserve.claims:
        moment = claim.moment
        points = (moment.start, moment.end) if isinstance(moment, Interval) else (moment,)
        yield from (point.instant for point in points if isinstance(point, AtInstant))
