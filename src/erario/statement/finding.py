"""Findings: one checked thing each, with a verdict of three values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a check came to; never a bool."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """How much a finding matters to somebody who relies on the statement."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class FindingCode(StrEnum):
    """What was checked; JSON and tests use these, never the wording."""

    CHAIN_WORK = "chain.work"
    CHAIN_UNAUTHENTICATED = "chain.unauthenticated"
    CHAIN_EQUAL_WORK = "chain.equal-work"
    CHAIN_INVALID_HEADER = "chain.invalid-header"
    CHAIN_BAD_COPY = "chain.bad-copy"
    CHAIN_GARBAGE = "chain.garbage"
    CHAIN_UNFINISHED = "chain.unfinished"
    CUTOFF_SETTLED = "cutoff.settled"
    HOLDER_NOTHING_COUNTED = "holder.nothing-counted"
    SOURCE_FAILED = "source.failed"
    """One of several sources gave no answer."""
    SOURCE_LIED = "source.lied"
    """One of several sources gave an answer that its own evidence contradicts."""
    SOURCE_BEHIND = "source.behind"
    """One of several sources is on a branch with less work, or has not caught up."""
    SOURCE_LEFT_OUT = "source.left-out"
    """One of several sources cannot answer for the cut-off."""
    SOURCE_UNSEEN = "source.unseen"
    """A source cannot show some of the scripts."""
    SOURCES_DISAGREE = "sources.disagree"
    CONTROL_PROOF = "control.proof"
    EVIDENCE_INCLUSION = "evidence.inclusion"
    EVIDENCE_DOUBLE_SPEND = "evidence.double-spend"
    EVIDENCE_INFLATION = "evidence.inflation"


@dataclass(frozen=True, slots=True)
class Finding:
    """One checked thing.

    Attributes:
        code: what was checked.
        verdict: pass, fail or unknown.
        severity: how much it matters.
        subject: what it speaks of: a holder's id, the hash of a block or a transaction in display
            order, or "".
        what: one sentence that says what was found.
        settle: what would settle it, or "".
    """

    code: FindingCode
    verdict: Verdict
    severity: Severity
    subject: str
    what: str
    settle: str
