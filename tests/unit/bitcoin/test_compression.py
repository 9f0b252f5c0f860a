"""Packed numbers and scripts: known forms, and every packed form leads back to its script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.chain.snapshot_twin import full_key_script

from erario.bitcoin.compression import full_key, pack_script, plain_script, write_number

_HASH = bytes(range(20))
_X = bytes.fromhex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
_NO_POINT = bytes(31) + b"\x05"


@pytest.mark.parametrize(
    ("number", "packed"),
    [
        (0, "00"),
        (0x7F, "7f"),
        (0x80, "8000"),
        (0xFF, "807f"),
        (0x407F, "ff7f"),
        (0x4080, "808000"),
        (0xFFFFFFFF, "8efefefe7f"),
    ],
)
def test_numbers_as_core_documents_them(number: int, packed: str) -> None:
    assert write_number(number).hex() == packed


@given(st.integers(0, 2**64 - 1))
def test_numbers_lead_back(number: int) -> None:
    packed, read = write_number(number), 0
    for at, byte in enumerate(packed):
        read = (read << 7) | (byte & 0x7F)
        assert (byte >= 0x80) == (at < len(packed) - 1)
        read += byte >> 7
    assert read == number


@pytest.mark.parametrize(
    ("script", "packed"),
    [
        (b"\x76\xa9\x14" + _HASH + b"\x88\xac", b"\x00" + _HASH),
        (b"\xa9\x14" + _HASH + b"\x87", b"\x01" + _HASH),
        (b"\x21\x02" + _X + b"\xac", b"\x02" + _X),
        (b"\x21\x03" + _X + b"\xac", b"\x03" + _X),
        (b"\x21\x02" + _NO_POINT + b"\xac", b"\x02" + _NO_POINT),
        (full_key_script(1), b"\x04" + _X),
        (b"", b"\x06"),
        (b"\x00\x14" + _HASH, b"\x1c\x00\x14" + _HASH),
        (b"\x51" * 121, b"\x7f" + b"\x51" * 121),
        (b"\x51" * 122, b"\x80\x00" + b"\x51" * 122),
    ],
)
def test_every_form(script: bytes, packed: bytes) -> None:
    assert pack_script(script) == packed


def test_an_odd_full_key_is_form_5() -> None:
    odd = next(s for s in map(full_key_script, range(1, 20)) if s[65] & 1)
    assert pack_script(odd) == b"\x05" + odd[2:34]
    assert full_key(b"\x03" + odd[2:34]) == odd[1:66]


@pytest.mark.parametrize(
    "script",
    [
        b"\x41\x04" + _X + bytes(32) + b"\xac",
        b"\x41\x04" + _NO_POINT + _NO_POINT + b"\xac",
        b"\x41\x06" + full_key_script(1)[2:],
        b"\x21\x04" + _X + b"\xac",
        b"\x76\xa9\x14" + _HASH + b"\x88\xad",
        b"\xa9\x14" + _HASH + b"\x88",
    ],
)
def test_what_only_looks_like_a_form_stays_as_it_is(script: bytes) -> None:
    assert pack_script(script) == plain_script(script)


def test_no_point() -> None:
    assert full_key(b"\x02" + _NO_POINT) is None
