"""Moments: the points and stretches of time that claims, cut-offs and wallets speak of.

Days are gone once something is loaded: a day has become the instants at which it starts and ends
in the reserve's time zone. `written` keeps what the person wrote, for display only.

An *end* is exclusive: the end of 2025-04-03 is the first instant of 2025-04-04. The state at an
instant is the state after the highest block whose own header time is before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from erario.bitcoin.values import BlockHash, Height


@dataclass(frozen=True, slots=True)
class AtTip:
    """The tip of the best chain, whatever it is."""


@dataclass(frozen=True, slots=True)
class AtHeight:
    """The state after the block at a height."""

    height: Height


@dataclass(frozen=True, slots=True)
class AtHash:
    """The state after the block with this hash, which must be on the best chain."""

    block_hash: BlockHash


@dataclass(frozen=True, slots=True)
class AtInstant:
    """The state at an instant. `instant` is aware and in UTC."""

    instant: datetime
    written: str


@dataclass(frozen=True, slots=True)
class Interval:
    """From the state at `start` (included) through every block up to the state at `end`.

    Both are heights, or both are instants.
    """

    start: AtHeight | AtInstant
    end: AtHeight | AtInstant
    written: str


CutoffRequest = AtTip | AtHeight | AtHash | AtInstant
"""What a statement can be asked to close on."""
ClaimMoment = AtHeight | AtInstant | Interval
"""What a claim can speak of."""
