"""The source over a node that tells the truth, or one lie in turn."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.hostile.http import HttpServer, Transport
from tests.hostile.rpc import PASSWORD, USER, RpcDouble, RpcLie, serve
from tests.strategies.chains import (
    GENESIS,
    SCRIPTS,
    SUBSIDY,
    History,
    Made,
    Tx,
    histories,
    mine,
    mine_many,
    plain_folder,
)

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Height, Script
from erario.chain import node_finder, node_scan
from erario.chain.access import Access
from erario.chain.blocks_source import BlocksSource
from erario.chain.errors import ChainCode, ServerCode
from erario.chain.node_coins import NodeCoins
from erario.chain.node_conf import Login, NodeWay
from erario.chain.node_rpc import NodeRpc
from erario.chain.node_server import NodeServer
from erario.chain.node_source import NodeSource
from erario.chain.source import Progress, Trace
from erario.chain.unspent import unspent_coins
from erario.errors import ErarioError, RequestError, SourceError
from erario.statement.evidence import SourceKind, UnspentWord
from erario.statement.finding import FindingCode, Verdict

WATCHED = [Script(script) for script in SCRIPTS[:4]]


def make_chain() -> list[Made]:
    """Twelve blocks, with payments to the watched scripts, a witness, and a spend."""
    chain = mine_many(GENESIS, 2)
    chain.append(mine(chain[-1], pay=((SUBSIDY, SCRIPTS[0]),)))
    first = chain[-1].transactions[0]
    spend = Tx(
        ((first.txid, 0),),
        ((SUBSIDY // 2, SCRIPTS[1]), (SUBSIDY // 2, SCRIPTS[8])),
        witnesses=((b"\x05" * 64,),),
    )
    chain += mine_many(chain[-1], 2)
    chain.append(mine(chain[-1], [spend], pay=((SUBSIDY, SCRIPTS[2]),)))
    chain += mine_many(chain[-1], 5)
    chain.append(mine(chain[-1], pay=((SUBSIDY, SCRIPTS[3]),)))
    return chain


CHAIN = make_chain()
TIP = Height(len(CHAIN))


def reach(server: HttpServer, timeout: float = 5.0) -> NodeServer:
    way = NodeWay("127.0.0.1", server.port, lambda: Login(f"{USER}:{PASSWORD}".encode()))
    rpc = NodeRpc(way, Access(timeout=timeout), pause=lambda _: None)
    return NodeServer(rpc, NetworkName.REGTEST)


def history_of(server: HttpServer, *, own: bool = False, timeout: float = 5.0) -> NodeSource:
    return NodeSource(reach(server, timeout), NetworkName.REGTEST, own=own, state=None)


def coins_of(server: HttpServer, timeout: float = 5.0) -> NodeCoins:
    return NodeCoins(reach(server, timeout), NetworkName.REGTEST, state=None)


def ignore(_progress: Progress) -> None:
    """Nobody looks on."""


def double(server: HttpServer) -> RpcDouble:
    found = server._answer
    assert isinstance(found, RpcDouble)
    return found


def refused(ask: Callable[[], object]) -> ErarioError:
    with pytest.raises(ErarioError) as caught:
        ask()
    assert caught.value.remedy
    assert PASSWORD not in str(caught.value)
    return caught.value


def by_blocks(folder: Path, chain: list[Made], scripts: list[Script], upto: Height) -> Trace:
    source = BlocksSource(plain_folder(folder, chain), NetworkName.REGTEST)
    return source.trace(scripts, upto, ignore)


# The truth ----------------------------------------------------------------------------------


@pytest.mark.parametrize("upto", [TIP, 6, 3, 1])
def test_the_evidence_is_that_of_block_files(tmp_path: Path, upto: int) -> None:
    expected = by_blocks(tmp_path, CHAIN, WATCHED, Height(upto))
    with serve(CHAIN) as server:
        source = history_of(server)
        assert source.trace(WATCHED, Height(upto), ignore) == expected
        assert source.notes()[0].word is UnspentWord.SERVERS
    with serve(CHAIN, filters=False) as server:
        source = history_of(server)
        assert source.trace(WATCHED, Height(upto), ignore) == expected
        assert source.notes()[0].word is UnspentWord.BLOCKS


def test_the_compiled_finder_finds_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_finder, "MANY", 0)
    with serve(CHAIN, filters=False) as server:
        found = history_of(server).trace(WATCHED, TIP, ignore)
    assert found == by_blocks(tmp_path, CHAIN, WATCHED, TIP)


@given(histories(), st.sets(st.sampled_from(SCRIPTS), min_size=1))
def test_any_chain_gives_the_evidence_of_block_files(
    tmp_path_factory: pytest.TempPathFactory, history: History, scripts: set[bytes]
) -> None:
    chain = list(history.main)
    watched = [Script(script) for script in sorted(scripts)]
    upto = Height(len(chain))
    expected = by_blocks(tmp_path_factory.mktemp("blocks"), chain, watched, upto)
    for filters in (True, False):
        with serve(chain, filters=filters) as server:
            assert history_of(server).trace(watched, upto, ignore) == expected
    with serve(chain) as server:
        listed = coins_of(server).trace(watched, upto, ignore).listed
    unspent = unspent_coins(expected.blocks, watched, upto)
    assert listed == tuple(unspent[outpoint] for outpoint in sorted(unspent))


def test_false_positives_cost_a_look_only(tmp_path: Path) -> None:
    with serve(CHAIN, RpcLie.ALL_BLOCKS) as server:
        found = history_of(server).trace(WATCHED, TIP, ignore)
    assert found == by_blocks(tmp_path, CHAIN, WATCHED, TIP)


def test_what_the_filters_hide_is_not_found_and_its_word_says_so() -> None:
    with serve(CHAIN, RpcLie.HIDDEN_BLOCK) as server:
        source = history_of(server)
        found = source.trace(WATCHED, TIP, ignore)
        assert [block.height for block in found.blocks] == [6, 12]
        (note,) = source.notes()
    assert note.kind is SourceKind.NODE
    assert note.word is UnspentWord.SERVERS
    assert "filters" in note.caveat


def test_an_own_node_is_taken_at_its_word() -> None:
    for filters in (True, False):
        with serve(CHAIN, filters=filters) as server:
            source = history_of(server, own=True)
            source.trace(WATCHED, TIP, ignore)
            assert source.notes()[0].word is UnspentWord.OWN_NODE


def test_the_weakest_of_two_roads_counts() -> None:
    with serve(CHAIN, filters=False) as server:
        source = history_of(server)
        source.trace(WATCHED, TIP, ignore)
        double(server).filters = True
        source.trace(WATCHED, TIP, ignore)
        assert source.notes()[0].word is UnspentWord.SERVERS


def test_scripts_that_filters_do_not_hold(tmp_path: Path) -> None:
    empty = Script(b"")
    chain = [*CHAIN, mine(CHAIN[-1], pay=((SUBSIDY, b""),))]
    upto = Height(TIP + 1)
    with serve(chain) as server:
        source = history_of(server)
        found = source.trace([*WATCHED, empty], upto, ignore)
        assert source.notes()[0].word is UnspentWord.BLOCKS
        coins = coins_of(server).trace([*WATCHED, empty], upto, ignore)
    assert found == by_blocks(tmp_path, chain, [*WATCHED, empty], upto)
    assert coins.unseen == (empty,)
    (finding,) = coins.findings
    assert (finding.code, finding.verdict) == (FindingCode.SOURCE_UNSEEN, Verdict.UNKNOWN)


def test_what_can_never_be_spent_is_not_asked_about() -> None:
    with serve(CHAIN) as server:
        assert history_of(server).trace([Script(b"\x6a\x01\x01")], TIP, ignore) == Trace((), ())
        assert coins_of(server).trace([Script(b"\x6a")], TIP, ignore) == Trace((), ())
        assert not [method for method, _ in double(server).asked if method.startswith("scan")]


def test_a_height_above_the_tip_is_refused() -> None:
    with serve(CHAIN) as server:
        for source in (history_of(server), coins_of(server)):
            error = refused(lambda s=source: s.trace(WATCHED, Height(TIP + 1), ignore))
            assert error.code is ChainCode.HEIGHT_UNKNOWN
            assert isinstance(error, RequestError)


# Lies about blocks --------------------------------------------------------------------------

BLOCK_LIES = {
    RpcLie.AMOUNT: ServerCode.LIED_BLOCK,
    RpcLie.LEFT_OUT: ServerCode.LIED_BLOCK,
    RpcLie.WITNESS: ServerCode.LIED_BLOCK,
    RpcLie.ANOTHER_BLOCK: ServerCode.LIED_BLOCK,
    RpcLie.CUT_BLOCK: ServerCode.LIED_BLOCK,
    RpcLie.BLOCK_NO_HEX: ServerCode.GARBAGE,
}


@pytest.mark.parametrize("many", [0, 2_000], ids=["compiled", "plain"])
@pytest.mark.parametrize("filters", [True, False], ids=["filters", "blocks"])
@pytest.mark.parametrize(("lie", "code"), BLOCK_LIES.items())
def test_lies_about_blocks(
    monkeypatch: pytest.MonkeyPatch, lie: RpcLie, code: ServerCode, filters: bool, many: int
) -> None:
    monkeypatch.setattr(node_finder, "MANY", many)
    with serve(CHAIN, lie, filters=filters) as server:
        error = refused(lambda: history_of(server).trace(WATCHED, TIP, ignore))
        assert f"127.0.0.1:{server.port}" in error.what
    assert error.code is code


FILTER_LIES = {
    RpcLie.UNKNOWN_BLOCKS: ServerCode.LIED_BLOCK,
    RpcLie.STALE_BLOCKS: ServerCode.LIED_BLOCK,
    RpcLie.BLOCKS_OF_ELSEWHERE: ServerCode.LIED_BLOCK,
    RpcLie.ENDLESS_BLOCKS: ServerCode.TOO_LARGE,
    RpcLie.NEVER_COMPLETED: ServerCode.REFUSED,
}


@pytest.mark.parametrize(("lie", "code"), FILTER_LIES.items())
def test_lies_of_filters(lie: RpcLie, code: ServerCode) -> None:
    stale = [mine(CHAIN[6], tag=b"stale")]
    with serve(CHAIN, lie, stale=stale) as server:
        assert refused(lambda: history_of(server).trace(WATCHED, TIP, ignore)).code is code


# Lies about headers -------------------------------------------------------------------------

HEADER_LIES = {
    RpcLie.WORK: ServerCode.LIED_WORK,
    RpcLie.DIFFICULTY: ServerCode.LIED_DIFFICULTY,
    RpcLie.FUTURE: ServerCode.LIED_TIME,
    RpcLie.OLD: ServerCode.LIED_TIME,
    RpcLie.VERSION: ServerCode.LIED_VERSION,
    RpcLie.LINK: ServerCode.LIED_LINK,
    RpcLie.ANOTHER_HEADER: ServerCode.LIED_LINK,
    RpcLie.LOST_HEADERS: ServerCode.LIED_LINK,
    RpcLie.STALE_TIP: ServerCode.LIED_TIP,
    RpcLie.ANOTHER_NETWORK: ServerCode.OTHER_NETWORK,
}


@pytest.mark.parametrize(("lie", "code"), HEADER_LIES.items())
def test_lies_about_headers(lie: RpcLie, code: ServerCode) -> None:
    with serve(CHAIN, lie) as server:
        assert refused(lambda: history_of(server).chain(ignore)).code is code
        assert refused(lambda: coins_of(server).chain(ignore)).code is code


# Lies about coins ---------------------------------------------------------------------------

COIN_LIES = {lie: ServerCode.LIED_COIN for lie in RpcLie if lie.value.startswith("coin_")} | {
    RpcLie.COINS_BEYOND_SUPPLY: ServerCode.LIED_SUPPLY,
    RpcLie.COINS_OF_ANOTHER_BLOCK: ServerCode.UNSETTLED,
    RpcLie.COINS_NEVER_DONE: ServerCode.REFUSED,
    RpcLie.AMOUNT: ServerCode.LIED_BLOCK,
}


@pytest.mark.parametrize(("lie", "code"), COIN_LIES.items())
def test_lies_about_coins(lie: RpcLie, code: ServerCode) -> None:
    with serve(CHAIN, lie) as server:
        assert refused(lambda: coins_of(server).trace(WATCHED, TIP, ignore)).code is code


def test_coins_are_listed_at_one_height() -> None:
    with serve(CHAIN) as server:
        source = coins_of(server)
        assert source.only_height() == TIP
        (note,) = source.notes()
        assert not note.history
        assert note.word is UnspentWord.OWN_NODE
        assert len(source.trace(WATCHED, TIP, ignore).listed) == 3
        error = refused(lambda: source.trace(WATCHED, Height(5), ignore))
        assert error.code is ServerCode.UNSETTLED


def spending(chain: list[Made]) -> list[Made]:
    """Two blocks more: the coin of block 12 is spent to another watched script, and back."""
    first = chain[11].transactions[0]
    there = Tx(((first.txid, 0),), ((SUBSIDY, SCRIPTS[0]),), signatures=(b"\x51",))
    back = Tx(((there.txid, 0),), ((SUBSIDY, SCRIPTS[3]),), signatures=(b"\x51",))
    grown = [*chain, mine(chain[-1], [there], pay=((SUBSIDY, SCRIPTS[2]),))]
    return [*grown, mine(grown[-1], [back])]


def test_coins_of_before_the_blocks_that_came_meanwhile(tmp_path: Path) -> None:
    blocks = by_blocks(tmp_path, CHAIN, WATCHED, TIP).blocks
    expected = unspent_coins(blocks, WATCHED, TIP)
    with serve(CHAIN) as server:
        source = coins_of(server)
        source.chain(ignore)
        double(server).chain = spending(CHAIN)
        listed = source.trace(WATCHED, TIP, ignore).listed
    assert listed == tuple(expected[outpoint] for outpoint in sorted(expected))


def test_too_many_blocks_that_came_meanwhile() -> None:
    with serve(CHAIN) as server:
        source = coins_of(server)
        source.chain(ignore)
        double(server).chain = [*CHAIN, *mine_many(CHAIN[-1], 7)]
        error = refused(lambda: source.trace(WATCHED, TIP, ignore))
    assert error.code is ServerCode.UNSETTLED


def test_a_coin_that_was_made_up_for_the_blocks_that_came_meanwhile() -> None:
    with serve(CHAIN) as server:
        source = coins_of(server)
        source.chain(ignore)
        knows = double(server)
        knows.chain = spending(CHAIN)
        real = knows._decoded

        def lie(tx: Tx) -> dict[str, Any]:
            decoded = real(tx)
            for spend in decoded["vin"]:
                if "prevout" in spend:
                    spend["prevout"]["value"] = 1.0
            return decoded

        knows._decoded = lie  # type: ignore[method-assign]
        error = refused(lambda: source.trace(WATCHED, TIP, ignore))
    assert error.code is ServerCode.LIED_COIN


# Pruned nodes -------------------------------------------------------------------------------


def test_a_pruned_node_answers_where_it_has_the_blocks(tmp_path: Path) -> None:
    scripts = [Script(SCRIPTS[3])]
    with serve(CHAIN, kept_from=9) as server:
        found = history_of(server).trace(scripts, TIP, ignore)
    assert found == by_blocks(tmp_path, CHAIN, scripts, TIP)


@pytest.mark.parametrize("filters", [True, False])
def test_a_pruned_node_says_what_it_lacks(filters: bool) -> None:
    with serve(CHAIN, kept_from=5, filters=filters) as server:
        error = refused(lambda: history_of(server).trace(WATCHED, TIP, ignore))
    assert error.code is ServerCode.LACKS
    assert "from height 5 on" in error.what
    assert "/coins" in error.remedy


def test_a_pruned_node_lists_its_coins_and_says_what_was_not_checked() -> None:
    with serve(CHAIN, kept_from=9) as server:
        source = coins_of(server)
        assert len(source.trace(WATCHED, TIP, ignore).listed) == 3
        assert "no longer keeps" in source.notes()[0].caveat
    with serve(CHAIN, RpcLie.COIN_OTHER_AMOUNT, kept_from=9) as server:
        # Nobody can see that, but the caveat says so.
        assert len(coins_of(server).trace(WATCHED, TIP, ignore).listed) == 3


def test_a_block_that_is_pruned_meanwhile() -> None:
    with serve(CHAIN) as server:
        source = history_of(server)
        source.chain(ignore)
        knows = double(server)

        def prune(step: Progress) -> None:
            if step.step == "Reading blocks":
                knows.kept_from = 20

        assert refused(lambda: source.trace(WATCHED, TIP, prune)).code is ServerCode.LACKS


# Nodes from before Bitcoin Core 25.0 ----------------------------------------------------------


@pytest.mark.parametrize("own", [True, False])
def test_an_old_node_with_filters_is_read_block_by_block(tmp_path: Path, own: bool) -> None:
    with serve(CHAIN, old=True) as server:
        source = history_of(server, own=own)
        assert source.trace(WATCHED, TIP, ignore) == by_blocks(tmp_path, CHAIN, WATCHED, TIP)
        (note,) = source.notes()
    assert note.word is (UnspentWord.OWN_NODE if own else UnspentWord.BLOCKS)
    assert "25.0" in note.caveat
    assert "its filters leave out nothing" not in note.caveat


def test_an_old_node_lists_coins_whose_blocks_say_the_rest() -> None:
    with serve(CHAIN) as server:
        expected = coins_of(server).trace(WATCHED, TIP, ignore)
    assert {coin.coinbase for coin in expected.listed} == {True, False}
    with serve(CHAIN, old=True) as server:
        assert coins_of(server).trace(WATCHED, TIP, ignore) == expected
    with serve(CHAIN, RpcLie.COIN_OTHER_AMOUNT, old=True) as server:
        error = refused(lambda: coins_of(server).trace(WATCHED, TIP, ignore))
    assert error.code is ServerCode.LIED_COIN


def test_an_old_node_that_is_pruned_says_which_version_it_takes() -> None:
    with serve(CHAIN, old=True, kept_from=9) as server:
        error = refused(lambda: coins_of(server).trace(WATCHED, TIP, ignore))
    assert error.code is ServerCode.LACKS
    assert "25.0" in (error.remedy or "")


# Reorganisations ----------------------------------------------------------------------------


def reorganised(chain: list[Made], keep: int) -> list[Made]:
    return [*chain[:keep], *mine_many(chain[keep - 1], len(chain) - keep + 1, tag=b"other")]


def test_a_reorganisation_below_the_cut_off_is_told() -> None:
    with serve(CHAIN) as server:
        source = history_of(server)
        source.chain(ignore)
        double(server).chain = reorganised(CHAIN, 6)
        double(server).stale = CHAIN
        assert refused(lambda: source.trace(WATCHED, TIP, ignore)).code is ServerCode.UNSETTLED


def test_a_reorganisation_during_the_scan_is_told() -> None:
    with serve(CHAIN) as server:
        source = history_of(server)
        source.chain(ignore)

        def reorganise() -> None:
            double(server).chain, double(server).stale = reorganised(CHAIN, 6), CHAIN

        double(server).on_scan = reorganise
        assert refused(lambda: source.trace(WATCHED, TIP, ignore)).code is ServerCode.UNSETTLED


def test_a_reorganisation_above_the_cut_off_changes_nothing(tmp_path: Path) -> None:
    with serve(CHAIN) as server:
        source = history_of(server)
        source.chain(ignore)
        double(server).chain, double(server).stale = reorganised(CHAIN, 9), CHAIN
        found = source.trace(WATCHED, Height(8), ignore)
    assert found == by_blocks(tmp_path, CHAIN, WATCHED, Height(8))


def test_every_block_is_asked_by_its_hash(tmp_path: Path) -> None:
    with serve(CHAIN, filters=False) as server:
        source = history_of(server)
        source.chain(ignore)
        double(server).chain, double(server).stale = reorganised(CHAIN, 6), CHAIN
        found = source.trace(WATCHED, TIP, ignore)
    assert found == by_blocks(tmp_path, CHAIN, WATCHED, TIP)


def test_a_chain_that_changes_while_its_headers_are_read() -> None:
    with serve(CHAIN) as server:
        source = history_of(server)
        knows = double(server)
        real = knows._getblockhash

        def once(height: int) -> str:
            if height == TIP and len(knows.chain) == TIP:
                knows.chain, knows.stale = reorganised(CHAIN, 6), CHAIN
            return real(height)

        knows._getblockhash = once  # type: ignore[method-assign]
        assert source.chain(ignore).tip == TIP + 1


# Lies of transport --------------------------------------------------------------------------

TRANSPORT_LIES = {
    Transport.HANG: ServerCode.TIMEOUT,
    Transport.DRIP_BODY: ServerCode.TIMEOUT,
    Transport.GIGABYTES: ServerCode.TOO_LARGE,
    Transport.GIGABYTES_CHUNKED: ServerCode.TOO_LARGE,
    Transport.GARBAGE: ServerCode.GARBAGE,
    Transport.GARBAGE_BODY: ServerCode.GARBAGE,
    Transport.DEEP_JSON: ServerCode.GARBAGE,
    Transport.CUT: ServerCode.UNREACHABLE,
    Transport.REDIRECT: ServerCode.REDIRECT,
    Transport.CREDENTIALS: ServerCode.CREDENTIALS,
    Transport.UNAVAILABLE: ServerCode.RATE_LIMITED,
}
METHODS = ["getblockchaininfo", "getblockheader", '"getblock"', "scanblocks", "scantxoutset"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("lie", "code"), TRANSPORT_LIES.items())
def test_lies_of_transport(lie: Transport, code: ServerCode, method: str) -> None:
    with serve(CHAIN, lie, method) as server:
        source = (coins_of if method == "scantxoutset" else history_of)(server, timeout=0.4)
        error = refused(lambda: source.trace(WATCHED, TIP, ignore))
        # Where little is expected, 100,000 brackets are too many already.
        too_many = lie is Transport.DEEP_JSON and error.code is ServerCode.TOO_LARGE
        assert error.code is code or too_many
        assert isinstance(error, SourceError)
        assert not [one for one in server.questions if one.path == server.elsewhere]
        source.close()


def test_a_scan_that_hangs_is_ended_and_aborted() -> None:
    with serve(CHAIN, Transport.HANG, '"start"') as server:
        error = refused(lambda: history_of(server, timeout=0.4).trace(WATCHED, TIP, ignore))
        assert error.code is ServerCode.TIMEOUT
        assert ("scanblocks", "abort") in double(server).asked


@pytest.mark.parametrize("method", ["scanblocks", "scantxoutset"])
def test_a_scan_of_somebody_else_is_waited_for_and_never_aborted(method: str) -> None:
    with serve(CHAIN, busy={method}) as server:
        source = (coins_of if method == "scantxoutset" else history_of)(server)
        assert refused(lambda: source.trace(WATCHED, TIP, ignore)).code is ServerCode.REFUSED
        source.close()
        asked = [what for name, what in double(server).asked if name == method]
    assert set(asked) == {"status"}
    assert len(asked) > 100


def test_somebody_who_is_faster_is_waited_for() -> None:
    with serve(CHAIN) as server:
        source = coins_of(server)
        source.chain(ignore)
        knows = double(server)
        rounds = itertools.count()

        def begin() -> None:
            if next(rounds) == 0:
                knows.busy = {"scantxoutset"}
                knows.refuse(-8, "Scan already in progress")

        def end(_step: Progress) -> None:
            knows.busy = set()

        knows.on_scan = begin
        assert len(source.trace(WATCHED, TIP, end).listed) == 3
        assert next(rounds) == 2
        assert ("scantxoutset", "abort") not in knows.asked


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit])
def test_a_scan_of_ours_is_aborted_when_we_are_interrupted(raised: type[BaseException]) -> None:
    def interrupt(step: Progress) -> None:
        if step.step.startswith("Scanning"):
            raise raised

    with serve(CHAIN, Transport.HANG, '"start"') as server:
        source = coins_of(server)
        source.chain(ignore)
        with pytest.raises(raised):
            source.trace(WATCHED, TIP, interrupt)
        assert ("scantxoutset", "abort") in double(server).asked


def test_a_scan_that_was_refused_is_not_aborted() -> None:
    with serve(CHAIN) as server:
        source = coins_of(server)
        source.chain(ignore)
        knows = double(server)

        def begin() -> None:
            knows.busy = {"scantxoutset"}
            knows.refuse(-8, "Scan already in progress")

        knows.on_scan = begin

        def interrupt(_step: Progress) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            source.trace(WATCHED, TIP, interrupt)
        assert ("scantxoutset", "abort") not in knows.asked


def test_parameters_that_are_refused_are_told() -> None:
    with serve(CHAIN) as server:
        source = history_of(server)
        double(server).on_scan = lambda: double(server).refuse(-8, "no such script")
        found = refused(lambda: source.trace(WATCHED, TIP, ignore))
    assert found.code is ServerCode.REFUSED
    assert "no such script" in found.what


def test_closing_ends_the_scan_that_another_thread_waits_for() -> None:
    with serve(CHAIN, Transport.HANG, '"start"') as server:
        source = coins_of(server, timeout=60.0)
        source.chain(ignore)
        errors: list[ErarioError] = []

        def ask() -> None:
            errors.append(refused(lambda: source.trace(WATCHED, TIP, ignore)))

        asking = threading.Thread(target=ask)
        asking.start()
        while not [one for one in server.questions if b'"start"' in one.body]:
            time.sleep(0.01)
        source.close()
        asking.join(10)
        assert [error.code for error in errors] == [ServerCode.TIMEOUT]
        assert ("scantxoutset", "abort") in double(server).asked


def test_scripts_are_asked_in_requests_that_a_node_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_scan, "LARGEST_REQUEST", 120)
    with serve(CHAIN) as server:
        assert history_of(server).trace(WATCHED, TIP, ignore) == by_blocks(
            tmp_path, CHAIN, WATCHED, TIP
        )
        assert len(coins_of(server).trace(WATCHED, TIP, ignore).listed) == 3
        starts = [question for question in server.questions if b'"start"' in question.body]
    assert len(starts) > 3


def test_windows_of_heights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("erario.chain.node_filters._FIRST_WINDOW", 2)
    monkeypatch.setattr("erario.chain.node_filters._SMALLEST_WINDOW", 2)
    monkeypatch.setattr("erario.chain.node_filters._QUICK", -1.0)
    steps: list[Any] = []
    with serve(CHAIN) as server:
        found = history_of(server).trace(WATCHED, TIP, steps.append)
        starts = [
            json.loads(question.body)["params"][2:]
            for question in server.questions
            if b'"start"' in question.body
        ]
    assert starts == [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10], [11, 12]]
    assert found == by_blocks(tmp_path, CHAIN, WATCHED, TIP)
    assert {step.step for step in steps} >= {"Asking the node's filters", "Reading blocks"}
