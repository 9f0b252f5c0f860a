"""Every kind of movement: a chain, the wallets on it, and what is booked.

Fees come first behind the transaction's name where they are known; `from` and `to` are between
wallets of one holder.
"""

from __future__ import annotations

from textwrap import dedent

import pytest
from tests.strategies.evidence import show_movements, statement_of, wallet

A, B, C, D = (wallet(name) for name in "abcd")


def movements(text, *wallets, **options):
    statement, chain = statement_of(dedent(text), *wallets, **options)
    return show_movements(statement, chain)


def lines(text):
    return dedent(text).strip()


def test_in():
    assert movements("1 pay = ? > 5 a, 3 x, 2 a", A) == "1 pay: a in 7"


def test_a_coinbase_is_income_and_has_no_fee():
    assert movements("1 coinbase > 50 a", A) == "1 1 mined: a in 50"


def test_out_with_change_and_a_known_fee():
    text = """
        1 coinbase > 50 a
        2 pay = 1.0 > 30 x, 19.9 a
    """
    assert movements(text, A) == lines("""
        1 1 mined: a in 50
        2 pay fee 0.1: a out 30 fee 0.1
    """)


def test_a_fee_of_nothing_is_known():
    text = """
        1 coinbase > 50 a
        2 pay = 1.0 > 50 x
    """
    assert movements(text, A).splitlines()[-1] == "2 pay fee 0: a out 50"


def test_an_unknown_fee_stays_inside_out():
    text = """
        1 coinbase > 50 a
        2 pay = 1.0, ? > 30 x, 19.9 a
    """
    assert movements(text, A).splitlines()[-1] == "2 pay: a out 30.1"


def test_between_wallets_of_one_holder():
    text = """
        1 coinbase > 50 a
        2 pay = 1.0 > 20 b, 29.9 a
    """
    assert movements(text, A, B).splitlines()[-1] == "2 pay fee 0.1: a to 20 fee 0.1, b from 20"


def test_losers_by_first_input_and_gainers_by_first_output():
    text = """
        1 coinbase > 50 a
        2 coinbase > 50 b
        3 pay = 2.0, 1.0 > 60 d, 10 x, 29.5 c
    """
    assert movements(text, A, B, C, D).splitlines()[-1] == (
        "3 pay fee 0.5: b out 10 to 39.5 fee 0.5, a to 50, d from 60, c from 29.5"
    )


def test_a_fee_above_the_first_losers_loss_goes_on_to_the_next():
    text = """
        1 coinbase > 50 a
        2 coinbase > 50 b
        3 pay = 1.0, 2.0 > 49.8 a, 40 b, 9.7 x
    """
    assert movements(text, A, B).splitlines()[-1] == "3 pay fee 0.5: a fee 0.2, b out 9.7 fee 0.3"


def test_what_goes_out_above_the_first_losers_loss_goes_on_to_the_next():
    text = """
        1 coinbase > 5 a
        2 coinbase > 50 b
        3 pay = 1.0, 2.0 > 20 x, 34 c, 1 y
    """
    assert movements(text, A, B, C).splitlines()[-1] == (
        "3 pay fee 0: a out 5, b out 16 to 34, c from 34"
    )


def test_gainers_take_between_first_and_then_in():
    text = """
        1 coinbase > 50 a
        2 pay = 1.0, ? > 70 b, 1 c, 5 x
    """
    assert movements(text, A, B, C).splitlines()[-1] == "2 pay: a to 50, b in 20 from 50, c in 1"


def test_losses_beyond_what_the_gainers_gain_are_out():
    text = """
        1 coinbase > 50 a
        2 coinbase > 50 b
        3 pay = 1.0, ?, 2.0 > 70 c, 60 x
    """
    assert movements(text, A, B, C).splitlines()[-1] == "3 pay: a out 30 to 20, b to 50, c from 70"


def test_a_wallet_that_is_left_even_is_named():
    text = """
        1 coinbase > 50 a
        2 coinbase > 50 b
        3 pay = 1.0, 2.0 > 50 a, 49 x
    """
    assert movements(text, A, B).splitlines()[-1] == "3 pay fee 1: b out 49 fee 1, a"


def test_across_holders_it_is_out_and_in():
    text = """
        1 coinbase > 50 a
        2 pay = 1.0 > 20 p, 29.9 a
    """
    police = wallet("p", holder="police")
    assert movements(text, A, police, holders="treasury police") == lines("""
        1 1 treasury mined: a in 50
        2 pay treasury fee 0.1: a out 20 fee 0.1
        2 pay police: p in 20
    """)


def test_with_inputs_of_two_holders_neither_knows_the_fee():
    text = """
        1 coinbase > 50 a
        2 coinbase > 50 p
        3 pay = 1.0, 2.0 > 99 x
    """
    police = wallet("p", holder="police")
    assert movements(text, police, A, holders="treasury police").splitlines()[-2:] == [
        "3 pay treasury: a out 50",
        "3 pay police: p out 50",
    ]


def test_an_inferred_wallet_is_an_outsider():
    text = """
        1 coinbase > 50 a
        2 pay = 1.0 > 20 i, 29.9 a
        3 back = 2.0, pay.0 > 70 a
    """
    inferred = wallet("i", attribution="inferred")
    assert movements(text, A, inferred) == lines("""
        1 1 mined: a in 50
        2 pay fee 0.1: a out 20 fee 0.1
        2 pay inferred: i in 20
        3 back: a in 70
        3 back inferred: i out 20
    """)


def test_an_origin_wallet_is_an_outsider_whoever_says_so():
    text = """
        1 coinbase > 50 o
        2 seize = 1.0 > 49.9 a
    """
    for attribution in ("declared", "documented", "inferred"):
        origin = wallet("o", role="origin", attribution=attribution)
        assert movements(text, A, origin) == lines("""
            1 1 origin mined: o in 50
            2 seize: a in 49.9
            2 seize origin fee 0.1: o out 49.9 fee 0.1
        """)


@pytest.mark.parametrize("role", ["holding", "custody", "transit"])
def test_roles_other_than_origin_share_a_book(role):
    text = """
        1 coinbase > 50 a
        2 pay = 1.0 > 50 r
    """
    other = wallet("r", role=role, attribution="documented")
    assert movements(text, A, other).splitlines()[-1] == "2 pay fee 0: a to 50, r from 50"


def test_an_overwritten_coinbase_is_lost_and_the_second_counts():
    text = """
        1 coinbase > 50 a
        3 coinbase = 1
    """
    assert movements(text, A) == lines("""
        1 1 mined: a in 50
        3 overwritten: a out 50
        3 1 mined: a in 50
    """)


def test_a_coinbase_again_after_it_was_spent_overwrites_nothing():
    text = """
        1 coinbase > 50 a
        2 pay = 1.0 > 50 x
        3 coinbase = 1
    """
    assert movements(text, A) == lines("""
        1 1 mined: a in 50
        2 pay fee 0: a out 50
        3 1 mined: a in 50
    """)


def test_transactions_of_one_block_stand_in_its_order():
    text = """
        1 coinbase > 50 a
        2 one = 1.0 > 50 b
        2 two = one.0 > 50 x
        2 three = ? > 1 a
    """
    assert movements(text, A, B) == lines("""
        1 1 mined: a in 50
        2 one fee 0: a to 50, b from 50
        2 two fee 0: b out 50
        2 three: a in 1
    """)


DAYS = """
    1 at 2011-02-03T01:00
    1 coinbase > 50 a
    2 at 2011-02-05T01:00
    2 pay = 1.0 > 20 b, 30 a
    3 at 2011-02-07T01:00
    3 more = ? > 7 a
    6 at 2011-02-07T03:00
"""


def test_since_brings_in_what_was_held_behind_the_last_block_before():
    assert movements(DAYS, wallet("a", since="2011-02-04")) == lines("""
        1 since: a in 50
        2 pay fee 0: a out 20
        3 more: a in 7
    """)


def test_until_takes_away_what_is_held_behind_the_last_block_of_the_day():
    assert movements(DAYS, wallet("a", until="2011-02-05")) == lines("""
        1 1 mined: a in 50
        2 pay fee 0: a out 20
        2 until: a out 30
    """)


def test_since_and_until_together():
    bounded = wallet("a", since="2011-02-04", until="2011-02-04")
    assert movements(DAYS, bounded) == lines("""
        1 since: a in 50
        1 until: a out 50
    """)


def test_a_wallet_that_does_not_count_yet_is_an_outsider():
    assert movements(DAYS, A, wallet("b", since="2011-02-06")) == lines("""
        1 1 mined: a in 50
        2 pay fee 0: a out 20
        2 since: b in 20
        3 more: a in 7
    """)


def test_a_boundary_with_nothing_held_is_no_movement():
    assert "since" not in movements(DAYS, wallet("a", since="2011-02-03"))


def test_a_beginning_before_the_genesis_block_is_none():
    assert movements(DAYS, wallet("a", since="2009-01-03")) == movements(DAYS, A)


def test_a_boundary_that_is_not_reached_has_not_happened():
    # Block 3 is behind both instants, but the median time past of block 4 is not.
    until_4 = movements(DAYS, A, at=4)
    assert movements(DAYS, wallet("a", since="2011-02-06"), at=4) == ""
    assert movements(DAYS, wallet("a", until="2011-02-05"), at=4) == until_4
