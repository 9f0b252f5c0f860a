"""Evidence that contradicts itself or money itself: coins spent twice, made from nothing, too many."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.strategies.evidence import (
    MemorySource,
    claim,
    read_chain,
    reserve,
    show_movements,
    statement_of,
    wallet,
)

from erario.assess import assess
from erario.auditing import collect
from erario.bitcoin.values import COIN, MAX_MONEY, show_hash
from erario.errors import SourceError
from erario.holdings.errors import HoldingsCode
from erario.statement.finding import FindingCode, Severity, Verdict
from erario.statement.model import Existence

A, B = wallet("a"), wallet("b")
SPENT_TWICE = """
    1 coinbase > 50 a
    2 coinbase > 40 a
    3 first = 1.0 > 30 x
    4 again = ?, 1.0 > 10 a
    5 on = again.0 > 9 b
"""


def labels(statement):
    return [(coin.sats // COIN, coin.existence.value) for coin in statement.coins]


def test_a_coin_spent_twice_is_a_fail():
    statement, chain = statement_of(SPENT_TWICE, A, B)
    (finding,) = statement.findings
    assert (finding.code, finding.verdict, finding.severity, finding.subject) == (
        FindingCode.EVIDENCE_DOUBLE_SPEND,
        Verdict.FAIL,
        Severity.ERROR,
        show_hash(chain.txs["again"].txid),
    )
    assert finding.what == (
        f"Input 1 of transaction {show_hash(chain.txs['again'].txid)} in block 4 spends output 0 of "
        f"{show_hash(chain.txs['1'].txid)}, which {show_hash(chain.txs['first'].txid)} had spent "
        "in block 3."
    )
    assert finding.settle


def test_what_rests_on_a_coin_spent_twice_is_reported():
    claims = [claim("= 40", 5, wallets="a"), claim("= 9", 5, wallets="b")]
    statement, _ = statement_of(SPENT_TWICE, A, B, wallet("c"), claims=claims)
    assert statement.existence is Existence.REPORTED
    assert labels(statement) == [
        (50, "reported"),
        (40, "unspent"),
        (10, "reported"),
        (9, "reported"),
    ]
    assert [one.existence for one in statement.claims] == [Existence.REPORTED] * 2
    assert [
        (one.existence.value, one.balance.sats // COIN) for one in statement.holders[0].totals
    ] == [
        ("reported", 9),
        ("unspent", 40),
    ]


def test_a_coinbase_again_after_it_was_spent_is_spent_again_rightly():
    text = "1 coinbase > 50 a\n2 p = 1.0 > 50 x\n3 coinbase = 1\n4 q = 3.0 > 49 x"
    statement, _ = statement_of(text, A)
    assert statement.findings == ()
    assert labels(statement) == [(50, "unspent")] * 2


def test_more_paid_out_than_taken_is_a_fail():
    statement, chain = statement_of("1 coinbase > 50 a\n2 p = 1.0 > 70 b, 20 x", A, B)
    (finding,) = statement.findings
    assert (finding.code, finding.verdict, finding.severity, finding.subject) == (
        FindingCode.EVIDENCE_INFLATION,
        Verdict.FAIL,
        Severity.ERROR,
        show_hash(chain.txs["p"].txid),
    )
    assert "pays out 40.00000000 BTC more than it takes" in finding.what
    assert labels(statement) == [(50, "reported"), (70, "reported")]
    # No fee can be told: it would be below zero.
    assert show_movements(statement, chain).splitlines()[-1] == "2 p: a to 50, b in 20 from 50"


@pytest.mark.parametrize("inputs", ["1.0, ?", "1.0, 2.0"])
def test_inputs_from_elsewhere_may_bring_the_rest(inputs):
    statement, _ = statement_of(f"1 coinbase > 50 a\n2 coinbase > 50 x\n3 p = {inputs} > 70 a", A)
    assert statement.findings == ()
    assert labels(statement) == [(50, "unspent"), (70, "unspent")]


def test_as_much_paid_out_as_taken_is_no_inflation():
    statement, _ = statement_of("1 coinbase > 50 a\n2 coinbase > 1 b\n3 p = 1.0, 2.0 > 51 a", A, B)
    assert statement.findings == ()


def test_a_coin_spent_twice_counts_among_what_is_taken():
    text = "1 coinbase > 50 a\n2 p = 1.0 > 30 x\n3 q = 1.0 > 60 a"
    statement, _ = statement_of(text, A)
    assert [one.code for one in statement.findings] == [
        FindingCode.EVIDENCE_DOUBLE_SPEND,
        FindingCode.EVIDENCE_INFLATION,
    ]


DAMAGED = """
    1 coinbase > 50 a
    2 p = ? > 7 b
    3 s = 1.0 > 50 x
    4 o = ? > 1 a
"""


def damaged(text, number, **fields):
    """Evidence of `a` and `b` with the last transaction of one of its blocks changed."""
    chain = read_chain(text)
    claims = [claim("> 0", 4, wallets=name) for name in "ab"]
    evidence = collect(reserve(chain, [A, B], claims), MemorySource(chain.blocks))
    blocks = list(evidence.blocks)
    *kept, last = blocks[number].transactions
    blocks[number] = replace(blocks[number], transactions=(*kept, replace(last, **fields)))
    return replace(evidence, blocks=tuple(blocks))


def test_where_something_is_lost_nothing_is_more_than_reported():
    # The lost transaction spent all that the first coin held: no one knows what else it did.
    statement = assess(damaged(DAMAGED, 2, raw=b"\x01"))
    assert labels(statement) == [(50, "reported"), (7, "reported"), (1, "reported")]
    assert {one.existence for one in statement.holders[0].totals} == {Existence.REPORTED}
    assert {one.existence for one in statement.claims} == {Existence.REPORTED}


def test_where_something_is_not_proved_the_rest_keeps_its_label():
    statement = assess(damaged(DAMAGED, 2, branch=(bytes(32),)))
    assert labels(statement) == [(50, "reported"), (7, "unspent"), (1, "unspent")]
    assert [one.existence.value for one in statement.claims] == ["reported", "unspent"]


def test_a_coin_overwritten_by_what_is_not_proved_is_reported():
    text = "1 coinbase > 50 a, 1 b\n3 coinbase = 1\n3 o = ? > 1 b\n4 p = ? > 1 b"
    chain = read_chain(text)
    evidence = collect(reserve(chain, [A, B]), MemorySource(chain.blocks))
    first, second, third = evidence.blocks
    coinbase = replace(second.transactions[0], branch=(bytes(32),))
    second = replace(second, transactions=(coinbase, *second.transactions[1:]))
    statement = assess(replace(evidence, blocks=(first, second, third)))
    assert labels(statement) == [
        (50, "reported"),
        (1, "reported"),
        (50, "reported"),
        (1, "reported"),
        (1, "unspent"),
        (1, "unspent"),
    ]


def test_more_coins_than_can_exist_are_an_error():
    all_there_are = "1 coinbase > 20999999 a\n2 coinbase > 1 b\n"
    statement, _ = statement_of(all_there_are, A, B)
    assert sum(line.balance.sats for line in statement.holders[0].totals) == MAX_MONEY
    with pytest.raises(SourceError) as caught:
        statement_of(all_there_are + "3 p = ? > 0.00000001 a", A, B)
    assert caught.value.code is HoldingsCode.MORE_THAN_EXISTS
    assert caught.value.remedy
    # What was spent before makes room.
    spent = all_there_are + "3 p = 2.0 > 1 x\n4 q = ? > 1 a"
    assert statement_of(spent, A, B)[0].findings == ()
    # And so does what was lost: the same coinbase again is no more coins than before.
    assert statement_of("1 coinbase > 20999999 a\n3 coinbase = 1", A)[0].findings == ()


def test_flows_beyond_what_json_can_write_are_an_error():
    lines = ["1 coinbase > 20000000 a"]
    lines += [
        f"{h} t{h} = {h - 1 if h == 2 else f't{h - 1}'}.0 > 20000000 {'ba'[h % 2]}"
        for h in range(2, 12)
    ]
    text = "\n".join(lines)
    assert statement_of(text, A, B)[0].findings == ()
    with pytest.raises(SourceError) as caught:
        statement_of(text, A, B, since=0)
    assert caught.value.code is HoldingsCode.FLOWS_TOO_LARGE
