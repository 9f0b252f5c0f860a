"""Snapshots that a real node dumped: its own hash, every output type, and every byte flipped.

One node makes a chain of payments to every kind of script, a transaction of 20,000 outputs, and
coins of uncompressed keys on and off the curve; each dump is held against what the node itself
says (`gettxoutsetinfo`) and what its block files show.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.integration.node import Node
from tests.integration.regtest_chain import RegtestChain
from tests.integration.regtest_wallets import Group, give_to_node, make_groups
from tests.unit.chain.snapshot_twin import full_key_script

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Height, Script
from erario.chain.blocks_source import BlocksSource
from erario.chain.snapshot_source import SnapshotSource
from erario.chain.unspent import unspent_coins
from erario.errors import ErarioError
from erario.statement.evidence import ListedCoin

pytestmark = [pytest.mark.node, pytest.mark.slow]

_SEED = 20_261_125
_BLOCKS = 220
_WIDE = 20_000
_OFF_THE_CURVE = b"\x41\x04" + bytes(63) + b"\x05" + b"\xac"
_KEYS = [full_key_script(number) for number in range(1, 9)]


@dataclass
class Story:
    """The node, its wallets, and the folder for dumps."""

    node: Node
    groups: list[Group]
    chain: RegtestChain
    folder: Path

    def dump(self, name: str) -> tuple[Path, str]:
        """A dump of the tip, and the pin that the node gives for it."""
        path = self.folder / name
        self.node.rpc("dumptxoutset", str(path), "latest")
        info = self.node.rpc("gettxoutsetinfo", "hash_serialized_3")
        return path, f"{info['height']}:{info['bestblock']}:{info['hash_serialized_3']}"


@pytest.fixture(scope="module")
def story(bitcoind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("snapshot")
    (folder / "node").mkdir()
    groups = make_groups()
    with Node(bitcoind, folder / "node") as node:
        give_to_node(node, groups)
        chain = RegtestChain(node, groups, _SEED)
        chain.grow(_BLOCKS)
        yield Story(node, groups, chain, folder)


def open_one(path: Path, pin: str) -> SnapshotSource:
    return SnapshotSource(path, NetworkName.REGTEST, pin=pin)


def read(path: Path, pin: str, scripts: list[Script]) -> tuple[ListedCoin, ...]:
    source = open_one(path, pin)
    height = source.only_height()
    assert height is not None
    return source.trace(scripts, height, lambda _: None).listed


def check_against_blocks(story: Story, name: str) -> None:
    path, pin = story.dump(name)
    scripts = [Script(bytes.fromhex(s)) for group in story.groups for s in group.all_scripts()]
    listed = read(path, pin, scripts)
    blocks = BlocksSource(story.node.blocks, NetworkName.REGTEST)
    source = open_one(path, pin)
    source.rest_on(blocks.chain(lambda _: None))
    assert source.chain(lambda _: None).tip == story.chain.height
    trace = blocks.trace(scripts, Height(story.chain.height), lambda _: None)
    expected = unspent_coins(trace.blocks, scripts, Height(story.chain.height))
    assert listed == tuple(expected[name] for name in sorted(expected))
    assert len(listed) > 100


def test_coins_of_every_kind_equal_those_of_the_blocks(story: Story) -> None:
    check_against_blocks(story, "kinds.dat")


def test_after_a_reorganisation(story: Story) -> None:
    story.chain.reorganise(6)
    check_against_blocks(story, "reorganised.dat")


def test_every_byte_flipped_is_caught(story: Story) -> None:
    path, pin = story.dump("small.dat")
    raw = path.read_bytes()
    assert int.from_bytes(raw[43:51], "little") > 300
    bad_path, chance = story.folder / "bad.dat", random.Random(_SEED)
    for at in range(len(raw)):
        bad = bytearray(raw)
        bad[at] ^= chance.randint(1, 255)
        bad_path.write_bytes(bad)
        with pytest.raises(ErarioError) as caught:
            read(bad_path, pin, [])
        assert caught.value.code, at


def test_a_wide_transaction_and_uncompressed_keys(story: Story) -> None:
    """Coins beyond output 16,511 are out of order in the file; forms 4 and 5 lack half a key."""
    add_wide_block(story)
    path, pin = story.dump("large.dat")
    coins = read(path, pin, [Script(_KEYS[2]), Script(_OFF_THE_CURVE)])
    assert len(coins) == 2 * (_WIDE // 1_000)
    raw = path.read_bytes()
    for number in (1, 2, 3, 4, 5, 6, 7, 8):
        assert _KEYS[number - 1] not in raw
    bad_path, chance = story.folder / "bad.dat", random.Random(_SEED)
    for at in chance.sample(range(len(raw)), 200):
        bad = bytearray(raw)
        bad[at] ^= chance.randint(1, 255)
        bad_path.write_bytes(bad)
        with pytest.raises(ErarioError):
            read(bad_path, pin, [])


def add_wide_block(story: Story) -> None:
    """Spend a coin that anybody can spend to 20,000 outputs; each 1,000 has every key once."""
    node = story.node
    descriptor = node.rpc("getdescriptorinfo", "raw(51)")["descriptor"]
    block_hash = node.rpc("generatetodescriptor", 101, descriptor)[0]
    txid = node.rpc("getblock", block_hash)["tx"][0]
    odd = [*_KEYS, _OFF_THE_CURVE]
    parts = [struct.pack("<iB", 2, 1), bytes.fromhex(txid)[::-1], struct.pack("<IB", 0, 0)]
    parts += [b"\xff" * 4, b"\xfd" + struct.pack("<H", _WIDE)]
    for vout in range(_WIDE):
        place = vout % 1_000
        script = odd[place] if place < len(odd) else b"\x00\x14" + vout.to_bytes(20, "big")
        parts.append(struct.pack("<qB", vout + 1, len(script)) + script)
    node.rpc("generateblock", descriptor, [(b"".join(parts) + bytes(4)).hex()])
