"""Messages signed by a real node's own wallets: its strings, and our PSBTs through it.

What it signs with `signmessage` verifies here; what `erario message start` writes, it signs for
every script type that its wallets know; it finalises the scripts that are no template.
"""

from __future__ import annotations

import pytest
from embit import bip32
from embit.networks import NETWORKS
from tests.integration.node import Node

from erario.bitcoin.address import read_address
from erario.bitcoin.descriptor import read_descriptor
from erario.bitcoin.network import NetworkName
from erario.proof import Form, ProofCode, check_message
from erario.proof.descriptor_fields import script_fields
from erario.proof.making import finalise, signature_text, start_message
from erario.proof.psbt import combine, read_psbt

pytestmark = pytest.mark.node

MESSAGE = "erario control proof v1: Treasury of Exampleland; block 144"
REGTEST = NetworkName.REGTEST
ROOTS = [
    bip32.HDKey.from_seed(bytes((number,)) * 32, version=NETWORKS["regtest"]["xprv"])
    for number in range(1, 6)
]
NOBODY = "50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0"
"""A point that nobody has the key of (BIP 341)."""


def key(number: int, *signers: int) -> str:
    """An account's key with its origin: private for signers."""
    root = ROOTS[number]
    account = root.derive("m/48h/1h/0h")
    text = account if number in signers else account.to_public()
    return f"[{root.my_fingerprint.hex()}/48h/1h/0h]{text.to_base58()}/0/*"


QUORUM = "wsh(sortedmulti(3,{0},{1},{2},{3},{4}))"
CASES = {
    # descriptor: signers, options, whether the node must finalise, form, keys
    "pkh({0})": ((0,), {}, False, Form.FULL, 1),
    "wpkh({0})": ((0,), {}, False, Form.SIMPLE, 1),
    "sh(wpkh({0}))": ((0,), {}, False, Form.FULL, 1),
    "tr({0})": ((0,), {}, False, Form.SIMPLE, 1),
    "sh(multi(2,{0},{1}))": ((0, 1), {}, False, Form.FULL, 2),
    "sh(wsh(multi(2,{0},{1},{2})))": ((2, 0), {}, False, Form.FULL, 2),
    QUORUM: ((4, 0, 2), {}, False, Form.SIMPLE, 3),
    f"tr({NOBODY},{{{{pk({{0}}),pk({{1}})}}}})": ((1,), {}, False, Form.SIMPLE, 1),
    f"tr({NOBODY},multi_a(2,{{0}},{{1}},{{2}}))": ((0, 2), {}, False, Form.SIMPLE, 2),
    "wsh(and_v(v:pk({0}),older(144)))": ((0,), {"sequence": 144}, True, Form.FULL, 1),
    "wsh(and_v(v:pk({0}),after(800)))": ((0,), {"locktime": 800}, True, Form.FULL, 1),
    "wsh(or_d(pk({0}),and_v(v:pkh({1}),older(144))))": ((0,), {}, True, Form.SIMPLE, 1),
}


@pytest.fixture(scope="module")
def wallets(bitcoind: str, tmp_path_factory: pytest.TempPathFactory):
    """A node for all tests of this file."""
    with Node(bitcoind, tmp_path_factory.mktemp("messages")) as node:
        yield node


def test_its_own_strings(wallets: Node) -> None:
    wallets.rpc("createwallet", "plain")
    wanted = {
        "legacy": Form.LEGACY,
        "p2sh-segwit": Form.FULL,
        "bech32": Form.SIMPLE,
        "bech32m": Form.SIMPLE,
    }
    for kind, form in wanted.items():
        address = wallets.rpc("getnewaddress", "", kind, wallet="plain")
        signature = wallets.rpc("signmessage", address, MESSAGE, wallet="plain")
        script = read_address(address, REGTEST)
        result = check_message(script, MESSAGE, signature)
        assert (result.code, result.form, result.keys) == (ProofCode.VALID, form, 1), kind
        assert result.is_proved
        assert not check_message(script, MESSAGE + "!", signature).is_proved


@pytest.mark.parametrize("text", CASES)
def test_our_psbt_through_its_wallets(wallets: Node, text: str) -> None:
    signers, options, by_node, form, keys = CASES[text]
    public = text.format(*(key(number) for number in range(5)))
    script, fields = script_fields(read_descriptor(public, REGTEST), 0, 3)
    psbt = start_message(script, MESSAGE, fields=fields, **options)
    returned = [sign(wallets, text, number, psbt.to_text()) for number in signers]
    if by_node:
        both = wallets.rpc("combinepsbt", returned)
        final = wallets.rpc("finalizepsbt", both, False)
        assert final["complete"]
        returned = [final["psbt"]]
    signature = signature_text(finalise(combine([read_psbt(one) for one in returned])))
    result = check_message(script, MESSAGE, signature)
    assert (result.code, result.form, result.keys) == (ProofCode.VALID, form, keys)
    assert result.is_proved
    assert result.sequence == options.get("sequence", 0)
    assert result.locktime == options.get("locktime", 0)


def sign(node: Node, text: str, number: int, psbt: str) -> str:
    """What a wallet with this signer's key alone sends back."""
    name = f"{list(CASES).index(text)}-{number}"
    node.rpc("createwallet", name, False, True)
    private = text.format(*(key(one, number) for one in range(5)))
    checksum = node.rpc("getdescriptorinfo", private)["checksum"]
    asked = [{"desc": f"{private}#{checksum}", "timestamp": "now", "range": [0, 9]}]
    (imported,) = node.rpc("importdescriptors", asked, wallet=name)
    assert imported["success"], imported
    signed = node.rpc("walletprocesspsbt", psbt, True, None, True, False, wallet=name)
    node.rpc("unloadwallet", name)
    return signed["psbt"]
