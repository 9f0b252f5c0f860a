"""`erario headers` and the chain of a real node: from genesis, on, and over to another branch.

The node mines raw scripts, is told to forget six blocks, and mines ten others in their place.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.integration.node import Node

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Height, read_hash
from erario.chain.access import Access
from erario.chain.served_chain import stored_chain
from erario.chain.sources import open_source
from erario.chain.state_folder import StateFolder
from erario.cli.main import run

pytestmark = pytest.mark.node
REGTEST = NetworkName.REGTEST


def mine(node: Node, count: int, opcode: str = "51") -> None:
    node.rpc("generatetodescriptor", count, f"raw({opcode})")


def headers(node: Node, state: Path, capsys: pytest.CaptureFixture[str]) -> dict:
    source = ("--source", f"node://127.0.0.1:{node._port}", "--network", "regtest")
    access = ("--cookie", str(node.blocks.parent / ".cookie"))
    code = run(["headers", *source, *access, "--state", str(state), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert code == 0, told
    return told


def assert_same_as_node(told: dict, node: Node) -> None:
    info = node.rpc("getblockchaininfo")
    assert told["tip"] == {"height": info["blocks"], "hash": info["bestblockhash"]}
    assert told["work"] == info["chainwork"]
    assert told["headers"] == info["blocks"] + 1


def test_headers_of_a_node(node: Node, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "state"
    mine(node, 150)
    assert_same_as_node(headers(node, state, capsys), node)
    mine(node, 20)
    assert_same_as_node(headers(node, state, capsys), node)
    # Another branch takes the place of the last six blocks.
    node.rpc("invalidateblock", node.rpc("getblockhash", 165))
    mine(node, 10, "52")
    assert_same_as_node(headers(node, state, capsys), node)
    kept = stored_chain(REGTEST, StateFolder(state, REGTEST))
    assert kept is not None
    access = Access(cookie=node.blocks.parent / ".cookie")
    source = open_source(f"node://127.0.0.1:{node._port}", REGTEST, access=access)
    chain = source.chain(lambda _: None)
    assert chain.tip == kept.tip == 174
    for height in (0, 1, 164, 165, 174):
        expected = read_hash(node.rpc("getblockhash", height))
        assert chain.block_hash(Height(height)) == kept.block_hash(Height(height)) == expected
        time = node.rpc("getblockheader", expected[::-1].hex())["mediantime"]
        assert int(chain.point(Height(height)).median_time_past.timestamp()) == time
    source.close()
