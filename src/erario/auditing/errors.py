"""Codes of the errors of the room that collects evidence."""

from __future__ import annotations

from enum import StrEnum


class AuditCode(StrEnum):
    """JSON and tests use these, never the wording."""

    NO_MOMENT = "audit.no-moment"
    OTHER_NETWORK = "audit.other-network"
    NOT_ON_CHAIN = "audit.not-on-chain"
    OTHER_HEIGHT = "audit.other-height"
    ABOVE_TIP = "audit.above-tip"
    BEFORE_GENESIS = "audit.before-genesis"
    SINCE_AFTER_CUTOFF = "audit.since-after-cutoff"
    SINCE_WITHOUT_HISTORY = "audit.since-without-history"
    SINCE_NOT_REACHED = "audit.since-not-reached"
    PROOF_DAYS = "audit.proof-days"
