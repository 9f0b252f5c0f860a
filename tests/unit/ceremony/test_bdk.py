"""Wallets of rust-bitcoin's kind (bdkpython) as signers: the PSBTs as they take and return them.

Unlike our own test signer they are complete wallets, which find their keys by the origins in the
PSBT, and finalise what they can, time locks too.
"""

from __future__ import annotations

from pathlib import Path

import bdkpython as bdk
import pytest
from embit.networks import NETWORKS
from tests.unit.ceremony.kit import VAULT, A, B, C, account, build
from tests.unit.proof.signers import ORIGIN, ROOTS

from erario.ceremony.gathering import gather
from erario.ceremony.returned import Returned, read_returned
from erario.cli.show.prove import standing_lines
from erario.proof.psbt import Psbt

NOBODY = "50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0"
CASES = {
    f"pkh({A})": (0,),
    f"wpkh({A})": (0,),
    f"sh(wpkh({A}))": (0,),
    f"tr({A})": (0,),
    VAULT: (2, 0),
    f"sh(wsh(multi(2,{A},{B},{C})))": (0, 1),
    f"tr({A},pk({B}))": (1,),
    f"tr({NOBODY},multi_a(2,{A},{B},{C}))": (2, 1),
    f"wsh(and_v(v:pk({A}),older(144)))": (0,),
    f"wsh(and_v(v:pk({A}),after(1)))": (0,),
    f"wsh(or_d(pk({A}),and_v(v:pkh({B}),older(144))))": (0,),
}


@pytest.mark.parametrize("in_batches", [False, True])
@pytest.mark.parametrize("text", CASES)
def test_its_wallets_sign(tmp_path: Path, text: str, in_batches: bool) -> None:
    ceremony = build(tmp_path, {"w": (text, 2)}).start(in_batches=in_batches)
    returned: list[Returned] = []
    for number in CASES[text]:
        wallet = open_wallet(text, number)
        returned += [
            read_returned(sign(wallet, ask.psbt), f"{number}-{ask.name}") for ask in ceremony.asks
        ]
    gathered = gather(ceremony, returned)
    assert gathered.refused == ()
    assert gathered.is_complete


def open_wallet(text: str, number: int) -> bdk.Wallet:
    """A wallet with the private key of one signer."""
    root = ROOTS[number]
    key = root.derive(f"m/{ORIGIN}").to_base58(version=NETWORKS["regtest"]["xprv"])
    private = text.replace(account(number), f"[{root.my_fingerprint.hex()}/{ORIGIN}]{key}/<0;1>/*")
    external, change = (
        bdk.Descriptor(private.replace("<0;1>", branch), bdk.NetworkKind.TEST) for branch in "01"
    )
    return bdk.Wallet(external, change, bdk.Network.REGTEST, bdk.Persister.new_in_memory())


def sign(wallet: bdk.Wallet, psbt: Psbt) -> bytes:
    """What it sends back; to_spend and its coin are in no chain, so amounts are taken as given."""
    given = bdk.Psbt(psbt.to_text())
    options = bdk.SignOptions(
        trust_witness_utxo=True,
        assume_height=None,
        allow_all_sighashes=False,
        try_finalize=True,
        sign_with_tap_internal_key=True,
        allow_grinding=True,
    )
    wallet.sign(given, options)
    return str(given.serialize()).encode()


def test_a_lock_is_told(tmp_path: Path) -> None:
    text = f"wsh(and_v(v:pk({A}),older(144)))"
    ceremony = build(tmp_path, {"w": (text, 1)}).start()
    returned = [read_returned(sign(open_wallet(text, 0), ceremony.asks[0].psbt), "x")]
    lines = standing_lines(ceremony, gather(ceremony, returned))
    assert "only counts for coins that are at least 144 blocks old" in " ".join(
        " ".join(line.plain.split()) for line in lines
    )
