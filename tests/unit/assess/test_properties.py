"""Properties of every statement, on random chains, beside slow twins that know no ledger."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import astuple, replace

from hypothesis import assume, given
from hypothesis import strategies as st
from tests.strategies.chains import mine_many
from tests.strategies.evidence import MemorySource, best_chain, chains, claim, reserve, wallet

from erario.assess import assess
from erario.auditing import audit, collect
from erario.reserve.model import Attribution
from erario.reserve.moment import AtHeight, AtInstant
from erario.statement.codec import digest, statement_json
from erario.statement.model import Book, MovementKind, Outcome

DAYS = st.sampled_from([None, "2011-02-02", "2011-02-03", "2011-02-04"])


@st.composite
def worlds(draw):
    """A random chain and wallets `a`, `b` and `c` on it, of any role, attribution and time."""
    chain = draw(chains())
    wallets = [
        wallet(
            name,
            role=draw(st.sampled_from(["holding", "custody", "transit", "origin"])),
            attribution=draw(st.sampled_from(["declared", "documented", "inferred"])),
            holder=draw(st.sampled_from(["treasury", "police"])),
            since=draw(DAYS),
            until=draw(DAYS),
        )
        for name in "abc"
    ]
    return chain, wallets


def declare(chain, wallets, claims=()):
    return reserve(chain, wallets, claims, holders="treasury police")


def slow_balances(chain, script):
    """What a script holds after each block, by going over every transaction from genesis on."""
    coins: dict[tuple[bytes, int], int] = {}
    balances = []
    for block in chain.blocks:
        for tx in block.transactions:
            for outpoint in tx.inputs:
                coins.pop(outpoint, None)
            for vout, (sats, paid) in enumerate(tx.outputs):
                if paid == script:
                    coins[tx.txid, vout] = sats
        balances.append(sum(coins.values()))
    return balances


@given(chains())
def test_balances_at_each_height_are_those_of_a_slow_twin(chain):
    declared = declare(chain, [wallet("a"), wallet("b")])
    twin = {name: slow_balances(chain, chain.script(name)) for name in "ab"}
    for height in range(len(chain.blocks)):
        statement = audit(declared, MemorySource(chain.blocks), at=height)
        found = {w.id: w.balance.sats for w in statement.holders[0].wallets}
        assert found == {name: twin[name][height] for name in "ab"}


@given(chains(), st.integers(0, 12), st.integers(0, 12))
def test_claims_over_heights_are_those_of_a_slow_twin(chain, one, other):
    tip = len(chain.blocks) - 1
    first, last = sorted((min(one, tip), min(other, tip)))
    twin = [
        sum(pair)
        for pair in zip(*(slow_balances(chain, chain.script(name)) for name in "ab"), strict=True)
    ]
    declared = declare(chain, [wallet("a"), wallet("b")], [claim(">= 0", (first, last))])
    (answer,) = audit(declared, MemorySource(chain.blocks)).claims
    assert (answer.lowest, answer.highest) == (
        min(twin[first : last + 1]),
        max(twin[first : last + 1]),
    )
    assert answer.outcome is Outcome.KEPT


@given(worlds(), st.data())
def test_roll_forwards_balance_and_sum_up(world, data):
    chain, wallets = world
    tip = len(chain.blocks) - 1
    since = data.draw(st.integers(0, tip))
    at = data.draw(st.integers(since, tip))
    statement = audit(declare(chain, wallets), MemorySource(chain.blocks), at=at, since=since)
    movements = defaultdict(int)
    for movement in statement.movements:
        for entry in movement.entries:
            movements[entry.wallet] += entry.change
    for holder in statement.holders:
        counted = []
        for one in holder.wallets:
            roll = one.roll_forward
            assert roll is not None
            gone = roll.sent + roll.between_out + roll.fees
            assert roll.opening + roll.received + roll.between_in - gone == roll.closing
            assert roll.closing == (one.balance.sats if one.counts else 0) == movements[one.id]
            if one.role != "origin" and one.attribution is not Attribution.INFERRED:
                counted.append(roll)
        assert holder.roll_forward is not None
        sums = [sum(column) for column in zip(*map(astuple, counted), strict=True)]
        assert list(astuple(holder.roll_forward)) == (sums or [0] * 7)
        assert holder.roll_forward.between_in == holder.roll_forward.between_out


@given(worlds())
def test_openings_meet_the_closings_before(world):
    """But for a bound that the earlier cut-off had not reached, and that now lies before it."""
    chain, wallets = world
    known = best_chain(chain.blocks)
    declared, source = declare(chain, wallets), MemorySource(chain.blocks)
    tip = len(chain.blocks) - 1
    middle = tip // 2
    early = audit(declared, source, at=middle, since=0)
    late = audit(declared, source, at=tip, since=middle)

    def has_come_before(bound):
        if bound is None or known.reached(bound, middle) or not known.reached(bound, tip):
            return False
        height = known.cutoff(bound, tip)
        return height is None or height < middle

    for before, after in zip(early.holders, late.holders, strict=True):
        for one, other in zip(before.wallets, after.wallets, strict=True):
            if not (has_come_before(one.since) or has_come_before(one.until)):
                assert one.roll_forward.closing == other.roll_forward.opening


@given(worlds())
def test_sums_of_wallets_are_the_totals(world):
    chain, wallets = world
    statement = audit(declare(chain, wallets), MemorySource(chain.blocks))
    for holder in statement.holders:
        by_label = defaultdict(int)
        for one in holder.wallets:
            assert one.balance.sats == sum(s.balance.sats for s in one.scripts)
            if one.counts:
                by_label[one.role, one.attribution] += one.balance.sats
        totals = defaultdict(int)
        for line in holder.totals:
            totals[line.role, line.attribution] += line.balance.sats
            assert line.balance.coins
        assert {k: v for k, v in by_label.items() if v} == {k: v for k, v in totals.items() if v}
        assert sum(one.coins for one in holder.types) == holder.digest_coins
        assert holder.largest_sats <= sum(one.sats for one in holder.types)


@given(worlds())
def test_every_movement_is_of_its_book_and_in_order(world):
    chain, wallets = world
    statement = audit(declare(chain, wallets), MemorySource(chain.blocks))
    places = [(one.height, one.position) for one in statement.movements]
    assert places == sorted(places)
    books = {w.id: (h.id, w) for h in statement.holders for w in h.wallets}
    for movement in statement.movements:
        between = sum(e.between_in - e.between_out for e in movement.entries)
        assert between == 0
        assert movement.fee is None or movement.fee == sum(e.fee for e in movement.entries)
        assert movement.fee is None or not movement.coinbase
        assert (movement.txid is None) == (
            movement.kind in {MovementKind.SINCE, MovementKind.UNTIL}
        )
        for entry in movement.entries:
            holder, one = books[entry.wallet]
            assert holder == movement.holder
            assert (movement.book is Book.ORIGIN) == (one.role == "origin")


@given(worlds(), st.sampled_from(["declared", "documented"]))
def test_the_coins_digest_depends_on_coins_alone(world, attribution):
    chain, wallets = world
    renamed = [
        replace(
            one,
            wallet=replace(
                one.wallet,
                id=one.wallet.id * 2,
                attribution=one.wallet.attribution
                if one.wallet.attribution is Attribution.INFERRED
                else Attribution(attribution),
            ),
        )
        for one in reversed(wallets)
    ]
    first, second = (
        audit(declare(chain, some), MemorySource(chain.blocks)) for some in (wallets, renamed)
    )
    assert [h.coins_digest for h in first.holders] == [h.coins_digest for h in second.holders]


@given(worlds(), st.data())
def test_later_blocks_never_move_a_settled_statement(world, data):
    chain, wallets = world
    claims = [claim("> 50", "2011-02-03"), claim("> 50", (0, 1)), claim("< 9", "2011-02-02")]
    declared = declare(chain, wallets, claims)
    height = data.draw(st.integers(0, len(chain.blocks) - 1))
    known = best_chain(chain.blocks)
    reached = known.point(known.tip).median_time_past
    first = known.point(known.tip if height == 0 else height).time
    at = data.draw(st.sampled_from([AtHeight(height), AtInstant(min(first, reached), "then")]))
    assume(isinstance(at, AtHeight) or known.cutoff(at.instant, known.tip) is not None)
    early = audit(declared, MemorySource(chain.blocks), at=at)
    assert early.observed.settled is not False
    longer = [*chain.blocks, *mine_many(chain.blocks[-1], 3, tag=b"later")]
    late = audit(declared, MemorySource(longer), at=at)
    assert digest(early) == digest(late)


@given(worlds())
def test_the_same_evidence_gives_the_same_bytes(world):
    chain, wallets = world
    evidence = collect(declare(chain, wallets), MemorySource(chain.blocks))
    again = collect(declare(chain, wallets), MemorySource(chain.blocks))
    assert evidence == again
    assert statement_json(assess(evidence)) == statement_json(assess(again))
