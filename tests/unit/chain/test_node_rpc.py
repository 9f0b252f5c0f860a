"""JSON-RPC: calls, batches, refusals, and credentials that go nowhere else."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.hostile.http import HttpServer, Question, Reply
from tests.hostile.rpc import PASSWORD, USER, RpcLie, serve
from tests.strategies.chains import GENESIS, mine_many

from erario.bitcoin.network import NetworkName
from erario.chain.access import Access
from erario.chain.errors import ChainCode, ServerCode
from erario.chain.node_conf import Login, NodeWay
from erario.chain.node_rpc import NodeRpc, RpcError
from erario.chain.sources import open_source
from erario.errors import ErarioError, RequestError, SourceError

CHAIN = mine_many(GENESIS, 4)


def rpc_of(server: HttpServer, secret: str = f"{USER}:{PASSWORD}") -> NodeRpc:
    way = NodeWay("127.0.0.1", server.port, lambda: Login(secret.encode()))
    return NodeRpc(way, Access(timeout=5.0), pause=lambda _: None)


def test_a_call_and_a_batch() -> None:
    with serve(CHAIN) as server:
        rpc = rpc_of(server)
        first = rpc.call("getblockhash", 1)
        assert first == CHAIN[0].block_hash[::-1].hex()
        found = rpc.batch("getblockhash", [[1], [99], [2]], most=10_000)
        assert found[0] == first
        assert isinstance(found[1], RpcError)
        assert found[1].number == -8
        assert rpc.batch("getblockhash", [], most=1) == []
        rpc.close()


def test_a_refusal_names_the_method_and_quotes_the_node() -> None:
    refusals = [(-1, "no\nway " + "x" * 500)]
    with serve(CHAIN, refusals=refusals) as server, pytest.raises(RpcError) as caught:
        rpc_of(server).call("getblockchaininfo")
    assert caught.value.code is ServerCode.REFUSED
    assert caught.value.number == -1
    assert 'refuses getblockchaininfo: "no?way xxx' in caught.value.what
    assert len(caught.value.what) < 300


def test_a_node_that_is_starting_is_waited_for() -> None:
    starting = [(-28, "Loading block index...")] * 5
    with serve(CHAIN, refusals=list(starting)) as server:
        assert rpc_of(server).call("getblockhash", 0)
    with serve(CHAIN, refusals=starting * 20) as server:
        with pytest.raises(RpcError) as caught:
            rpc_of(server).call("getblockhash", 0)
        assert caught.value.number == -28


@pytest.mark.parametrize(
    "lie", [RpcLie.OTHER_ID, RpcLie.NO_RESULT, RpcLie.BATCH_SHORT, RpcLie.BATCH_LONG]
)
def test_answers_that_belong_to_no_question(lie: RpcLie) -> None:
    with serve(CHAIN, lie) as server, pytest.raises(SourceError) as caught:
        rpc_of(server).batch("getblockhash", [[1], [2]], most=10_000)
    assert caught.value.code is ServerCode.GARBAGE


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["id", "result", "error", "code", "message"]), inner),
    ),
)


@given(VALUES)
def test_any_json_is_an_answer_or_refused(value: Any) -> None:
    with HttpServer(lambda _: Reply(json.dumps(value).encode())) as server:
        for ask in (
            lambda rpc: rpc.call("getblockhash", 1),
            lambda rpc: rpc.batch("getblockhash", [[1]], most=1_000_000),
        ):
            code = None
            try:
                ask(rpc_of(server))
            except SourceError as error:
                code = error.code
            assert code in {None, ServerCode.GARBAGE, ServerCode.REFUSED}


def test_a_new_cookie_is_read_once_the_old_one_is_refused(tmp_path: Path) -> None:
    cookie = tmp_path / "cookie"
    cookie.write_text("__cookie__:of yesterday")
    with serve(CHAIN) as server:
        access = Access(cookie=cookie)
        source = open_source(f"node://127.0.0.1:{server.port}", NetworkName.REGTEST, access=access)
        cookie.write_text(f"{USER}:{PASSWORD}")
        assert source.chain(lambda _: None).tip == 4


def test_credentials_for_this_machine_go_by_no_proxy(tmp_path: Path) -> None:
    login = tmp_path / "login"
    login.write_text(f"{USER}:{PASSWORD}")
    # Nobody listens there.
    access = Access(login=login, proxy="socks5h://127.0.0.1:1", timeout=1)
    with serve(CHAIN) as server:
        source = open_source(f"node://127.0.0.1:{server.port}", NetworkName.REGTEST, access=access)
        assert source.chain(lambda _: None).tip == 4


def test_credentials_are_shown_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    login = tmp_path / "login"
    login.write_text("user:battery staple")
    with serve(CHAIN) as server:
        url = f"node://127.0.0.1:{server.port}"
        source = open_source(url, NetworkName.REGTEST, access=Access(login=login))
        with pytest.raises(ErarioError) as caught:
            source.chain(lambda _: None)
        assert caught.value.code is ServerCode.CREDENTIALS
        shown = f"{caught.value} {caught.value!r} {source!r} {vars(source)} {caplog.text}"
        shown += f"{source.notes()} {caught.value.remedy}"
    assert "battery" not in shown
    assert "YmF0dGVyeS" not in shown


@pytest.mark.parametrize("path", ["/wallet", "/coins/more", "/x"])
def test_paths_that_mean_nothing(path: str) -> None:
    with pytest.raises(RequestError) as caught:
        open_source(f"node://localhost{path}", NetworkName.REGTEST)
    assert caught.value.code is ChainCode.URL_BAD


def test_coins_of_a_node_that_is_not_ones_own() -> None:
    with pytest.raises(RequestError) as caught:
        open_source("node://localhost/coins", NetworkName.REGTEST)
    assert caught.value.code is ChainCode.ACCESS_BAD
    assert "--own" in caught.value.remedy


def test_what_is_sent_goes_to_the_root_and_once() -> None:
    asked: list[Question] = []

    def answer(question: Question) -> Reply:
        asked.append(question)
        return Reply(b'{"id": 0, "result": 7, "error": null}')

    with HttpServer(answer) as server:
        assert rpc_of(server).call("uptime") == 7
    assert [(one.method, one.path) for one in asked] == [("POST", "/")]
    assert asked[0].headers["content-type"] == "application/json"
