"""What a reader of the statement should know of a tree of headers, as findings."""

from __future__ import annotations

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import BlockHash, Height, show_hash
from erario.statement.finding import Finding, FindingCode, Severity, Verdict


def invalid_finding(
    name: NetworkName, block_hash: BlockHash, height: Height | None, fault: str, count: int
) -> Finding:
    """For `count` headers that break rules, the first of them being this one."""
    where = "" if height is None else f" at height {height}"
    others = f", and {count - 1} more" if count > 1 else ""
    return Finding(
        FindingCode.CHAIN_INVALID_HEADER,
        Verdict.FAIL,
        Severity.WARNING,
        show_hash(block_hash),
        f"A block header{where} breaks a rule of {name}"
        f" ({fault}){others}; none of them, nor what follows them, was used.",
        "Check that these are the blocks of this network, and that they are undamaged.",
    )


def equal_work_finding(
    rival: BlockHash, height: int, best: BlockHash, fork: int, count: int
) -> Finding:
    """For `count` branches with as much work as the best, the first of them ending here."""
    others = f"; {count - 1} more like it" if count > 1 else ""
    return Finding(
        FindingCode.CHAIN_EQUAL_WORK,
        Verdict.UNKNOWN,
        Severity.WARNING,
        show_hash(rival),
        f"This block at height {height} ends a branch with as much work as"
        f" {show_hash(best)}, which was taken for its lower hash; they part"
        f" after height {fork}{others}.",
        "Ask again once the network has found the next block.",
    )
