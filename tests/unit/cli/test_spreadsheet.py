from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.cli.hand import BTC, coin, holder, instant, statement, wallet

from erario.bitcoin.values import Height, Sats, Txid
from erario.cli.show.spreadsheet import (
    COIN_COLUMNS,
    MOVEMENT_COLUMNS,
    SCRIPT_COLUMNS,
    coins_csv,
    guard,
    movements_csv,
    scripts_csv,
)
from erario.reserve.model import Attribution
from erario.statement.model import (
    AFTER_BLOCK,
    Book,
    Existence,
    Movement,
    MovementKind,
    Spend,
    WalletEntry,
)


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_a_row_for_each_script() -> None:
    assert scripts_csv(statement()).decode() == (
        ",".join(SCRIPT_COLUMNS) + "\n"
        "treasury,vault,holding,declared,,true,0014000102030405060708090a0b0c0d0e0f10111213,"
        "bc1qqqqsyqcyq5rqwzqfpg9scrgwpugpzysn4v0345,p2wpkh,,,unspent,500000000,5.00000000,1,0,0,0,"
        "10,20,1,false\n"
    )


def test_the_weakest_label_of_a_script_stands_in_its_row() -> None:
    coins = (coin(), coin(existence=Existence.REPORTED), coin(existence=Existence.INCLUDED))
    assert rows(scripts_csv(statement(coins=coins)))[0]["existence"] == "reported"
    empty = statement(coins=(), existence=Existence.INCLUDED)
    assert rows(scripts_csv(empty))[0]["existence"] == "included"


def test_what_is_inferred_is_not_counted() -> None:
    shown = statement(holders=(holder(wallets=(wallet(attribution=Attribution.INFERRED),)),))
    assert rows(scripts_csv(shown))[0]["counted"] == "false"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_text_of_a_file_becomes_a_formula(start: str) -> None:
    evil = f'{start}HYPERLINK("http://x")'
    shown = statement(
        holders=(holder(id=evil, wallets=(wallet(id=evil, document=evil),)),),
        coins=(coin(wallet=evil),),
    )
    for data in (scripts_csv(shown), coins_csv(shown.coins, shown)):
        assert rows(data)[0]["wallet"] == f"'{evil}"


@given(st.text(max_size=30))
def test_the_guard_changes_nothing_else(text: str) -> None:
    assert guard(text) in {text, f"'{text}"}
    assert not (guard(text) or "").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_nothing_stays_nothing() -> None:
    assert guard(None) is None


def test_coins_say_by_what_they_were_spent() -> None:
    spent = coin(spent=Spend(Txid(b"\x22" * 32), 3, Height(20)))
    first, second, third = rows(coins_csv((spent, coin(lost=True), coin()), statement()))
    assert tuple(first) == COIN_COLUMNS
    assert (first["state"], first["spent_txid"], first["spent_input"], first["spent_height"]) == (
        "spent",
        "22" * 32,
        "3",
        "20",
    )
    assert (second["state"], third["state"]) == ("lost", "unspent")
    assert (third["txid"], third["vout"], third["btc"]) == ("11" * 32, "0", "5.00000000")


def test_movements_without_a_transaction_have_neither_txid_nor_position() -> None:
    entry = WalletEntry("vault", Sats(0), Sats(0), Sats(BTC), Sats(0), Sats(7))
    until = Movement(
        kind=MovementKind.UNTIL,
        height=Height(9),
        position=AFTER_BLOCK,
        instant=instant("2025-04-02T00:00:00-06:00"),
        txid=None,
        holder="treasury",
        book=Book.COUNTED,
        coinbase=False,
        fee=None,
        entries=(entry,),
    )
    (row,) = rows(movements_csv([(until, entry)], {(id(until), "vault"): 5}))
    assert tuple(row) == MOVEMENT_COLUMNS
    assert (row["kind"], row["txid"], row["position"]) == ("until", "", "")
    assert (row["change_sats"], row["change_btc"]) == ("-100000007", "-1.00000007")
    assert (row["balance_sats"], row["balance_btc"]) == ("5", "0.00000005")
