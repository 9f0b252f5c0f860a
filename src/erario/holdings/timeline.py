"""When a wallet counts, and what has happened at a moment.

The chain is a line of blocks with gaps between them. A transaction happens in a block; a wallet
begins or ceases to count in a gap, at an instant: an instant stands in the gap behind the highest
block whose own header time is before it. Height -1 is the gap before the genesis block.

A `State` says how much of that line has happened. By height: every block up to it, and the gaps
below it. By instant: every block up to the instant's, and what happens in gaps before the instant.
An instant that begins something includes what happens at it. One that ends something, as a cut-off
does, does not: a wallet that counts "until" a day still counts at the end of that day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from erario.bitcoin.values import Height
from erario.reserve.moment import AtHeight, AtInstant
from erario.statement.evidence import DeclaredWallet, Evidence, ResolvedInstant

BEFORE_GENESIS: Final = Height(-1)


@dataclass(frozen=True, slots=True)
class Boundary:
    """An instant at which a wallet begins or ceases to count, behind the block at `height`."""

    instant: datetime
    height: Height


@dataclass(frozen=True, slots=True)
class State:
    """How much has happened: blocks up to `height`, and gaps as `instant` and `inclusive` say.

    `instant` is None for a state by height.
    """

    height: Height
    instant: datetime | None = None
    inclusive: bool = False

    def has(self, boundary: Boundary) -> bool:
        """Whether the boundary has happened."""
        if self.instant is None:
            return boundary.height < self.height
        if self.inclusive:
            return boundary.instant <= self.instant
        return boundary.instant < self.instant


@dataclass(frozen=True, slots=True)
class Window:
    """When a wallet counts: from `since` to `until`, None where it has no such bound.

    `never` is true where the chain has not reached its beginning, or where it ends before it
    begins, which a file cannot say but a reserve that a program made can.
    """

    since: Boundary | None
    until: Boundary | None
    never: bool = False

    def counts_in(self, height: Height) -> bool:
        """Whether the wallet counts in the block at `height`."""
        if self.never or (self.since is not None and height <= self.since.height):
            return False
        return self.until is None or height <= self.until.height

    def counts_at(self, state: State) -> bool:
        """Whether the wallet counts once `state` has happened."""
        if self.never or (self.since is not None and not state.has(self.since)):
            return False
        return self.until is None or not state.has(self.until)


class Timeline:
    """The instants of the evidence as places on the chain."""

    def __init__(self, instants: Sequence[ResolvedInstant]) -> None:
        self._heights: Mapping[datetime, Height] = {
            one.instant: one.point.height if one.point else BEFORE_GENESIS for one in instants
        }

    def boundary(self, instant: datetime) -> Boundary | None:
        """Where an instant stands; None where the chain up to the cut-off has not reached it."""
        height = self._heights.get(instant)
        return None if height is None else Boundary(instant, height)

    def window(self, wallet: DeclaredWallet) -> Window:
        """When a wallet counts. An end that is not reached is no end yet."""
        since = until = None
        if wallet.since is not None:
            since = self.boundary(wallet.since)
            if since is None:
                return Window(None, None, never=True)
        if wallet.until is not None:
            until = self.boundary(wallet.until)
            if wallet.since is not None and wallet.until <= wallet.since:
                return Window(None, None, never=True)
        return Window(since, until)


def cutoff_state(evidence: Evidence) -> State:
    """The state that a statement closes on."""
    return _state(evidence.asked, evidence.cutoff.height)


def since_state(evidence: Evidence) -> State | None:
    """The state that a roll-forward opens on, None where none was asked for."""
    if evidence.since is None or evidence.asked_since is None:
        return None
    return _state(evidence.asked_since, evidence.since.height)


def claim_state(
    moment: AtHeight | AtInstant, timeline: Timeline, cutoff: Height, *, inclusive: bool
) -> State | None:
    """The state at a point that a claim names; None where it lies after the cut-off.

    `inclusive`: what happens at the very instant belongs to it, as it does not at an end.
    """
    if isinstance(moment, AtHeight):
        return State(moment.height) if moment.height <= cutoff else None
    place = timeline.boundary(moment.instant)
    return None if place is None else State(place.height, moment.instant, inclusive=inclusive)


def _state(asked: AtHeight | AtInstant, height: Height) -> State:
    return State(height, asked.instant if isinstance(asked, AtInstant) else None)
