"""Sums and what stands beside them: each figure from a chain of a few lines."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace

import pytest
from tests.strategies.evidence import MemorySource, read_chain, reserve, statement_of, wallet

from erario.assess import assess
from erario.assess.coins_digest import coins_digest
from erario.auditing import audit, collect
from erario.bitcoin.network import NetworkName
from erario.bitcoin.script import ScriptType
from erario.bitcoin.values import Sats
from erario.reserve.model import Attribution, Role
from erario.statement.evidence import UnspentWord
from erario.statement.finding import FindingCode
from erario.statement.model import Balance, Existence

BTC = 10**8


def totals(statement, number=0):
    return [
        f"{line.role} {line.attribution} {line.existence} {line.balance.sats // BTC} "
        f"in {line.balance.coins}"
        for line in statement.holders[number].totals
    ]


def test_totals_are_split_by_role_and_attribution():
    text = """
        1 coinbase > 1 a, 2 b, 4 c, 8 t, 16 o, 32 i, 64 d
        2 p = ? > 3 a
    """
    statement, _ = statement_of(
        text,
        wallet("i", attribution="inferred"),
        wallet("o", role="origin"),
        wallet("t", role="transit"),
        wallet("c", role="custody"),
        wallet("d", attribution="documented"),
        wallet("b"),
        wallet("a"),
        wallet("empty"),
    )
    assert totals(statement) == [
        "holding declared unspent 6 in 3",
        "holding documented unspent 64 in 1",
        "holding inferred unspent 32 in 1",
        "custody declared unspent 4 in 1",
        "transit declared unspent 8 in 1",
        "origin declared unspent 16 in 1",
    ]
    assert statement.holders[0].digest_coins == 6
    assert sum(one.sats for one in statement.holders[0].types) == (6 + 64 + 4 + 8) * BTC


def test_holders_are_told_apart_in_the_order_of_the_file():
    text = "1 coinbase > 1 a, 2 b"
    statement, _ = statement_of(
        text, wallet("a"), wallet("b", holder="police"), holders="police treasury"
    )
    assert [holder.id for holder in statement.holders] == ["police", "treasury"]
    assert totals(statement, 0) == ["holding declared unspent 2 in 1"]
    assert totals(statement, 1) == ["holding declared unspent 1 in 1"]


def test_a_wallet_that_does_not_count_is_in_no_total_but_shows_what_it_holds():
    text = "1 at 2011-02-05T00:00\n1 coinbase > 50 a\n8 at 2011-02-09T00:00\n20 at 2011-02-10T00:00"
    statement, _ = statement_of(text, wallet("a", until="2011-02-04"), since=0)
    (holder,) = statement.holders
    (one,) = holder.wallets
    assert (one.counts, one.balance.sats, holder.totals) == (False, 50 * BTC, ())
    assert one.roll_forward is not None
    assert (one.roll_forward.received, one.roll_forward.closing) == (0, 0)
    assert (one.first_height, holder.first_height) == (1, None)


def test_a_script_and_its_history():
    text = """
        1 coinbase > 5 a
        2 p = ? > 1 a, 2 a
        6 s = 1.0 > 5 x
    """
    statement, chain = statement_of(text, wallet("w", "a b"), length=9)
    used, unused = statement.holders[0].wallets[0].scripts
    assert used.script == chain.script("a")
    assert used.address is not None
    assert used.address.startswith("bcrt1q")
    assert used.type is ScriptType.P2WPKH
    # Spent from once, so the key is visible behind what is left.
    assert used.balance == Balance(Sats(3 * BTC), 2, Sats(0), Sats(3 * BTC), Sats(0))
    assert (used.first_height, used.last_height, used.received_in, used.spent_from) == (
        1,
        6,
        2,
        True,
    )
    assert (unused.first_height, unused.received_in, unused.spent_from) == (None, 0, False)
    assert statement.holders[0].reused_scripts == 1
    assert statement.holders[0].wallets[0].watched == 2


def test_a_coinbase_created_again_is_no_reuse():
    statement, _ = statement_of("1 coinbase > 50 a\n3 coinbase = 1", wallet("a"))
    assert statement.holders[0].wallets[0].scripts[0].received_in == 1
    assert statement.holders[0].reused_scripts == 0


def test_immature_and_largest():
    text = "1 coinbase > 5 a\n2 p = ? > 3 b\n3 q = ? > 3 b\n4 r = ? > 6 c"
    statement, chain = statement_of(text, wallet("w", "a b c"), length=50)
    (holder,) = statement.holders
    assert holder.totals[0].balance.immature_sats == 5 * BTC
    # Two scripts hold 6: the first by its bytes is named.
    assert holder.largest_script == min(chain.script("b"), chain.script("c"))
    assert holder.largest_sats == 6 * BTC


def test_nothing_at_all():
    statement, _ = statement_of("1 coinbase > 50 x", wallet("a"), since=0)
    (holder,) = statement.holders
    assert (holder.totals, holder.types, holder.largest_script, holder.largest_sats) == (
        (),
        (),
        None,
        0,
    )
    assert holder.roll_forward is not None
    assert holder.roll_forward.closing == 0
    assert statement.existence is Existence.UNSPENT


@pytest.mark.parametrize(
    "wallets",
    [
        [],
        [wallet("a", attribution="inferred")],
        [wallet("a", role="origin")],
        [wallet("a", since="2011-03-01")],
    ],
)
def test_a_holder_with_nothing_counted_is_unknown(wallets):
    statement, _ = statement_of("1 coinbase > 50 a", *wallets)
    (finding,) = statement.findings
    assert (finding.code, finding.subject) == (FindingCode.HOLDER_NOTHING_COUNTED, "treasury")
    assert finding.settle


def test_an_empty_wallet_of_the_holders_own_is_counted():
    statement, _ = statement_of("1 coinbase > 50 x", wallet("a", role="custody"))
    assert statement.findings == ()


@pytest.mark.parametrize(
    ("word", "label"),
    [
        (UnspentWord.BLOCKS, Existence.UNSPENT),
        (UnspentWord.OWN_NODE, Existence.UNSPENT),
        (UnspentWord.SNAPSHOT, Existence.UNSPENT),
        (UnspentWord.SERVERS, Existence.INCLUDED),
    ],
)
def test_the_label_is_what_the_sources_word_is_worth(word, label):
    chain = read_chain("1 coinbase > 50 a")
    statement = audit(reserve(chain, [wallet("a")]), MemorySource(chain.blocks, word=word))
    assert (statement.word, statement.existence) == (word, label)
    assert totals(statement) == [f"holding declared {label} 50 in 1"]


def test_the_strongest_word_of_several_sources_counts():
    chain = read_chain("1 coinbase > 50 a")
    evidence = collect(reserve(chain, [wallet("a")]), MemorySource(chain.blocks))
    (note,) = evidence.sources
    two = replace(evidence, sources=(note, replace(note, word=UnspentWord.SERVERS)))
    assert assess(two).word is UnspentWord.BLOCKS
    assert assess(replace(evidence, sources=())).existence is Existence.REPORTED


def test_the_coins_digest_is_over_these_bytes():
    text = "1 coinbase > 50 a\n2 p = ? > 0.00000007 x, 1 b"
    statement, chain = statement_of(text, wallet("w", "a b"))
    coins = sorted([(chain.txs["1"].txid, 0, 50 * BTC, "a"), (chain.txs["p"].txid, 1, BTC, "b")])
    data = b"erario-coins-1" + b"\x07regtest" + struct.pack("<I", 2)
    data += chain.blocks[2].block_hash + struct.pack("<Q", 2)
    for txid, vout, sats, name in coins:
        script = chain.script(name)
        data += txid + struct.pack("<IqI", vout, sats, len(script)) + script
    (holder,) = statement.holders
    assert holder.coins_digest == hashlib.sha256(data).digest()
    assert holder.digest_coins == 2


def test_the_coins_digest_knows_no_name_attribution_or_proof():
    chain = read_chain("1 coinbase > 50 a\n2 p = ? > 1 b\n3 q = ? > 2 o, 3 i")
    outsiders = [wallet("o", role="origin"), wallet("i", attribution="inferred")]
    digests = set()
    for wallets in (
        [wallet("w", "a b")],
        [wallet("one", "b"), wallet("two", "a")],
        [wallet("w", "a b", role="custody", attribution="documented")],
        [wallet("w", "b a"), *outsiders],
    ):
        evidence = collect(reserve(chain, wallets), MemorySource(chain.blocks))
        weak = replace(evidence, chain=replace(evidence.chain, enough_work=False))
        digests |= {assess(one).holders[0].coins_digest for one in (evidence, weak)}
    assert len(digests) == 1
    other = audit(reserve(chain, [wallet("w", "a b i")]), MemorySource(chain.blocks))
    earlier = audit(reserve(chain, [wallet("w", "a b")]), MemorySource(chain.blocks), at=2)
    digests |= {other.holders[0].coins_digest, earlier.holders[0].coins_digest}
    assert len(digests) == 3
    assert coins_digest(NetworkName.MAIN, evidence.cutoff, ()) not in digests


def test_axes_stay_apart_in_every_line():
    statement, _ = statement_of("1 coinbase > 1 a", wallet("a"))
    (line,) = statement.holders[0].totals
    assert (line.role, line.attribution, line.existence) == (
        Role.HOLDING,
        Attribution.DECLARED,
        Existence.UNSPENT,
    )
