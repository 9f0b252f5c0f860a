"""Proofs of the packages bip322-core and bip322 verify here, and ours verify there.

bip322-core knows every form, and makes proofs for P2WPKH and P2WSH multisig. bip322 0.3 verifies
the simple form without prefix, as it was before the specification was finished.
"""

from __future__ import annotations

import bip322
import pytest
from bip322core import verify_message
from bip322core.dev.signing import sign_psbt
from bip322core.psbt import combine_psbts, create_psbt, finalize_psbt, parse_psbt
from bip322core.psbt import signature_from_psbt as their_signature
from bip322core.wallet import Wallet
from tests.unit.proof.maker import (
    CHECKSIG,
    DROP,
    MESSAGE,
    NONE,
    NOT,
    TRUE,
    Satisfy,
    by_key_hash,
    by_leaf,
    by_multisig,
    by_old_key_hash,
    by_old_multisig,
    by_script,
    full,
    multisig,
    p2pkh,
    p2sh,
    p2tr,
    p2tr_leaf,
    p2wpkh,
    p2wsh,
    pk,
    sec,
    simple,
    wrapped,
    x_only,
)
from tests.unit.proof.signers import ROOTS, account, sign

from erario.bitcoin.address import show_address
from erario.bitcoin.descriptor import read_descriptor
from erario.bitcoin.network import NetworkName
from erario.bitcoin.transaction import TxOutput
from erario.bitcoin.values import Outpoint, Script, Txid
from erario.proof import ProofCode, State, check_message
from erario.proof.descriptor_fields import script_fields
from erario.proof.making import CoinToSign, finalise, signature_text, start_message
from erario.proof.psbt import combine, read_psbt
from erario.proof.scripts import write_push

ENGINES = ("btclib", "kernel")
QUORUM = multisig(2, 1, 2, 3)
NESTED, NESTED_QUORUM = p2wpkh(sec(1)), p2wsh(QUORUM)
PAIR = pk(1) + b"\x69" + pk(2)
CHOICE = b"\x63" + pk(1) + b"\x67" + pk(2) + b"\x68"
LEAF = write_push(x_only(1)) + CHECKSIG
OUTPUT, CONTROL = p2tr_leaf(9, LEAF)
LATER, LATER_CONTROL = p2tr_leaf(9, LEAF, 0xC2)

VALID: dict[str, tuple[bytes, Satisfy]] = {
    "p2pkh": (p2pkh(sec(1)), by_old_key_hash(1)),
    "p2wpkh": (p2wpkh(sec(1)), by_key_hash(1)),
    "p2sh-p2wpkh": (p2sh(NESTED), wrapped(NESTED, by_key_hash(1))),
    "p2sh multisig": (p2sh(QUORUM), by_old_multisig(QUORUM, 1, 3)),
    "p2wsh multisig": (p2wsh(QUORUM), by_multisig(QUORUM, 1, 3)),
    "p2sh-p2wsh multisig": (
        p2sh(NESTED_QUORUM),
        wrapped(NESTED_QUORUM, by_multisig(QUORUM, 1, 3)),
    ),
    "p2tr key": (p2tr(1), lambda s: (b"", (s.key_path(1),))),
    "p2tr script": (OUTPUT, by_leaf(LEAF, CONTROL, 1)),
    "p2wsh script": (p2wsh(PAIR), by_script(PAIR, 2, 1)),
    "p2wsh choice": (p2wsh(CHOICE), by_script(CHOICE, 1, b"\x01")),
    "no key": (p2wsh(TRUE), by_script(TRUE)),
    "checksig not": (p2wsh(pk(1) + NOT), by_script(pk(1) + NOT, b"")),
}
BROKEN: dict[str, tuple[bytes, Satisfy]] = {
    "sighash p2wpkh": (p2wpkh(sec(1)), by_key_hash(1, hash_type=NONE)),
    "sighash p2tr": (p2tr(1), lambda s: (b"", (s.key_path(1, NONE),))),
    "sighash leaf": (OUTPUT, by_leaf(LEAF, CONTROL, 1, hash_type=NONE)),
    "sighash script": (p2wsh(PAIR), by_script(PAIR, 2, 1, hash_type=NONE)),
    "low s": (p2wsh(QUORUM), by_multisig(QUORUM, 1, 3, high_s=True)),
    "clean stack": (p2pkh(sec(1)), by_old_key_hash(1, b"x")),
    "nullfail": (p2wsh(pk(1) + NOT), by_script(pk(1) + NOT, 2)),
    "minimalif": (p2wsh(CHOICE), by_script(CHOICE, 1, b"\x02")),
    "dummy": (p2wsh(QUORUM), by_multisig(QUORUM, 1, 3, dummy=b"\x01")),
    "too few": (p2wsh(QUORUM), by_multisig(QUORUM, 1)),
    "other key": (p2wpkh(sec(2)), by_key_hash(1)),
    "later leaf": (LATER, by_leaf(LEAF, LATER_CONTROL)),
    "reserved nop": (p2wsh(b"\xb3" + pk(1)), by_script(b"\xb3" + pk(1), 1)),
    "dropped": (p2wsh(DROP + TRUE), by_script(DROP + TRUE, b"")),
}


def their_state(script: bytes, signature: str, message: str = MESSAGE) -> str:
    address = show_address(script, NetworkName.MAIN) or script.hex()
    return verify_message(address, signature, message.encode(), engines=ENGINES).state.value


@pytest.mark.parametrize("name", VALID)
def test_ours_verify_there(name: str) -> None:
    script, satisfy = VALID[name]
    signature = full(script, satisfy)
    assert check_message(script, MESSAGE, signature).state is State.VALID
    assert their_state(script, signature) == "valid"
    assert their_state(script, signature, "other") == "invalid"


@pytest.mark.parametrize("name", BROKEN)
def test_broken_ones_have_the_same_state(name: str) -> None:
    script, satisfy = BROKEN[name]
    signature = full(script, satisfy)
    result = check_message(script, MESSAGE, signature)
    assert their_state(script, signature) == result.state.value


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_versions_have_the_same_state(version: int) -> None:
    script, satisfy = VALID["p2wpkh"]
    signature = full(script, satisfy, version=version)
    assert their_state(script, signature) == check_message(script, MESSAGE, signature).state.value


def test_our_proof_of_funds_verifies_there() -> None:
    script, fields = script_fields(read_descriptor(f"wpkh({account(0)})", NetworkName.MAIN), 0, 1)
    coin = CoinToSign(Outpoint(Txid(b"\x05" * 32), 2), TxOutput(7_000, script), None, fields)
    psbt = start_message(script, MESSAGE, fields=fields, coins=(coin,))
    (raw,) = sign(psbt, 0)
    signature = signature_text(finalise(read_psbt(raw)))
    assert check_message(script, MESSAGE, signature).code is ProofCode.VALID
    assert their_state(script, signature) == "valid"


@pytest.mark.parametrize(
    ("text", "signers", "keys"),
    [
        (f"wpkh({account(0)})", (0,), 1),
        (f"wsh(sortedmulti(2,{account(0)},{account(1)},{account(2)}))", (0, 2), 2),
        (f"wsh(multi(3,{','.join(account(n) for n in range(5))}))", (1, 2, 4), 3),
    ],
)
@pytest.mark.parametrize("variant", ["auto", "ful", "pof"])
def test_theirs_verify_here(text: str, signers: tuple[int, ...], keys: int, variant: str) -> None:
    derived = Wallet.from_descriptor(text).derive(4, branch=1)
    signed = []
    for number in signers:
        psbt = create_psbt(derived, MESSAGE.encode())
        assert sign_psbt(psbt, ROOTS[number]) == 1
        signed.append(psbt)
    signature = their_signature(finalize_psbt(combine_psbts(signed)), variant)
    script, _ = script_fields(read_descriptor(text, NetworkName.MAIN), 1, 4)
    result = check_message(script, MESSAGE, signature)
    assert (result.code, result.keys) == (ProofCode.VALID, keys)


def test_our_psbt_through_their_signer() -> None:
    text = f"wsh(sortedmulti(2,{account(0)},{account(1)},{account(2)}))"
    script, fields = script_fields(read_descriptor(text, NetworkName.MAIN), 0, 0)
    started = start_message(script, MESSAGE, fields=fields)
    returned = []
    for number in (2, 1):
        psbt = parse_psbt(started.to_bytes())
        assert psbt.message == MESSAGE.encode()
        assert sign_psbt(psbt, ROOTS[number]) == 1
        returned.append(read_psbt(psbt.serialize()))
    result = check_message(script, MESSAGE, signature_text(finalise(combine(returned))))
    assert (result.code, result.keys) == (ProofCode.VALID, 2)


@pytest.mark.parametrize("name", ["p2wpkh", "p2tr key", "p2wsh multisig"])
def test_ours_verify_with_the_rust_package(name: str) -> None:
    script, satisfy = VALID[name]
    address = str(show_address(Script(script), NetworkName.MAIN))
    signature = simple(script, satisfy)
    unprefixed = signature.removeprefix("smp")
    bip322.verify_simple_encoded(address, MESSAGE, unprefixed)
    assert check_message(script, MESSAGE, unprefixed).is_proved
    with pytest.raises(bip322.VerificationError):
        bip322.verify_simple_encoded(address, "other", unprefixed)
