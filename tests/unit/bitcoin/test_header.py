"""Headers: eighty bytes and nothing else."""

from __future__ import annotations

import pytest

from erario.bitcoin.errors import BitcoinCode, DecodeError
from erario.bitcoin.header import read_header
from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.values import show_hash

GENESIS = network(NetworkName.MAIN).genesis[:80]


def test_fields():
    header = read_header(memoryview(GENESIS))
    assert header.version == 1
    assert header.previous == bytes(32)
    assert show_hash(header.merkle_root) == (
        "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"
    )
    assert (header.time, header.bits, header.nonce) == (1231006505, 0x1D00FFFF, 2083236893)
    assert header.raw == GENESIS


def test_version_is_signed():
    assert read_header(b"\xff" * 80).version == -1


@pytest.mark.parametrize(
    ("size", "code"),
    [
        (0, BitcoinCode.DECODE_TRUNCATED),
        (79, BitcoinCode.DECODE_TRUNCATED),
        (81, BitcoinCode.DECODE_TRAILING),
    ],
)
def test_other_sizes_are_refused(size, code):
    with pytest.raises(DecodeError) as caught:
        read_header(bytes(size))
    assert caught.value.code is code
