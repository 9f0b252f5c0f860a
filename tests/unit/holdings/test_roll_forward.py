"""The roll-forward's invariant: movements and coins, which know nothing of each other, agree."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.strategies.evidence import MemorySource, read_chain, reserve, wallet

from erario.assess.ground import lay_ground
from erario.auditing import collect
from erario.bitcoin.values import Sats
from erario.holdings.errors import HoldingsCode, InvariantError
from erario.holdings.roll_forward import roll_forward

CHAIN = read_chain("""
    1 coinbase > 50 a
    2 p = 1.0 > 20 b, 29 a
""")
GROUND = lay_ground(collect(reserve(CHAIN, [wallet("a"), wallet("b")]), MemorySource(CHAIN.blocks)))


def roll(movements):
    return roll_forward(GROUND.ledger, GROUND.members, movements, None, GROUND.closing)


def test_what_was_booked_is_what_is_there():
    assert {name: one.closing // 10**8 for name, one in roll(GROUND.movements).items()} == {
        "a": 29,
        "b": 20,
    }


@pytest.mark.parametrize("field", ["received", "between_in", "sent", "between_out", "fee"])
def test_one_satoshi_that_was_booked_wrongly_is_an_error(field):
    first, second = GROUND.movements
    entry = replace(second.entries[0], **{field: Sats(getattr(second.entries[0], field) + 1)})
    wrong = replace(second, entries=(entry, *second.entries[1:]))
    with pytest.raises(InvariantError) as caught:
        roll((first, wrong))
    assert caught.value.code is HoldingsCode.UNBALANCED
    assert "'a'" in caught.value.what


def test_a_movement_left_out_is_an_error():
    with pytest.raises(InvariantError):
        roll(GROUND.movements[:1])
