"""Esplora over a real node: the same evidence as from its block files.

The double is first held against a real client, bdkpython's; then erario asks it about the reserve
with every output type: at the tip, at heights before, after a reorganisation of 6 blocks and 200
new ones, with headers kept from before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.hostile.http import HttpServer
from tests.integration.esplora_double import EsploraDouble
from tests.integration.node import Node
from tests.integration.regtest_chain import RegtestChain
from tests.integration.regtest_wallets import Group, give_to_node, make_groups

import erario
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Height, Script, show_hash
from erario.chain.access import Access
from erario.chain.blocks_source import BlocksSource
from erario.chain.source import ChainSource, Progress, Trace
from erario.chain.sources import open_source
from erario.statement.evidence import UnspentWord
from erario.statement.model import Statement

pytestmark = [pytest.mark.node, pytest.mark.slow, pytest.mark.xdist_group("esplora")]

_SEED = 20_261_126
_BLOCKS = 116


@dataclass
class Story:
    """A node, its chain, the reserve over it and an Esplora over it."""

    node: Node
    groups: list[Group]
    chain: RegtestChain
    server: HttpServer
    folder: Path

    @property
    def scripts(self) -> list[Script]:
        return [
            Script(bytes.fromhex(each)) for group in self.groups for each in group.all_scripts()
        ]

    def files(self) -> BlocksSource:
        return BlocksSource(self.node.blocks, NetworkName.REGTEST)

    def esplora(self, *, own: bool = False) -> ChainSource:
        url = self.server.url.replace("http", "esplora+http", 1)
        return open_source(
            url, NetworkName.REGTEST, own=own, state=self.folder / "state", access=Access()
        )

    def trace(self, source: ChainSource, upto: int | None = None) -> Trace:
        try:
            chain = source.chain(_quiet)
            height = chain.tip if upto is None else Height(upto)
            assert chain.block_hash(chain.tip) == self.files().chain(_quiet).block_hash(chain.tip)
            return source.trace(self.scripts, height, _quiet)
        finally:
            source.close()


def write_scripts(groups: list[Group], folder: Path) -> None:
    """A reserve that names every script but those of the outside world: how wallets are derived
    is not what is tried here, and would ask for 40,000 scripts."""
    lines = ["erario = 1", 'network = "regtest"', "[holders.republic]", 'name = "Republic"']
    for group in groups[:-1]:
        lines += [f"[wallets.{group.name}]", f'scripts = {{ file = "{group.name}.csv" }}']
        rows = ["script", *dict.fromkeys(group.all_scripts()), ""]
        (folder / f"{group.name}.csv").write_text("\n".join(rows))
    (folder / "reserve.toml").write_text("\n".join([*lines, ""]))


def _quiet(_: Progress) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module")
def story(bitcoind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("esplora")
    (folder / "node").mkdir()
    groups = make_groups()
    with Node(bitcoind, folder / "node") as node:
        give_to_node(node, groups)
        write_scripts(groups, folder)
        chain = RegtestChain(node, groups, _SEED)
        chain.grow(_BLOCKS)
        with HttpServer(EsploraDouble(node)) as server:
            yield Story(node, groups, chain, server, folder)


def check_evidence(story: Story, upto: int | None = None) -> None:
    """The evidence is the very bytes that the block files give."""
    ours, theirs = story.trace(story.files(), upto), story.trace(story.esplora(), upto)
    assert ours.blocks
    assert theirs.blocks == ours.blocks
    assert theirs.unseen == ()


def check_coins(story: Story) -> None:
    """The unspent coins of a whole audit are those from the block files, and the node's own."""
    reserve = erario.load(story.folder)
    source = story.esplora()
    try:
        theirs = erario.audit(reserve, source)
    finally:
        source.close()
    ours = erario.audit(reserve, story.files())
    assert unspent(theirs) == unspent(ours) != []
    assert {word for _, word in labels(theirs)} == {UnspentWord.SERVERS}
    record = story.chain.records[theirs.cutoff.height]
    assert show_hash(theirs.cutoff.block_hash) == record.block_hash
    node = {coin for group in story.groups[:-1] for coin in record.of(group)}
    assert {
        (show_hash(outpoint.txid), outpoint.vout, sats, height, coinbase)
        for outpoint, sats, _, height, coinbase in unspent(theirs)
    } == node


def unspent(statement: Statement) -> list[tuple[object, ...]]:
    return sorted(
        (coin.outpoint, coin.sats, coin.script, coin.height, coin.coinbase)
        for coin in statement.coins
        if coin.unspent
    )


def labels(statement: Statement) -> set[tuple[str, UnspentWord]]:
    return {(note.name, note.word) for note in statement.observed.sources}


def test_a_real_client_is_content_with_the_double(story: Story) -> None:
    bdk = pytest.importorskip("bdkpython")
    client = bdk.EsploraClient(story.server.url)
    tip = story.node.rpc("getbestblockhash")
    assert client.get_height() == story.chain.height
    assert str(client.get_tip_hash()) == tip
    for group in story.groups:
        if group.name not in ("plain", "taproot", "legacy", "nested", "vault"):
            continue
        branches = [
            story.node.rpc("getdescriptorinfo", text)["descriptor"] for text in group.private
        ]
        receive, change = (bdk.Descriptor(each, bdk.NetworkKind.TEST) for each in branches)
        wallet = bdk.Wallet(receive, change, bdk.Network.REGTEST, bdk.Persister.new_in_memory())
        request = wallet.start_full_scan().build()
        wallet.apply_update(client.full_scan(request, 50, 2))
        coins = {
            (str(each.outpoint.txid), each.outpoint.vout, each.txout.value.to_sat())
            for each in wallet.list_unspent()
        }
        assert coins == {coin[:3] for coin in story.chain.records[story.chain.height].of(group)}


def test_every_proof_of_the_double_by_the_real_client(story: Story) -> None:
    bdk = pytest.importorskip("bdkpython")
    client = bdk.EsploraClient(story.server.url)
    for height in (1, 101, 111, story.chain.height):
        name = story.node.rpc("getblockhash", height)
        for position, txid in enumerate(story.node.rpc("getblock", name, 1)["tx"]):
            proof = client.get_merkle_proof(bdk.Txid.from_string(txid))
            assert (proof.block_height, proof.pos) == (height, position)
            at_index = client.get_txid_at_block_index(bdk.BlockHash.from_string(name), position)
            assert str(at_index) == txid
            raw = client.get_tx(bdk.Txid.from_string(txid)).serialize()
            assert bytes(raw).hex() == story.node.rpc("getrawtransaction", txid, False, name)


def test_the_evidence_at_the_tip(story: Story) -> None:
    check_evidence(story)


@pytest.mark.parametrize("height", [1, 101, 111])
def test_the_evidence_at_a_height(story: Story, height: int) -> None:
    check_evidence(story, height)


def test_the_coins_of_an_audit(story: Story) -> None:
    check_coins(story)


def test_after_a_reorganisation_and_new_blocks(story: Story) -> None:
    story.chain.reorganise(6)
    check_evidence(story)
    story.chain.grow(200)
    check_evidence(story)


def test_the_coins_of_an_audit_after_the_reorganisation(story: Story) -> None:
    check_coins(story)
