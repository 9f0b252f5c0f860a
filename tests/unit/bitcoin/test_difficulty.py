"""The difficulty rules: Bitcoin Core's own vectors, and long chains beside a plain slow twin."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.headers import SlowChain

from erario.bitcoin.difficulty import PERIOD, TIMESPAN, is_easy_time, required_bits, retarget
from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.work import target_of_bits

MAIN = network(NetworkName.MAIN)
TESTNET3 = network(NetworkName.TESTNET3)
TESTNET4 = network(NetworkName.TESTNET4)
SIGNET = network(NetworkName.SIGNET)
REGTEST = network(NetworkName.REGTEST)
LIMIT = 0x1D00FFFF


@pytest.mark.parametrize(
    ("first_time", "last_time", "bits", "expected"),
    [
        # Bitcoin Core 31.0, src/test/pow_tests.cpp.
        pytest.param(1261130161, 1262152739, 0x1D00FFFF, 0x1D00D86A, id="get_next_work"),
        pytest.param(1231006505, 1233061996, 0x1D00FFFF, 0x1D00FFFF, id="pow_limit"),
        pytest.param(1279008237, 1279297671, 0x1C05A3F4, 0x1C0168FD, id="lower_limit_actual"),
        pytest.param(1263163443, 1269211443, 0x1C387F6F, 0x1D00E1FD, id="upper_limit_actual"),
    ],
)
def test_published_vectors(first_time, last_time, bits, expected):
    assert retarget(MAIN, bits, last_time - first_time) == expected

    def ancestor(height):
        return {32255: (last_time, bits), 30240: (first_time, 0)}[height]

    assert required_bits(MAIN, 32256, last_time + 1, ancestor) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (TIMESPAN, 0x1B04864C),
        # The off-by-one: 2015 gaps of 600 seconds are held against 2016.
        (TIMESPAN - 600, 0x1B0485B8),
        (TIMESPAN // 4, 0x1B012193),
        (TIMESPAN // 4 - 1, 0x1B012193),
        (0, 0x1B012193),
        (-TIMESPAN, 0x1B012193),
        (TIMESPAN * 4, 0x1B121930),
        (TIMESPAN * 4 + 1, 0x1B121930),
    ],
)
def test_the_change_is_bounded(seconds, expected):
    assert retarget(MAIN, 0x1B04864C, seconds) == expected


def test_signet_never_gets_easier_than_its_limit():
    # Four times the limit still fits into 256 bits, as Core's arithmetic needs.
    assert retarget(SIGNET, SIGNET.easiest_bits, 4 * TIMESPAN) == SIGNET.easiest_bits
    assert SIGNET.pow_limit * 4 * TIMESPAN < 1 << 256


def chain(*blocks):
    """Time and bits of block 0, 1, ... as an ancestor function."""
    return lambda height: blocks[height]


HARD = 0x1C00FFFF


@pytest.mark.parametrize(
    ("rules", "gap", "expected"),
    [
        (MAIN, 5000, HARD),
        (SIGNET, 5000, HARD),
        (TESTNET3, 1200, HARD),
        (TESTNET3, 1201, LIMIT),
        (TESTNET4, 1200, HARD),
        (TESTNET4, 1201, LIMIT),
        (REGTEST, 5000, HARD),
    ],
)
def test_twenty_minutes_within_a_period(rules, gap, expected):
    last = 1_600_000_000
    assert required_bits(rules, 2, last + gap, chain((last - 600, HARD), (last, HARD))) == expected
    assert is_easy_time(last + gap, last) is (gap > 1200)


@pytest.mark.parametrize("rules", [TESTNET3, TESTNET4])
def test_easy_blocks_are_walked_over(rules):
    blocks = chain((0, HARD), (600, HARD), (1900, LIMIT), (3200, LIMIT))
    assert required_bits(rules, 4, 3800, blocks) == HARD


@pytest.mark.parametrize("rules", [TESTNET3, TESTNET4])
def test_the_walk_ends_at_the_start_of_the_period(rules):
    bits = {2014: HARD, 2015: HARD, 2016: LIMIT, 2017: LIMIT}
    assert required_bits(rules, 2018, 700, lambda height: (0, bits[height])) == LIMIT


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        # An easy last block resets testnet3's difficulty; testnet4 goes by the first (BIP 94).
        (TESTNET3, LIMIT),
        (TESTNET4, HARD),
    ],
)
def test_an_easy_block_before_the_retarget(rules, expected):
    ends = {0: (0, HARD), PERIOD - 1: (TIMESPAN, LIMIT)}
    # Twenty minutes make no difference to the first block of a period.
    assert required_bits(rules, PERIOD, TIMESPAN + 1201, lambda h: ends[h]) == expected


def test_regtest_never_retargets():
    ends = {PERIOD - 1: (10, 0x207FFFFF), 0: (0, 0x207FFFFF)}
    assert required_bits(REGTEST, PERIOD, 5000, lambda h: ends[h]) == 0x207FFFFF


@pytest.mark.parametrize("rules", [MAIN, TESTNET3, TESTNET4, SIGNET], ids=lambda r: r.name.value)
@pytest.mark.parametrize("seed", range(4))
def test_long_chains_beside_the_twin(rules, seed):
    """Five periods with times of every kind: steady, jumping, backwards, bursts and droughts."""
    source = random.Random(seed)
    slow = SlowChain(
        rules, 1_600_000_000, SlowChain.to_bits(rules.pow_limit >> source.choice([8, 24, 40]))
    )
    for _ in range(5):
        pace = source.choice([100, 300, 600, 1100, 3000])
        for _ in range(PERIOD):
            height, last = len(slow.blocks), slow.blocks[-1][0]
            time = max(1, last + int(source.gauss(pace, pace / 2)))
            if source.random() < 0.02:
                time += source.choice([-7000, 1201 - pace, 20_000])
            # The walk back is slow on purpose, so not for every block.
            if height % PERIOD in {0, 1, 2, PERIOD - 1} or source.random() < 0.2:
                expected = slow.next_bits(time)
                assert required_bits(rules, height, time, slow.blocks.__getitem__) == expected
            slow.add(time)
    assert len({bits for _, bits in slow.blocks}) > 2


@given(
    st.integers(1, MAIN.pow_limit).map(SlowChain.to_bits),
    st.integers(-(1 << 32), 1 << 32) | st.integers(TIMESPAN // 5, TIMESPAN * 5),
)
def test_retargets_stay_within_a_factor_of_four_and_the_limit(bits, seconds):
    before = target_of_bits(bits)
    after_bits = retarget(MAIN, bits, seconds)
    after = target_of_bits(after_bits)
    if after is None:
        # A target of less than four can become none; no chain can get there.
        assert before < 4
        return
    # Bits keep fifteen bits of a target at least.
    assert before // 4 <= after + (after >> 14) + 1
    assert after <= before * 4
    assert after <= MAIN.pow_limit


def test_bits_without_a_target_are_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="no difficulty bits"):
        retarget(MAIN, 0x1D80FFFF, TIMESPAN)


def test_only_retargets_ask_for_far_ancestors():
    asked = []

    def ancestor(height):
        asked.append(height)
        return height * 600, HARD

    for rules in (MAIN, TESTNET3, replace(TESTNET4, bip94=False), SIGNET):
        required_bits(rules, 2 * PERIOD + 5, (2 * PERIOD + 5) * 600, ancestor)
    assert set(asked) == {2 * PERIOD + 4}
