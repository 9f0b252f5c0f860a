"""The main job on mainnet's first blocks, as they lie in the shared data."""

from __future__ import annotations

import bz2
from dataclasses import replace
from pathlib import Path

import pytest
from tests.strategies.evidence import claim, read_chain, reserve, show_claim, wallet

from erario.auditing import audit
from erario.bitcoin.block import read_block
from erario.bitcoin.descriptor import read_descriptor
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import COIN
from erario.errors import Place
from erario.reserve.model import DeclaredDescriptor, DeclaredScript
from erario.statement.finding import FindingCode, Verdict
from erario.statement.model import Existence

pytestmark = pytest.mark.shared

KEY = (
    "0411db93e1dcdb8a016b49840f8c53bc1eb68a382e97b1482ecad7b148a6909a5c"
    "b2e0eaddfb84ccf9744464f82e160bfa9b8b64f9d4c03f999b8643f656b412a3"
)

GENESIS = read_descriptor(
    "pk(04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb6"
    "49f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5f)",
    NetworkName.MAIN,
)


@pytest.fixture(scope="module")
def source(shared_data: Path):
    blocks_source = pytest.importorskip("erario.chain.blocks_source")
    path = shared_data / "blocks" / "mainnet-1-256.bz2"
    return blocks_source.BlocksSource(path, NetworkName.MAIN)


def one_key(*claims):
    descriptor = read_descriptor(f"pk({KEY})", NetworkName.MAIN)
    named = wallet("hal", descriptors=[DeclaredDescriptor(descriptor, None, Place("r", 1))])
    declared = reserve(read_chain("1 coinbase > 50 x"), [named], claims)
    return replace(declared, network=NetworkName.MAIN)


def test_fifty_after_block_9_and_eighteen_at_the_tip(source):
    early = audit(one_key(), source, at=9)
    late = audit(one_key(claim("> 17.9", 255), claim("<= 50", (9, 255))), source, since=9)
    assert early.holders[0].totals[0].balance.sats == 50 * COIN
    assert late.holders[0].totals[0].balance.sats == 18 * COIN
    assert late.cutoff.height == 255
    assert [one.height for one in late.movements] == [9, 170, 181, 182, 183, 248]
    roll = late.holders[0].roll_forward
    assert roll is not None
    assert (roll.opening, roll.closing, roll.fees) == (50 * COIN, 18 * COIN, 0)
    assert [show_claim(one) for one in late.claims] == [
        "kept 18 margin 0.1 [255, 255]",
        "kept 18 to 50 margin 0 [9, 255]",
    ]


def test_a_chain_of_little_work_proves_nothing_and_says_so_first(source):
    statement = audit(one_key(), source)
    first = statement.observed.findings[0]
    assert (first.code, first.verdict) == (FindingCode.CHAIN_WORK, Verdict.UNKNOWN)
    assert statement.existence is Existence.REPORTED
    assert statement.holders[0].totals[0].existence is Existence.REPORTED
    assert statement.holders[0].exposed_sats == 18 * COIN


def test_all_outputs_together(source, shared_data):
    data = memoryview(bz2.decompress((shared_data / "blocks" / "mainnet-1-256.bz2").read_bytes()))
    scripts = {}
    while data:
        size = int.from_bytes(data[4:8], "little")
        for transaction in read_block(data[8 : 8 + size]).transactions:
            scripts |= {output.script: None for output in transaction.outputs}
        data = data[8 + size :]
    empty = wallet("all", descriptors=[DeclaredDescriptor(GENESIS, None, Place("r", 1))]).wallet
    written = tuple(DeclaredScript(s, None, None, None, Place("r", 2)) for s in scripts)
    everything = replace(one_key(), wallets=(replace(empty, scripts=written),))
    statement = audit(everything, source)
    (line,) = statement.holders[0].totals
    assert (line.balance.coins, line.balance.sats) == (260, 12_750 * COIN)
    # What the genesis block pays is watched as well, and is no coin.
    assert GENESIS.branches[0].scripts(0, 1)[0][1] in {
        one.script for one in statement.holders[0].wallets[0].scripts if one.received_in == 0
    }
