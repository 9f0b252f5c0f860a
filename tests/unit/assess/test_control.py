"""Control proofs in an audit: what they show of coins, and what becomes of those that show nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.evidence import ListSource, MemorySource, read_chain, reserve, wallet
from tests.unit.proof.maker import by_key_hash, full, p2wpkh, sec, simple

from erario.assess import assess
from erario.auditing import audit, collect
from erario.auditing.errors import AuditCode
from erario.bitcoin.values import COIN, BlockHash, Height, Script
from erario.errors import RequestError
from erario.proof.control_message import write_control_message
from erario.statement.codec import digest, statement_json
from erario.statement.evidence import ControlProof, UnspentWord
from erario.statement.finding import FindingCode
from erario.statement.model import Control, Exposure, ScriptProof

A, B, C = (Script(p2wpkh(sec(number))) for number in (1, 2, 3))
KEYS = {A: 1, B: 2, C: 3}
SCRIPTS = {"a": A, "b": B, "c": C}
UNSATISFIED = (
    "the script is not satisfied: another message or another key was signed, or a signature is "
    "missing or damaged."
)
TEXT = """
1 coinbase > 50 a
2 p = 1.0 > 20 a, 30 b
4 q = ? > 7 a
5 r = ? > 5 c
"""


def world():
    chain = read_chain(TEXT, SCRIPTS, length=8)
    return chain, reserve(chain, [wallet("w", "a b"), wallet("x", "c", attribution="inferred")])


def message(chain, declared, height: int, block_hash: bytes | None = None) -> str:
    digests = audit(declared, MemorySource(chain.blocks), at=height).holders[0].coins_digest
    named = chain.blocks[height].block_hash if block_hash is None else block_hash
    return write_control_message(
        "Audit 2026", "treasury", Height(height), BlockHash(named), digests
    ).text


def proof(script: Script, text: str, *, by: int | None = None) -> ControlProof:
    return ControlProof(script, text, simple(script, by_key_hash(by or KEYS[script]), text))


def judged(proofs, *, at: int = 8, source=None):
    chain, declared = world()
    return audit(declared, source or MemorySource(chain.blocks), at=at, proofs=proofs)


def labels(statement) -> dict[str, tuple[int, int, int]]:
    lines = statement.holders[0].control
    return {line.control.value: (line.sats // COIN, line.coins, line.scripts) for line in lines}


def told(statement) -> list[tuple[str, str]]:
    return [
        (one.verdict.value, one.what.partition(": ")[2])
        for one in statement.findings
        if one.code is FindingCode.CONTROL_PROOF
    ]


def test_without_proofs_nothing_is_controlled():
    assert labels(judged(())) == {"none": (57, 3, 2)}


def test_coins_that_were_there_are_proved_and_later_ones_stale():
    chain, declared = world()
    statement = judged([proof(A, message(chain, declared, 3))])
    assert labels(statement) == {"proved": (20, 1, 1), "stale": (7, 1, 1), "none": (30, 1, 1)}
    a, b = statement.holders[0].wallets[0].scripts
    assert (a.control, b.control) == (Control.STALE, Control.NONE)
    assert a.proof == ScriptProof(Height(3), 5 * 600, 1)
    assert told(statement) == []
    assert b'"control":"stale"' in statement_json(statement)


# Block 3 is of 2011-02-02T23:46:42, two days before block 8 or a second more.
TWO_DAYS = f"{TEXT}8 at 2011-02-04T23:46:42"
MORE = f"{TEXT}8 at 2011-02-04T23:46:43"
STALE = {("stale", True): 20, ("stale", False): 7, ("none", False): 30}
PROVED = {("proved", False): 20, ("stale", False): 7, ("none", False): 30}


@pytest.mark.parametrize(
    ("text", "within", "expected"),
    [
        (TWO_DAYS, None, PROVED),
        (TWO_DAYS, 2, PROVED),
        (TWO_DAYS, 1, STALE),
        (MORE, 2, STALE),
        (MORE, 3, PROVED),
    ],
)
def test_a_proof_that_is_too_old_for_the_asker_is_stale(text, within, expected):
    chain = read_chain(text, SCRIPTS, length=8)
    declared = reserve(chain, [wallet("w", "a b")])
    one = proof(A, message(chain, declared, 3))
    source = MemorySource(chain.blocks)
    statement = audit(declared, source, proofs=[one], proofs_within_days=within)
    lines = statement.holders[0].control
    assert {(one.control.value, one.too_old): one.sats // COIN for one in lines} == expected
    a = statement.holders[0].wallets[0].scripts[0]
    assert (a.control, a.proof.too_old) == (Control.STALE, expected is STALE)
    assert told(statement) == []
    assert statement.proofs_within_days == within
    assert json.loads(statement_json(statement))["proofs_within_days"] == within


def test_an_earlier_block_of_a_later_time_counts_where_the_latest_is_too_old():
    chain = read_chain(
        f"{TEXT}5 at 2011-02-03T12:00\n6 at 2011-02-03T11:59\n8 at 2011-02-04T12:00",
        SCRIPTS,
        length=8,
    )
    declared = reserve(chain, [wallet("w", "a b")])
    proofs = [proof(A, message(chain, declared, height)) for height in (5, 6)]
    found = [
        audit(declared, MemorySource(chain.blocks), proofs=proofs, proofs_within_days=within)
        for within in (None, 1)
    ]
    heights = [one.holders[0].wallets[0].scripts[0].proof.height for one in found]
    assert heights == [6, 5]


def test_a_script_without_coins_whose_proof_is_too_old_is_stale_too():
    chain = read_chain(f"{MORE}\n5 s = p.0, q.0 > 1 z", SCRIPTS, length=8)
    declared = reserve(chain, [wallet("w", "a b")])
    one = proof(A, message(chain, declared, 3))
    source = MemorySource(chain.blocks)
    for within, label in ((None, Control.PROVED), (2, Control.STALE)):
        statement = audit(declared, source, proofs=[one], proofs_within_days=within)
        assert statement.holders[0].wallets[0].scripts[0].control is label


@pytest.mark.parametrize("within", [0, -1, 36_501])
def test_an_age_that_is_none_is_refused(within):
    chain, declared = world()
    with pytest.raises(RequestError) as caught:
        collect(declared, MemorySource(chain.blocks), proofs_within_days=within)
    assert caught.value.code is AuditCode.PROOF_DAYS


def test_the_latest_proof_counts_whatever_the_order():
    chain, declared = world()
    early, late = (proof(A, message(chain, declared, height)) for height in (3, 6))
    for proofs in ([early, late], [late, early], [late, early, late]):
        statement = judged(proofs)
        assert labels(statement) == {"proved": (27, 2, 1), "none": (30, 1, 1)}
        assert statement.holders[0].wallets[0].scripts[0].proof.height == 6


def test_a_proof_moves_nothing_but_control_and_exposure():
    chain, declared = world()
    plain = judged(())
    proved = judged([proof(A, message(chain, declared, 6)), proof(B, message(chain, declared, 6))])
    assert labels(proved) == {"proved": (57, 3, 2)}
    assert [replace(coin, exposed=None) for coin in proved.coins] == [
        replace(coin, exposed=None) for coin in plain.coins
    ]
    assert proved.existence is plain.existence
    assert digest(proved) != digest(plain)


def test_a_proof_exposes_whatever_it_is_worth():
    chain, declared = world()
    good = proof(B, message(chain, declared, 6))
    gone = proof(B, message(chain, declared, 6, bytes(range(32))))
    # A coin of the first script was spent.
    for one in (good, gone):
        statement = judged([one])
        holder = statement.holders[0]
        assert (holder.exposed_sats, holder.exposed_by_proof_sats) == (57 * COIN, 30 * COIN)
        found = {coin.script: coin.exposed for coin in statement.coins}
        assert found == {A: Exposure.CHAIN, B: Exposure.PROOF, C: None}
    other = replace(good, signature=proof(B, good.message, by=1).signature)
    for junk in (other, replace(good, signature="smpAA==")):
        assert judged([junk]).holders[0].exposed_by_proof_sats == 0


def test_coins_that_are_not_counted_are_in_no_line():
    chain, declared = world()
    statement = judged([proof(C, message(chain, declared, 6))])
    assert labels(statement) == {"none": (57, 3, 2)}
    assert statement.holders[0].wallets[1].scripts[0].control is Control.PROVED


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda one: replace(one, signature=proof(A, one.message, by=2).signature),
            ("fail", "the public key that was given is not the one of this script."),
        ),
        (
            lambda one: replace(one, message=one.message.replace("2026", "2025")),
            ("fail", UNSATISFIED),
        ),
        (
            lambda one: replace(one, signature="smp"),
            ("fail", "there is no signature."),
        ),
        (
            lambda one: proof(A, "I own this"),
            ("unknown", "its message does not name a block as it should."),
        ),
        (
            lambda one: proof(A, one.message.replace("block 6 ", "block 5 ")),
            (
                "unknown",
                "its message names a block that is not on the best chain.",
            ),
        ),
        (
            lambda one: ControlProof(
                Script(p2wpkh(sec(9))),
                one.message,
                simple(p2wpkh(sec(9)), by_key_hash(9), one.message),
            ),
            ("unknown", "its script is in no wallet."),
        ),
    ],
)
def test_a_proof_that_shows_nothing_is_a_finding(change, expected):
    chain, declared = world()
    statement = judged([change(proof(A, message(chain, declared, 6)))])
    assert labels(statement) == {"none": (57, 3, 2)}
    assert told(statement) == [expected]


def test_a_script_that_binds_no_key_proves_nothing():
    anyone = Script(
        bytes.fromhex("0020" + "4ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260")
    )
    chain = read_chain("1 coinbase > 50 a", {"a": anyone}, length=3)
    declared = reserve(chain, [wallet("a")])
    text = message(chain, declared, 2)
    signature = simple(anyone, lambda _: (b"", (b"\x51",)), text)
    found = [ControlProof(anyone, text, signature)]
    statement = audit(declared, MemorySource(chain.blocks), proofs=found)
    assert labels(statement) == {"none": (50, 1, 1)}
    ((verdict, why),) = told(statement)
    assert verdict == "unknown"
    assert "no signature was needed" in why


def test_a_block_above_the_cutoff_is_not_reached():
    chain, declared = world()
    statement = judged([proof(A, message(chain, declared, 6))], at=5)
    assert [verdict for verdict, _ in told(statement)] == ["unknown"]


@pytest.mark.parametrize(
    ("locktime", "proved"),
    [(8, True), (9, False), (2**32 - 1, False), (500_000_000, True), (1_900_000_000, False)],
)
def test_a_lock_that_has_not_ended_at_the_cut_off_shows_nothing(locktime, proved):
    chain, declared = world()
    text = message(chain, declared, 6)
    signature = full(A, by_key_hash(1), text, locktime=locktime)
    statement = judged([ControlProof(A, text, signature)])
    assert ("proved" in labels(statement)) is proved
    if not proved:
        ((verdict, why),) = told(statement)
        assert verdict == "unknown"
        assert "time lock" in why


@pytest.mark.parametrize(
    ("sequence", "expected"),
    [
        # The coins came in blocks 2 and 4; the next block is 9.
        (5, {"proved": (27, 2, 1), "none": (30, 1, 1)}),
        (6, {"proved": (20, 1, 1), "none": (37, 2, 2)}),
        (8, {"none": (57, 3, 2)}),
        (1 << 31 | 65_535, {"proved": (27, 2, 1), "none": (30, 1, 1)}),
        (1 << 22 | 1, {"none": (57, 3, 2)}),
    ],
)
def test_a_relative_lock_asks_for_the_age_of_each_coin(sequence, expected):
    chain, declared = world()
    text = message(chain, declared, 6)
    signature = full(A, by_key_hash(1), text, version=2, sequence=sequence)
    assert labels(judged([ControlProof(A, text, signature)])) == expected


def test_a_message_that_names_another_holder_shows_nothing():
    chain, declared = world()
    text = message(chain, declared, 6).replace("| treasury |", "| Some Exchange |")
    statement = judged([proof(A, text)])
    assert labels(statement) == {"none": (57, 3, 2)}
    assert told(statement) == [("unknown", "its message names another holder.")]


def test_a_block_that_left_the_chain_shows_nothing():
    chain, declared = world()
    statement = judged([proof(A, message(chain, declared, 6, bytes(range(32))))])
    assert [verdict for verdict, _ in told(statement)] == ["unknown"]
    assert labels(statement) == {"none": (57, 3, 2)}


def test_other_coins_than_are_known_are_told():
    chain, declared = world()
    text = message(chain, declared, 6)
    other = text[:-64] + "00" * 32
    statement = judged([proof(A, other)])
    assert labels(statement) == {"proved": (27, 2, 1), "none": (30, 1, 1)}
    ((verdict, why),) = told(statement)
    assert verdict == "unknown"
    assert "signed for other coins at block 6" in why


def test_many_that_fail_for_one_reason_are_one_finding():
    chain, declared = world()
    text = message(chain, declared, 6)
    wrong = [ControlProof(script, text, f"smp{n}") for n, script in enumerate([A, B, A, B, A])]
    (one,) = (
        finding for finding in judged(wrong).findings if finding.code is FindingCode.CONTROL_PROOF
    )
    assert "and 2 more" in one.what


def test_proofs_speak_of_listed_coins_too():
    chain, declared = world()
    source = ListSource(chain.blocks, word=UnspentWord.SNAPSHOT, height=8)
    statement = judged([proof(A, message(chain, declared, 8))], source=source)
    assert labels(statement) == {"proved": (27, 2, 1), "none": (30, 1, 1)}
    assert told(statement) == []


def test_the_named_blocks_are_evidence():
    chain, declared = world()
    one = proof(A, message(chain, declared, 3))
    evidence = collect(declared, MemorySource(chain.blocks), proofs=[one], at=8)
    assert [point.height for point in evidence.named] == [3]
    assert evidence.proofs == (one,)
    without = assess(replace(evidence, named=()))
    assert labels(without) == {"none": (57, 3, 2)}


@given(st.text(max_size=260), st.text(max_size=300))
def test_junk_proves_nothing_and_harms_nothing(text, signature):
    statement = judged([ControlProof(A, text, signature)])
    assert labels(statement) == {"none": (57, 3, 2)}
    assert len(told(statement)) == 1
