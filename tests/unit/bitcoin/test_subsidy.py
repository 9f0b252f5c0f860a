"""The supply at heights that everybody can count."""

from __future__ import annotations

import pytest

from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.subsidy import most_supply
from erario.bitcoin.values import COIN, MAX_MONEY, Height


@pytest.mark.parametrize(
    ("height", "supply"),
    [
        (0, 0),
        (1, 50 * COIN),
        (209_999, 209_999 * 50 * COIN),
        (210_000, 209_999 * 50 * COIN + 25 * COIN),
        (840_000, (209_999 * 50 + 210_000 * (25 + 12.5 + 6.25)) * COIN + 312_500_000),
    ],
)
def test_main(height: int, supply: float) -> None:
    assert most_supply(network(NetworkName.MAIN), Height(height)) == int(supply)


def test_a_slow_sum_on_regtest() -> None:
    rules, supply = network(NetworkName.REGTEST), 0
    for height in range(1, 2_000):
        supply += 50 * COIN >> (height // 150)
        assert most_supply(rules, Height(height)) == supply


def test_never_21_million() -> None:
    assert most_supply(network(NetworkName.MAIN), Height(10**8)) < MAX_MONEY
