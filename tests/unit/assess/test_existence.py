"""Evidence that shows what it says, and evidence that was damaged one field at a time."""

from __future__ import annotations

import struct
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.chains import Tx, mine
from tests.strategies.evidence import MemorySource, claim, evidence_of, read_chain, reserve, wallet

from erario.assess import assess
from erario.assess.existence import check_inclusion
from erario.auditing import collect
from erario.bitcoin.merkle import merkle_branch
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import BlockHash, Height
from erario.reserve.moment import AtInstant
from erario.statement.codec import digest, statement_json
from erario.statement.evidence import TransactionEvidence
from erario.statement.finding import FindingCode, Severity, Verdict
from erario.statement.model import Existence

CHAIN = read_chain("""
    1 coinbase > 50 a
    1 p = ? > 1 a
    1 q = ? > 2 x
    2 r = p.0 > 0.5 a, 0.5 x
    4 t = ? > 4 a
""")
UNTOUCHED = claim("= 0", 0, wallets="z")
DECLARED = reserve(CHAIN, [wallet("a"), wallet("z")], [UNTOUCHED])
EVIDENCE = collect(DECLARED, MemorySource(CHAIN.blocks))
NOON = datetime(2011, 2, 3, 12, tzinfo=UTC)
FIRST, SECOND, FOURTH = EVIDENCE.blocks


def with_first(**fields):
    return replace(EVIDENCE, blocks=(replace(FIRST, **fields), SECOND, FOURTH))


def with_transaction(**fields):
    one, two = FIRST.transactions
    return with_first(transactions=(one, replace(two, **fields)))


def test_whole_evidence_has_no_finding():
    inclusion = check_inclusion(EVIDENCE)
    assert inclusion.findings == ()
    assert not inclusion.lost
    assert all(seen.proved for seen in inclusion.transactions)
    assert [(seen.height, seen.position) for seen in inclusion.transactions] == [
        (1, 0),
        (1, 1),
        (2, 1),
        (4, 1),
    ]


BRANCH = FIRST.transactions[1].branch
OTHER = evidence_of(CHAIN.blocks[2], [1])


@pytest.mark.parametrize(
    ("damaged", "what"),
    [
        (with_transaction(branch=(bytes(32), BRANCH[1])), "does not lead to the header"),
        (with_transaction(branch=BRANCH[:1]), "different lengths"),
        (with_transaction(branch=(*BRANCH, bytes(32))), "different lengths"),
        (with_transaction(branch=(BRANCH[0], b"short")), "does not fit"),
        (with_transaction(position=2), "does not lead to the header"),
        (with_transaction(position=5), "does not fit"),
        (with_transaction(raw=CHAIN.txs["t"].raw), "does not lead to the header"),
        (with_first(coinbase=replace(FIRST.coinbase, branch=BRANCH)), "does not lead"),
        (with_first(coinbase=replace(FIRST.coinbase, position=1)), "no coinbase"),
        (with_first(coinbase=FIRST.transactions[1]), "no coinbase"),
        (with_first(coinbase=replace(FIRST.coinbase, raw=b"\0")), "coinbase cannot be read"),
        (with_first(header=FIRST.header[:-1]), "header is not one"),
        (with_first(header=SECOND.header), "does not lead to the header"),
        (with_first(header=FIRST.header[:72] + bytes(4) + FIRST.header[76:]), "no proof of work"),
        (
            with_first(
                header=FIRST.header[:72] + struct.pack("<I", 0x2100FFFF) + FIRST.header[76:]
            ),
            "no proof of work",
        ),
        (
            replace(EVIDENCE, blocks=(FIRST, replace(SECOND, height=Height(3)), FOURTH)),
            "does not follow",
        ),
        (
            replace(EVIDENCE, blocks=(FIRST, replace(FOURTH, height=Height(2)))),
            "does not follow",
        ),
        (
            replace(EVIDENCE, cutoff=replace(EVIDENCE.cutoff, block_hash=BlockHash(bytes(32)))),
            "not that of the block at this height",
        ),
    ],
)
def test_damage_is_a_fail_and_lowers_the_label(damaged, what):
    statement = assess(damaged)
    (finding, *_) = statement.findings
    assert (finding.code, finding.verdict, finding.severity) == (
        FindingCode.EVIDENCE_INCLUSION,
        Verdict.FAIL,
        Severity.ERROR,
    )
    assert what in finding.what
    assert statement.existence is Existence.REPORTED
    assert any(coin.existence is Existence.REPORTED for coin in statement.coins)
    # What failed stays in the sums, with its label.
    summed = sum(line.balance.sats for line in statement.holders[0].totals)
    assert summed == sum(coin.sats for coin in statement.coins if coin.unspent) >= 50 * 10**8


@pytest.mark.parametrize(
    ("damaged", "what"),
    [
        (with_transaction(raw=b"\x01"), "cannot be read"),
        (with_transaction(position=0), "out of order"),
        (replace(EVIDENCE, blocks=(FIRST, FIRST, SECOND, FOURTH)), "out of order"),
        (replace(EVIDENCE, blocks=(SECOND, FIRST, FOURTH)), "out of order"),
        (replace(EVIDENCE, blocks=(FIRST, replace(FOURTH, height=Height(5)))), "above the cut-off"),
    ],
)
def test_what_cannot_be_read_is_a_fail_and_doubts_every_wallet(damaged, what):
    inclusion = check_inclusion(damaged)
    assert inclusion.lost
    assert what in inclusion.findings[0].what
    statement = assess(damaged)
    assert statement.existence is Existence.REPORTED
    assert {coin.existence for coin in statement.coins} == {Existence.REPORTED}
    # The claim is about a wallet that no evidence touches at all.
    assert [one.existence for one in statement.claims] == [Existence.REPORTED]


def test_a_transaction_that_breaks_the_rules_for_all_is_not_read():
    worthless = Tx(inputs=((bytes(32), 0),), outputs=((-1, CHAIN.script("a")),))
    inclusion = check_inclusion(with_transaction(raw=worthless.raw))
    assert "breaks the rules" in inclusion.findings[0].what
    assert len(inclusion.transactions) == 3


def test_a_transaction_of_64_bytes_is_refused():
    small = Tx(inputs=((b"\x01" * 32, 0),), outputs=((1, b"\x51\x51\x51\x51"),))
    assert len(small.stripped) == 64
    block = mine(CHAIN.blocks[0], [small])
    shown = evidence_of(block, [1])
    forged = replace(EVIDENCE, blocks=(shown,))
    (seen,) = check_inclusion(forged).transactions
    assert not seen.proved
    assert "64 bytes" in check_inclusion(forged).findings[0].what


def test_an_inner_node_does_not_pass_as_a_transaction():
    # The branch of an inner node is shorter than the coinbase's.
    block = mine(CHAIN.blocks[0], [CHAIN.txs["p"], CHAIN.txs["q"], CHAIN.txs["t"]])
    txids = [tx.txid for tx in block.transactions]
    node = TransactionEvidence(1, txids[2] + txids[3], merkle_branch(txids, 2)[1:])
    forged = replace(evidence_of(block, []), transactions=(node,))
    inclusion = check_inclusion(replace(EVIDENCE, blocks=(forged,)))
    assert len(inclusion.findings) == 1
    assert not any(seen.proved for seen in inclusion.transactions)


def test_a_second_coinbase_is_refused():
    block = mine(CHAIN.blocks[0], [CHAIN.txs["2"]])
    inclusion = check_inclusion(replace(EVIDENCE, blocks=(evidence_of(block, [1]),)))
    assert "only the first transaction" in inclusion.findings[0].what


@given(st.data())
def test_flipped_bits_never_go_unseen(data):
    """Wherever a bit of a block's evidence is flipped, there is a finding, and never a crash."""
    block = data.draw(st.sampled_from(EVIDENCE.blocks))
    place = data.draw(st.sampled_from(["header", "raw", "branch", "coinbase"]))

    def flip(value):
        bit = data.draw(st.integers(0, 8 * len(value) - 1))
        return bytes(b ^ (1 << bit % 8 if i == bit // 8 else 0) for i, b in enumerate(value))

    one = block.transactions[-1]
    if place == "header":
        damaged = replace(block, header=flip(block.header))
    elif place == "coinbase":
        damaged = replace(block, coinbase=replace(block.coinbase, raw=flip(block.coinbase.raw)))
    elif place == "raw":
        changed = replace(one, raw=flip(one.raw))
        damaged = replace(block, transactions=(*block.transactions[:-1], changed))
    else:
        changed = replace(one, branch=(flip(one.branch[0]), *one.branch[1:]))
        damaged = replace(block, transactions=(*block.transactions[:-1], changed))
    blocks = tuple(damaged if b is block else b for b in EVIDENCE.blocks)
    statement = assess(replace(EVIDENCE, blocks=blocks))
    unlinked = place == "header" and not statement.findings
    # A header that still meets its target and is named by nobody can differ in what no rule here
    # reaches (its version, its time): the chain of all headers is not part of the evidence.
    assert unlinked or statement.existence is Existence.REPORTED
    assert digest(statement)
    assert statement_json(statement)


LITTLE_WORK = replace(EVIDENCE, chain=replace(EVIDENCE.chain, enough_work=False))
SIGNET = replace(EVIDENCE, network=NetworkName.SIGNET)


def test_a_chain_of_little_work_is_an_observation_that_comes_first():
    statement = assess(replace(LITTLE_WORK, settled=False, asked=AtInstant(NOON, "noon")))
    assert [one.code for one in statement.observed.findings] == [
        FindingCode.CHAIN_WORK,
        FindingCode.CUTOFF_SETTLED,
    ]
    assert statement.observed.findings[0].verdict is Verdict.UNKNOWN
    assert statement.findings == ()
    assert statement.existence is Existence.REPORTED
    assert {coin.existence for coin in statement.coins} == {Existence.REPORTED}
    assert assess(EVIDENCE).observed.findings == ()


@pytest.mark.parametrize("authenticated", [True, False])
def test_whether_a_network_proves_anything_is_not_for_evidence_to_say(authenticated):
    claimed = replace(EVIDENCE.chain, authenticated=authenticated)
    on_signet, on_regtest = (assess(replace(one, chain=claimed)) for one in (SIGNET, EVIDENCE))
    # Regtest headers have too little work for signet: that is found as well, behind it.
    assert on_signet.findings[0].code is FindingCode.CHAIN_UNAUTHENTICATED
    assert on_signet.findings[0].verdict is Verdict.UNKNOWN
    assert {one.code for one in on_signet.findings[1:]} == {FindingCode.EVIDENCE_INCLUSION}
    assert {coin.existence for coin in on_signet.coins} == {Existence.REPORTED}
    assert not on_signet.observed.chain.authenticated
    assert on_regtest.findings == ()
    assert on_regtest.existence is Existence.UNSPENT
    assert on_regtest.observed.chain.authenticated
