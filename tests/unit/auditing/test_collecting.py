"""Collecting evidence: passes over the chain, their union, and how far branches are derived."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.strategies.branches import ranged, script_at
from tests.strategies.evidence import MemorySource, evidence_of, read_chain, reserve, wallet

from erario.assess import assess
from erario.auditing import audit, collect
from erario.auditing.errors import AuditCode
from erario.bitcoin.network import NetworkName
from erario.chain.errors import ChainCode
from erario.chain.merging import merge_blocks
from erario.errors import RequestError, SourceError
from erario.holdings.derivation import FIRST, GAP
from erario.statement.codec import digest
from erario.statement.finding import Finding, FindingCode, Severity, Verdict

TEXT = """
    1 coinbase > 50 r0
    2 early = 1.0 > 20 r{used}, 30 r0
    3 late = early.0 > 20 r{later}
"""


def chain_with(used, later, branch="receive"):
    names = {f"r{index}": script_at(branch, index) for index in (0, used, later)}
    return read_chain(TEXT.format(used=used, later=later), names)


def audit_branch(used, later):
    chain = chain_with(used, later)
    source = MemorySource(chain.blocks)
    declared = reserve(chain, [wallet("w", descriptors=[ranged("receive", "change")])])
    return audit(declared, source), source


def test_a_wallet_in_its_first_thousand_needs_one_pass():
    statement, source = audit_branch(used=500, later=FIRST - GAP - 1)
    assert source.passes == [2 * FIRST]
    receive, change = statement.holders[0].wallets[0].branches
    assert (receive.derived, receive.last_used) == (FIRST, FIRST - GAP - 1)
    assert (change.derived, change.last_used) == (FIRST, None)
    assert statement.holders[0].totals[0].balance.sats == 50 * 10**8


def test_a_branch_used_near_its_end_is_extended_by_itself():
    statement, source = audit_branch(used=500, later=FIRST - GAP)
    receive, change = statement.holders[0].wallets[0].branches
    assert source.passes == [2 * FIRST, receive.derived - FIRST]
    assert receive.derived > FIRST - GAP + GAP
    assert receive.last_used == FIRST - GAP
    assert change.derived == FIRST


def test_a_coin_beyond_the_first_derivation_is_found_by_the_second_pass():
    statement, source = audit_branch(used=FIRST - 1, later=2 * FIRST - 1)
    assert len(source.passes) == 3
    assert statement.holders[0].totals[0].balance.sats == 50 * 10**8
    assert statement.holders[0].wallets[0].branches[0].last_used == 2 * FIRST - 1
    used = [one.index for one in statement.holders[0].wallets[0].scripts]
    assert used == [0, FIRST - 1, 2 * FIRST - 1]


def test_uses_after_the_cut_off_extend_nothing():
    chain = chain_with(used=FIRST - 1, later=2 * FIRST - 1)
    declared = reserve(chain, [wallet("w", descriptors=[ranged("receive")])])
    source = MemorySource(chain.blocks)
    audit(declared, source, at=1)
    assert source.passes == [FIRST]


def test_derive_asks_for_more_from_the_start():
    chain = read_chain("1 coinbase > 50 x")
    source = MemorySource(chain.blocks)
    audit(reserve(chain, [wallet("w", descriptors=[ranged("receive")], derive=5000)]), source)
    assert source.passes == [5000]


def test_evidence_of_several_passes_is_that_of_one():
    chain = chain_with(used=FIRST - 1, later=2 * FIRST - 1)
    small = reserve(chain, [wallet("w", descriptors=[ranged("receive")])])
    large = reserve(chain, [wallet("w", descriptors=[ranged("receive")], derive=3 * FIRST)])
    assert (
        collect(small, MemorySource(chain.blocks)).blocks
        == collect(large, MemorySource(chain.blocks)).blocks
    )


def test_findings_that_every_pass_repeats_are_told_once():
    chain = chain_with(used=FIRST - 1, later=2 * FIRST - 1)
    seen = Finding(FindingCode.CHAIN_GARBAGE, Verdict.PASS, Severity.INFO, "", "garbage", "")
    source = MemorySource(chain.blocks, findings=(seen,))
    declared = reserve(chain, [wallet("w", descriptors=[ranged("receive")])])
    statement = audit(declared, source)
    assert statement.observed.findings == (seen,)
    assert statement.findings == ()


def test_what_only_an_earlier_pass_saw_is_kept():
    chain = chain_with(used=FIRST - 1, later=2 * FIRST - 1)

    class Forgetful(MemorySource):
        def trace(self, scripts, upto, progress):
            trace = super().trace(scripts, upto, progress)
            told = f"pass {len(self.passes)}"
            one = Finding(FindingCode.CHAIN_GARBAGE, Verdict.PASS, Severity.INFO, "", told, "")
            return replace(trace, findings=(one,))

    declared = reserve(chain, [wallet("w", descriptors=[ranged("receive")])])
    statement = audit(declared, Forgetful(chain.blocks))
    assert [one.what for one in statement.observed.findings] == ["pass 1", "pass 2", "pass 3"]


def test_a_source_of_another_network_is_refused():
    chain = read_chain("1 coinbase > 50 a")
    with pytest.raises(RequestError) as caught:
        audit(reserve(chain, [wallet("a")]), MemorySource(chain.blocks, NetworkName.MAIN))
    assert caught.value.code is AuditCode.OTHER_NETWORK


def test_progress_is_told_of_every_derivation():
    chain = read_chain("1 coinbase > 50 a")
    told = []
    declared = reserve(chain, [wallet("w", descriptors=[ranged("receive")])])
    collect(declared, MemorySource(chain.blocks), progress=told.append)
    derived = [(one.done, one.total) for one in told if one.step == "derive"]
    assert derived[-1] == (FIRST, FIRST)
    assert derived == sorted(derived)


def test_merging_is_a_union_in_order():
    chain = read_chain("1 coinbase > 50 a\n2 p = ? > 1 a\n2 q = ? > 1 a\n3 r = ? > 1 a")
    one = [evidence_of(chain.blocks[2], [2]), evidence_of(chain.blocks[3], [1])]
    other = [evidence_of(chain.blocks[1], [0]), evidence_of(chain.blocks[2], [1])]
    expected = (
        evidence_of(chain.blocks[1], [0]),
        evidence_of(chain.blocks[2], [1, 2]),
        evidence_of(chain.blocks[3], [1]),
    )
    assert merge_blocks(one, other) == merge_blocks(other, one) == expected


@pytest.mark.parametrize("field", ["header", "coinbase", "transactions"])
def test_passes_that_contradict_each_other_are_an_error(field):
    chain = read_chain("1 p = ? > 1 a")
    block = evidence_of(chain.blocks[1], [1])
    damaged = {
        "header": bytes(80),
        "coinbase": replace(block.coinbase, raw=b""),
        "transactions": (replace(block.transactions[0], branch=()),),
    }
    with pytest.raises(SourceError) as caught:
        merge_blocks([block], [replace(block, **{field: damaged[field]})])
    assert caught.value.code is ChainCode.CONTRADICTING_PASSES


def test_the_same_audit_later_gives_the_same_digest():
    chain = read_chain("1 coinbase > 50 a\n2 p = 1.0 > 20 a, 30 x", length=30)
    declared = reserve(chain, [wallet("a")])
    early, late = (
        audit(declared, MemorySource(chain.blocks[:end]), at=5, since=1) for end in (6, 31)
    )
    assert digest(early) == digest(late)
    assert early.observed != late.observed


def test_audit_is_collect_and_assess():
    chain = read_chain("1 coinbase > 50 a")
    declared = reserve(chain, [wallet("a")])
    source = MemorySource(chain.blocks)
    assert audit(declared, source) == assess(collect(declared, source))
