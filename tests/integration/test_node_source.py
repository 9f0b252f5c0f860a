"""The source over a real node's RPC, held against its block files and its own `scantxoutset`.

One chain with every kind of script; the tests follow its story in their order: filters, every
block, coins, an interrupted scan, a reorganisation of six blocks and two hundred new ones. Then a
node that prunes, and one that is killed.
"""

from __future__ import annotations

import queue
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.integration.node import Node
from tests.integration.regtest_chain import RegtestChain
from tests.integration.regtest_wallets import Group, give_to_node, make_groups, write_reserve

import erario
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Height, Script, show_hash
from erario.chain import node_blocks, node_finder, node_scan
from erario.chain.access import Access
from erario.chain.blocks_source import BlocksSource
from erario.chain.errors import ServerCode
from erario.chain.node_coins import COINS_STEP
from erario.chain.node_rpc import NodeRpc
from erario.chain.node_source import BLOCK_STEP
from erario.chain.source import ChainSource, Progress
from erario.chain.sources import open_source
from erario.chain.unspent import unspent_coins
from erario.errors import SourceError
from erario.statement.evidence import ListedCoin, UnspentWord

pytestmark = [pytest.mark.node, pytest.mark.slow, pytest.mark.xdist_group("node-source")]

_SEED = 20_261_126
_BLOCKS = 160


@dataclass
class Story:
    """A node with filters, its chain, and a reserve that names its wallets."""

    node: Node
    folder: Path
    groups: list[Group]
    chain: RegtestChain

    @property
    def scripts(self) -> list[Script]:
        return [Script(bytes.fromhex(s)) for group in self.groups for s in group.all_scripts()]

    def source(self, path: str = "", *, own: bool = False) -> ChainSource:
        return reach(self.node, path, own=own)

    def blocks(self) -> BlocksSource:
        return BlocksSource(self.node.blocks, NetworkName.REGTEST)


def reach(node: Node, path: str = "", *, own: bool = False, timeout: float = 20.0) -> ChainSource:
    access = Access(cookie=node.blocks.parent / ".cookie", timeout=timeout)
    url = f"node://127.0.0.1:{node._port}{path}"
    return open_source(url, NetworkName.REGTEST, own=own, access=access)


@pytest.fixture(scope="module")
def story(bitcoind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("node-source")
    (folder / "node").mkdir()
    groups = make_groups()
    with Node(bitcoind, folder / "node", "-blockfilterindex=1") as node:
        give_to_node(node, groups)
        write_reserve(node, groups, folder)
        chain = RegtestChain(node, groups, _SEED)
        chain.grow(_BLOCKS)
        yield Story(node, folder, groups, chain)


def test_the_evidence_is_byte_identical_by_every_road(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_every_road(story, monkeypatch)


def check_every_road(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    tip = Height(story.chain.height)
    for upto in (tip, Height(tip - 40)):
        expected = story.blocks().trace(story.scripts, upto, ignore)
        assert len(expected.blocks) > 50
        monkeypatch.setattr(node_finder, "MANY", 1_000_000)
        by_filters = story.source()
        chain = by_filters.chain(ignore)
        assert chain.tip == tip
        assert show_hash(chain.block_hash(upto)) == story.chain.records[upto].block_hash
        assert by_filters.trace(story.scripts, upto, ignore) == expected
        assert by_filters.notes()[0].word == UnspentWord.SERVERS
        with monkeypatch.context() as patched:
            patched.setattr("erario.chain.node_server.NodeServer.filters_reach", lambda _: None)
            by_blocks = story.source()
            assert by_blocks.trace(story.scripts, upto, ignore) == expected
            assert by_blocks.notes()[0].word == UnspentWord.BLOCKS
            patched.setattr(node_finder, "MANY", 1)
            assert story.source().trace(story.scripts, upto, ignore) == expected
    coins = story.source("/coins", own=True)
    assert coins.only_height() == tip
    listed = coins.trace(story.scripts, tip, ignore).listed
    whole = story.blocks().trace(story.scripts, tip, ignore)
    unspent = unspent_coins(whole.blocks, story.scripts, tip)
    assert listed == tuple(unspent[outpoint] for outpoint in sorted(unspent))
    assert {as_node_says(coin) for coin in listed} == {
        coin for group in story.groups for coin in story.chain.records[tip].of(group)
    }


def as_node_says(coin: ListedCoin) -> tuple[str, int, int, int, bool]:
    """A coin in the words of the records."""
    txid = show_hash(coin.outpoint.txid)
    return txid, coin.outpoint.vout, coin.sats, coin.height, coin.coinbase


def test_this_machines_node_is_found_by_its_bitcoin_conf(story: Story) -> None:
    conf = story.folder / "bitcoin.conf"
    lines = [f"datadir={story.node.blocks.parent.parent}", "[regtest]"]
    conf.write_text("\n".join([*lines, f"rpcport={story.node._port}", ""]))
    source = open_source("node://", NetworkName.REGTEST, access=Access(conf=conf))
    assert source.chain(ignore).tip == story.chain.height
    source.close()


def ignore(_progress: Progress) -> None:
    """Nobody looks on."""


def test_an_audit_over_a_node_is_the_one_over_its_blocks(story: Story) -> None:
    reserve = erario.load(story.folder)
    by_blocks = erario.audit(reserve, story.blocks())
    by_node = erario.audit(reserve, story.source())
    assert by_node.cutoff == by_blocks.cutoff
    assert [c.outpoint for c in by_node.coins] == [c.outpoint for c in by_blocks.coins]
    assert [(c.sats, c.script, c.height) for c in by_node.coins] == [
        (c.sats, c.script, c.height) for c in by_blocks.coins
    ]
    own = erario.audit(reserve, story.source(own=True))
    assert own.word == UnspentWord.OWN_NODE


def test_after_a_reorganisation_and_two_hundred_blocks(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.chain.reorganise(6)
    check_every_road(story, monkeypatch)
    story.chain.grow(200)
    check_every_road(story, monkeypatch)


def test_a_node_that_is_killed_and_started_again(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_blocks, "_MOST_IN_BATCH", 3)
    source = reach(story.node, timeout=2.0)
    upto = source.chain(ignore).tip
    expected = story.blocks().trace(story.scripts, upto, ignore)

    def kill(step: Progress) -> None:
        process = story.node._process
        if step.step == BLOCK_STEP and process is not None and process.poll() is None:
            process.kill()
            process.wait()

    with pytest.raises(SourceError) as caught:
        source.trace(story.scripts, upto, kill)
    assert caught.value.code is ServerCode.UNREACHABLE
    source.close()
    story.node.start()
    again = reach(story.node)
    assert again.trace(story.scripts, upto, ignore) == expected
    again.close()


@pytest.fixture(scope="module")
def crowd(bitcoind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node with so many coins that a scan of them takes a moment."""
    folder = tmp_path_factory.mktemp("crowd")
    with Node(bitcoind, folder, "-txindex=0") as node:
        anyone = node.rpc("getdescriptorinfo", "raw(51)")["descriptor"]
        hashes = node.rpc("generatetodescriptor", 112, anyone)
        for number in range(12):
            block = node.rpc("getblock", hashes[number], 2)
            many = fan(block["tx"][0]["txid"], number)
            node.rpc("generateblock", anyone, [many])
        yield node


def fan(txid: str, number: int, outputs: int = 30_000) -> str:
    """A transaction that spends a coinbase to many scripts."""
    parts = [struct.pack("<iB", 2, 1), bytes.fromhex(txid)[::-1], struct.pack("<I", 0)]
    parts += [b"\0", b"\xff" * 4, b"\xfd", struct.pack("<H", outputs)]
    for index in range(outputs):
        script = b"\x00\x14" + struct.pack("<QQI", number, index, 7)
        parts.append(struct.pack("<qB", 1_000, len(script)) + script)
    parts.append(struct.pack("<I", 0))
    return b"".join(parts).hex()


MANY = [Script(b"\x00\x14" + index.to_bytes(20, "big")) for index in range(100_000)]


def test_our_scan_is_aborted_when_we_are_interrupted(
    crowd: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_scan, "_LOOK_SECONDS", 0.3)
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    real = NodeRpc.call

    def call(rpc: NodeRpc, method: str, *parameters: Any, **options: Any) -> Any:
        answer = real(rpc, method, *parameters, **options)
        if parameters[:1] == ("start",):
            answers.put(answer)
        return answer

    def interrupt(step: Progress) -> None:
        if step.step == COINS_STEP:
            raise KeyboardInterrupt

    monkeypatch.setattr(NodeRpc, "call", call)
    source = reach(crowd, "/coins", own=True)
    tip = source.chain(ignore).tip
    with pytest.raises(KeyboardInterrupt):
        source.trace(MANY, tip, interrupt)
    assert answers.get(timeout=60)["success"] is False
    # The next one is not disturbed.
    assert source.trace(MANY, tip, ignore).listed == ()
    source.close()


def test_the_scan_of_somebody_else_goes_on(crowd: Node) -> None:
    theirs: queue.SimpleQueue[Any] = queue.SimpleQueue()
    descriptors = [f"raw({script.hex()})" for script in MANY]

    def scan() -> None:
        theirs.put(crowd.rpc("scantxoutset", "start", descriptors))

    source = reach(crowd, "/coins", own=True)
    tip = source.chain(ignore).tip

    def interrupt(step: Progress) -> None:
        if step.step == COINS_STEP:
            raise KeyboardInterrupt

    other = threading.Thread(target=scan)
    other.start()
    while crowd.rpc("scantxoutset", "status") is None and other.is_alive():
        time.sleep(0.01)
    with pytest.raises(KeyboardInterrupt):
        source.trace(MANY[:5], tip, interrupt)
    # Waited for, when nobody interrupts.
    assert source.trace(MANY[:5], tip, ignore).listed == ()
    other.join()
    assert theirs.get()["success"] is True
    source.close()


def test_a_node_that_prunes(bitcoind: str, tmp_path: Path) -> None:
    options = ("-txindex=0", "-prune=1", "-fastprune=1", "-blockfilterindex=1")
    with Node(bitcoind, tmp_path, *options) as node:
        scripts = [Script(b"\x00\x14" + bytes([number]) * 20) for number in range(1, 4)]
        early, middle, late = (
            node.rpc("getdescriptorinfo", f"raw({script.hex()})")["descriptor"]
            for script in scripts
        )
        anyone = node.rpc("getdescriptorinfo", "raw(51)")["descriptor"]
        node.rpc("generatetodescriptor", 3, early)
        node.rpc("generatetodescriptor", 900, anyone)
        node.rpc("generatetodescriptor", 1, middle)
        node.rpc("generatetodescriptor", 250, anyone)
        node.rpc("generatetodescriptor", 2, late)
        kept_from = node.rpc("pruneblockchain", 800) + 1
        assert kept_from > 3
        tip = Height(node.rpc("getblockcount"))
        for source in (reach(node), reach(node, own=True)):
            found = source.trace(scripts[1:], tip, ignore)
            assert [block.height for block in found.blocks] == [904, 1155, 1156]
            with pytest.raises(SourceError) as caught:
                source.trace(scripts, tip, ignore)
            assert caught.value.code is ServerCode.LACKS
            assert str(node.rpc("getblockchaininfo")["pruneheight"]) in caught.value.what
            source.close()
        coins = reach(node, "/coins", own=True)
        listed = coins.trace(scripts, tip, ignore).listed
        assert sorted(coin.height for coin in listed) == [1, 2, 3, 904, 1155, 1156]
        assert "no longer keeps" in coins.notes()[0].caveat
        coins.close()
