"""Coins: what is one, which are spent, lost, immature, exposed, and in which order they stand."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace

import pytest
from embit.hashes import hash160
from tests.strategies.chains import GENESIS
from tests.strategies.evidence import read_chain, statement_of, wallet

from erario.bitcoin.transaction import read_transaction
from erario.bitcoin.values import Height, Sats
from erario.holdings.coins import MATURITY, read_ledger
from erario.holdings.transactions import SeenTransaction
from erario.statement.model import Existence, Exposure

KEY = b"\x02" + hashlib.sha256(b"key").digest()
OTHER_KEY = b"\x03" + hashlib.sha256(b"other").digest()
P2PKH = b"\x76\xa9\x14" + hash160(KEY) + b"\x88\xac"
P2WPKH = b"\x00\x14" + hash160(KEY)
NESTED = b"\xa9\x14" + hash160(P2WPKH) + b"\x87"
P2PK = b"\x21" + KEY + b"\xac"
MULTISIG = b"\x51\x21" + OTHER_KEY + b"\x21" + KEY + b"\x52\xae"
# Seventeen of seventeen: the numbers are pushes of one byte.
MANY = b"\x01\x11" + (b"\x21" + OTHER_KEY) * 16 + b"\x21" + KEY + b"\x01\x11\xae"
P2TR = b"\x51\x20" + bytes(32)
P2WSH = b"\x00\x20" + bytes(32)
SCRIPTS = {
    "p2pkh": P2PKH,
    "p2wpkh": P2WPKH,
    "nested": NESTED,
    "p2pk": P2PK,
    "multisig": MULTISIG,
    "many": MANY,
    "p2tr": P2TR,
    "p2wsh": P2WSH,
    "return": b"\x6a\x01\x01",
    "long": b"\x51" * 10_001,
    "longest": b"\x51" * 10_000,
}


def coins(text, names="a", **options):
    statement, chain = statement_of(text, wallet("w", names), scripts=SCRIPTS, **options)
    return statement.coins, chain


def test_a_spent_coin_names_its_spend():
    (coin,), chain = coins("1 coinbase > 50 a\n4 pay = ?, 1.0 > 1 x")
    assert coin.spent is not None
    assert (coin.spent.txid, coin.spent.input, coin.spent.height) == (chain.txs["pay"].txid, 1, 4)
    assert not coin.unspent


def test_a_spend_after_the_cut_off_has_not_happened():
    (coin,), _ = coins("1 coinbase > 50 a\n4 pay = 1.0 > 1 x", at=3)
    assert coin.unspent


def test_coins_stand_in_order_of_height_position_and_output():
    text = "1 p = ? > 1 a, 2 x, 3 a\n1 q = ? > 4 a\n2 coinbase > 5 a\n2 r = ? > 6 a"
    found, _ = coins(text)
    assert [coin.sats // 10**8 for coin in found] == [1, 3, 4, 5, 6]
    assert [(coin.height, coin.position, coin.outpoint.vout) for coin in found] == [
        (1, 1, 0),
        (1, 1, 2),
        (1, 2, 0),
        (2, 0, 0),
        (2, 1, 0),
    ]


def test_a_coin_made_and_spent_in_one_block():
    found, _ = coins("1 p = ? > 1 a\n1 q = p.0 > 1 a")
    assert [coin.unspent for coin in found] == [False, True]


@pytest.mark.parametrize(("name", "expected"), [("return", 0), ("long", 0), ("longest", 1)])
def test_what_nobody_can_ever_spend_is_no_coin(name, expected):
    found, _ = coins(f"1 coinbase > 50 {name}", name)
    assert len(found) == expected


def test_the_genesis_output_is_no_coin():
    script = GENESIS.transactions[0].outputs[0][1]
    seen = SeenTransaction(Height(0), 0, read_transaction(GENESIS.transactions[0].raw), proved=True)
    assert read_ledger([seen], {script: "w"}, Height(0), Existence.UNSPENT).coins == ()


def test_the_earlier_of_two_equal_coinbases_is_lost():
    found, _ = coins("1 coinbase > 50 a\n3 coinbase = 1\n5 pay = 3.0 > 50 x")
    assert [(coin.height, coin.lost, coin.spent is not None) for coin in found] == [
        (1, True, False),
        (3, False, True),
    ]
    assert not any(coin.unspent for coin in found)


@pytest.mark.parametrize("at", [99, 100, 101])
def test_a_coinbase_matures_when_the_next_block_may_spend_it(at):
    # Made in block 1, it can be spent in block 101 at the earliest: the next one after 100.
    found, _ = coins("1 coinbase > 50 a\n1 p = ? > 1 a", at=at, length=at)
    assert [coin.immature for coin in found] == [at < MATURITY, False]


def test_other_orders_of_evidence_give_the_same_coins():
    chain = read_chain(
        "1 coinbase > 50 a\n2 p = 1.0 > 20 a, 30 b\n2 q = p.0 > 20 b\n3 coinbase > 1 b"
    )
    seen = [
        SeenTransaction(Height(block.height), n, read_transaction(tx.raw), proved=True)
        for block in chain.blocks[1:]
        for n, tx in enumerate(block.transactions)
    ]
    owners = {chain.script("a"): "w", chain.script("b"): "v"}
    expected = read_ledger(seen, owners, Height(3), Existence.UNSPENT)
    for seed in range(5):
        random.Random(seed).shuffle(seen)
        assert read_ledger(seen, owners, Height(3), Existence.UNSPENT) == expected
    assert expected.held(1) == {"w": 50 * 10**8}
    assert expected.held(2) == {"w": 0, "v": 50 * 10**8}
    assert expected.held(3) == {"w": 0, "v": 51 * 10**8}


@pytest.mark.parametrize(
    ("text", "exposed"),
    [
        # The key stands in the output itself.
        ("1 coinbase > 1 p2pk", "p2pk"),
        ("1 coinbase > 1 multisig", "multisig"),
        ("1 coinbase > 1 p2tr", "p2tr"),
        # It does not, as long as nothing was spent.
        ("1 coinbase > 1 p2pkh, 1 p2wpkh, 1 nested, 1 p2wsh", ""),
        # A script that was spent from, coins before and after.
        ("1 coinbase > 1 p2wsh, 1 p2wsh\n2 s = 1.0 > 1 x\n3 coinbase > 1 p2wsh", "p2wsh"),
        # One key under several scripts.
        ("1 coinbase > 1 p2pkh\n2 s = 1.0 > 1 x\n3 coinbase > 1 p2pkh, 1 p2wpkh", "p2pkh p2wpkh"),
        ("1 coinbase > 1 p2wpkh\n2 s = 1.0 > 1 p2pkh", "p2pkh"),
        ("1 coinbase > 1 p2wpkh\n2 s = 1.0 > 1 nested", "nested"),
        ("1 coinbase > 1 p2pk, 1 p2pkh, 1 p2wpkh", "p2pk p2pkh p2wpkh"),
        ("1 coinbase > 1 multisig, 1 p2pkh, 1 p2wsh", "multisig p2pkh"),
        ("1 coinbase > 1 many, 1 p2pkh, 1 p2wsh", "many p2pkh"),
        # Spent only after the cut-off is another matter: see `at` below.
        ("1 coinbase > 1 p2pkh\n5 s = 1.0 > 1 x\n6 coinbase > 1 p2pkh", ""),
    ],
)
def test_exposed(text, exposed):
    at = 4 if "5 s" in text else None
    found, chain = coins(text, " ".join(SCRIPTS), at=at)
    names = {chain.script(name): name for name in SCRIPTS}
    assert {names[coin.script] for coin in found if coin.exposed and coin.unspent} == set(
        exposed.split()
    )


def test_a_spend_of_a_nested_script_shows_the_key_it_hashes():
    text = "1 coinbase > 1 nested\n2 s = 1.0 > 1 x\n3 coinbase > 1 p2wpkh"
    chain = read_chain(text, SCRIPTS)
    seen = []
    for block in chain.blocks[1:]:
        for n, tx in enumerate(block.transactions):
            transaction = read_transaction(tx.raw)
            if tx is chain.txs["s"]:
                inputs = (replace(transaction.inputs[0], script_sig=b"\x16" + P2WPKH),)
                transaction = replace(transaction, inputs=inputs)
            seen.append(SeenTransaction(Height(block.height), n, transaction, proved=True))
    owners = {NESTED: "w", P2WPKH: "w"}
    ledger = read_ledger(seen, owners, Height(3), Existence.UNSPENT)
    assert [coin.exposed for coin in ledger.coins] == [Exposure.CHAIN] * 2


def test_what_is_not_proved_is_reported():
    chain = read_chain("1 coinbase > 1 a\n1 p = ? > 2 a\n2 s = 1.0 > 1 x")
    seen = [
        SeenTransaction(
            Height(b.height), n, read_transaction(tx.raw), proved=tx is not chain.txs["s"]
        )
        for b in chain.blocks[1:]
        for n, tx in enumerate(b.transactions)
    ]
    ledger = read_ledger(seen, {chain.script("a"): "w"}, Height(2), Existence.UNSPENT)
    assert [(coin.sats, coin.existence) for coin in ledger.coins] == [
        (Sats(10**8), Existence.REPORTED),
        (Sats(2 * 10**8), Existence.UNSPENT),
    ]
