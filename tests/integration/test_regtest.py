"""Audits against a real node: hundreds of blocks, every kind of script, a reorganisation.

What the node said of its unspent coins after each block is the expectation, at every height. The
tests of this file share one chain and follow its story in their order: it lies still, grows while
it is audited, and is reorganised.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.integration.node import Node, RpcError, sats
from tests.integration.regtest_chain import RegtestChain
from tests.integration.regtest_wallets import (
    SIGNER,
    Group,
    give_to_node,
    make_groups,
    watch,
    write_reserve,
)

import erario
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Height, show_hash
from erario.chain.blocks_source import BlocksSource
from erario.errors import ErarioError
from erario.statement.evidence import UnspentWord
from erario.statement.model import Coin, Statement

pytestmark = [pytest.mark.node, pytest.mark.slow]

_SEED = 20_261_124
_BLOCKS = 320


@dataclass
class Story:
    """The shared chain, and the reserve that names its wallets."""

    node: Node
    groups: list[Group]
    chain: RegtestChain
    folder: Path
    _tip: tuple[str, Statement] | None = None

    def source(self, *, own: bool = False) -> BlocksSource:
        """The node's block files, looked at anew."""
        return BlocksSource(self.node.blocks, NetworkName.REGTEST, own=own)

    def audit_tip(self) -> Statement:
        """An audit at the tip; the last one is kept, since deriving takes seconds."""
        tip = self.chain.records[self.chain.height].block_hash
        if self._tip is None or self._tip[0] != tip:
            self._tip = tip, self.audit()
        return self._tip[1]

    def audit(self, at: object = None, *, own: bool = False) -> Statement:
        """The library's two calls."""
        return erario.audit(erario.load(self.folder), self.source(own=own), at=at)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def story(bitcoind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("regtest")
    (folder / "node").mkdir()
    groups = make_groups()
    # Small files, so that the chain fills several.
    with Node(bitcoind, folder / "node", "-fastprune=1") as node:
        give_to_node(node, groups)
        write_reserve(node, groups, folder)
        chain = RegtestChain(node, groups, _SEED)
        chain.grow(_BLOCKS)
        yield Story(node, groups, chain, folder)


def as_node_says(coin: Coin) -> tuple[str, int, int, int, bool]:
    """A coin in the words of the records."""
    txid = show_hash(coin.outpoint.txid)
    return txid, coin.outpoint.vout, coin.sats, coin.height, coin.coinbase


def check_every_wallet(story: Story, statement: Statement) -> None:
    """Each wallet's unspent coins and balance are what the node said at the cut-off."""
    record = story.chain.records[statement.cutoff.height]
    assert show_hash(statement.cutoff.block_hash) == record.block_hash
    wallets = {wallet.id: wallet for holder in statement.holders for wallet in holder.wallets}
    assert set(wallets) == {group.name for group in story.groups[:-1]}
    for group in story.groups[:-1]:
        coins = [coin for coin in statement.coins if coin.wallet == group.name]
        assert {as_node_says(coin) for coin in coins if coin.unspent} == record.of(group)
        assert wallets[group.name].balance.sats == sum(coin[2] for coin in record.of(group))
        for coin in coins:
            next_block = statement.cutoff.height + 1
            ripe = not coin.coinbase or next_block - coin.height >= 100
            assert not coin.unspent or coin.immature != ripe


def test_the_chain_has_what_it_should(story: Story) -> None:
    files = list(story.node.blocks.glob("blk*.dat"))
    assert len(files) > 3
    assert any((story.node.blocks / "xor.dat").read_bytes())
    kinds = {str(kind.type) for holder in story.audit_tip().holders for kind in holder.types}
    assert kinds >= {
        "p2pk", "p2pkh", "p2sh", "p2wpkh", "p2wsh", "p2tr", "multisig", "p2a", "witness_unknown",
        "nonstandard",
    }  # fmt: skip


def test_coins_equal_scantxoutset_at_every_height(story: Story) -> None:
    statement = story.audit_tip()
    check_every_wallet(story, statement)
    for height, record in story.chain.records.items():
        for group in story.groups[:-1]:
            found = {
                as_node_says(coin)
                for coin in statement.coins
                if coin.wallet == group.name
                and coin.height <= height
                and (coin.spent is None or coin.spent.height > height)
            }
            assert found == record.of(group), (height, group.name)


def test_an_audit_at_a_height_equals_scantxoutset(story: Story) -> None:
    for height in sorted(random.Random(_SEED).sample(range(1, _BLOCKS), 4)):
        check_every_wallet(story, story.audit(height))


def test_an_own_node_gives_the_same_coins(story: Story) -> None:
    statement = story.audit(own=True)
    check_every_wallet(story, statement)
    assert statement.word == UnspentWord.OWN_NODE


def test_coins_equal_listunspent_with_immature_coinbases(story: Story) -> None:
    check_listunspent(story, "before")


def check_listunspent(story: Story, name: str) -> None:
    # A fresh start empties the mempool: listunspent omits what the mempool spends. Wallets that
    # only watch know of no payment that was undone.
    story.node.stop()
    story.node.start()
    statement = story.audit_tip()
    for group in story.groups[:-1]:
        wallet = f"{name}-{group.name}"
        watch(story.node, wallet, group)
        options = {"include_immature_coinbase": True}
        listed = story.node.rpc("listunspent", 0, 9_999_999, [], True, options, wallet=wallet)
        story.node.rpc("unloadwallet", wallet)
        expected = {(each["txid"], each["vout"], sats(each["amount"])) for each in listed}
        coins = [coin for coin in statement.coins if coin.wallet == group.name and coin.unspent]
        assert {as_node_says(coin)[:3] for coin in coins} == expected, group.name
    story.node.rpc("loadwallet", SIGNER)


def test_headers_and_transactions_are_the_nodes(story: Story) -> None:
    best = story.source().chain(lambda _: None)
    assert best.tip == story.chain.height
    for height, record in story.chain.records.items():
        assert show_hash(best.block_hash(Height(height))) == record.block_hash
        header = story.node.rpc("getblockheader", record.block_hash, False)
        assert best.header(Height(height)).hex() == header
    blocks: dict[int, list[str]] = {}
    for movement in story.audit_tip().movements:
        if movement.height not in blocks:
            record = story.chain.records[movement.height]
            blocks[movement.height] = story.node.rpc("getblock", record.block_hash)["tx"]
        assert movement.txid is not None
        assert blocks[movement.height][movement.position] == show_hash(movement.txid)


def test_cut_offs_by_hash_and_by_instant(story: Story) -> None:
    chance = random.Random(_SEED)
    times = [story.chain.records[height].time for height in sorted(story.chain.records)]
    assert times != sorted(times), "header times must run backwards somewhere"
    asked = story.chain.records[_BLOCKS // 3].block_hash
    assert story.audit(asked).cutoff.height == _BLOCKS // 3

    def expected(second: int) -> int:
        return max(h for h, record in story.chain.records.items() if record.time < second)

    second = chance.choice(times)
    statement = story.audit(datetime.fromtimestamp(second, UTC).isoformat())
    assert statement.cutoff.height == expected(second)
    check_every_wallet(story, statement)
    best = story.source().chain(lambda _: None)
    for _ in range(300):
        second = chance.choice(times[1:]) + chance.choice((0, 1, 600))
        found = best.cutoff(datetime.fromtimestamp(second, UTC), best.tip)
        assert found == expected(second)


def test_cut_off_by_day(story: Story) -> None:
    day = datetime.fromtimestamp(story.chain.records[_BLOCKS // 2].time, UTC).date()
    end = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    statement = story.audit(day.isoformat())
    before = [h for h, each in story.chain.records.items() if each.time < end.timestamp()]
    assert statement.cutoff.height == max(before)
    assert statement.observed.settled is True


def test_the_roll_forward_closes(story: Story) -> None:
    opening, closing = 150, story.chain.height
    reserve = erario.load(story.folder)
    statement = erario.audit(reserve, story.source(), at=closing, since=opening)
    for holder in statement.holders:
        for wallet in holder.wallets:
            group = next(group for group in story.groups if group.name == wallet.id)
            roll = wallet.roll_forward
            assert roll is not None
            assert roll.opening == sum(c[2] for c in story.chain.records[opening].of(group))
            assert roll.closing == sum(c[2] for c in story.chain.records[closing].of(group))
            gained = roll.received + roll.between_in
            lost = roll.sent + roll.between_out + roll.fees
            assert roll.opening + gained - lost == roll.closing


def test_audits_while_the_chain_grows(story: Story) -> None:
    failures: list[BaseException] = []

    def grow() -> None:
        try:
            story.chain.grow(40)
        except (AssertionError, OSError, RpcError) as error:
            failures.append(error)

    before = story.chain.height
    growing = threading.Thread(target=grow)
    growing.start()
    statements = [story.audit()]
    while growing.is_alive():
        statements.append(story.audit())
    growing.join()
    assert not failures
    assert story.chain.height == before + 40
    for statement in statements:
        check_every_wallet(story, statement)
    check_every_wallet(story, story.audit_tip())


def test_after_growth_the_coins_are_the_nodes(story: Story) -> None:
    check_listunspent(story, "grown")


def test_a_reorganisation_is_followed(story: Story) -> None:
    stale = story.chain.records[story.chain.height].block_hash
    # A source that was opened before goes on with the chain that it has read; a new one must not.
    story.chain.reorganise(6)
    statement = story.audit_tip()
    assert statement.cutoff.height == story.chain.height
    check_every_wallet(story, statement)
    check_every_wallet(story, story.audit(story.chain.height - 7))
    with pytest.raises(ErarioError) as caught:
        story.audit(stale)
    assert caught.value.remedy
    check_listunspent(story, "reorganised")


def test_a_node_that_does_not_obfuscate(bitcoind: str, tmp_path: Path) -> None:
    (tmp_path / "node").mkdir()
    groups = make_groups()
    with Node(bitcoind, tmp_path / "node", "-blocksxor=0") as node:
        give_to_node(node, groups)
        write_reserve(node, groups, tmp_path)
        chain = RegtestChain(node, groups, _SEED + 1)
        chain.grow(120)
        plain = Story(node, groups, chain, tmp_path)
        check_every_wallet(plain, plain.audit())
    # The node has ended; its files have not.
    check_every_wallet(plain, plain.audit())
