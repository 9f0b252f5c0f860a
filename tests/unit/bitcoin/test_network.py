"""The networks' constants, against what can be computed or looked up elsewhere."""

from __future__ import annotations

import hashlib

import pytest

from erario.bitcoin.block import check_block_content, read_block
from erario.bitcoin.header_rules import check_work
from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.script import is_unspendable
from erario.bitcoin.values import COIN, Height, show_hash
from erario.bitcoin.work import bits_of_target

GENESIS = {
    NetworkName.MAIN: "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
    NetworkName.TESTNET3: "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943",
    NetworkName.TESTNET4: "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043",
    NetworkName.SIGNET: "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6",
    NetworkName.REGTEST: "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
}


@pytest.mark.parametrize("name", NetworkName)
def test_genesis_is_the_known_block(name):
    rules = network(name)
    block = read_block(rules.genesis)
    assert show_hash(block.header.block_hash) == GENESIS[name]
    assert block.header.previous == bytes(32)
    assert [o.sats for t in block.transactions for o in t.outputs] == [50 * COIN]
    assert check_block_content(block, rules, Height(0)) == ()
    assert check_work(rules, block.header.block_hash, block.header.bits) is None


@pytest.mark.parametrize("name", NetworkName)
def test_easiest_bits_are_the_limit_in_compact_form(name):
    rules = network(name)
    assert rules.easiest_bits == bits_of_target(rules.pow_limit)


def test_signet_magic_is_the_hash_of_its_default_challenge():
    # BIP 325: the first four bytes of the double hash of the challenge, as a script with length.
    challenge = bytes.fromhex(
        "512103ad5e0edad18cb1f0fc0d28a3d4f1f3e445640337489abb10404f2d1e086be430"
        "210359ef5021964fe22d6f8e05b2463c9540ce96883fe3b278760f048f5189f2e6c452ae"
    )
    data = bytes((len(challenge),)) + challenge
    digest = hashlib.sha256(hashlib.sha256(data).digest()).digest()
    assert network(NetworkName.SIGNET).magic == digest[:4]


def test_no_two_networks_share_their_magic_or_genesis():
    everything = [network(name) for name in NetworkName]
    assert len({n.magic for n in everything}) == 5
    assert len({n.genesis for n in everything}) == 5


def test_only_signet_has_no_proof_of_work_to_rest_on():
    assert [n for n in NetworkName if not network(n).authenticated] == [NetworkName.SIGNET]


def test_only_regtest_has_no_minimum_work():
    assert [n for n in NetworkName if not network(n).minimum_work] == [NetworkName.REGTEST]


def test_scripts_of_genesis_outputs_are_ordinary():
    # That the genesis output is no coin is a rule of its own, not one of its script.
    for name in NetworkName:
        (output,) = read_block(network(name).genesis).transactions[0].outputs
        assert not is_unspendable(output.script)
