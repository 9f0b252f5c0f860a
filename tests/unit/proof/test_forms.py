"""How a signature is written: base64, prefixes, the older forms, and what is neither."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import replace

import pytest
from embit.util import secp256k1
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.proof.maker import (
    MESSAGE,
    by_key_hash,
    by_multisig,
    by_old_key_hash,
    by_script,
    full,
    key,
    multisig,
    p2pkh,
    p2sh,
    p2tr,
    p2wpkh,
    p2wsh,
    sec,
    simple,
    uncompressed,
    unsigned,
    wrapped,
)

from erario.bitcoin.encoding import write_compact_size
from erario.bitcoin.transaction import TxInput, TxOutput, read_transaction
from erario.bitcoin.values import Outpoint, Script, Txid, sha256d
from erario.errors import ErarioError
from erario.proof import Engine, Form, ProofCode, State, check_message, judging, legacy
from erario.proof.errors import ProofError, ProofErrorCode
from erario.proof.making import CoinToSign, finalise, signature_text, start_message
from erario.proof.messages import serialise, serialise_witness, to_spend
from erario.proof.psbt import (
    FINAL_SCRIPT_SIG,
    FINAL_WITNESS,
    NON_WITNESS_UTXO,
    WITNESS_UTXO,
    Psbt,
    write_output,
)

SCRIPT = p2wpkh(sec(1))
SIMPLE = simple(SCRIPT, by_key_hash(1))
FULL = full(SCRIPT, by_key_hash(1))


def code(script: bytes, signature: str, message: str = MESSAGE) -> ProofCode:
    return check_message(script, message, signature).code


# Base64 and prefixes


@pytest.mark.parametrize(
    ("signature", "found"),
    [
        ("", ProofCode.EMPTY),
        ("smp", ProofCode.EMPTY),
        ("ful", ProofCode.EMPTY),
        (" " + SIMPLE, ProofCode.BASE64),
        (SIMPLE + "\n", ProofCode.BASE64),
        (SIMPLE[:40] + " " + SIMPLE[40:], ProofCode.BASE64),
        (SIMPLE[:-1], ProofCode.BASE64),
        (SIMPLE + "=", ProofCode.BASE64),
        ("smp" + b64encode(b64decode(SIMPLE[3:]) + b"x").decode(), ProofCode.WITNESS),
        (SIMPLE.replace("A", "Å", 1), ProofCode.BASE64),
        ("SMP" + SIMPLE[3:], ProofCode.BASE64),
        ("smpAB==", ProofCode.BASE64),  # bits behind the last byte
        ("smp" + "A" * 4_000_000, ProofCode.TOO_LONG),
        ("ful" + SIMPLE[3:], ProofCode.TRANSACTION),
        ("smp" + FULL[3:], ProofCode.WITNESS),
        ("pof" + FULL[3:], ProofCode.PSBT),
        ("pofcHNidP8=", ProofCode.PSBT),
        ("smpAA==", ProofCode.CONSENSUS),
        (b64encode(b"\xfc" * 80).decode(), ProofCode.FORM),
    ],
)
def test_not_a_signature(signature: str, found: ProofCode) -> None:
    result = check_message(SCRIPT, MESSAGE, signature)
    assert (result.code, result.state) == (found, State.INVALID)


def test_forms_without_prefix() -> None:
    assert check_message(SCRIPT, MESSAGE, SIMPLE[3:]).form is Form.SIMPLE
    assert check_message(SCRIPT, MESSAGE, FULL[3:]).form is Form.FULL
    nested = p2sh(p2wpkh(sec(1)))
    signature = full(nested, wrapped(p2wpkh(sec(1)), by_key_hash(1)))
    assert code(nested, signature[3:]) is ProofCode.VALID


def test_simple_is_for_witness_programs() -> None:
    script = p2pkh(sec(1))
    signature = simple(script, by_old_key_hash(1))
    assert code(script, "smp" + SIMPLE[3:]) is ProofCode.FORM_SCRIPT
    assert signature == "smpAA=="
    assert code(script, signature) is ProofCode.FORM_SCRIPT
    nested = p2sh(p2wpkh(sec(1)))
    signature = simple(nested, wrapped(p2wpkh(sec(1)), by_key_hash(1)))
    assert code(nested, signature) is ProofCode.FORM_SCRIPT


def test_message_is_taken_as_it_is() -> None:
    for message in ("", "öäü ₿", " x ", "x\n", "x" * 100_000):
        signature = simple(SCRIPT, by_key_hash(1), message)
        assert code(SCRIPT, signature, message) is ProofCode.VALID
        assert check_message(SCRIPT, message.encode(), signature).is_proved
        assert code(SCRIPT, signature, message + " ") is ProofCode.CONSENSUS


def test_message_that_was_no_utf_8_on_the_command_line() -> None:
    signature = simple(SCRIPT, by_key_hash(1), "x")
    typed = b"\xff".decode(errors="surrogateescape")
    assert code(SCRIPT, signature, typed) is ProofCode.CONSENSUS
    with pytest.raises(ProofError) as caught:
        check_message(SCRIPT, "\ud800", signature)
    assert caught.value.code is ProofErrorCode.MESSAGE_NOT_TEXT


def test_too_long_to_ask() -> None:
    with pytest.raises(ProofError) as caught:
        check_message(SCRIPT, "x" * 1_000_001, SIMPLE)
    assert caught.value.code is ProofErrorCode.MESSAGE_TOO_LONG
    with pytest.raises(ProofError) as caught:
        check_message(bytes(10_001), MESSAGE, SIMPLE)
    assert caught.value.code is ProofErrorCode.SCRIPT_TOO_LONG


# The shape of to_sign


def signed(**changes: object) -> str:
    """A full signature whose transaction was changed before it was signed."""
    signing = unsigned(SCRIPT)
    raw = changes.pop("raw", None) or signing.raw
    signing = replace(signing, raw=raw)
    _, witness = by_key_hash(1)(signing)
    transaction = read_transaction(raw)
    first = transaction.inputs[0]
    body = serialise(transaction.version, [replace(first, witness=witness)], transaction.locktime)
    # The output as the changed transaction has it.
    outputs = changes.pop("outputs", None)
    if outputs is not None:
        at = body.index(b"\x01" + bytes(8) + b"\x01\x6a")
        body = body[:at] + outputs + body[at + 11 :]
    return "ful" + b64encode(body).decode()


def with_outputs(outputs: bytes) -> str:
    raw = unsigned(SCRIPT).raw
    at = raw.index(b"\x01" + bytes(8) + b"\x01\x6a")
    return signed(raw=raw[:at] + outputs + raw[at + 11 :], outputs=outputs)


@pytest.mark.parametrize(
    "outputs",
    [
        b"\x01" + (1).to_bytes(8, "little") + b"\x01\x6a",
        b"\x01" + bytes(8) + b"\x02\x6a\x00",
        b"\x01" + bytes(8) + b"\x00",
        b"\x02" + 2 * (bytes(8) + b"\x01\x6a"),
        b"\x00",
    ],
)
def test_output(outputs: bytes) -> None:
    assert code(SCRIPT, with_outputs(outputs)) is ProofCode.OUTPUT


def test_first_input() -> None:
    raw = unsigned(SCRIPT).raw
    other_vout = raw[:37] + b"\x01" + raw[38:]
    assert code(SCRIPT, signed(raw=other_vout)) is ProofCode.FIRST_INPUT
    other_txid = raw[:5] + bytes(32) + raw[37:]
    assert code(SCRIPT, signed(raw=other_txid)) is ProofCode.FIRST_INPUT


def test_full_has_one_input() -> None:
    transaction = read_transaction(b64decode(FULL[3:]))
    two = [*transaction.inputs, TxInput(Outpoint(Txid(bytes(32)), 3), b"", 0, ())]
    signature = "ful" + b64encode(serialise(0, two, 0)).decode()
    assert code(SCRIPT, signature) is ProofCode.INPUTS


def test_trailing_bytes() -> None:
    raw = b64decode(FULL[3:]) + b"\x00"
    assert code(SCRIPT, "ful" + b64encode(raw).decode()) is ProofCode.TRANSACTION


# The legacy form


def legacy_signature(number: int, message: str, *, compressed: bool = True) -> str:
    head = b"\x18Bitcoin Signed Message:\n" + write_compact_size(len(message.encode()))
    digest = sha256d(head + message.encode())
    made = secp256k1.ecdsa_sign_recoverable(digest, key(number).secret)
    compact, recovery = secp256k1.ecdsa_recoverable_signature_serialize_compact(made)
    return b64encode(bytes((27 + recovery + 4 * compressed,)) + compact).decode()


def test_legacy() -> None:
    for message in ("", "x", "y" * 300, "ñ"):
        result = check_message(p2pkh(sec(1)), message, legacy_signature(1, message))
        assert (result.code, result.form, result.keys) == (ProofCode.VALID, Form.LEGACY, 1)
        assert result.engines == (Engine.EMBIT, Engine.BTCLIB)
        assert result.is_proved
    plain = p2pkh(uncompressed(1))
    assert code(plain, legacy_signature(1, "x", compressed=False), "x") is ProofCode.VALID
    assert code(plain, legacy_signature(1, "x"), "x") is ProofCode.LEGACY_OTHER


def test_legacy_of_another() -> None:
    script = p2pkh(sec(1))
    assert code(script, legacy_signature(2, MESSAGE)) is ProofCode.LEGACY_OTHER
    assert code(script, legacy_signature(1, "other")) is ProofCode.LEGACY_OTHER
    for other in (p2wpkh(sec(1)), p2sh(p2wpkh(sec(1))), p2tr(1)):
        assert code(other, legacy_signature(1, MESSAGE)) is ProofCode.LEGACY_SCRIPT


@pytest.mark.parametrize("head", [0, 26, 35, 39, 43, 255])
def test_legacy_head(head: int) -> None:
    raw = bytes((head,)) + b64decode(legacy_signature(1, MESSAGE))[1:]
    assert code(p2pkh(sec(1)), b64encode(raw).decode()) is ProofCode.FORM


@given(st.integers(27, 34), st.binary(min_size=64, max_size=64))
def test_legacy_of_any_bytes(head: int, rest: bytes) -> None:
    result = check_message(p2pkh(sec(1)), MESSAGE, b64encode(bytes((head,)) + rest).decode())
    assert result.code is ProofCode.LEGACY_OTHER


@pytest.mark.parametrize("rest", [bytes(64), b"\xff" * 64])
def test_legacy_of_numbers_that_cannot_be(rest: bytes) -> None:
    signature = b64encode(b"\x1f" + rest).decode()
    assert code(p2pkh(sec(1)), signature) is ProofCode.LEGACY_OTHER


# Proofs of funds

COIN = Outpoint(Txid(b"\x07" * 32), 1)


def funds(**changes: object) -> str:
    """A proof of funds of one P2WPKH coin, with fields of its input 0 or 1 changed at the end."""
    signed = funds_psbt()
    inputs = [dict(fields) for fields in signed.inputs]
    for name, value in changes.items():
        number = int(name[-1])
        kind = {"alone": WITNESS_UTXO, "whole": NON_WITNESS_UTXO, "final": FINAL_WITNESS}[name[:5]]
        inputs[number].pop(kind, None)
        if value is not None:
            inputs[number][kind] = value
    return "pof" + replace(signed, inputs=tuple(inputs)).to_text()


def funds_psbt(output: TxOutput | None = None, sats: int = 5_000) -> Psbt:
    output = output or TxOutput(sats, Script(p2wpkh(sec(2))))
    psbt = start_message(Script(SCRIPT), MESSAGE, coins=(CoinToSign(COIN, output),))
    spent = ((SCRIPT, 0), (output.script, output.sats))
    witnesses = [
        by_key_hash(number + 1)(
            replace(unsigned(SCRIPT), raw=psbt.transaction.raw, spent=spent, number=number)
        )[1]
        for number in range(2)
    ]
    inputs = tuple(
        {**fields, FINAL_WITNESS: serialise_witness(witness)}
        for fields, witness in zip(psbt.inputs, witnesses, strict=True)
    )
    return replace(psbt, inputs=inputs)


def test_funds() -> None:
    result = check_message(SCRIPT, MESSAGE, funds())
    assert result.code is ProofCode.VALID
    (coin,) = result.coins
    assert (coin.outpoint, coin.script, coin.sats, coin.keys) == (COIN, p2wpkh(sec(2)), 5_000, 1)


OTHER_SATS = write_output(TxOutput(5_001, Script(p2wpkh(sec(2)))))
MANY_SATS = write_output(TxOutput(21_000_001 * 10**8, Script(p2wpkh(sec(2)))))
NEGATIVE = write_output(TxOutput(-1, Script(p2wpkh(sec(2)))))


@pytest.mark.parametrize(
    ("changes", "found", "number"),
    [
        ({"alone1": None}, ProofCode.UTXO_MISSING, 1),
        ({"alone0": None}, ProofCode.UTXO_MISSING, 0),
        ({"alone1": OTHER_SATS}, ProofCode.CONSENSUS, 1),
        ({"alone1": MANY_SATS}, ProofCode.UTXO_SATS, 1),
        ({"alone1": NEGATIVE}, ProofCode.UTXO_SATS, 1),
        ({"alone1": b"\x00"}, ProofCode.PSBT, 1),
        ({"alone0": write_output(TxOutput(1, Script(SCRIPT)))}, ProofCode.UTXO_OTHER, 0),
        ({"alone0": write_output(TxOutput(0, Script(p2tr(1))))}, ProofCode.UTXO_OTHER, 0),
        ({"whole1": to_spend(SCRIPT, b"")}, ProofCode.UTXO_OTHER, 1),
        ({"whole1": b"junk"}, ProofCode.PSBT, 1),
        ({"final1": None}, ProofCode.PSBT, 1),
        ({"final1": b"\x05"}, ProofCode.PSBT, 1),
        ({"final1": b"\x00"}, ProofCode.CONSENSUS, 1),
        ({"whole0": to_spend(SCRIPT, MESSAGE.encode())}, ProofCode.VALID, 0),
    ],
)
def test_funds_with_other_fields(changes: dict, found: ProofCode, number: int) -> None:
    result = check_message(SCRIPT, MESSAGE, funds(**changes))
    assert (result.code, result.input) == (found, number)
    assert (not result.coins) == (found is not ProofCode.VALID)


def test_old_coin_needs_its_transaction() -> None:
    """A coin that no witness signs the amount of: one of many, in one transaction."""
    script = Script(p2pkh(sec(2)))
    whole = serialise(2, [TxInput(COIN, b"", 0, ())], 0)
    at = whole.index(b"\x01" + bytes(8) + b"\x01\x6a")
    outputs = b"\x02" + write_output(TxOutput(7, script)) + write_output(TxOutput(8, script))
    whole = whole[:at] + outputs + whole[at + 11 :]
    txid = read_transaction(whole).txid
    coins = [
        CoinToSign(Outpoint(txid, vout), TxOutput(7 + vout, script), whole if vout == 0 else None)
        for vout in range(2)
    ]
    psbt = start_message(Script(SCRIPT), MESSAGE, coins=coins)
    spent = ((SCRIPT, 0), (script, 7), (script, 8))
    signing = replace(unsigned(SCRIPT), raw=psbt.transaction.raw, spent=spent)
    made = [
        {FINAL_WITNESS: serialise_witness(by_key_hash(1)(signing)[1])},
        {FINAL_SCRIPT_SIG: by_old_key_hash(2)(replace(signing, number=1))[0]},
        {FINAL_SCRIPT_SIG: by_old_key_hash(2)(replace(signing, number=2))[0]},
    ]
    inputs = tuple({**a, **b} for a, b in zip(psbt.inputs, made, strict=True))
    signature = signature_text(replace(psbt, inputs=inputs))
    result = check_message(SCRIPT, MESSAGE, signature)
    assert result.code is ProofCode.VALID
    assert [coin.sats for coin in result.coins] == [7, 8]
    alone = {WITNESS_UTXO: write_output(TxOutput(7_000, script))}
    claimed = (inputs[0], {**made[1], **alone}, inputs[2])
    assert code(SCRIPT, signature_text(replace(psbt, inputs=claimed))) is ProofCode.UTXO_MISSING


def test_same_coin_twice() -> None:
    output = TxOutput(5_000, Script(p2wpkh(sec(2))))
    coins = (CoinToSign(COIN, output), CoinToSign(COIN, output))
    psbt = start_message(Script(SCRIPT), MESSAGE, coins=coins)
    inputs = tuple({**fields, FINAL_WITNESS: b"\x00"} for fields in psbt.inputs)
    signature = signature_text(replace(psbt, inputs=inputs))
    assert code(SCRIPT, signature) is ProofCode.TRANSACTION_RULES


def test_a_coin_that_anybody_can_claim() -> None:
    output = TxOutput(5_000, Script(p2wsh(b"\x51")))
    signed = funds_psbt(output)
    inputs = (signed.inputs[0], {**signed.inputs[1], FINAL_WITNESS: serialise_witness((b"\x51",))})
    result = check_message(SCRIPT, MESSAGE, signature_text(replace(signed, inputs=inputs)))
    assert result.is_proved
    assert [coin.keys for coin in result.coins] == [0]


def test_a_broken_rule_of_a_later_input_is_named() -> None:
    quorum = multisig(2, 1, 2)
    output = TxOutput(5_000, Script(p2wsh(quorum)))
    signed = funds_psbt(output)
    signing = replace(
        unsigned(SCRIPT),
        raw=signed.transaction.raw,
        spent=((SCRIPT, 0), (output.script, 5_000)),
        number=1,
    )
    for options, found in (({}, ProofCode.VALID), ({"high_s": True}, ProofCode.LOW_S)):
        witness = by_multisig(quorum, 1, 2, **options)(signing)[1]
        inputs = (signed.inputs[0], {**signed.inputs[1], FINAL_WITNESS: serialise_witness(witness)})
        result = check_message(SCRIPT, MESSAGE, signature_text(replace(signed, inputs=inputs)))
        assert result.code is found
        assert result.input == (0 if found is ProofCode.VALID else 1)
        assert result.sentence.startswith("Input 1: ") == (found is not ProofCode.VALID)


def test_one_input_may_come_as_a_psbt() -> None:
    psbt = start_message(Script(SCRIPT), MESSAGE)
    witness = serialise_witness(by_key_hash(1)(unsigned(SCRIPT))[1])
    signed = replace(psbt, inputs=({**psbt.inputs[0], FINAL_WITNESS: witness},))
    assert code(SCRIPT, "pof" + signed.to_text()) is ProofCode.VALID
    assert signature_text(finalise(signed)) == SIMPLE


# Engines that are missing, or do not agree


@pytest.fixture
def no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "load_kernel", lambda: None)


@pytest.fixture
def no_btclib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "has_btclib", lambda: False)
    monkeypatch.setattr(legacy, "has_btclib", lambda: False)


@pytest.mark.usefixtures("no_kernel")
def test_without_the_kernel_it_is_one_engine() -> None:
    script = b"\x51" + multisig(1, 1)[1:]
    for asked, signature in (
        (SCRIPT, SIMPLE),
        (p2wsh(script + b"\x69\x51"), None),
    ):
        text = signature or full(asked, by_script(script + b"\x69\x51", b"", 1))
        result = check_message(asked, MESSAGE, text)
        assert (result.code, result.engines) == (ProofCode.VALID, (Engine.BTCLIB,))
        assert result.keys == 1
        assert result.is_one_engine
        assert not result.is_proved
    assert code(SCRIPT, SIMPLE, "other") is ProofCode.CONSENSUS
    assert code(SCRIPT, full(SCRIPT, by_key_hash(1, high_s=True))) is ProofCode.LOW_S


@pytest.mark.usefixtures("no_btclib")
def test_without_btclib_templates_have_two_and_others_none() -> None:
    assert check_message(SCRIPT, MESSAGE, SIMPLE).is_proved
    script = multisig(1, 1) + b"\x69\x51"
    result = check_message(p2wsh(script), MESSAGE, full(p2wsh(script), by_script(script, b"", 1)))
    assert (result.code, result.state) == (ProofCode.NO_POLICY_ENGINE, State.INCONCLUSIVE)
    result = check_message(p2pkh(sec(1)), MESSAGE, legacy_signature(1, MESSAGE))
    assert result.state is State.VALID
    assert not result.is_proved
    with pytest.raises(ProofError) as caught:
        check_message(SCRIPT, MESSAGE, SIMPLE, thorough=True)
    assert caught.value.code is ProofErrorCode.NO_ENGINE


@pytest.mark.usefixtures("no_kernel", "no_btclib")
def test_without_both_there_is_no_answer() -> None:
    with pytest.raises(ProofError) as caught:
        check_message(SCRIPT, MESSAGE, SIMPLE)
    assert caught.value.code is ProofErrorCode.NO_ENGINE
    assert "erario[proof]" in caught.value.remedy


def test_engines_that_disagree(monkeypatch: pytest.MonkeyPatch) -> None:
    script = multisig(1, 1) + b"\x69\x51"
    signature = full(p2wsh(script), by_script(script, b"", 2))
    assert code(p2wsh(script), signature) is ProofCode.CONSENSUS
    monkeypatch.setattr(judging, "load_kernel", lambda: lambda _raw, _inputs: None)
    result = check_message(p2wsh(script), MESSAGE, signature)
    assert (result.code, result.state) == (ProofCode.ENGINES_DISAGREE, State.INCONCLUSIVE)
    result = check_message(SCRIPT, "other", SIMPLE, thorough=True)
    assert result.code is ProofCode.ENGINES_DISAGREE


# Anything at all


@given(st.text(max_size=300))
def test_any_text(signature: str) -> None:
    assert check_message(SCRIPT, MESSAGE, signature).state is not State.VALID


@given(st.sampled_from([SIMPLE, FULL, funds()]), st.integers(0, 10_000), st.integers(1, 255))
def test_one_byte_changed(signature: str, at: int, flip: int) -> None:
    raw = bytearray(b64decode(signature[3:]))
    raw[at % len(raw)] ^= flip
    before = check_message(SCRIPT, MESSAGE, signature)
    result = check_message(SCRIPT, MESSAGE, signature[:3] + b64encode(raw).decode())
    # What is left valid says the same: a field of the PSBT that nobody reads.
    assert result.state is State.INVALID or result == before or result.state is State.INCONCLUSIVE


@given(st.binary(max_size=80), st.binary(max_size=200), st.sampled_from(["smp", "ful", "pof", ""]))
def test_any_script_and_bytes(script: bytes, payload: bytes, prefix: str) -> None:
    try:
        check_message(script, MESSAGE, prefix + b64encode(payload).decode())
    except ErarioError:
        pytest.fail("a signature is never an error")


@given(st.lists(st.binary(max_size=60), max_size=5), st.binary(max_size=60))
def test_any_script_with_any_witness(stack: list[bytes], script: bytes) -> None:
    output = p2wsh(script)
    result = check_message(
        output, MESSAGE, "smp" + b64encode(serialise_witness((*stack, script))).decode()
    )
    assert not result.is_proved
