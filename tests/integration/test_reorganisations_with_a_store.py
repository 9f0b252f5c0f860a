"""Reorganisations of a real node, one to a hundred blocks deep, with a warm store.

The answer is always held against the one without a store, byte for byte; the chain is a random one
with payments, as the other tests of the real node have it. Last, audits with the store run while
the node reorganises.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.integration.node import Node
from tests.integration.regtest_chain import RegtestChain
from tests.integration.regtest_wallets import give_to_node, make_groups
from tests.strategies.stores import Answer, answer

from erario.bitcoin.network import NetworkName
from erario.chain import block_batches
from erario.chain.blocks_source import BlocksSource
from erario.chain.kept_blocks import KeptBlocks
from erario.chain.state_folder import StateFolder

pytestmark = [pytest.mark.node, pytest.mark.slow, pytest.mark.xdist_group("reorganisations")]

_SEED = 20_261_125
_BLOCKS = 110


@dataclass
class Watcher:
    """A node, its chain, and a store that is never cleared."""

    node: Node
    chain: RegtestChain
    scripts: list[bytes]
    state: Path

    def kept(self, *, own: bool = False) -> Answer:
        state = StateFolder(self.state, NetworkName.REGTEST)
        source = KeptBlocks(self.node.blocks, NetworkName.REGTEST, own=own, state=state)
        found = answer(source, self.scripts)
        assert state.troubles == ()
        return found

    def plain(self, *, own: bool = False) -> Answer:
        return answer(BlocksSource(self.node.blocks, NetworkName.REGTEST, own=own), self.scripts)


@pytest.fixture(scope="module")
def watcher(bitcoind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watcher]:
    folder = tmp_path_factory.mktemp("reorganisations")
    (folder / "node").mkdir()
    groups = make_groups()
    with Node(bitcoind, folder / "node", "-fastprune=1") as node:
        give_to_node(node, groups)
        chain = RegtestChain(node, groups, _SEED)
        chain.grow(_BLOCKS)
        scripts = [bytes.fromhex(s) for group in groups for s in group.all_scripts()]
        yield Watcher(node, chain, scripts, folder / "state")


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_batches, "FIRST_BYTES", 20_000)


def test_nothing_is_new(watcher: Watcher) -> None:
    plain = watcher.plain()
    assert isinstance(plain[0], int)
    assert watcher.kept() == plain
    assert watcher.kept() == plain
    assert watcher.kept(own=True) == watcher.plain(own=True)


@pytest.mark.parametrize("depth", [1, 2, 3, 6, 17, 100])
def test_a_reorganisation_with_a_warm_store(watcher: Watcher, depth: int) -> None:
    before = watcher.kept()
    watcher.chain.reorganise(depth)
    after = watcher.kept()
    assert after != before
    assert after == watcher.plain()
    assert watcher.kept(own=True) == watcher.plain(own=True)


def test_a_reorganisation_while_audits_run(watcher: Watcher) -> None:
    failures: list[BaseException] = []

    def reorganise() -> None:
        try:
            for depth in (2, 9, 4):
                watcher.chain.reorganise(depth)
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failures.append(error)

    running = threading.Thread(target=reorganise)
    running.start()
    compared = 0
    while running.is_alive():
        before, kept, after = watcher.plain(), watcher.kept(), watcher.plain()
        if before == after:
            assert kept == before
            compared += 1
    running.join()
    assert failures == []
    assert compared > 0
    assert watcher.kept() == watcher.plain()
