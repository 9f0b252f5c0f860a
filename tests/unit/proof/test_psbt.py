"""Reading PSBTs strictly, of both versions, and what several of them make together."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from bdkpython import Psbt as BdkPsbt
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.proof.maker import p2wpkh, sec
from tests.unit.proof.signers import account

from erario.bitcoin.descriptor import read_descriptor
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Script
from erario.errors import ErarioError
from erario.proof.descriptor_fields import script_fields
from erario.proof.errors import ProofError, ProofErrorCode
from erario.proof.making import start_message
from erario.proof.psbt import MAGIC, MAX_PSBT, PARTIAL_SIG, Psbt, combine, read_psbt

SCRIPT, FIELDS = script_fields(
    read_descriptor(f"wsh(sortedmulti(2,{account(0)},{account(1)}))", NetworkName.MAIN), 0, 3
)
PSBT = start_message(SCRIPT, "x", fields=FIELDS)
RAW = PSBT.to_bytes()


def refusal(data: bytes | str) -> ProofErrorCode:
    with pytest.raises(ProofError) as caught:
        read_psbt(data)
    return caught.value.code


def field(key: bytes, value: bytes) -> bytes:
    return bytes((len(key),)) + key + bytes((len(value),)) + value


def test_round_trip() -> None:
    assert read_psbt(RAW) == PSBT
    assert read_psbt(PSBT.to_text()) == PSBT
    assert read_psbt("\n".join(PSBT.to_text()[at : at + 64] for at in range(0, 2000, 64))) == PSBT
    assert read_psbt(RAW).to_bytes() == RAW


def test_another_library_reads_the_same() -> None:
    other = BdkPsbt(PSBT.to_text())
    assert other.extract_tx().serialize()[:4] == PSBT.transaction.raw[:4]
    assert read_psbt(other.serialize()).transaction == PSBT.transaction


def test_unknown_fields_are_kept() -> None:
    data = MAGIC + field(b"\xfc\x01a\x00", b"mine") + RAW[len(MAGIC) :]
    psbt = read_psbt(data)
    assert psbt.fields[b"\xfc\x01a\x00"] == b"mine"
    assert read_psbt(psbt.to_bytes()) == psbt


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", ProofErrorCode.PSBT_UNREADABLE),
        ("", ProofErrorCode.PSBT_UNREADABLE),
        ("not base64!", ProofErrorCode.PSBT_UNREADABLE),
        (b"psbt\xfe" + RAW[5:], ProofErrorCode.PSBT_UNREADABLE),
        (RAW + b"\x00", ProofErrorCode.PSBT_UNREADABLE),
        (RAW[:-1], ProofErrorCode.PSBT_UNREADABLE),
        (MAGIC + b"\x00", ProofErrorCode.PSBT_UNREADABLE),
        (MAGIC + field(b"\xfb", b"\x03") + b"\x00", ProofErrorCode.PSBT_VERSION),
        (MAGIC + 2 * field(b"\x09", b"x") + RAW[5:], ProofErrorCode.PSBT_DUPLICATE),
        (MAGIC + bytes(MAX_PSBT), ProofErrorCode.PSBT_TOO_LARGE),
        ("A" * (2 * MAX_PSBT + 1), ProofErrorCode.PSBT_TOO_LARGE),
    ],
)
def test_refused(data: bytes | str, code: ProofErrorCode) -> None:
    assert refusal(data) is code


def test_signed_transaction_is_refused() -> None:
    raw = PSBT.transaction.raw
    signed = raw[:41] + b"\x01\x51" + raw[42:]
    head = b"\x01\x00" + bytes((len(raw),))
    assert head + raw in RAW
    data = RAW.replace(head + raw, b"\x01\x00" + bytes((len(signed),)) + signed)
    with pytest.raises(ProofError, match="signed already"):
        read_psbt(data)


def version_2(**changes: bytes | None) -> bytes:
    transaction = PSBT.transaction
    outpoint = transaction.inputs[0].outpoint
    fields = {
        "version": field(b"\x02", bytes(4)),
        "inputs": field(b"\x04", b"\x01"),
        "outputs": field(b"\x05", b"\x01"),
        "psbt": field(b"\xfb", b"\x02\0\0\0"),
        "message": field(b"\x09", b"x"),
        "end": b"\x00",
        "txid": field(b"\x0e", outpoint.txid),
        "vout": field(b"\x0f", bytes(4)),
        "sequence": field(b"\x10", bytes(4)),
        "lock": b"",
        "input": b"".join(
            bytes((len(key),)) + key + bytes((len(value),)) + value
            for key, value in PSBT.inputs[0].items()
        ),
        "end_input": b"\x00",
        "sats": field(b"\x03", bytes(8)),
        "script": field(b"\x04", b"\x6a"),
        "end_output": b"\x00",
    }
    return MAGIC + b"".join({**fields, **changes}.values())


def test_version_2_is_read_as_version_0() -> None:
    assert read_psbt(version_2()) == PSBT


@pytest.mark.parametrize(
    "changes",
    [
        {"txid": b""},
        {"txid": field(b"\x0e", bytes(31))},
        {"vout": b""},
        {"version": b""},
        {"inputs": b""},
        {"inputs": field(b"\x04", b"\x02")},
        {"outputs": field(b"\x05", b"\xfd\xff\xff")},
        {"sats": b""},
        {"lock": field(b"\x11", bytes(4))},
        {"end_output": b"\x00\x00"},
    ],
)
def test_version_2_in_pieces(changes: dict) -> None:
    assert refusal(version_2(**changes)) is ProofErrorCode.PSBT_UNREADABLE


def with_signature(key: bytes, value: bytes) -> Psbt:
    return replace(PSBT, inputs=({**PSBT.inputs[0], PARTIAL_SIG + key: value},))


def test_combine() -> None:
    one, two = with_signature(sec(1), b"one"), with_signature(sec(2), b"two")
    both = combine([one, two])
    assert both.partial_signatures(0) == {sec(1): b"one", sec(2): b"two"}
    assert combine([two, one]).to_bytes() == both.to_bytes()
    again = combine([one, with_signature(sec(1), b"other")])
    assert again.partial_signatures(0) == {sec(1): b"one"}


def test_combine_refuses_another_transaction() -> None:
    other = start_message(Script(p2wpkh(sec(1))), "x")
    with pytest.raises(ProofError) as caught:
        combine([PSBT, PSBT, other])
    assert caught.value.code is ProofErrorCode.PSBT_OTHER
    assert "PSBT 3" in caught.value.what


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    with pytest.raises(ErarioError):
        read_psbt(data)
    with suppress(ErarioError):
        read_psbt(MAGIC + data)


@given(st.integers(0, len(RAW) - 1), st.integers(1, 255))
def test_one_byte_changed(at: int, flip: int) -> None:
    data = bytearray(RAW)
    data[at] ^= flip
    try:
        psbt = read_psbt(bytes(data))
        psbt.spent(0)
    except ErarioError:
        return
    assert read_psbt(psbt.to_bytes()) == psbt
