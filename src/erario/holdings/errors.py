"""Errors of the room that turns evidence into coins and movements."""

from __future__ import annotations

from enum import StrEnum

from erario.errors import ErarioError


class HoldingsCode(StrEnum):
    """Codes of the errors of this room."""

    SCRIPT_TWICE = "holdings.script-twice"
    UNBALANCED = "holdings.unbalanced"
    MORE_THAN_EXISTS = "holdings.more-than-exists"
    FLOWS_TOO_LARGE = "holdings.flows-too-large"


class InvariantError(ErarioError):
    """erario contradicts itself: a roll-forward does not balance. Never the user's fault."""
