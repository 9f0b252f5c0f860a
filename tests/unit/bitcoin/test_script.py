"""Types of scripts, script beside type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.bitcoin.script import (
    ScriptType,
    classify,
    is_key_visible,
    is_unspendable,
    witness_program,
)

KEY33 = "02" + "11" * 32
KEY65 = "04" + "22" * 64

CASES = [
    ("21" + KEY33 + "ac", ScriptType.P2PK),
    ("21" + "03" + "11" * 32 + "ac", ScriptType.P2PK),
    ("41" + KEY65 + "ac", ScriptType.P2PK),
    ("41" + "06" + "22" * 64 + "ac", ScriptType.P2PK),
    ("21" + "04" + "11" * 32 + "ac", ScriptType.NONSTANDARD),
    ("41" + "02" + "22" * 64 + "ac", ScriptType.NONSTANDARD),
    ("20" + KEY33 + "ac", ScriptType.NONSTANDARD),
    ("21" + KEY33 + "ad", ScriptType.NONSTANDARD),
    ("76a914" + "33" * 20 + "88ac", ScriptType.P2PKH),
    ("76a914" + "33" * 20 + "88ad", ScriptType.NONSTANDARD),
    ("a914" + "44" * 20 + "87", ScriptType.P2SH),
    ("a914" + "44" * 20 + "88", ScriptType.NONSTANDARD),
    ("0014" + "55" * 20, ScriptType.P2WPKH),
    ("0020" + "66" * 32, ScriptType.P2WSH),
    ("0015" + "66" * 21, ScriptType.NONSTANDARD),
    ("5120" + "77" * 32, ScriptType.P2TR),
    ("5114" + "77" * 20, ScriptType.WITNESS_UNKNOWN),
    ("5220" + "77" * 32, ScriptType.WITNESS_UNKNOWN),
    ("6002751e", ScriptType.WITNESS_UNKNOWN),
    ("51024e73", ScriptType.P2A),
    ("52024e73", ScriptType.WITNESS_UNKNOWN),
    ("51024e74", ScriptType.WITNESS_UNKNOWN),
    ("6102751e", ScriptType.NONSTANDARD),
    ("5128" + "88" * 40, ScriptType.WITNESS_UNKNOWN),
    ("5129" + "88" * 41, ScriptType.NONSTANDARD),
    ("510101", ScriptType.NONSTANDARD),
    ("51" + "21" + KEY33 + "51ae", ScriptType.MULTISIG),
    ("52" + "21" + KEY33 + "41" + KEY65 + "21" + KEY33 + "53ae", ScriptType.MULTISIG),
    ("52" + "21" + KEY33 + "51ae", ScriptType.NONSTANDARD),
    ("51" + "21" + KEY33 + "52ae", ScriptType.NONSTANDARD),
    ("00" + "21" + KEY33 + "51ae", ScriptType.NONSTANDARD),
    ("51" + "21" + "05" + "11" * 32 + "51ae", ScriptType.NONSTANDARD),
    ("51" + ("21" + KEY33) * 17 + "0111ae", ScriptType.MULTISIG),
    ("0111" + ("21" + KEY33) * 20 + "0114ae", ScriptType.MULTISIG),
    ("51" + ("21" + KEY33) * 21 + "0115ae", ScriptType.NONSTANDARD),
    ("51" + ("21" + KEY33) * 16 + "0110ae", ScriptType.NONSTANDARD),
    ("51" + "21" + KEY33 + "51aeae", ScriptType.NONSTANDARD),
    ("51ae", ScriptType.NONSTANDARD),
    ("ae", ScriptType.NONSTANDARD),
    ("6a0568656c6c6f", ScriptType.NONSTANDARD),
    ("51", ScriptType.NONSTANDARD),
    ("", ScriptType.NONSTANDARD),
]


@pytest.mark.parametrize(("script", "expected"), CASES)
def test_type(script, expected):
    assert classify(bytes.fromhex(script)) is expected


@pytest.mark.parametrize(("script", "expected"), CASES)
def test_a_key_is_visible_in_three_types(script, expected):
    visible = expected in {ScriptType.P2PK, ScriptType.MULTISIG, ScriptType.P2TR}
    assert is_key_visible(bytes.fromhex(script)) is visible


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (b"\x6a", True),
        (b"\x6a\x01\x00", True),
        (b"", False),
        (b"\x51\x6a", False),
        (b"\x51" * 10_000, False),
        (b"\x51" * 10_001, True),
    ],
    ids=["bare return", "return", "empty", "return later", "as long as can be", "too long"],
)
def test_unspendable(script, expected):
    assert is_unspendable(script) is expected


def test_programs_have_versions_0_to_16():
    assert witness_program(bytes.fromhex("0002751e")) == (0, b"\x75\x1e")
    assert witness_program(bytes.fromhex("5102751e")) == (1, b"\x75\x1e")
    assert witness_program(bytes.fromhex("6002751e")) == (16, b"\x75\x1e")
    assert witness_program(bytes.fromhex("4f02751e")) is None


@given(st.binary(max_size=90) | st.sampled_from(CASES).map(lambda case: bytes.fromhex(case[0])))
def test_any_bytes_have_a_type(script):
    assert classify(script) in ScriptType
    for cut in range(len(script)):
        assert classify(script[:cut]) in ScriptType
