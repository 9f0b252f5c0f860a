"""Every verdict of a claim: a chain, a claim, and what it comes to.

`kept 30 to 50 margin 5 [1, 3]`: the outcome, the lowest and the highest balance found, the margin,
and the blocks that the moment fell on.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.strategies.evidence import (
    MemorySource,
    claim,
    read_chain,
    reserve,
    show_claim,
    statement_of,
    wallet,
)

from erario.assess import assess
from erario.auditing import collect
from erario.statement.model import Existence

CHAIN = """
    1 coinbase > 50 a
    3 buy = ? > 10 a
    5 sell = 1.0 > 20 x, 30 a
    7 buy_more = ? > 5 a
"""
A = wallet("a")  # 50 from block 1, 60 from 3, 40 from 5, 45 from 7 on


def judge(one, *wallets, text=CHAIN, **options):
    statement, _ = statement_of(text, *wallets, claims=[one], **options)
    return statement.claims[0]


@pytest.mark.parametrize(
    ("holds", "at", "expected"),
    [
        # A point: one balance.
        ("> 44", 7, "kept 45 margin 1 [7, 7]"),
        ("> 45", 7, "broken 45 margin 0 [7, 7]"),
        ("> 46", 7, "broken 45 margin -1 [7, 7]"),
        (">= 45", 7, "kept 45 margin 0 [7, 7]"),
        (">= 45.00000001", 7, "broken 45 margin -0.00000001 [7, 7]"),
        ("< 45", 7, "broken 45 margin 0 [7, 7]"),
        ("< 45.00000001", 7, "kept 45 margin 0.00000001 [7, 7]"),
        ("<= 45", 7, "kept 45 margin 0 [7, 7]"),
        ("<= 44", 7, "broken 45 margin -1 [7, 7]"),
        ("= 45", 7, "kept 45 margin 0 [7, 7]"),
        ("= 45.00000001", 7, "broken 45 margin -0.00000001 [7, 7]"),
        ("= 44.99999999", 7, "broken 45 margin -0.00000001 [7, 7]"),
        ("~ 44 within 1", 7, "kept 45 margin 0 [7, 7]"),
        ("~ 44 within 3", 7, "kept 45 margin 2 [7, 7]"),
        ("~ 47 within 3", 7, "kept 45 margin 1 [7, 7]"),
        ("~ 44 within 0.99999999", 7, "broken 45 margin -0.00000001 [7, 7]"),
        ("~ 50 within 4", 7, "broken 45 margin -1 [7, 7]"),
        # An interval: from 40 to 60.
        ("> 39", (3, 6), "kept 40 to 60 margin 1 [3, 6]"),
        ("> 40", (3, 6), "unclear 40 to 60 [3, 6]"),
        ("> 59", (3, 6), "unclear 40 to 60 [3, 6]"),
        ("> 60", (3, 6), "broken 40 to 60 margin 0 [3, 6]"),
        (">= 60", (3, 6), "unclear 40 to 60 [3, 6]"),
        ("< 61", (3, 6), "kept 40 to 60 margin 1 [3, 6]"),
        ("< 60", (3, 6), "unclear 40 to 60 [3, 6]"),
        ("< 40", (3, 6), "broken 40 to 60 margin 0 [3, 6]"),
        ("<= 40", (3, 6), "unclear 40 to 60 [3, 6]"),
        ("= 39.99999999", (3, 6), "broken 40 to 60 margin -0.00000001 [3, 6]"),
        ("= 60", (3, 6), "unclear 40 to 60 [3, 6]"),
        # No balance is 50 between blocks 3 and 6, but one could have been between 40 and 60.
        ("= 50", (3, 6), "unclear 40 to 60 [3, 6]"),
        ("~ 50 within 10", (3, 6), "kept 40 to 60 margin 0 [3, 6]"),
        ("~ 50 within 9", (3, 6), "unclear 40 to 60 [3, 6]"),
        ("~ 70 within 9", (3, 6), "broken 40 to 60 margin -1 [3, 6]"),
        ("~ 30 within 9", (3, 6), "broken 40 to 60 margin -1 [3, 6]"),
        # The balance at the start belongs to it, what came before does not.
        (">= 60", (3, 4), "kept 60 margin 0 [3, 4]"),
        (">= 50", (2, 4), "kept 50 to 60 margin 0 [2, 4]"),
        ("= 0", 0, "kept 0 margin 0 [0, 0]"),
    ],
)
def test_verdicts_where_the_file_is_complete(holds, at, expected):
    assert show_claim(judge(claim(holds, at), A)) == expected


@pytest.mark.parametrize(
    ("holds", "at", "expected"),
    [
        # More coins cannot change these.
        ("> 44", 7, "kept 45 margin 1 [7, 7]"),
        (">= 40", (3, 6), "kept 40 to 60 margin 0 [3, 6]"),
        ("< 45", 7, "broken 45 margin 0 [7, 7]"),
        ("<= 39", (3, 6), "broken 40 to 60 margin -1 [3, 6]"),
        ("= 44", 7, "broken 45 margin -1 [7, 7]"),
        ("~ 40 within 1", 7, "broken 45 margin -4 [7, 7]"),
        # These they can: what was shown stands beside the verdict.
        ("> 45", 7, "unknown 45 margin 0 [7, 7]"),
        ("< 46", 7, "unknown 45 margin 1 [7, 7]"),
        ("= 45", 7, "unknown 45 margin 0 [7, 7]"),
        ("= 46", 7, "unknown 45 margin -1 [7, 7]"),
        ("~ 45 within 1", 7, "unknown 45 margin 1 [7, 7]"),
        ("> 50", (3, 6), "unknown 40 to 60 [3, 6]"),
        ("< 50", (3, 6), "unknown 40 to 60 [3, 6]"),
    ],
)
def test_without_complete_what_was_found_is_a_lower_bound(holds, at, expected):
    for named in ("", "a"):
        one = judge(claim(holds, at, wallets=named), A, complete=False)
        assert show_claim(one) == expected
        assert ("complete = true" in one.settle) == (one.outcome == "unknown")


@pytest.mark.parametrize(
    ("holds", "complete", "expected"),
    [
        ("> 44", True, "unknown (kept) 45 margin 1 [7, 7]"),
        ("> 45", True, "unknown (broken) 45 margin 0 [7, 7]"),
        ("> 44", False, "unknown (kept) 45 margin 1 [7, 7]"),
        ("> 45", False, "unknown (unknown) 45 margin 0 [7, 7]"),
        ("< 45", False, "unknown (broken) 45 margin 0 [7, 7]"),
    ],
)
def test_only_inferred_wallets_are_unknown_and_say_what_it_would_be(holds, complete, expected):
    inferred = wallet("a", attribution="inferred")
    for named in ("", "a"):
        one = judge(claim(holds, 7, wallets=named), inferred, complete=complete)
        assert show_claim(one) == expected


def test_inferred_beside_the_holders_own_is_not_concerned_unless_named():
    text = "1 coinbase > 50 a\n2 coinbase > 20 i"
    inferred = wallet("i", attribution="inferred")
    assert show_claim(judge(claim("< 60", 2), A, inferred, text=text)) == "kept 50 margin 10 [2, 2]"
    both = judge(claim("< 60", 2, wallets="a i"), A, inferred, text=text)
    assert show_claim(both) == "unknown (broken) 50 margin 10 [2, 2]"
    more = judge(claim("> 40", 2, wallets="a i"), A, inferred, text=text)
    assert show_claim(more) == "kept (kept) 50 margin 10 [2, 2]"


def test_a_claim_about_a_holder_is_about_what_it_holds_itself():
    text = "1 coinbase > 50 a\n2 coinbase > 20 c\n3 coinbase > 10 t\n4 coinbase > 5 o\n5 coinbase > 1 p"
    others = [wallet(role[0], role=role) for role in ("custody", "transit", "origin")]
    police = wallet("p", holder="police")
    wallets = [A, *others, police]
    options = {"text": text, "holders": "treasury police"}
    assert show_claim(judge(claim("= 50", 5), *wallets, **options)).startswith("kept 50")
    named = claim("= 25", 5, wallets="c o")
    assert show_claim(judge(named, *wallets, **options)).startswith("kept 25")
    theirs = claim("= 1", 5, holder="police")
    assert show_claim(judge(theirs, *wallets, **options)).startswith("kept 1 ")


def test_a_claim_that_no_wallet_answers_is_unknown():
    one = judge(claim("= 0", 7), wallet("a", role="custody"))
    assert show_claim(one) == "unknown"
    assert one.reason == "The file names no wallet that this claim speaks of."


def test_a_claim_after_the_cut_off_is_unknown():
    for at, moment in [(6, 7), (6, (3, 7)), (7, "2011-02-03"), (7, "2011-02-03T00:00:00")]:
        one = judge(claim("> 1", moment), A, at=at)
        assert show_claim(one) == "unknown"
        assert one.reason == "The chain up to the cut-off has not passed its moment."


def test_balances_are_taken_behind_whole_blocks():
    text = """
        1 coinbase > 50 a
        2 out = 1.0 > 50 x
        2 back = out.0 > 50 a
    """
    assert show_claim(judge(claim("= 50", (1, 2)), A, text=text)) == "kept 50 margin 0 [1, 2]"


def test_a_change_of_hands_at_one_instant_is_never_a_hole():
    text = """
        1 at 2011-02-03T01:00
        1 coinbase > 50 a
        1 gift = ? > 50 b
        2 at 2011-02-05T01:00
        6 at 2011-02-08T01:00
    """
    old, new = wallet("a", until="2011-02-03"), wallet("b", since="2011-02-04")
    one = judge(claim("= 50", ("2011-02-03", "2011-02-04")), old, new, text=text, at="2011-02-05")
    # At the start of the 3rd nothing was mined yet; from block 1 on one of the two counts.
    assert show_claim(one) == "unclear 0 to 50 [0, 1]"
    one = judge(claim("= 50", (1, 2)), old, new, text=text)
    assert show_claim(one) == "kept 50 margin 0 [1, 2]"


def test_the_reasons_are_sentences():
    reasons = {
        judge(claim(holds, at), A, complete=complete).reason
        for holds in ("> 45", "> 40", "> 1")
        for at in (7, (3, 6))
        for complete in (True, False)
    }
    assert reasons == {
        "The balance found satisfies the claim.",
        "The balance found does not satisfy the claim.",
        "Every balance found satisfies the claim.",
        "Some balances between the lowest and the highest found satisfy the claim, others do not.",
        (
            "The balance found does not satisfy the claim, but nothing shows that these are all the "
            "holder's coins, and more could change the answer."
        ),
        (
            "Some balances between the lowest and the highest found satisfy the claim, others do not, "
            "but nothing shows that these are all the holder's coins, and more could change the answer."
        ),
    }


def test_a_verdict_carries_the_weakest_evidence_that_it_rests_on():
    chain = read_chain("1 coinbase > 50 a\n2 coinbase > 50 b")
    declared = reserve(
        chain,
        [A, wallet("b")],
        [claim("= 50", 2, wallets="a"), claim("= 50", 2, wallets="b"), claim("= 100", 2)],
    )
    evidence = collect(declared, MemorySource(chain.blocks))
    first, second = evidence.blocks
    broken = replace(second.transactions[0], branch=(bytes(32),))
    damaged = replace(evidence, blocks=(first, replace(second, transactions=(broken,))))
    assert [one.existence for one in assess(evidence).claims] == [Existence.UNSPENT] * 3
    assert [one.existence for one in assess(damaged).claims] == [
        Existence.UNSPENT,
        Existence.REPORTED,
        Existence.REPORTED,
    ]
