"""The source over a real node's RPC, held against its block files and its own `scantxoutset`.

One chain with every kind of script; the tests follow its story in their order: filters, every
block, coins, an interrupted scan, a reorganisation of six blocks and two hundred new ones. Then a
node that prunes, and one that is killed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.integration.node import Node
from tests.integration.regtest_chain import RegtestChain
from tests.integration.regtest_wallets import Group, give_to_node, make_groups, write_reserve

import erario
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Height, Script, show_hash
from erario.chain import node_finder
from erario.chain.access import Access
from erario.chain.blocks_source import BlocksSource
from erario.chain.source import ChainSource, Progress
from erario.chain.sources import open_source
from erario.chain.unspent import unspent_coins
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
