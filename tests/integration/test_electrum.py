"""The Electrum source over a real ElectrumX, held against the same node's block files.

One chain with every kind of script; the tests share it and follow its story in their order: as it
is, over TLS, with the limits that public servers have, then a reorganisation of six blocks, then
two hundred new blocks.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.integration.electrumx import ElectrumX, find_electrumx, make_certificate
from tests.integration.node import Node
from tests.integration.regtest_chain import RegtestChain
from tests.integration.regtest_wallets import Group, give_to_node, make_groups, write_reserve

import erario
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Height, Script
from erario.chain.access import Access
from erario.chain.blocks_source import BlocksSource
from erario.chain.source import ChainSource, Progress
from erario.chain.sources import open_source
from erario.chain.unspent import unspent_coins
from erario.statement.evidence import UnspentWord

pytestmark = [pytest.mark.node, pytest.mark.slow, pytest.mark.xdist_group("electrum")]

_SEED = 20_261_127
_BLOCKS = 130


@dataclass
class Story:
    """A node with its chain, an ElectrumX over it, and a reserve that names the wallets."""

    node: Node
    server: ElectrumX
    python: str
    folder: Path
    groups: list[Group]
    chain: RegtestChain

    @property
    def scripts(self) -> list[Script]:
        return [Script(bytes.fromhex(s)) for group in self.groups for s in group.all_scripts()]

    def source(self, *, tls: bool = False, state: Path | None = None) -> ChainSource:
        return reach(self.server, tls=tls, state=state)

    def blocks(self) -> BlocksSource:
        return BlocksSource(self.node.blocks, NetworkName.REGTEST)


def reach(server: ElectrumX, *, tls: bool = False, state: Path | None = None) -> ChainSource:
    scheme, port = ("electrum+ssl", server.tls_port) if tls else ("electrum", server.port)
    access = Access(timeout=60.0)
    url = f"{scheme}://127.0.0.1:{port}"
    return open_source(url, NetworkName.REGTEST, state=state, access=access)


def quiet(_: Progress) -> None:
    """Nobody looks."""


@pytest.fixture(scope="module")
def story(bitcoind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    python = find_electrumx()
    folder = tmp_path_factory.mktemp("electrum")
    for name in ("node", "server"):
        (folder / name).mkdir()
    groups = make_groups()
    with Node(bitcoind, folder / "node") as node:
        give_to_node(node, groups)
        write_reserve(node, groups, folder)
        chain = RegtestChain(node, groups, _SEED)
        chain.grow(_BLOCKS)
        certificate = make_certificate(folder)
        with ElectrumX(python, node, folder / "server", certificate=certificate) as server:
            yield Story(node, server, python, folder, groups, chain)


def caught_up(story: Story) -> ChainSource:
    """A source whose chain ends where the node's does; ElectrumX takes a moment."""
    end = time.monotonic() + 60
    while True:
        source = story.source()
        if source.chain(quiet).tip == story.chain.height:
            return source
        source.close()
        assert time.monotonic() < end
        time.sleep(0.1)


def check_against_blocks(story: Story) -> None:
    """The same headers, evidence and coins as block files show, at several heights."""
    source, blocks = caught_up(story), story.blocks()
    chain, best = source.chain(quiet), blocks.chain(quiet)
    assert chain.block_hash(chain.tip) == best.block_hash(best.tip)
    for upto in (best.tip, Height(best.tip - 7), Height(best.tip // 2)):
        trace = source.trace(story.scripts, upto, quiet)
        expected = blocks.trace(story.scripts, upto, quiet)
        assert trace.blocks == expected.blocks
        assert trace.unseen == ()
        scripts = set(story.scripts)
        coins = unspent_coins(trace.blocks, scripts, upto)
        assert coins
        assert coins == unspent_coins(expected.blocks, scripts, upto)
    source.close()


def test_the_evidence_is_the_same_as_of_block_files(story: Story) -> None:
    check_against_blocks(story)


def test_an_audit_gives_the_same_coins(story: Story) -> None:
    reserve = erario.load(story.folder)
    source = caught_up(story)
    served = erario.audit(reserve, source)
    source.close()
    read = erario.audit(reserve, story.blocks())
    assert served.word is UnspentWord.SERVERS
    names = [
        [(coin.outpoint, coin.sats, coin.script, coin.height, coin.coinbase) for coin in each.coins]
        for each in (served, read)
    ]
    assert names[0] == names[1]


def test_over_tls_with_a_pinned_certificate(story: Story, tmp_path: Path) -> None:
    for _ in range(2):
        source = story.source(tls=True, state=tmp_path)
        tip = source.chain(quiet).tip
        assert source.trace(story.scripts[:5], tip, quiet).unseen == ()
        source.close()
    (line,) = (tmp_path / "certificates.txt").read_text().splitlines()
    assert line.startswith(f"127.0.0.1:{story.server.tls_port} ")


@pytest.mark.parametrize(("limits", "patient"), [((1_000, 10_000), True), ((60, 160), False)])
def test_within_the_limits_of_public_servers(
    story: Story, tmp_path: Path, limits: tuple[int, int], patient: bool
) -> None:
    """The usual ones, and such narrow ones that the server hangs up in the middle."""
    with ElectrumX(story.python, story.node, tmp_path, limits=limits, patient=patient) as server:
        source = reach(server)
        tip = source.chain(quiet).tip
        trace = source.trace(story.scripts, tip, quiet)
        source.close()
    expected = story.blocks()
    expected.chain(quiet)
    assert trace.blocks == expected.trace(story.scripts, tip, quiet).blocks


def test_a_reorganisation_of_six_blocks(story: Story) -> None:
    story.chain.reorganise(6)
    check_against_blocks(story)


def test_two_hundred_new_blocks(story: Story) -> None:
    story.chain.grow(200)
    check_against_blocks(story)


def test_the_server_stopped_in_the_middle(story: Story) -> None:
    """A source whose server comes back is as good as new."""
    source = caught_up(story)
    tip = source.chain(quiet).tip
    first = source.trace(story.scripts[:50], tip, quiet)
    with socket.socket() as other:
        other.connect(("127.0.0.1", story.server.port))
        other.sendall(b"not json\n")
    source._server._session._hang_up()  # type: ignore[attr-defined]
    assert source.trace(story.scripts[:50], tip, quiet) == first
    source.close()


def test_scripts_that_electrumx_drops(story: Story) -> None:
    """What the note says of 00 6a is so: a payment to it is on the chain, and not listed.

    The last of this file: its block is in no record of the chain.
    """
    dropped = "006a0101"
    output = story.node.rpc("getdescriptorinfo", f"raw({dropped})")["descriptor"]
    story.node.rpc("generateblock", output, [])
    height = story.node.rpc("getblockcount")
    script = Script(bytes.fromhex(dropped))
    blocks = story.blocks()
    blocks.chain(quiet)
    assert blocks.trace([script], Height(height), quiet).blocks
    source = story.source()
    tip = source.chain(quiet).tip
    assert source.trace([script], tip, quiet).unseen == (script,)
    assert "00 6a" in source.notes()[0].caveat
    source.close()
