"""From a descriptor to a PSBT, through signers, to a signature that verifies."""

from __future__ import annotations

import pytest
from btclib.script.taproot import check_output_pubkey
from tests.unit.proof.maker import p2wpkh, sec
from tests.unit.proof.signers import account, sign

from erario.bitcoin.descriptor import read_descriptor
from erario.bitcoin.network import NetworkName
from erario.bitcoin.transaction import TxOutput
from erario.bitcoin.values import Outpoint, Sats, Script, Txid
from erario.proof import Form, ProofCode, check_message
from erario.proof.descriptor_fields import script_fields
from erario.proof.errors import ProofError, ProofErrorCode
from erario.proof.making import CoinToSign, finalise, signature_text, start_message
from erario.proof.psbt import (
    FINAL_WITNESS,
    MESSAGE,
    NON_WITNESS_UTXO,
    TAP_LEAF_SCRIPT,
    WITNESS_UTXO,
    Psbt,
    combine,
    read_psbt,
)

A, B, C = account(0), account(1), account(2)
DESCRIPTORS = {
    f"pkh({A})": (Form.FULL, 1),
    f"wpkh({A})": (Form.SIMPLE, 1),
    f"sh(wpkh({A}))": (Form.FULL, 1),
    f"wsh(sortedmulti(2,{A},{B},{C}))": (Form.SIMPLE, 2),
    f"sh(wsh(multi(2,{A},{B},{C})))": (Form.FULL, 2),
    f"sh(multi(2,{A},{B}))": (Form.FULL, 2),
    f"tr({A})": (Form.SIMPLE, 1),
    f"tr({A},{{pk({B}),multi_a(2,{B},{C})}})": (Form.SIMPLE, 1),
}


def derive(text: str, index: int = 7) -> tuple[Script, dict]:
    return script_fields(read_descriptor(text, NetworkName.MAIN), 1, index)


def finish(psbt: Psbt, *numbers: int) -> str:
    returned = [read_psbt(raw) for raw in sign(psbt, *numbers)]
    return signature_text(finalise(combine(returned)))


@pytest.mark.parametrize("text", DESCRIPTORS)
def test_round_trip(text: str) -> None:
    script, fields = derive(text)
    psbt = start_message(script, "öäü", fields=fields)
    assert psbt.message == "öäü".encode()
    result = check_message(script, "öäü", finish(psbt, 2, 1, 0))
    form, keys = DESCRIPTORS[text]
    assert (result.code, result.form, result.keys) == (ProofCode.VALID, form, keys)


NOBODY = "50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0"


@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize(
    ("tree", "signers", "keys"),
    [
        (f"pk({A})", (0,), 1),
        (f"{{pk({A}),pk({B})}}", (1,), 1),
        (f"multi_a(2,{A},{B},{C})", (0, 2), 2),
        (f"multi_a(2,{A},{B},{C})", (0, 1, 2), 2),
        (f"{{multi_a(3,{A},{B},{C}),multi_a(2,{A},{C})}}", (0, 2), 2),
    ],
)
def test_leaves(tree: str, signers: tuple[int, ...], keys: int, index: int) -> None:
    script, fields = derive(f"tr({NOBODY},{tree})", index)
    psbt = start_message(script, "x", fields=fields)
    result = check_message(script, "x", finish(psbt, *signers))
    assert (result.code, result.form, result.keys) == (ProofCode.VALID, Form.SIMPLE, keys)


@pytest.mark.parametrize(
    "tree", [f"multi_a(2,{A},{B},{C})", f"and_v(v:pk({A}),older(144))", f"pkh({A})"]
)
def test_leaves_without_enough_signatures_or_of_another_kind(tree: str) -> None:
    script, fields = derive(f"tr({NOBODY},{tree})")
    with pytest.raises(ProofError) as caught:
        finish(start_message(script, "x", fields=fields), 0)
    assert caught.value.code is ProofErrorCode.PSBT_UNSIGNED


def test_utxo_fields_by_script() -> None:
    wanted = {"pkh": "old", "wpkh": "new", "sh(wpkh": "both", "sh(multi": "old", "tr": "new"}
    for head, which in wanted.items():
        text = next(text for text in DESCRIPTORS if text.startswith(head + "("))
        script, fields = derive(text)
        given = start_message(script, "x", fields=fields).inputs[0]
        assert (NON_WITNESS_UTXO in given) == (which in {"old", "both"}), head
        assert (WITNESS_UTXO in given) == (which in {"new", "both"}), head


def test_time_lock_makes_version_2() -> None:
    psbt = start_message(Script(p2wpkh(sec(1))), "x", sequence=144, locktime=800_000)
    assert psbt.transaction.version == 2
    assert psbt.transaction.locktime == 800_000
    assert psbt.transaction.inputs[0].sequence == 144


def test_proof_of_funds() -> None:
    script, fields = derive(f"wpkh({A})")
    other, other_fields = derive(f"wsh(sortedmulti(2,{A},{B},{C}))")
    coins = tuple(
        CoinToSign(
            Outpoint(Txid(bytes((n,)) * 32), n), TxOutput(1000 + n, other), None, other_fields
        )
        for n in range(2)
    )
    psbt = start_message(script, "funds", fields=fields, coins=coins)
    result = check_message(script, "funds", finish(psbt, 0, 2))
    assert (result.code, result.form) == (ProofCode.VALID, Form.PROOF_OF_FUNDS)
    assert [(c.outpoint, c.script, c.sats, c.keys) for c in result.coins] == [
        (coin.outpoint, other, Sats(coin.output.sats), 2) for coin in coins
    ]


def test_a_proof_says_nothing_of_the_wallet() -> None:
    script, fields = derive(f"wpkh({A})")
    coin = CoinToSign(Outpoint(Txid(b"\x01" * 32), 0), TxOutput(1000, script), None, fields)
    psbt = start_message(script, "funds", fields=fields, coins=(coin,))
    (raw,) = sign(psbt, 0)
    extra = {b"\x01" + bytes(78): bytes(4), b"\xfc\x02me": b"x"}
    signed = read_psbt(raw)
    signed = Psbt(
        signed.transaction,
        {**signed.fields, **extra},
        tuple({**one, **extra} for one in signed.inputs),
        (extra,),
    )
    once = finalise(signed)
    # What a wallet finalised itself has its other fields still.
    kept = tuple({**one, **extra, **fields} for one in once.inputs)
    for final in (once, finalise(Psbt(once.transaction, signed.fields, kept, (fields,)))):
        assert final.fields == {MESSAGE: b"funds"}
        assert all(set(one) == {WITNESS_UTXO, FINAL_WITNESS} for one in final.inputs)
        assert final.outputs == ({},)
        result = check_message(script, "funds", signature_text(final))
        assert (result.code, result.form) == (ProofCode.VALID, Form.PROOF_OF_FUNDS)


def test_order_of_signers_does_not_matter() -> None:
    script, fields = derive(f"wsh(sortedmulti(2,{A},{B},{C}))")
    psbt = start_message(script, "x", fields=fields)
    assert finish(psbt, 0, 2) == finish(psbt, 2, 0)


def test_too_few_signatures() -> None:
    script, fields = derive(f"wsh(sortedmulti(2,{A},{B},{C}))")
    psbt = start_message(script, "x", fields=fields)
    with pytest.raises(ProofError) as caught:
        finish(psbt, 1)
    assert caught.value.code is ProofErrorCode.PSBT_UNSIGNED
    assert "1 of the 2" in caught.value.what


def test_psbt_of_another_message() -> None:
    script, fields = derive(f"wpkh({A})")
    with pytest.raises(ProofError) as caught:
        combine([start_message(script, "x", fields=fields), start_message(script, "y")])
    assert caught.value.code is ProofErrorCode.PSBT_OTHER


@pytest.mark.parametrize("index", range(6))
def test_leaves_have_control_blocks_that_hold(index: int) -> None:
    script, fields = derive(f"tr({A},{{pk({B}),{{pk({C}),multi_a(2,{B},{C})}}}})", index)
    leaves = [(key[1:], value) for key, value in fields.items() if key[:1] == TAP_LEAF_SCRIPT]
    assert len(leaves) == 3
    for control, leaf in leaves:
        assert check_output_pubkey(script[2:], leaf[:-1], control)


def test_branch_that_is_none() -> None:
    with pytest.raises(ProofError) as caught:
        script_fields(read_descriptor(f"wpkh({A})", NetworkName.MAIN), 2, 0)
    assert caught.value.code is ProofErrorCode.DESCRIPTOR


def test_descriptor_that_embit_does_not_know() -> None:
    key = "02" + "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
    script, fields = script_fields(read_descriptor(f"pk({key})", NetworkName.MAIN), 0, 0)
    assert script.hex() == f"21{key}ac"
    assert fields == {}
