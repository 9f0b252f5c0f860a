"""Wallets that begin or cease to count, beside claims and cut-offs at that very moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.strategies.evidence import (
    MemorySource,
    claim,
    read_chain,
    reserve,
    show_claim,
    show_movements,
    statement_of,
    wallet,
)

from erario.auditing import audit
from erario.statement.model import MovementKind

# Between blocks 1 and 2 lie the midnights at which the 4th and the 5th begin.
CHAIN = """
    1 at 2011-02-03T01:00
    1 coinbase > 50 a, 7 b
    2 at 2011-02-05T01:00
    20 at 2011-02-09T00:00
"""
MIDNIGHT = "2011-02-04T00:00:00"
UNTIL = wallet("a", until="2011-02-03")
SINCE = wallet("a", since="2011-02-04")
BOTH_DAYS = ("2011-02-03", "2011-02-04")


def judge(one, *wallets, **options):
    statement, _ = statement_of(CHAIN, *wallets, claims=[one], **options)
    return show_claim(statement.claims[0])


@pytest.mark.parametrize(
    ("bounded", "at", "expected"),
    [
        # At the very instant a wallet that counts until then counts; one since then does not yet.
        (UNTIL, MIDNIGHT, "50"),
        (SINCE, MIDNIGHT, "0"),
        (UNTIL, "2011-02-04T00:00:01", "0"),
        (SINCE, "2011-02-04T00:00:01", "50"),
        # By height, the gap behind a block comes after the state at it.
        (UNTIL, 1, "50"),
        (SINCE, 1, "0"),
        (UNTIL, 2, "0"),
        (SINCE, 2, "50"),
    ],
)
def test_a_claim_at_a_point_is_a_cut_off_there(bounded, at, expected):
    height = 1 if isinstance(at, str) else at
    found = judge(claim(f"= {expected}", at), bounded)
    assert found == f"kept {expected} margin 0 [{height}, {height}]"


@pytest.mark.parametrize("bounded", [UNTIL, SINCE])
@pytest.mark.parametrize("at", [MIDNIGHT, "2011-02-04T00:00:01"])
def test_a_cut_off_at_an_instant_agrees_with_a_claim_there(bounded, at):
    statement, _ = statement_of(CHAIN, bounded, claims=[claim(">= 0", at)], at=at + "Z")
    (one,) = statement.holders[0].wallets
    assert statement.claims[0].lowest == (one.balance.sats if one.counts else 0)


@pytest.mark.parametrize(
    ("bounded", "at", "expected"),
    [
        # An interval begins with what begins or ends at its first instant ...
        (SINCE, "2011-02-04", "50 margin 0 [1, 1]"),
        (UNTIL, "2011-02-04", "0 margin 0 [1, 1]"),
        # ... and ends before what begins or ends at its last.
        (SINCE, "2011-02-03", "0 margin 0 [0, 1]"),
    ],
)
def test_a_claim_over_a_day(bounded, at, expected):
    assert judge(claim(f"= {expected.split()[0]}", at), bounded) == f"kept {expected}"


def test_a_wallet_counts_to_the_end_of_its_last_day():
    # From nothing before block 1 to 50 behind it; 0 behind the end of the day is not of the day.
    assert judge(claim(">= 0", "2011-02-03"), UNTIL) == "kept 0 to 50 margin 0 [0, 1]"
    assert judge(claim(">= 50", (1, 1)), UNTIL) == "kept 50 margin 0 [1, 1]"
    assert judge(claim("= 50", (1, 2)), UNTIL) == "unclear 0 to 50 [1, 2]"


def test_two_instants_in_one_gap_are_two_moments():
    # The 4th lies between them: nothing counts on it, though no block is made.
    later = wallet("b", since="2011-02-05")
    assert judge(claim(">= 7", (1, 2)), UNTIL, later) == "unclear 0 to 50 [1, 2]"


def test_a_movement_and_a_wallet_say_when():
    statement, chain = statement_of(CHAIN, wallet("a", since="2011-02-04", until="2011-02-04"))
    begins, ends = datetime(2011, 2, 4, tzinfo=UTC), datetime(2011, 2, 5, tzinfo=UTC)
    assert [(one.kind, one.instant) for one in statement.movements] == [
        (MovementKind.SINCE, begins),
        (MovementKind.UNTIL, ends),
    ]
    (one,) = statement.holders[0].wallets
    assert (one.since, one.until) == (begins, ends)
    (other,) = audit(reserve(chain, [wallet("a")]), MemorySource(chain.blocks)).holders[0].wallets
    assert (other.since, other.until) == (None, None)


def test_a_boundary_at_the_cut_off_itself_is_no_movement_of_the_statement():
    statement, chain = statement_of(CHAIN, UNTIL, wallet("b", since="2011-02-04"), at="2011-02-03")
    assert show_movements(statement, chain) == "1 1 mined: a in 50"
    (holder,) = statement.holders
    assert (holder.first_height, holder.last_height) == (1, 1)
    assert [one.counts for one in holder.wallets] == [True, False]
    # A wallet that begins then has moved nothing yet.
    (alone,) = statement_of(CHAIN, SINCE, at="2011-02-03")[0].holders
    assert (alone.first_height, alone.last_height) == (None, None)


@pytest.mark.parametrize("until", ["2011-02-02", "2011-02-03"])
def test_a_wallet_that_ends_before_it_begins_never_counts(until):
    # No file can say so, but a reserve that a program made can.
    ended = wallet("a", since="2011-02-04", until=until)
    if until == "2011-02-03":
        assert ended.wallet.since == ended.wallet.until
    statement, _ = statement_of(CHAIN, ended, claims=[claim("= 0", 2)])
    assert statement.movements == ()
    assert show_claim(statement.claims[0]) == "kept 0 margin 0 [2, 2]"
    assert not statement.holders[0].wallets[0].counts


def test_the_holder_that_a_claim_is_about_says_whether_its_file_is_complete():
    chain = read_chain(CHAIN)
    claims = [replace(claim("< 60", 2, holder=name), id=name) for name in ("treasury", "police")]
    wallets = [wallet("a"), wallet("b", holder="police")]
    declared = reserve(chain, wallets, claims, holders="treasury police")
    treasury, police = declared.holders
    declared = replace(declared, holders=(replace(treasury, complete=False), police))
    assert [show_claim(one) for one in audit(declared, MemorySource(chain.blocks)).claims] == [
        "unknown 50 margin 10 [2, 2]",
        "kept 7 margin 53 [2, 2]",
    ]


def test_figures_of_a_holder_are_of_its_counted_book_alone():
    text = """
        1 coinbase > 1 o, 1 i
        2 p = ? > 2 a
        3 q = ? > 3 o
        4 r = ? > 4 i
    """
    statement, _ = statement_of(
        text, wallet("a"), wallet("o", role="origin"), wallet("i", attribution="inferred")
    )
    (holder,) = statement.holders
    assert (holder.first_height, holder.last_height) == (2, 2)
    # The origin's script and the inferred one were paid twice; the holder's own was not.
    assert holder.reused_scripts == 0
    assert [one.scripts[0].received_in for one in holder.wallets] == [1, 2, 2]
