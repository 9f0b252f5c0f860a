"""Audits of sources that list the coins of one block and show no history."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.evidence import (
    ListSource,
    MemorySource,
    chains,
    claim,
    read_chain,
    reserve,
    show_claim,
    wallet,
)

from erario.auditing import audit
from erario.auditing.errors import AuditCode
from erario.errors import RequestError
from erario.statement.codec import statement_json
from erario.statement.evidence import UnspentWord
from erario.statement.model import Existence, Outcome

CHAIN = """
1 coinbase > 50 a
3 p = 1.0 > 20 a, 30 b
5 q = p.1 > 12 a, 18 x
"""


def listed(chain, height):
    return ListSource(chain.blocks, word=UnspentWord.SNAPSHOT, height=height)


def judge(holds, at, *, height=6, wallets=None, complete=True):
    chain = read_chain(CHAIN, length=8)
    declared = reserve(
        chain, wallets or [wallet("w", "a b")], [claim(holds, at)], complete=complete
    )
    (one,) = audit(declared, listed(chain, height)).claims
    return one


def test_the_coins_that_are_listed_are_held():
    chain = read_chain(CHAIN, length=8)
    statement = audit(reserve(chain, [wallet("w", "a b")]), listed(chain, 6))
    assert statement.cutoff.height == 6
    assert statement.word is UnspentWord.SNAPSHOT
    assert [
        (coin.sats, coin.height, coin.position)
        for coin in sorted(statement.coins, key=lambda coin: coin.height)
    ] == [(20_00000000, 3, None), (12_00000000, 5, None)]
    assert statement.movements == ()
    assert statement.holders[0].roll_forward is None
    assert b'"position":null' in statement_json(statement)


@given(chains(), st.data())
def test_what_is_listed_is_what_the_history_leaves(chain, data):
    height = data.draw(st.integers(0, len(chain.blocks) - 1))
    declared = reserve(chain, [wallet("one", "a b"), wallet("two", "c")])
    by_list = audit(declared, listed(chain, height))
    by_blocks = audit(declared, MemorySource(chain.blocks), at=height)

    def plain(statement):
        return sorted(
            (coin.outpoint, coin.sats, coin.script, coin.height, coin.coinbase, coin.immature)
            for coin in statement.coins
            if coin.unspent
        )

    assert plain(by_list) == plain(by_blocks)
    own = [holder.coins_digest for holder in by_list.holders]
    assert own == [holder.coins_digest for holder in by_blocks.holders]


@pytest.mark.parametrize(
    ("holds", "at", "outcome", "lowest", "highest"),
    [
        ("= 32", 6, "kept", 32, 32),
        ("> 32", 6, "broken", 32, 32),
        # Block 4 held 50, of which 20 are still there: enough for some claims of then.
        (">= 20", 4, "kept", 20, None),
        ("> 20", 4, "unknown", 20, None),
        ("< 20", 4, "broken", 20, None),
        ("<= 20", 4, "unknown", 20, None),
        ("= 19", 4, "broken", 20, None),
        ("= 50", 4, "unknown", 20, None),
        (">= 20", (4, 6), "kept", 20, None),
        # In block 2 none of today's coins was there.
        ("> 0", 2, "unknown", 0, None),
        ("> 0", 7, "unknown", None, None),
    ],
)
def test_claims_are_answered_from_the_coins_that_are_left(holds, at, outcome, lowest, highest):
    one = judge(holds, at)
    assert one.outcome is Outcome(outcome), show_claim(one)
    assert [one.lowest, one.highest] == [
        None if sats is None else sats * 100_000_000 for sats in (lowest, highest)
    ]


@given(chains(), st.data())
def test_no_claim_about_an_earlier_block_is_answered_otherwise_than_by_the_history(chain, data):
    cutoff = data.draw(st.integers(0, len(chain.blocks) - 1))
    at = data.draw(st.integers(0, cutoff))
    comparator = data.draw(st.sampled_from([">", ">=", "<", "<=", "="]))
    amount = data.draw(st.integers(0, 60))
    asked = [claim(f"{comparator} {amount}", at)]
    declared = reserve(chain, [wallet("one", "a b c")], asked)
    (by_list,) = audit(declared, listed(chain, cutoff)).claims
    (by_blocks,) = audit(declared, MemorySource(chain.blocks), at=cutoff).claims
    assert by_list.outcome in {by_blocks.outcome, Outcome.UNKNOWN}
    if at == cutoff:
        assert by_list.outcome is by_blocks.outcome
    assert by_list.lowest <= by_blocks.lowest


def test_a_wallet_that_counts_later_is_in_no_earlier_balance():
    one = judge(">= 1", 4, wallets=[wallet("w", "a b", since="2020-01-01")])
    assert one.outcome is Outcome.UNKNOWN


def test_a_roll_forward_needs_history():
    chain = read_chain(CHAIN)
    with pytest.raises(RequestError) as caught:
        audit(reserve(chain, [wallet("w", "a b")]), listed(chain, 5), since=1)
    assert caught.value.code is AuditCode.SINCE_WITHOUT_HISTORY


def test_another_height_is_refused():
    chain = read_chain(CHAIN)
    with pytest.raises(RequestError) as caught:
        audit(reserve(chain, [wallet("w", "a b")]), listed(chain, 5), at=4)
    assert caught.value.code is AuditCode.OTHER_HEIGHT


def test_a_list_is_worth_what_its_source_says(monkeypatch):
    monkeypatch.setattr("erario.chain.best_chain.BestChain.enough_work", True)
    chain = read_chain(CHAIN)
    statement = audit(reserve(chain, [wallet("w", "a b")]), listed(chain, 5))
    assert {coin.existence for coin in statement.coins} == {Existence.UNSPENT}
