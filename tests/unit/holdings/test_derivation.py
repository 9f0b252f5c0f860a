"""Which scripts wallets have, how far branches go, and scripts that two wallets share."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.branches import ranged, script_at, single
from tests.strategies.evidence import read_chain, reserve, wallet

from erario.errors import DeclarationError, Place
from erario.holdings.derivation import FIRST, GAP, Derivation
from erario.holdings.errors import HoldingsCode
from erario.reserve.model import DeclaredScript

CHAIN = read_chain("1 coinbase > 50 x")


def derive(*wallets):
    return Derivation(reserve(CHAIN, wallets))


def written(name, script, line):
    """A wallet with one script that stands in a line."""
    named = wallet(name, descriptors=[single("unused " + name, line)])
    place = Place("reserve.toml", line)
    one = DeclaredScript(script, None, None, None, place)
    return replace(named.wallet, scripts=(one,))


def declared(*values):
    """A reserve of wallets as they stand."""
    return replace(reserve(CHAIN, []), wallets=values)


def test_written_scripts_come_first_then_branches_by_index():
    derivation = derive(wallet("w", "a b", descriptors=[ranged("r", "c"), single("s")]))
    (one,) = derivation.wallets()
    plain = [CHAIN.script("a"), CHAIN.script("b"), script_at("s", 0)]
    assert [w.script for w in one.scripts[:3]] == plain
    assert {(w.branch, w.index) for w in one.scripts[:3]} == {(None, None)}
    assert [(w.branch, w.index) for w in one.scripts[3:]] == [
        (branch, index) for branch in (0, 1) for index in range(FIRST)
    ]
    assert one.scripts[3].script == script_at("r", 0)
    assert one.scripts[-1].script == script_at("c", FIRST - 1)
    assert len(derivation.scripts) == 3 + 2 * FIRST


def test_branches_are_numbered_over_all_descriptors_of_a_wallet():
    (one,) = derive(wallet("w", descriptors=[ranged("r", "c"), ranged("s")])).wallets()
    assert [branch.number for branch in one.branches] == [0, 1, 2]
    assert one.scripts[2 * FIRST].script == script_at("s", 0)


def test_several_scripts_an_index():
    (one,) = derive(wallet("w", descriptors=[ranged("r", kinds=4)])).wallets()
    assert [w.index for w in one.scripts[:8]] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert len(one.scripts) == 4 * FIRST


def test_within_one_wallet_the_same_script_counts_once():
    twice = wallet("w", descriptors=[ranged("r"), ranged("r"), single("r")])
    derivation = derive(twice)
    (one,) = derivation.wallets()
    assert len(one.scripts) == FIRST
    # It was written down, so it is no index of a branch; both branches know that it is used.
    assert (one.scripts[0].branch, one.scripts[0].script) == (None, script_at("r", 0))
    assert derivation.follow({script_at("r", 7)}) == ()
    assert [branch.last_used for branch in derivation.wallets()[0].branches] == [7, 7]


@pytest.mark.parametrize(
    ("last_used", "derived"),
    [
        (None, FIRST),
        (0, FIRST),
        (FIRST - GAP - 1, FIRST),
        (FIRST - GAP, FIRST - GAP + 1 + FIRST),
        (FIRST - 1, 2 * FIRST),
    ],
)
def test_a_branch_goes_a_thousand_past_the_last_index_used(last_used, derived):
    derivation = derive(wallet("w", descriptors=[ranged("r", "c")]))
    paid = set() if last_used is None else {script_at("r", last_used), script_at("r", 0)}
    new = derivation.follow(paid)
    receive, change = derivation.wallets()[0].branches
    assert (receive.derived, receive.last_used) == (derived, last_used)
    assert (change.derived, change.last_used) == (FIRST, None)
    assert new == tuple(script_at("r", index) for index in range(FIRST, derived))
    assert derivation.follow(paid) == ()


def test_an_extension_doubles_however_far_a_branch_has_come():
    derivation = derive(wallet("w", descriptors=[ranged("r")], derive=50_000))
    derivation.follow({script_at("r", 49_500)})
    assert derivation.wallets()[0].branches[0].derived == 49_501 + 50_000


def test_a_branch_of_100_000_used_indexes_takes_few_passes():
    derivation = derive(wallet("w", descriptors=[ranged("r")]))
    passes = 1
    while True:
        derived = derivation.wallets()[0].branches[0].derived
        if not derivation.follow({script_at("r", min(derived, 100_000) - 1)}):
            break
        passes += 1
    assert passes == 7  # 2,000 indexes, then 4,000, 8,000 and so on up to 128,000


@given(st.lists(st.integers(0, 6 * GAP), max_size=6))
def test_in_the_end_every_branch_is_far_enough(indexes):
    derivation = derive(wallet("w", descriptors=[ranged("r")]))
    paid_ever = {script_at("r", index) for index in indexes}
    while derivation.follow(paid_ever & set(derivation.scripts)):
        pass
    (branch,) = derivation.wallets()[0].branches
    assert branch.derived >= FIRST
    if branch.last_used is not None:
        assert branch.derived > branch.last_used + GAP
    # An index is missed only behind a gap of a thousand and more.
    missed = sorted(index for index in indexes if index >= branch.derived)
    assert not missed or missed[0] > (branch.last_used or 0) + GAP


def test_two_wallets_with_one_written_script():
    with pytest.raises(DeclarationError) as caught:
        Derivation(
            declared(written("one", script_at("z", 0), 5), written("two", script_at("z", 0), 9))
        )
    (problem,) = caught.value.problems
    assert problem.code is HoldingsCode.SCRIPT_TWICE
    assert problem.place == Place("reserve.toml", 9)
    assert "reserve.toml:5" in problem.what
    assert "'one'" in problem.what
    assert problem.remedy


def test_a_written_script_that_another_wallet_derives():
    far = script_at("r", 1234)
    with pytest.raises(DeclarationError) as caught:
        Derivation(
            declared(
                wallet("one", descriptors=[ranged("r", line=5)]).wallet, written("two", far, 9)
            )
        )
    assert caught.value.problems[0].place == Place("reserve.toml", 5)
    assert "reserve.toml:9" in caught.value.problems[0].what


def test_the_same_descriptor_in_two_wallets_is_one_problem():
    with pytest.raises(DeclarationError) as caught:
        derive(
            wallet("one", descriptors=[ranged("r", line=5)]),
            wallet("two", descriptors=[ranged("r", line=9)]),
        )
    assert len(caught.value.problems) == 1


def test_a_script_in_common_that_only_an_extension_finds():
    far = script_at("r", FIRST + 5)
    derivation = Derivation(
        declared(wallet("one", descriptors=[ranged("r", line=5)]).wallet, written("two", far, 9))
    )
    with pytest.raises(DeclarationError):
        derivation.follow({script_at("r", FIRST - 1)})


def test_nothing_to_follow_without_a_range():
    derivation = derive(wallet("w", "a", descriptors=[single("s")]))
    assert not derivation.is_ranged
    assert derivation.follow({CHAIN.script("a")}) == ()
