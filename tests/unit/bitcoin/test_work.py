"""Compact bits and work, on published numbers."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.bitcoin.header import read_header
from erario.bitcoin.header_rules import check_work
from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.values import read_hash
from erario.bitcoin.work import bits_of_target, target_of_bits, work_of_bits


@pytest.fixture(scope="module")
def real_bits(shared_data):
    """The bits of mainnet's periods, the first one included."""
    periods = json.loads((shared_data / "mainnet-pins.json").read_text())["periods"]
    return [0x1D00FFFF, *(int(bits, 16) for _, bits in periods)]


@pytest.mark.parametrize(
    ("bits", "target", "shortest"),
    [
        # Bitcoin Core 31.0, src/test/arith_uint256_tests.cpp (bignum_SetCompact).
        (0x01123456, 0x12, 0x01120000),
        (0x02008000, 0x80, 0x02008000),
        (0x02123456, 0x1234, 0x02123400),
        (0x03123456, 0x123456, 0x03123456),
        (0x04123456, 0x12345600, 0x04123456),
        (0x05009234, 0x92340000, 0x05009234),
        (0x20123456, 0x123456 << 232, 0x20123456),
        (0x1D00FFFF, 0xFFFF << 208, 0x1D00FFFF),
        (0x2100FFFF, 0xFFFF << 240, 0x2100FFFF),
        (0x220000FF, 0xFF << 248, 0x2100FF00),
    ],
)
def test_targets(bits, target, shortest):
    assert target_of_bits(bits) == target
    assert bits_of_target(target) == shortest


@pytest.mark.parametrize(
    "bits",
    [
        # Zero, and what the three bytes shift away.
        *(0x00000000, 0x00123456, 0x01003456, 0x02000056, 0x03000000, 0x04000000, 0x00923456),
        *(0x01803456, 0x02800056, 0x03800000, 0x04800000),
        # Negative.
        *(0x01FEDCBA, 0x04923456, 0x1D80FFFF),
        # More than 256 bits.
        *(0xFF123456, 0x21010000, 0x22000100, 0x23000001, 0xFF7FFFFF),
    ],
)
def test_no_target(bits):
    assert target_of_bits(bits) is None
    assert work_of_bits(bits) == 0


@pytest.mark.parametrize(
    ("bits", "work"),
    [(0x1D00FFFF, 0x100010001), (0x207FFFFF, 2), (0x1E0377AE, 0x49D414)],
)
def test_work_of_a_block(bits, work):
    assert work_of_bits(bits) == work


@given(st.integers(1, (1 << 256) - 1))
def test_bits_round_down_by_less_than_one_in_32768(target):
    rounded = target_of_bits(bits_of_target(target))
    assert rounded is not None
    assert rounded <= target < rounded + (rounded >> 15) + 1


@given(st.integers(0, (1 << 32) - 1))
def test_any_bits(bits):
    target = target_of_bits(bits)
    if target is not None:
        assert 0 < target < 1 << 256
        assert target_of_bits(bits_of_target(target)) == target
        assert work_of_bits(bits) == (1 << 256) // (target + 1)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("height", "work"),
    [
        # nMinimumChainWork of Bitcoin Core 0.18, 0.19, 0.21 and 26, with the height it is of.
        (563_378, 0x51DC8B82F450202ECB3D471),
        (597_290, 0x8E63414F20DAA4DFE308FF6),
        (654_683, 0x1533EFD8D716A517FE2C5008),
        (824_000, 0x63C4EBD298DB40AF57541800),
    ],
)
def test_work_of_the_real_chain(real_bits, height, work):
    assert sum(work_of_bits(real_bits[h // 2016]) for h in range(height + 1)) == work


@pytest.mark.shared
def test_the_last_block_of_each_real_period_has_its_work(shared_data, real_bits):
    periods = json.loads((shared_data / "mainnet-pins.json").read_text())["periods"]
    for (text, _), bits in zip(periods, real_bits[:-1], strict=True):
        assert check_work(network(NetworkName.MAIN), read_hash(text), bits) is None


@pytest.mark.shared
def test_block_300025_has_the_bits_of_its_period(shared_data, real_bits):
    header = read_header((shared_data / "blocks" / "mainnet-300025.raw").read_bytes()[:80])
    assert header.bits == real_bits[300_025 // 2016]
    assert check_work(network(NetworkName.MAIN), header.block_hash, header.bits) is None
