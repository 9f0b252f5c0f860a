"""The rules for one header, each at its edge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.bitcoin.header_rules import (
    HeaderFault,
    check_context,
    check_work,
    least_version,
    median_time,
)
from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.work import bits_of_target

MAIN = network(NetworkName.MAIN)
TESTNET4 = network(NetworkName.TESTNET4)
LIMIT = 0x1D00FFFF


def as_hash(number: int) -> bytes:
    return number.to_bytes(32, "little")


@pytest.mark.parametrize(
    ("number", "bits", "fault"),
    [
        (0xFFFF << 208, LIMIT, None),
        ((0xFFFF << 208) + 1, LIMIT, HeaderFault.WORK_MISSING),
        # Bitcoin Core 31.0, src/test/pow_tests.cpp (CheckProofOfWork_test_*).
        (1, LIMIT | 0x00800000, HeaderFault.BITS_INVALID),
        (1, ~0x00800000 & 0xFFFFFFFF, HeaderFault.BITS_INVALID),
        (1, bits_of_target(MAIN.pow_limit * 2), HeaderFault.BITS_INVALID),
        (MAIN.pow_limit * 2, LIMIT, HeaderFault.WORK_MISSING),
        (0, 0, HeaderFault.BITS_INVALID),
        (1, 0x1D010000, HeaderFault.BITS_INVALID),
    ],
)
def test_work(number, bits, fault):
    assert check_work(MAIN, as_hash(number), bits) == fault


def context(rules=MAIN, height=500_000, **changed):
    good = {
        "version": 0x20000000,
        "time": 1_000_000,
        "bits": LIMIT,
        "required": LIMIT,
        "median_time_past": 999_000,
        "last_time": 1_000_100,
    }
    return check_context(rules, height, **(good | changed))


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({}, None),
        ({"bits": LIMIT - 1}, HeaderFault.BITS_WRONG),
        ({"time": 999_001}, None),
        ({"time": 999_000}, HeaderFault.TIME_TOO_OLD),
        ({"version": 3}, HeaderFault.VERSION_TOO_OLD),
        ({"version": -1}, HeaderFault.VERSION_TOO_OLD),
        ({"version": 4}, None),
        ({"version": 3, "time": 1}, HeaderFault.TIME_TOO_OLD),
        ({"version": 3, "time": 1, "bits": 1}, HeaderFault.BITS_WRONG),
        # No clock is asked.
        ({"time": 0xFFFFFFFF}, None),
    ],
)
def test_context(changed, fault):
    assert context(**changed) == fault


@pytest.mark.parametrize(
    ("rules", "height", "time", "fault"),
    [
        (TESTNET4, 2016, 999_500, None),
        (TESTNET4, 2016, 999_499, HeaderFault.TIMEWARP),
        (TESTNET4, 2017, 999_499, None),
        (MAIN, 2016, 999_499, None),
        (TESTNET4, 2016, 998_000, HeaderFault.TIME_TOO_OLD),
    ],
)
def test_timewarp(rules, height, time, fault):
    assert context(rules, height, time=time) == fault


@pytest.mark.parametrize(
    ("name", "height", "version"),
    [
        (NetworkName.MAIN, 227_930, -(1 << 31)),
        (NetworkName.MAIN, 227_931, 2),
        (NetworkName.MAIN, 363_724, 2),
        (NetworkName.MAIN, 363_725, 3),
        (NetworkName.MAIN, 388_380, 3),
        (NetworkName.MAIN, 388_381, 4),
        (NetworkName.TESTNET3, 21_110, -(1 << 31)),
        (NetworkName.TESTNET3, 21_111, 2),
        (NetworkName.TESTNET3, 330_776, 3),
        (NetworkName.TESTNET3, 581_885, 4),
        (NetworkName.TESTNET4, 1, 4),
        (NetworkName.SIGNET, 1, 4),
        (NetworkName.REGTEST, 1, 4),
    ],
)
def test_versions(name, height, version):
    assert least_version(network(name), height) == version


@pytest.mark.parametrize(
    ("times", "median"),
    [([5], 5), ([1, 2], 2), ([3, 1, 2], 2), ([4, 1, 3, 2], 3), (list(range(11, 0, -1)), 6)],
)
def test_medians(times, median):
    assert median_time(times) == median


@given(st.lists(st.integers(0, 100), min_size=1, max_size=60))
def test_the_median_time_past_never_runs_backwards(steps):
    """If each header is later than the median before it, as the rule asks, medians only rise."""
    times = [1000]
    medians = [1000]
    for step in steps:
        times.append(medians[-1] + 1 + step)
        medians.append(median_time(times[-11:]))
    assert medians == sorted(medians)
