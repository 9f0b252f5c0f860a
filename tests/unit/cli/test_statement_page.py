"""The page as a whole, as golden text; then what each part says where it matters."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from tests.unit.cli.hand import (
    BTC,
    balance,
    claim,
    coin,
    day,
    finding,
    holder,
    instant,
    observed,
    point,
    script,
    statement,
    wallet,
)

from erario.bitcoin.network import NetworkName
from erario.bitcoin.script import ScriptType
from erario.bitcoin.values import Height, Sats, Script
from erario.cli.show.holders import say_derived
from erario.cli.show.layout import WIDTH
from erario.cli.show.statement import View, statement_lines
from erario.errors import Place
from erario.reserve.model import Attribution, Role
from erario.reserve.moment import AtHeight, AtInstant
from erario.statement.codec import digest
from erario.statement.evidence import (
    DeclaredDocument,
    DerivedBranch,
    SourceKind,
    SourceNote,
    UnspentWord,
)
from erario.statement.finding import FindingCode, Verdict
from erario.statement.model import Existence, Outcome, RollForward, Statement, Total

PLACES = {"minister": Place("reserve.toml", 28)}


def page(shown: Statement, *, scripts: bool | None = None) -> str:
    lines = statement_lines(shown, View(PLACES, scripts))
    return "".join(f"{line.plain.rstrip()}\n" for line in lines)


def text(golden: str) -> str:
    return dedent(golden).lstrip("\n")


MIDNIGHT = instant("2025-04-04T00:00:00-06:00")
PRESS = DeclaredDocument("press", "A newspaper", "The Daily", "2025-04-03", None, None)


def test_the_whole_page() -> None:
    moment = day("2025-04-03", "2025-04-03T00:00:00-06:00", "2025-04-04T00:00:00-06:00")
    kept = claim(
        moment=moment,
        document="press",
        lowest=Sats(5 * BTC),
        highest=Sats(7 * BTC),
        from_height=Height(12),
        margin=BTC,
    )
    shown = statement(
        asked=AtInstant(MIDNIGHT, "2025-04-03"),
        claims=(kept,),
        documents=(PRESS,),
        observed=observed(
            settled=True,
            sources=(
                SourceNote(
                    SourceKind.BLOCKS, own=True, word=UnspentWord.OWN_NODE, caveat="as it says"
                ),
            ),
        ),
    )
    assert page(shown) == text(
        """
        Treasury of Exampleland                                        1 script, mainnet
        Cut-off  block 25 00000000...0019, end of 2025-04-03 UTC-6, settled
        Source   block files of the user's own node. as it says

        KEPT     minister  "> 4 BTC" on 2025-04-03                       reserve.toml:28
                 5.00000000 to 7.00000000 BTC in blocks 12 to 25, margin 1.00000000
                 rests on: unspent, on the word of every block up to the cut-off
                 said in: A newspaper, The Daily, 2025-04-03

                                            coins              BTC  existence
        holding, declared                       1       5.00000000  unspent

        wallet                              coins              BTC  existence
        vault                                   1       5.00000000  unspent
            holding, declared; 1 script, used in blocks 10 to 20

        Scripts of vault
        script                                        coins              BTC  existence
        bc1qqqqsyqcyq5rqwzqfpg9scrgwpugpzysn4v0345        1       5.00000000  unspent
            p2wpkh; used in blocks 10 to 20

        output type                         coins              BTC
        p2wpkh                                  1       5.00000000

        Existence     unspent, on the word of every block up to the cut-off
        Control       none proved, 0 of 1 script
        Exposed       nothing behind a public key that is already visible
        Largest       5.00000000 BTC behind bc1qqqqsyqcyq5rqwzqfpg9scrgwpugpzysn4v0345
        Complete      not said: nothing shows that these are all the wallets
        Coins digest  0000000000000000000000000000000000000000000000000000000000000000

        Statement digest
          26f2dfae91c2e7d3c9c45b0430588bf3b3ffc4861824eb08abc6dc5a5fb40259
        """
    )
    assert page(shown).endswith(f"  {digest(shown).hex()}\n")


def test_a_claim_of_about_so_much_shows_its_tolerance() -> None:
    about = claim("~ 6100 BTC")
    about = replace(about, claim=replace(about.claim, within=Sats(BTC // 2)))
    shown = " ".join(page(statement(claims=(about,))).split())
    assert 'minister "~ 6100 BTC" within 0.50000000 BTC ' in shown


def test_branches_that_were_used_differently_are_said_together() -> None:
    branches = (DerivedBranch(0, 2000, 1), DerivedBranch(1, 2000, None))
    assert say_derived(wallet(branches=branches)) == (
        "derived to 1,999 on 2 branches, last used 1 on 1, none used on 1"
    )


def test_findings_that_are_no_pass_stand_before_verdicts_and_figures() -> None:
    passed = finding(code=FindingCode.CHAIN_GARBAGE, verdict=Verdict.PASS, what="Some garbage.")
    # That the chain has too little work depends on its tip, and is observed; it stands first.
    failed = finding(code=FindingCode.EVIDENCE_INCLUSION, verdict=Verdict.FAIL)
    shown = page(
        statement(
            claims=(claim(),),
            findings=(failed,),
            observed=observed(findings=(finding(), passed)),
        )
    )
    order = [
        "UNKNOWN  chain.work",
        "FAIL     evidence.inclusion",
        "KEPT     minister",
        "holding, declared",
        "PASS     chain.",
    ]
    positions = [shown.index(words) for words in order]
    assert positions == sorted(positions)
    assert "to settle: Read a chain with more work." in shown


def test_inferred_and_origin_wallets_only_is_said_before_any_figure() -> None:
    inferred = wallet(attribution=Attribution.INFERRED)
    origin = wallet(id="seized", role=Role.ORIGIN, attribution=Attribution.DOCUMENTED)
    shown = page(statement(holders=(holder(totals=(), wallets=(inferred, origin)),)))
    said = "Nothing here is counted: there are only inferred wallets"
    assert shown.index(said) < shown.index("BTC")
    assert "holding, inferred, not counted          0       0.00000000  unspent" in shown
    assert "origin, documented, watched only        0       0.00000000  unspent" in shown
    assert "Control" not in shown
    assert "Exposed" not in shown


def test_a_counted_wallet_is_enough_not_to_say_so() -> None:
    assert "Nothing here is counted" not in page(statement())


def test_a_verdict_about_inferred_wallets_reads_exactly_so() -> None:
    for would_be in (Outcome.KEPT, Outcome.BROKEN, Outcome.UNCLEAR):
        doubted = claim(outcome=Outcome.UNKNOWN, would_be=would_be, reason="Only inferred.")
        lines = page(statement(claims=(doubted,))).splitlines()
        assert f"UNKNOWN: {would_be.value.upper()} if these addresses are the holder's" in lines
        assert "         Only inferred." in lines


def test_would_be_unknown_is_plainly_unknown() -> None:
    doubted = claim(outcome=Outcome.UNKNOWN, would_be=Outcome.UNKNOWN, reason="More coins.")
    assert "UNKNOWN  minister" in page(statement(claims=(doubted,)))


def test_a_claim_that_was_not_reached_has_no_figures() -> None:
    later = claim(
        outcome=Outcome.UNKNOWN,
        lowest=None,
        highest=None,
        from_height=None,
        to_height=None,
        reason="Its moment lies after the cut-off.",
        settle="Audit at a later cut-off.",
    )
    shown = page(statement(claims=(later,)))
    assert "UNKNOWN  minister" in shown
    assert "BTC after block" not in shown
    assert "         Its moment lies after the cut-off.\n" in shown
    assert "         to settle: Audit at a later cut-off.\n" in shown


def test_a_broken_claim_shows_by_how_much() -> None:
    broken = claim(outcome=Outcome.BROKEN, lowest=Sats(3 * BTC), highest=Sats(3 * BTC), margin=-BTC)
    shown = page(statement(claims=(broken,)))
    assert "BROKEN   minister" in shown
    assert "3.00000000 BTC after block 25, margin -1.00000000" in shown


def test_two_holders_have_their_names_above_their_figures() -> None:
    shown = page(
        statement(
            holders=(holder(), holder(id="agency", name="An agency")),
            claims=(claim(holder="agency"),),
        )
    )
    assert shown.startswith("2 holders ")
    assert "\nTreasury of Exampleland (treasury)\n" in shown
    assert "\nAn agency (agency)\n" in shown
    assert "         about holder agency\n" in shown


def test_a_claim_names_its_wallets() -> None:
    shown = page(statement(claims=(claim(wallets=("vault", "cold")),)))
    assert "         about vault, cold\n" in shown


def test_how_far_a_wallet_was_derived() -> None:
    branches = (
        DerivedBranch(0, 1020, 19),
        DerivedBranch(1, 1020, 19),
        DerivedBranch(2, 1000, None),
    )
    shown = page(statement(holders=(holder(wallets=(wallet(branches=branches, watched=3040),)),)))
    assert "    holding, declared; 3,040 scripts, used" in shown
    assert "derived to 1,019 on 2 branches, last used 19; derived to 999 on 1 branch," in shown


def test_a_wallet_outside_its_time_says_so() -> None:
    shown = page(statement(holders=(holder(wallets=(wallet(counts=False),)),)))
    assert (
        "1 script, used in blocks 10 to 20; outside its since and\n    until: in no total\n"
        in shown
    )


def test_labels_of_existence_are_never_merged() -> None:
    totals = tuple(
        Total(Role.HOLDING, Attribution.DECLARED, label, balance(BTC, 1))
        for label in (Existence.REPORTED, Existence.UNSPENT)
    )
    coins = (coin(sats=Sats(BTC), existence=Existence.REPORTED), coin(sats=Sats(2 * BTC)))
    shown = page(statement(holders=(holder(totals=totals),), coins=coins))
    assert "holding, declared                       1       1.00000000  reported" in shown
    assert "holding, declared                       1       1.00000000  unspent" in shown
    assert "vault                                   1       1.00000000  reported" in shown
    assert "                                        1       2.00000000  unspent" in shown
    assert "bc1qqqqsyqcyq5rqwzqfpg9scrgwpugpzysn4v0345        1       1.00000000  reported" in shown


def test_immature_exposed_and_reused_are_told() -> None:
    held = balance(5 * BTC, 2, immature_sats=Sats(2 * BTC), exposed_sats=Sats(3 * BTC))
    total = Total(Role.HOLDING, Attribution.DECLARED, Existence.UNSPENT, held)
    shown = page(
        statement(
            holders=(
                holder(
                    totals=(total,),
                    exposed_sats=Sats(3 * BTC),
                    reused_scripts=1,
                    complete=True,
                    wallets=(wallet(scripts=(script(balance=held, received_in=4),)),),
                ),
            )
        )
    )
    assert "    of it immature: 2.00000000 BTC\n" in shown
    assert "Exposed       3.00000000 BTC behind a public key that is already visible\n" in shown
    assert "Reused        1 script was paid to in more than one transaction\n" in shown
    assert "used in blocks 10 to 20; reused: paid to in 4 transactions; exposed\n" in shown
    assert "Complete      said by the holder: these are all its wallets\n" in shown


def test_what_a_control_proof_exposes_is_told_apart() -> None:
    held = balance(5 * BTC, exposed_sats=Sats(5 * BTC), exposed_by_proof_sats=Sats(2 * BTC))
    one = holder(
        exposed_sats=Sats(5 * BTC),
        exposed_by_proof_sats=Sats(2 * BTC),
        wallets=(wallet(scripts=(script(balance=held),)),),
    )
    shown = " ".join(page(statement(holders=(one,))).split())
    assert (
        "5.00000000 BTC behind a public key that is already visible: 3.00000000 on the chain, "
        in (shown)
    )
    assert "2.00000000 by a control proof alone" in shown
    assert "exposed by a control proof" in shown


def test_a_script_without_address_is_named_by_its_hex() -> None:
    bare = Script(b"\x41" + bytes(65) + b"\xac")
    nameless = script(script=bare, address=None, type=ScriptType.P2PK, first_height=None)
    shown = page(
        statement(holders=(holder(largest_script=bare, wallets=(wallet(scripts=(nameless,)),)),))
    )
    assert "\n4100000000000000000000000000...0000000000ac " in shown
    assert "    p2pk; never used\n" in shown
    assert "5.00000000 BTC behind 4100000000000000000000000000...0000000000ac\n" in shown


def test_the_roll_forward_of_the_holder_and_of_each_wallet() -> None:
    book = RollForward(
        Sats(BTC), Sats(5 * BTC), Sats(0), Sats(1), Sats(0), Sats(2), Sats(6 * BTC - 3)
    )
    wallets = tuple(wallet(id=name, roll_forward=book) for name in ("vault", "w" * 60))
    shown = page(
        statement(
            since=point(12),
            asked_since=AtHeight(Height(12)),
            holders=(holder(roll_forward=book, wallets=wallets),),
        )
    )
    assert "Since    block 12 00000000...000c\n" in shown
    assert (
        text(
            """
        Roll-forward from the end of block 12 to the end of block 25
                                        counted                vault
        opening                      1.00000000           1.00000000
        + received                   5.00000000           5.00000000
        + from own wallets           0.00000000           0.00000000
        - sent                       0.00000001           0.00000001
        - to own wallets             0.00000000           0.00000000
        - fees                       0.00000002           0.00000002
        = closing                    5.99999997           5.99999997
                            wwwwwwwwwwwwwwwwwwwwwww...
        opening                             1.00000000
        """
        )
        in shown
    )


def test_scripts_are_listed_when_few_or_when_asked_for() -> None:
    many = statement(holders=(holder(wallets=(wallet(scripts=(script(),) * 26),)),))
    assert "Scripts of" not in page(many)
    assert "Scripts of vault" in page(many, scripts=True)
    assert "Scripts of" not in page(statement(), scripts=False)


def test_cutoffs_say_what_is_on_top_and_what_is_not_settled() -> None:
    assert "of 2009-01-03 22:25:05 UTC, 5 blocks on top\n" in page(statement())
    assert "UTC, the tip\n" in page(statement(observed=observed(depth=0)))
    open_day = statement(asked=AtInstant(MIDNIGHT, "2025-04-03"), observed=observed(settled=False))
    assert "not settled: blocks\n         to come can still be in it\n" in page(open_day)


def test_an_empty_holder_and_another_network() -> None:
    empty = holder(totals=(), types=(), largest_script=None, largest_sats=Sats(0), wallets=())
    shown = page(statement(network=NetworkName.REGTEST, holders=(empty,), coins=()))
    assert "0 scripts, regtest\n" in shown
    assert "Largest" not in shown


hostile = st.text(min_size=1, max_size=120)


@given(hostile, hostile, hostile, hostile)
def test_no_text_of_a_file_breaks_the_page(name: str, id_: str, what: str, file: str) -> None:
    doubted = claim(
        id=id_,
        holds=what,
        wallets=(id_, name),
        document=name,
        outcome=Outcome.UNCLEAR,
        reason=what,
        settle=name,
    )
    shown = statement(
        claims=(doubted,),
        findings=(finding(subject=id_, what=what, settle=name),),
        documents=(replace(PRESS, id=name, title=what, issuer=id_),),
        holders=(holder(id=id_, name=name, wallets=(wallet(id=id_, document=name),)),),
    )
    lines = statement_lines(shown, View({id_: Place(file, 7)}))
    for line in lines:
        assert line.plain.isprintable()
        assert cell_len(line.plain) <= WIDTH
