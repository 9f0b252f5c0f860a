"""What the clock and kept headers say of the chain that was read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.strategies.evidence import MemorySource, best_chain, read_chain, reserve, wallet

from erario.auditing import collect
from erario.auditing.freshness import freshness_findings
from erario.bitcoin.network import NetworkName


def collected(*, at=None, network=NetworkName.MAIN):
    chain = read_chain("1 coinbase > 50 a", length=5)
    evidence = collect(reserve(chain, [wallet("a")]), MemorySource(chain.blocks), at=at)
    return replace(evidence, network=network), chain


@pytest.mark.parametrize(
    ("age", "at", "network", "told"),
    [
        (timedelta(hours=23), None, NetworkName.MAIN, 0),
        (timedelta(hours=25), None, NetworkName.MAIN, 1),
        # A block further down is as it is, whatever came later.
        (timedelta(days=999), 4, NetworkName.MAIN, 0),
        # Whoever runs a regtest makes blocks when they like.
        (timedelta(days=999), None, NetworkName.REGTEST, 0),
    ],
)
def test_an_old_end_is_told(age, at, network, told):
    evidence, _ = collected(at=at, network=network)
    found = list(freshness_findings(evidence, evidence.chain.tip.time + age, None))
    assert len(found) == told
    if found:
        assert "ends 1 day ago" in found[0].what


@pytest.mark.parametrize(("more", "told"), [(-1, 0), (0, 0), (1, 1)])
def test_kept_headers_with_more_work_are_told(more, told):
    evidence, chain = collected()
    kept = best_chain(chain.blocks, work=evidence.chain.work + more)
    found = list(freshness_findings(evidence, evidence.chain.tip.time, kept))
    assert len(found) == told
