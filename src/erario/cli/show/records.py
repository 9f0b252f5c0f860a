"""Coins and movements as canonical JSON, each as it stands in the statement's own JSON.

The answer names the network, the cut-off and what lowers its worth, so that a file of it speaks
for itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from erario.statement.codec import canonical_json
from erario.statement.json_values import (
    Json,
    JsonObject,
    coin_json,
    finding_json,
    movement_json,
    point_json,
)
from erario.statement.model import Coin, Movement, Statement, WalletEntry


def coins_json(coins: Iterable[Coin], statement: Statement) -> bytes:
    """Coins as JSON."""
    return _record("coins", [coin_json(coin) for coin in coins], statement)


def movements_json(booked: Iterable[tuple[Movement, WalletEntry]], statement: Statement) -> bytes:
    """Movements as JSON, each with those of its entries that were asked for."""
    asked: dict[int, tuple[Movement, list[WalletEntry]]] = {}
    for movement, entry in booked:
        asked.setdefault(id(movement), (movement, []))[1].append(entry)
    records: list[Json] = [
        movement_json(replace(movement, entries=tuple(entries)))
        for movement, entries in asked.values()
    ]
    return _record("movements", records, statement)


def _record(name: str, records: list[Json], statement: Statement) -> bytes:
    value: JsonObject = {
        "network": statement.network.value,
        "cutoff": point_json(statement.cutoff),
        "findings": [finding_json(finding) for finding in statement.all_findings],
        name: records,
    }
    return canonical_json(value) + b"\n"
