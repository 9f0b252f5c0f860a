"""A claim and its moment as JSON. What the person wrote stands beside what it became."""

from __future__ import annotations

from erario.reserve.moment import AtInstant, ClaimMoment, Interval
from erario.statement.json_values import JsonObject, point_in_time_json
from erario.statement.model import ClaimStatement


def claim_json(statement: ClaimStatement) -> JsonObject:
    """A claim and what it came to."""
    claim = statement.claim
    return {
        "id": claim.id,
        "holder": claim.holder,
        "wallets": list(claim.wallets),
        "document": claim.document,
        "holds": claim.holds,
        "comparator": claim.comparator.value,
        "amount_sats": claim.amount,
        "within_sats": claim.within,
        "moment": moment_json(claim.moment),
        "outcome": statement.outcome.value,
        "would_be": None if statement.would_be is None else statement.would_be.value,
        "lowest_sats": statement.lowest,
        "highest_sats": statement.highest,
        "from_height": statement.from_height,
        "to_height": statement.to_height,
        "margin_sats": statement.margin,
        "existence": statement.existence.value,
        "reason": statement.reason,
        "settle": statement.settle,
    }


def moment_json(moment: ClaimMoment) -> JsonObject:
    """The moment of a claim."""
    if isinstance(moment, Interval):
        return {
            "kind": "interval",
            "start": point_in_time_json(moment.start),
            "end": point_in_time_json(moment.end),
            "written": moment.written,
        }
    if isinstance(moment, AtInstant):
        return {**point_in_time_json(moment), "written": moment.written}
    return point_in_time_json(moment)
