"""How many coins there can be: the subsidy and its halvings (Bitcoin Core, validation.cpp)."""

from __future__ import annotations

from typing import Final

from erario.bitcoin.network import Network
from erario.bitcoin.values import COIN, Height, Sats

_FIRST: Final = 50 * COIN
_HALVINGS: Final = 64


def most_supply(rules: Network, height: Height) -> Sats:
    """All that blocks 1 to `height` can have paid out; the genesis output can never be spent."""
    supply = 0
    for era in range(_HALVINGS):
        begin = max(1, era * rules.halving_interval)
        end = min(height + 1, (era + 1) * rules.halving_interval)
        supply += max(0, end - begin) * (_FIRST >> era)
    return Sats(supply)
