"""Where the opening of `--since` falls among movements, and how each kind is called."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.conftest import World
from tests.unit.cli.hand import instant, point, statement

from erario.bitcoin.values import Height, Sats, Txid
from erario.cli.show.history import is_after_opening, say_kind
from erario.reserve.loader import load
from erario.reserve.model import Reserve
from erario.reserve.moment import AtHeight, AtInstant
from erario.statement.model import AFTER_BLOCK, Book, Movement, MovementKind, WalletEntry

ENTRY = WalletEntry("vault", Sats(0), Sats(0), Sats(0), Sats(0), Sats(0))
SENT = Movement(
    kind=MovementKind.TRANSACTION,
    height=Height(9),
    position=1,
    instant=None,
    txid=Txid(b"\x11" * 32),
    holder="treasury",
    book=Book.COUNTED,
    coinbase=False,
    fee=None,
    entries=(ENTRY,),
)
BEGAN = replace(
    SENT,
    kind=MovementKind.SINCE,
    position=AFTER_BLOCK,
    instant=instant("2025-04-02T00:00:00-06:00"),
    txid=None,
)


@pytest.fixture
def reserve(world: World) -> Reserve:
    path = Path("reserve.toml")
    path.write_text(
        path.read_text().replace("[wallets.vault]", "[wallets.vault]\nsince = 2025-04-02", 1)
    )
    return load(path)


def opening(height: int, asked: AtHeight | AtInstant | None = None) -> Any:
    return statement(since=point(height), asked_since=asked or AtHeight(Height(height)))


@pytest.mark.parametrize(("height", "after"), [(8, True), (9, False), (10, False)])
def test_a_transaction_comes_after_openings_below_its_block(
    height: int, after: bool, reserve: Reserve
) -> None:
    assert is_after_opening(SENT, ENTRY, opening(height), reserve) is after


def test_everything_comes_after_no_opening(reserve: Reserve) -> None:
    assert is_after_opening(SENT, ENTRY, statement(), reserve)


def test_what_begins_behind_a_block_comes_after_an_opening_at_its_height(reserve: Reserve) -> None:
    assert is_after_opening(BEGAN, ENTRY, opening(9), reserve)
    assert not is_after_opening(BEGAN, ENTRY, opening(10), reserve)


@pytest.mark.parametrize(
    ("asked", "after"),
    [("2025-04-01T12:00:00+00:00", True), ("2025-04-02T00:00:00+00:00", True),
     ("2025-04-02T00:00:01+00:00", False)],
)  # fmt: skip
def test_an_opening_at_an_instant_has_what_began_before_it_behind_it(
    asked: str, after: bool, reserve: Reserve
) -> None:
    moment = AtInstant(instant(asked), asked)
    assert is_after_opening(BEGAN, ENTRY, opening(9, moment), reserve) is after


@pytest.mark.parametrize(
    ("movement", "entry", "said"),
    [
        ({}, {"received": 1}, "in"),
        ({}, {"sent": 1, "fee": 1}, "out"),
        ({}, {"between_in": 1}, "between"),
        ({}, {"sent": 1, "between_out": 1, "fee": 1}, "out, between"),
        ({}, {"fee": 1}, "fee"),
        ({}, {}, "even"),
        ({"coinbase": True}, {"received": 1}, "mined"),
        ({"kind": MovementKind.OVERWRITTEN}, {"sent": 1}, "lost"),
        ({"kind": MovementKind.SINCE}, {"received": 1}, "counts from here"),
        ({"kind": MovementKind.UNTIL}, {"sent": 1}, "counts until here"),
    ],
)
def test_what_a_movement_is_called(
    movement: dict[str, Any], entry: dict[str, Any], said: str
) -> None:
    assert say_kind(replace(SENT, **movement), replace(ENTRY, **entry)) == said
