from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.unit.cli.hand import day, instant, observed

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import BlockHash, Height
from erario.cli.show.existence import say_existence
from erario.cli.show.words import (
    count,
    plain_btc,
    say_moment,
    say_network,
    say_request,
    short_hash,
    show_change,
    show_offset,
)
from erario.reserve.moment import AtHash, AtHeight, AtInstant, AtTip, Interval
from erario.statement.evidence import UnspentWord
from erario.statement.model import Existence


@pytest.mark.parametrize(
    ("timezone", "shown"),
    [
        ("UTC", "UTC"),
        ("America/El_Salvador", "UTC-6"),
        ("Asia/Kolkata", "UTC+5:30"),
        ("America/St_Johns", "UTC-2:30"),
        ("Europe/Berlin", "UTC+2"),
    ],
)
def test_the_distance_from_utc_at_an_instant(timezone: str, shown: str) -> None:
    assert show_offset(timezone, datetime(2025, 7, 1, tzinfo=UTC)) == shown


def test_what_a_cutoff_was_asked_for_by() -> None:
    zone = "America/El_Salvador"
    midnight = instant("2025-04-04T00:00:00-06:00")
    assert say_request(AtInstant(midnight, "2025-04-03"), zone) == "end of 2025-04-03 UTC-6"
    written = "2025-04-04T00:00:00-06:00"
    assert say_request(AtInstant(midnight, written), zone) == "before 2025-04-04 06:00:00 UTC"
    assert say_request(AtHeight(Height(7)), zone) == "block 7"
    assert say_request(AtTip(), zone) == "the tip"
    assert say_request(AtHash(BlockHash(bytes(32))), zone) == "block 00000000...0000"


def test_when_a_claim_is_about() -> None:
    start, end = "2025-04-03T00:00:00-06:00", "2025-04-04T00:00:00-06:00"
    assert say_moment(day("2025-04-03", start, end)) == "on 2025-04-03"
    assert say_moment(day("2025-04-03 to 2025-04-05", start, end)) == (
        "over 2025-04-03 to 2025-04-05"
    )
    assert say_moment(AtInstant(instant(end), end)) == f"at {end}"
    assert say_moment(AtHeight(Height(9))) == "at block 9"
    blocks = Interval(AtHeight(Height(9)), AtHeight(Height(20)), "9 to 20")
    assert say_moment(blocks) == "over blocks 9 to 20"


def test_existence_says_on_whose_word() -> None:
    chain = observed().chain
    assert say_existence(Existence.UNSPENT, UnspentWord.BLOCKS, chain) == (
        "unspent, on the word of every block up to the cut-off"
    )
    assert say_existence(Existence.UNSPENT, UnspentWord.OWN_NODE, chain) == (
        "unspent, on the word of the user's own node"
    )
    assert say_existence(Existence.INCLUDED, UnspentWord.SERVERS, chain) == (
        "included; unspent on the word of the servers"
    )
    weak = replace(chain, enough_work=False)
    assert say_existence(Existence.REPORTED, UnspentWord.BLOCKS, weak) == (
        "reported: the chain has less than the network's minimum work"
    )
    signet = replace(chain, authenticated=False)
    assert say_existence(Existence.REPORTED, UnspentWord.BLOCKS, signet) == (
        "reported: on this network proof of work alone proves nothing"
    )
    assert say_existence(Existence.REPORTED, UnspentWord.BLOCKS, chain).startswith("reported: ")


def test_small_words() -> None:
    assert count(1, "script") == "1 script"
    assert count(1019, "branch", "branches") == "1,019 branches"
    assert show_change(5) == "+0.00000005"
    assert show_change(-5) == "-0.00000005"
    assert show_change(0) == "0.00000000"
    assert plain_btc(123_456_789_012) == "1234.56789012"
    assert say_network(NetworkName.MAIN) == "mainnet"
    assert say_network(NetworkName.REGTEST) == "regtest"
    assert short_hash(bytes(31) + b"\xff") == "ff000000...0000"
