"""Whether the chain that was read is the one of today, as far as anybody here can tell.

No source can show that there is no longer chain. But a clock can tell that its end is old, and what
earlier runs kept can show more work. Both are of the asker's moment, so they stand in `observed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import show_hash
from erario.chain.source import HeaderChain
from erario.statement.evidence import Evidence
from erario.statement.finding import Finding, FindingCode, Severity, Verdict

OLD: Final = timedelta(days=1)
"""Ten minutes lie between blocks on average; a whole day without one has never been since 2009."""


def freshness_findings(
    evidence: Evidence, now: datetime, kept: HeaderChain | None
) -> Iterator[Finding]:
    """What the clock and the kept headers say of the chain that was read.

    Args:
        evidence: what was collected.
        now: the time, aware.
        kept: the best chain that earlier runs kept, or None.
    """
    tip = evidence.chain.tip
    is_open = evidence.cutoff.height == tip.height and evidence.network is not NetworkName.REGTEST
    if is_open and now - tip.time > OLD:
        days = (now - tip.time).days
        yield Finding(
            FindingCode.SOURCE_BEHIND,
            Verdict.UNKNOWN,
            Severity.WARNING,
            show_hash(tip.block_hash),
            f"The chain that was read ends {days:,} day{'s' if days != 1 else ''} ago, at block "
            f"{tip.height:,}: what happened since was not seen.",
            "Ask a source that has caught up.",
        )
    if kept is not None and kept.work > evidence.chain.work:
        yield Finding(
            FindingCode.SOURCE_BEHIND,
            Verdict.UNKNOWN,
            Severity.WARNING,
            show_hash(tip.block_hash),
            "Headers that an earlier run kept show a chain with more work, which ends at block "
            f"{kept.tip:,}: the source has not caught up, or follows a branch that was left.",
            "Ask again later, or another source.",
        )
