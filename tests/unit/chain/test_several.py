"""Several sources as one: the union of what they prove, and findings on what they say otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.chains import mine
from tests.strategies.evidence import (
    ListSource,
    MemorySource,
    chains,
    read_chain,
    reserve,
    wallet,
)

from erario.auditing import audit
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import show_hash
from erario.chain.errors import ChainCode, ServerCode
from erario.chain.several import SeveralSources
from erario.errors import RequestError, SourceError
from erario.statement.codec import digest
from erario.statement.evidence import UnspentWord
from erario.statement.finding import FindingCode, Verdict

CHAIN = """
1 coinbase > 50 a
3 p = 1.0 > 20 a, 30 b
5 q = p.1 > 12 a, 18 x
"""


def server(blocks, name, **more):
    return MemorySource(blocks, name=name, word=UnspentWord.SERVERS, **more)


@dataclass
class Liar(MemorySource):
    """Refuses, or lies, when asked for its chain or for a trace."""

    code: ServerCode = ServerCode.UNREACHABLE
    at_trace: bool = False

    def chain(self, progress):
        if not self.at_trace:
            self.fail()
        return super().chain(progress)

    def trace(self, scripts, upto, progress):
        self.fail()

    def fail(self):
        raise SourceError(self.code, f"{self.name} fails", remedy="Ask another.")


def ask(chain, *sources, at=None):
    return audit(reserve(chain, [wallet("w", "a b")]), SeveralSources(sources), at=at)


def told(statement) -> list[tuple[str, str, str]]:
    return [
        (one.code.value, one.verdict.value, one.subject)
        for one in statement.observed.findings
        if one.code is not FindingCode.CHAIN_WORK
    ]


@given(chains(), st.integers(2, 4))
def test_sources_that_agree_say_what_one_says(chain, number):
    sources = [server(chain.blocks, f"s{n}") for n in range(number)]
    declared = reserve(chain, [wallet("one", "a b"), wallet("two", "c")])
    together = audit(declared, SeveralSources(sources))
    assert digest(together) == digest(audit(declared, sources[0]))
    assert told(together) == []
    assert [note.name for note in together.observed.sources] == [one.name for one in sources]
    assert together.word is UnspentWord.SERVERS


@pytest.mark.parametrize("hidden", ["1", "p", "q"])
def test_a_transaction_that_one_hides_is_found(hidden):
    chain = read_chain(CHAIN)
    txid = chain.txs[hidden].txid
    liar = server(chain.blocks, "liar", hidden=[txid])
    honest = server(chain.blocks, "honest")
    for sources in ([liar, honest], [honest, liar]):
        statement = ask(chain, *sources)
        assert told(statement) == [("sources.disagree", "fail", show_hash(txid))]
        (finding,) = (f for f in statement.observed.findings if f.code == "sources.disagree")
        assert finding.what.startswith("liar does not show")
        assert "honest proves" in finding.what
        assert digest(statement) == digest(ask(chain, honest, honest))


def test_each_hides_something_and_both_are_told():
    chain = read_chain(CHAIN)
    one = server(chain.blocks, "one", hidden=[chain.txs["p"].txid])
    two = server(chain.blocks, "two", hidden=[chain.txs["q"].txid])
    assert [found[2] for found in told(ask(chain, one, two))] == [
        show_hash(chain.txs["p"].txid),
        show_hash(chain.txs["q"].txid),
    ]


@pytest.mark.parametrize("at_trace", [False, True])
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (ServerCode.UNREACHABLE, ("source.failed", "unknown", "bad")),
        (ServerCode.LIED_BRANCH, ("source.lied", "fail", "bad")),
    ],
)
def test_one_that_fails_or_lies_is_left_out_and_told(at_trace, code, expected):
    chain = read_chain(CHAIN)
    bad = Liar(chain.blocks, name="bad", code=code, at_trace=at_trace)
    statement = ask(chain, bad, server(chain.blocks, "good"))
    assert told(statement) == [expected]
    assert [note.name for note in statement.observed.sources] == ["good"]


def test_the_first_error_is_raised_where_all_fail():
    chain = read_chain(CHAIN)
    one = Liar(chain.blocks, name="one", code=ServerCode.TIMEOUT)
    two = Liar(chain.blocks, name="two", code=ServerCode.GARBAGE)
    with pytest.raises(SourceError) as caught:
        ask(chain, one, two)
    assert caught.value.code is ServerCode.TIMEOUT


def longer(blocks: Sequence, number: int, tag: bytes) -> list:
    grown = list(blocks)
    for _ in range(number):
        grown.append(mine(grown[-1], [], tag=tag))
    return grown


def test_the_chain_with_more_work_is_taken_and_the_other_told():
    chain = read_chain(CHAIN)
    best, stale = longer(chain.blocks, 3, b"best"), longer(chain.blocks, 2, b"stale")
    for order in (1, -1):
        sources = [server(best, "best"), server(stale, "stale")][::order]
        statement = ask(chain, *sources)
        assert statement.cutoff.block_hash == best[-1].block_hash
        assert told(statement) == [
            ("source.behind", "unknown", "stale"),
            ("source.left-out", "unknown", "stale"),
        ]
        # Below the fork both can answer.
        assert told(ask(chain, *sources, at=5)) == [("source.behind", "unknown", "stale")]


@pytest.mark.parametrize(("behind", "expected"), [(2, []), (3, [("source.behind", "pass", "b")])])
def test_one_that_is_a_little_behind_says_nothing(behind, expected):
    chain = read_chain(CHAIN)
    ahead = longer(chain.blocks, behind, b"")
    sources = [server(ahead, "a"), server(chain.blocks, "b")]
    assert told(ask(chain, *sources, at=5)) == expected


def test_a_list_that_agrees_with_the_history_lends_its_word(monkeypatch):
    monkeypatch.setattr("erario.chain.best_chain.BestChain.enough_work", True)
    chain = read_chain(CHAIN)
    listing = ListSource(chain.blocks, word=UnspentWord.SNAPSHOT, height=5, name="list")
    statement = ask(chain, server(chain.blocks, "server"), listing, at=5)
    assert told(statement) == []
    assert statement.word is UnspentWord.SNAPSHOT
    assert {coin.existence.value for coin in statement.coins if coin.unspent} == {"unspent"}
    assert statement.movements


@pytest.mark.parametrize("hidden", ["p", "q"])
def test_a_list_that_lacks_a_coin_is_a_finding_and_lends_nothing(monkeypatch, hidden):
    monkeypatch.setattr("erario.chain.best_chain.BestChain.enough_work", True)
    chain = read_chain(CHAIN)
    listing = ListSource(
        chain.blocks,
        word=UnspentWord.SNAPSHOT,
        height=5,
        name="list",
        hidden=[chain.txs[hidden].txid],
    )
    statement = ask(chain, server(chain.blocks, "server"), listing, at=5)
    assert told(statement) == [("sources.disagree", "fail", show_hash(chain.txs[hidden].txid))]
    assert statement.word is UnspentWord.SERVERS
    assert {coin.existence.value for coin in statement.coins if coin.unspent} == {"included"}


def test_a_server_that_hides_a_coin_is_found_by_a_list():
    chain = read_chain(CHAIN)
    listing = ListSource(chain.blocks, height=5, name="list")
    hiding = server(chain.blocks, "server", hidden=[chain.txs["q"].txid])
    statement = ask(chain, hiding, listing, at=5)
    assert [found[:2] for found in told(statement)] == [("sources.disagree", "fail")]


def test_two_lists_of_one_block_are_held_against_each_other():
    chain = read_chain(CHAIN)
    one = ListSource(chain.blocks, height=5, name="one")
    two = ListSource(chain.blocks, height=5, name="two", hidden=[chain.txs["q"].txid])
    assert told(ask(chain, one, one)) == []
    assert [found[:2] for found in told(ask(chain, one, two))] == [("sources.disagree", "fail")]


def test_a_list_of_another_block_is_left_out():
    chain = read_chain(CHAIN)
    listing = ListSource(chain.blocks, height=3, name="list")
    statement = ask(chain, server(chain.blocks, "server"), listing, at=5)
    assert told(statement) == [("source.left-out", "unknown", "list")]


def test_sources_of_two_networks_are_refused():
    chain = read_chain(CHAIN)
    with pytest.raises(RequestError) as caught:
        SeveralSources([MemorySource(chain.blocks), MemorySource(chain.blocks, NetworkName.MAIN)])
    assert caught.value.code is ChainCode.OTHER_NETWORK


def test_verdicts_of_disagreement_fail():
    chain = read_chain(CHAIN)
    statement = ask(
        chain, server(chain.blocks, "x", hidden=[chain.txs["q"].txid]), server(chain.blocks, "y")
    )
    assert Verdict.FAIL in {finding.verdict for finding in statement.all_findings}
