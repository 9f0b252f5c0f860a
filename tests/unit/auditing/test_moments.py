"""Rules of time: which block a cut-off, an opening, a claim or a wallet's bound falls on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

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
from erario.auditing.errors import AuditCode
from erario.bitcoin.values import BlockHash, Height, show_hash
from erario.errors import RequestError
from erario.reserve.cutoff import MomentCode
from erario.reserve.moment import AtHash, AtHeight, AtInstant, AtTip
from erario.statement.codec import digest
from erario.statement.finding import FindingCode, Verdict

# Block 3's header runs back behind the hours of block 2, past midnight.
BACKWARDS = """
    1 at 2011-02-03T22:00
    1 coinbase > 1 a
    2 at 2011-02-04T00:30
    2 coinbase > 2 a
    3 at 2011-02-03T23:50
    3 coinbase > 4 a
    4 at 2011-02-04T00:40
    4 coinbase > 8 a
    5 at 2011-02-04T01:00
    6 at 2011-02-04T02:00
    7 at 2011-02-04T03:00
    8 at 2011-02-04T04:00
"""
A = wallet("a")


def cutoff(at, text=BACKWARDS, **options):
    statement, _ = statement_of(text, A, at=at, **options)
    return statement.cutoff.height


def balance(at, text=BACKWARDS, **options):
    statement, _ = statement_of(text, A, at=at, **options)
    return statement.holders[0].wallets[0].balance.sats // 100_000_000


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (None, 8),
        ("tip", 8),
        (AtTip(), 8),
        (5, 5),
        ("5", 5),
        (AtHeight(Height(0)), 0),
        # The end of the 3rd: block 3, although block 2 before it is of the 4th.
        ("2011-02-03", 3),
        (date(2011, 2, 3), 3),
        # A block at the instant itself is not before it.
        ("2011-02-04T00:40:00Z", 3),
        ("2011-02-04T00:40:01Z", 4),
        ("2011-02-03T23:50:00Z", 1),
        ("2011-02-03T23:50:01Z", 3),
        (datetime(2011, 2, 4, 0, 40, 1, tzinfo=UTC), 4),
        (datetime(2011, 2, 3, 18, 40, 1, tzinfo=timezone(timedelta(hours=-6))), 4),
        ("2011-02-03T18:40:01-06:00", 4),
        ("2099-01-01", 8),
    ],
)
def test_a_cut_off_falls_on(at, expected):
    assert cutoff(at) == expected


def test_a_block_that_runs_back_brings_in_those_before_it():
    assert balance("2011-02-03") == 1 + 2 + 4
    assert balance("2011-02-03T23:50:00Z") == 1


def test_a_day_ends_with_the_zone_of_the_reserve():
    chain = read_chain(BACKWARDS)
    declared = reserve(chain, [A])
    for zone, expected in [("UTC", 3), ("America/El_Salvador", 8), ("Asia/Tokyo", 0)]:
        there = replace(declared, timezone=zone)
        assert audit(there, MemorySource(chain.blocks), at="2011-02-03").cutoff.height == expected


def test_a_hash_and_the_tip_are_asked_as_their_height():
    chain = read_chain(BACKWARDS)
    declared = reserve(chain, [A])
    block_hash = chain.blocks[5].block_hash
    by = [
        audit(declared, MemorySource(chain.blocks[:upto]), at=at)
        for upto, at in [
            (9, 5),
            (9, show_hash(block_hash)),
            (9, AtHash(BlockHash(block_hash))),
            (6, None),
        ]
    ]
    assert {one.asked for one in by} == {AtHeight(Height(5))}
    assert len({digest(one) for one in by}) == 1


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (9, AuditCode.ABOVE_TIP),
        (AtHeight(Height(-1)), AuditCode.ABOVE_TIP),
        ("ab" * 32, AuditCode.NOT_ON_CHAIN),
        ("2011-02-02T23:16:42Z", AuditCode.BEFORE_GENESIS),
        ("2011-02-01", AuditCode.BEFORE_GENESIS),
    ],
)
def test_cut_offs_that_mean_no_block(at, code):
    with pytest.raises(RequestError) as caught:
        cutoff(at)
    assert caught.value.code is code
    assert caught.value.remedy


def test_the_genesis_block_is_before_the_second_after_it():
    assert cutoff("2011-02-02T23:16:43Z") == 0


@pytest.mark.parametrize(
    ("tip", "settled"),
    # Times by then: 23:16, 22:00, 00:30, 23:50, 00:40, 01:00 ... The median of the eleven that end
    # with block 4 is 23:50; with block 5 it is 00:30.
    [(3, False), (4, False), (5, True), (8, True)],
)
def test_a_cut_off_by_instant_is_settled_once_a_median_has_reached_it(tip, settled):
    chain = read_chain(BACKWARDS)
    statement = audit(reserve(chain, [A]), MemorySource(chain.blocks[: tip + 1]), at="2011-02-03")
    assert statement.cutoff.height == 3
    assert statement.observed.settled is settled
    unsettled = [one.verdict for one in statement.observed.findings]
    assert unsettled == ([] if settled else [Verdict.UNKNOWN])
    assert all(one.code is FindingCode.CUTOFF_SETTLED for one in statement.observed.findings)
    assert statement.observed.depth == tip - 3


def test_a_cut_off_by_height_is_neither_settled_nor_not():
    statement, _ = statement_of(BACKWARDS, A, at=3)
    assert statement.observed.settled is None
    assert statement.observed.findings == ()


def test_more_blocks_never_move_a_settled_statement():
    chain = read_chain(BACKWARDS)
    declared = reserve(chain, [A, wallet("b", since="2011-02-03")], [claim("> 6", "2011-02-03")])
    digests = {
        digest(audit(declared, MemorySource(chain.blocks[:end]), at="2011-02-03", since=1))
        for end in (6, 7, 8, 9)
    }
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("moment", "at", "expected"),
    [
        # The 3rd: from genesis, the last block before it, to block 3.
        ("2011-02-03", None, "kept 0 to 7 margin 0 [0, 3]"),
        # By a cut-off that is the end of that day it can be answered, settled or not.
        ("2011-02-03", "2011-02-03", "kept 0 to 7 margin 0 [0, 3]"),
        # Block 4's median time past is still of the 3rd, so a block of that day could follow.
        ("2011-02-03", 4, "unknown"),
        ("2011-02-03", 5, "kept 0 to 7 margin 0 [0, 3]"),
        ("2011-02-03T23:50:01", None, "kept 7 margin 0 [3, 3]"),
        ("2011-02-03T23:50:00", None, "kept 1 margin 6 [1, 1]"),
        ("2011-02-03T23:50:00", 4, "kept 1 margin 6 [1, 1]"),
        ("2011-02-03T23:50:01", 4, "unknown"),
        ("2011-02-03T23:50:01", "2011-02-03T23:50:01Z", "kept 7 margin 0 [3, 3]"),
        ("2010-01-01T00:00:00", None, "kept 0 margin 7"),
        (("2011-02-03", "2011-02-04"), "2011-02-03", "unknown"),
    ],
)
def test_a_claims_moment_falls_on(moment, at, expected):
    statement, _ = statement_of(BACKWARDS, A, claims=[claim("<= 7", moment)], at=at)
    assert show_claim(statement.claims[0]) == expected


@pytest.mark.parametrize(
    ("tip", "expected"), [(3, "unknown"), (4, "unknown"), (5, "kept 0 to 7 margin 0 [0, 3]")]
)
def test_a_day_that_is_not_over_is_not_answered_for(tip, expected):
    chain = read_chain(BACKWARDS)
    declared = reserve(chain, [A], [claim("<= 7", "2011-02-03")])
    for at in ("2011-02-03", "2030-01-01"):
        statement = audit(declared, MemorySource(chain.blocks[: tip + 1]), at=at)
        if at == "2011-02-03" or tip < 5:
            assert show_claim(statement.claims[0]) == expected


def test_a_point_is_the_last_block_before_it_however_blocks_run():
    # Block 2, of the 4th, is in it, since block 3 behind it is of the 3rd.
    statement, _ = statement_of(BACKWARDS, A, claims=[claim("= 7", "2011-02-04T00:00:00")])
    assert show_claim(statement.claims[0]) == "kept 7 margin 0 [3, 3]"


def test_a_wallets_days_hold_their_first_and_last_block():
    bounded = wallet("a", since="2011-02-03", until="2011-02-03")
    statement, chain = statement_of(BACKWARDS, bounded)
    assert show_movements(statement, chain) == (
        "1 1 mined: a in 1\n2 2 mined: a in 2\n3 3 mined: a in 4\n3 until: a out 7"
    )
    assert not statement.holders[0].wallets[0].counts


@pytest.mark.parametrize(
    ("bounds", "at", "counts"),
    [
        ({"until": "2011-02-03"}, "2011-02-03", True),
        ({"until": "2011-02-03"}, "2011-02-04T00:00:01Z", False),
        ({"until": "2011-02-03"}, "2011-02-04T00:00:00Z", True),
        ({"since": "2011-02-04"}, "2011-02-03", False),
        ({"since": "2011-02-04"}, "2011-02-04T00:00:01Z", True),
        ({"since": "2011-02-04"}, "2011-02-04", True),
        # By block 3 the end of the day is not reached: block 4 could still be of it.
        ({"until": "2011-02-03"}, 3, True),
        ({"since": "2011-02-04"}, 5, True),
        ({"since": "2011-02-05"}, 8, False),
    ],
)
def test_whether_a_wallet_counts_at_a_cut_off(bounds, at, counts):
    statement, _ = statement_of(BACKWARDS, wallet("a", **bounds), at=at)
    holder = statement.holders[0]
    assert holder.wallets[0].counts is counts
    assert bool(holder.totals) is counts
    assert holder.wallets[0].balance.sats > 0
    missing = [one.code for one in statement.findings]
    assert missing == ([] if counts else [FindingCode.HOLDER_NOTHING_COUNTED])


@pytest.mark.parametrize(
    ("since", "at", "expected"),
    [
        (1, 4, (1, 14, 15)),
        (0, 3, (0, 7, 7)),
        (3, 3, (7, 0, 7)),
        ("2011-02-03", None, (7, 8, 15)),
        ("2011-02-03", "2011-02-03", (7, 0, 7)),
        ("2011-02-03T23:50:00Z", "2011-02-03", (1, 6, 7)),
    ],
)
def test_a_roll_forward_opens_on(since, at, expected):
    statement, _ = statement_of(BACKWARDS, A, since=since, at=at)
    roll = statement.holders[0].roll_forward
    assert roll is not None
    assert (roll.opening, roll.received, roll.closing) == tuple(n * 10**8 for n in expected)


@pytest.mark.parametrize(
    ("since", "at", "code"),
    [
        (5, 4, AuditCode.SINCE_AFTER_CUTOFF),
        ("tip", 4, AuditCode.SINCE_AFTER_CUTOFF),
        ("2011-02-04", 4, AuditCode.SINCE_AFTER_CUTOFF),
        ("2011-02-04", "2011-02-03", AuditCode.SINCE_AFTER_CUTOFF),
        # Block 8 is the tip and before this opening, but so may the next one be.
        ("2011-02-04", None, AuditCode.SINCE_NOT_REACHED),
        # Block 8 is behind this opening; still a later block could be before it.
        ("2011-02-04T03:30:00Z", 8, AuditCode.SINCE_NOT_REACHED),
        # Block 3 runs back, and the median of block 2 is far behind.
        ("2011-02-04T00:20:00Z", 2, AuditCode.SINCE_AFTER_CUTOFF),
    ],
)
def test_an_opening_that_the_cut_off_has_not_reached_is_refused(since, at, code):
    with pytest.raises(RequestError) as caught:
        statement_of(BACKWARDS, A, since=since, at=at)
    assert caught.value.code is code
    assert caught.value.remedy


def test_an_instant_of_a_program_is_normalised_or_refused():
    there = datetime(2011, 2, 4, 3, 40, 1, tzinfo=timezone(timedelta(hours=3)))
    statement, _ = statement_of(BACKWARDS, A, at=AtInstant(there, "then"), since=1)
    assert statement.asked == AtInstant(datetime(2011, 2, 4, 0, 40, 1, tzinfo=UTC), "then")
    assert statement.cutoff.height == 4
    naive = AtInstant(datetime(2011, 2, 4, 0, 40, 1), "then")  # noqa: DTZ001 - the mistake
    for options in ({"at": naive}, {"since": naive}):
        with pytest.raises(RequestError) as caught:
            statement_of(BACKWARDS, A, **options)
        assert caught.value.code is MomentCode.NO_OFFSET


@pytest.mark.parametrize("at", [1.5, b"3", [3], object()])
def test_what_is_no_moment_at_all_is_refused(at):
    with pytest.raises(RequestError) as caught:
        cutoff(at)
    assert caught.value.code is AuditCode.NO_MOMENT
    assert type(at).__name__ in caught.value.what
