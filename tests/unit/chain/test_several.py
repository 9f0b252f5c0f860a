"""Several sources as one: the union of what they prove, and findings on what they say otherwise."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.branches import ranged
from tests.strategies.chains import mine
from tests.strategies.evidence import (
    ListSource,
    MemorySource,
    best_chain,
    chains,
    claim,
    read_chain,
    reserve,
    wallet,
)
from tests.unit.auditing.test_collecting import chain_with

from erario.auditing import audit
from erario.auditing.errors import AuditCode
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import show_hash
from erario.chain import several
from erario.chain.errors import ChainCode, ServerCode
from erario.chain.several import SeveralSources
from erario.errors import RequestError, SourceError
from erario.holdings.derivation import FIRST, WITHOUT_HISTORY
from erario.statement.codec import digest
from erario.statement.evidence import SourceKind, UnspentWord
from erario.statement.finding import FindingCode, Verdict
from erario.statement.model import Existence

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


@pytest.fixture
def enough_work(monkeypatch):
    monkeypatch.setattr("erario.chain.best_chain.BestChain.enough_work", True)


def test_tips_that_differ_by_a_block_leave_nobody_out():
    chain = read_chain(CHAIN)
    files = MemorySource(chain.blocks, name="files")
    hiding = server(longer(chain.blocks, 1, b"x"), "public", hidden=[chain.txs["q"].txid])
    statement = ask(chain, files, hiding)
    assert statement.cutoff.height == 5
    assert [code for code, _, _ in told(statement)] == ["sources.disagree"]


def test_one_that_was_left_out_lends_no_word(enough_work):
    chain = read_chain(CHAIN)
    files = MemorySource(chain.blocks, name="files")
    hiding = server(longer(chain.blocks, 4, b"x"), "public", hidden=[chain.txs["q"].txid])
    statement = ask(chain, files, hiding)
    assert files.passes == []
    assert statement.word is UnspentWord.SERVERS
    assert [note.name for note in statement.observed.sources] == ["public"]


def test_a_list_that_was_left_out_confirms_no_empty_wallet(enough_work):
    chain = read_chain(CHAIN)
    listing = ListSource(chain.blocks, word=UnspentWord.SNAPSHOT, height=3, name="list")
    hiding = server(chain.blocks, "public", hidden=[tx.txid for tx in chain.txs.values()])
    assert ask(chain, hiding, listing, at=5).word is UnspentWord.SERVERS


def test_the_block_of_a_list_is_the_cut_off_where_none_is_asked_for():
    chain = read_chain(CHAIN, length=9)
    listing = ListSource(chain.blocks, height=4, name="list")
    statement = ask(chain, server(chain.blocks, "server"), listing)
    assert statement.cutoff.height == 4
    assert told(statement) == []


def test_only_a_list_that_agrees_confirms(enough_work):
    chain = read_chain(CHAIN)
    short = ListSource(
        chain.blocks,
        word=UnspentWord.SNAPSHOT,
        height=5,
        name="short",
        hidden=[chain.txs["q"].txid],
    )
    whole = ListSource(chain.blocks, word=UnspentWord.OWN_NODE, height=5, name="whole")
    statement = ask(chain, server(chain.blocks, "public"), short, whole, at=5)
    assert statement.word is UnspentWord.OWN_NODE
    assert [code for code, _, _ in told(statement)] == ["sources.disagree"]


def test_lists_that_contradict_each_other_lend_no_word(enough_work):
    chain = read_chain(CHAIN)
    one = ListSource(chain.blocks, word=UnspentWord.SNAPSHOT, height=5, name="one")
    two = ListSource(
        chain.blocks, word=UnspentWord.OWN_NODE, height=5, name="two", hidden=[chain.txs["q"].txid]
    )
    statement = ask(chain, one, two)
    assert {coin.existence.value for coin in statement.coins} == {"reported"}


def test_a_source_that_was_found_hiding_lends_no_word(enough_work):
    chain = read_chain(CHAIN)
    own = MemorySource(
        chain.blocks, name="own", word=UnspentWord.OWN_NODE, hidden=[chain.txs["q"].txid]
    )
    assert ask(chain, own, server(chain.blocks, "public")).word is UnspentWord.SERVERS


@pytest.mark.parametrize("holds", ["< 60", "= 50"])
def test_a_list_at_the_cut_off_does_not_confirm_an_earlier_balance(enough_work, holds):
    text = "1 coinbase > 50 a\n2 coinbase > 50 a\n4 q = 2.0 > 50 z\n5 coinbase > 50 y"
    chain = read_chain(text)
    hidden = [chain.txs["2"].txid, chain.txs["q"].txid]
    listing = ListSource(chain.blocks, word=UnspentWord.SNAPSHOT, height=5, name="list")
    declared = reserve(chain, [wallet("w", "a")], [claim(holds, 3), claim("= 50", 5)])
    sources = SeveralSources([server(chain.blocks, "server", hidden=hidden), listing])
    statement = audit(declared, sources, at=5)
    assert statement.word is UnspentWord.SNAPSHOT
    earlier, at_cutoff = statement.claims
    assert earlier.existence is Existence.INCLUDED
    assert at_cutoff.existence is Existence.UNSPENT


@dataclass
class Gone:
    """A chain that fetches old headers as they are asked for, from a server that is gone."""

    inner: object

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def block_hash(self, height):
        if height != self.inner.tip:
            raise SourceError(ServerCode.UNREACHABLE, "it is gone", remedy="Ask another.")
        return self.inner.block_hash(height)

    def point(self, height):
        raise SourceError(ServerCode.UNREACHABLE, "it is gone", remedy="Ask another.")


@dataclass
class Leaving(MemorySource):
    def chain(self, progress):
        return Gone(best_chain(self.blocks))


@pytest.mark.parametrize("order", [1, -1])
def test_one_that_is_gone_while_headers_are_compared_is_left_out(order):
    chain = read_chain(CHAIN)
    sources = [server(chain.blocks, "good"), Leaving(chain.blocks, name="bad")][::order]
    statement = ask(chain, *sources, at=3)
    assert [coin.sats for coin in statement.coins if coin.unspent]
    assert {code for code, _, _ in told(statement)} <= {"source.failed"}


@dataclass
class Blind(MemorySource):
    """Shows nothing of some scripts, as a server does of a history that is too large for it."""

    blind: Sequence[bytes] = ()

    def trace(self, scripts, upto, progress):
        shown = [script for script in scripts if script not in self.blind]
        trace = super().trace(shown, upto, progress)
        return replace(trace, unseen=tuple(one for one in scripts if one in self.blind))


@pytest.mark.parametrize(
    ("holds", "outcome"),
    [("< 60", "unknown"), ("= 50", "unknown"), ("= 100", "unknown"), (">= 50", "kept")],
)
def test_claims_about_scripts_that_nobody_shows(holds, outcome):
    chain = read_chain("1 coinbase > 50 a\n2 p = ? > 50 z, 7 a\n3 q = p.1 > 7 x")
    declared = reserve(chain, [wallet("w", "a z")], [claim(holds, 3)])
    blind = Blind(chain.blocks, name="s", blind=[chain.script("z")])
    for source in (blind, SeveralSources([blind, blind])):
        statement = audit(declared, source)
        assert statement.claims[0].outcome.value == outcome
        # What was seen of it by chance is in no sum: nobody could show that it was spent.
        assert [coin.script for coin in statement.coins if coin.unspent] == [chain.script("a")]


def test_a_script_that_another_source_shows_is_not_unseen():
    chain = read_chain("1 coinbase > 50 a\n2 p = ? > 50 z")
    declared = reserve(chain, [wallet("w", "a z")], [claim("= 100", 2)])
    blind = Blind(chain.blocks, name="s", blind=[chain.script("z")])
    statement = audit(declared, SeveralSources([blind, server(chain.blocks, "t")]))
    assert statement.claims[0].outcome.value == "kept"
    assert told(statement) == []


@dataclass
class FailsLater(MemorySource):
    def trace(self, scripts, upto, progress):
        if self.passes:
            raise SourceError(ServerCode.UNREACHABLE, f"{self.name} fails", remedy="Ask another.")
        return super().trace(scripts, upto, progress)


def test_where_history_fails_midway_only_the_list_counts(enough_work):
    chain = chain_with(used=FIRST - 1, later=2 * FIRST - 1)
    tip = len(chain.blocks) - 1
    failing = FailsLater(chain.blocks, name="server", word=UnspentWord.SERVERS)
    listing = ListSource(chain.blocks, name="list", word=UnspentWord.SNAPSHOT, height=tip)
    declared = reserve(chain, [wallet("w", descriptors=[ranged("receive")])])
    statement = audit(declared, SeveralSources([failing, listing]), at=tip)
    alone = audit(declared, listing, at=tip)
    assert digest(statement) == digest(alone)
    assert statement.holders[0].wallets[0].branches[0].derived == WITHOUT_HISTORY
    failing.passes.clear()
    with pytest.raises(RequestError) as caught:
        audit(declared, SeveralSources([failing, listing]), at=tip, since=1)
    assert caught.value.code is AuditCode.SINCE_WITHOUT_HISTORY


@dataclass
class Slow(MemorySource):
    stopped: threading.Event = field(default_factory=threading.Event)

    def trace(self, scripts, upto, progress):
        self.stopped.wait(60)
        raise SourceError(ServerCode.UNREACHABLE, "closed", remedy="Ask again.")

    def notes(self):
        return (replace(super().notes()[0], kind=SourceKind.ELECTRUM),)

    def close(self):
        self.stopped.set()


def test_a_server_that_is_far_slower_than_the_others_is_left_out(monkeypatch):
    monkeypatch.setattr(several, "PATIENCE", 0.2)
    chain = read_chain(CHAIN)
    statement = ask(chain, Slow(chain.blocks, name="slow"), server(chain.blocks, "good"))
    assert told(statement) == [("source.failed", "unknown", "slow")]


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
