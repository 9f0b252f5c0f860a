"""Claims: what a holder said in public, read into a comparison, an amount and a moment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Final

from erario.bitcoin.values import Sats, read_btc
from erario.errors import Place, RequestError
from erario.reserve.cutoff import end_of_day, read_height, read_instant, start_of_day
from erario.reserve.model import Claim, Comparator, Wallet
from erario.reserve.moment import AtHeight, AtInstant, ClaimMoment, Interval
from erario.reserve.problems import ProblemCode, show
from erario.reserve.tables import Table
from erario.reserve.wallets import Scope, read_holder, read_reference, report_unknown

_HOLDS: Final = re.compile(r"\s*(?P<sign>>=|<=|>|<|=|~)\s*(?P<amount>[^\s]+)\s+BTC\s*")
_WITHIN: Final = re.compile(r"\s*(?P<amount>[^\s]+)\s+BTC\s*")
_AMOUNT_REMEDY: Final = "Write a plain number of BTC with at most eight decimals: 6100.5 BTC."
_MOMENT_REMEDY: Final = (
    "Write a day (2025-04-03), a time with its offset (2025-04-03T12:00:00-06:00), a height "
    "(890712), or { from = ..., to = ... } of two alike; all without quotes."
)
_Point = AtHeight | AtInstant


def read_claim(table: Table, scope: Scope, wallets: Mapping[str, Wallet]) -> Claim | None:
    """The claim that a table makes; None where it cannot be asked."""
    table.check_keys("holds", "within", "at", "holder", "wallets", "document")
    comparator, amount = _read_holds(table)
    within = _read_within(table, comparator)
    moment = _read_at(table, scope.timezone)
    named = _read_wallets(table, wallets)
    holder = _read_holder(table, scope, [wallets[name] for name in named])
    document = read_reference(table, "document", scope.documents)
    if comparator is None or amount is None or moment is None:
        return None
    return Claim(
        id=str(table.path[-1]),
        holds=str(table.data["holds"]),
        comparator=comparator,
        amount=amount,
        within=within,
        moment=moment,
        holder=holder,
        wallets=named,
        document=document,
        place=table.place,
    )


def read_comparison(text: str) -> tuple[Comparator, Sats]:
    """What stands in `holds`: `> 6100 BTC`.

    Raises:
        ValueError: it is no comparator and amount; the sentence says what is wrong.
    """
    match = _HOLDS.fullmatch(text)
    if match is None:
        raise ValueError("it is no comparator (> >= < <= = ~), amount and BTC")
    return Comparator(match["sign"]), read_btc(match["amount"])


def read_amount(text: str) -> Sats:
    """What stands in `within`: `0.5 BTC`; raises ValueError as `read_comparison`."""
    match = _WITHIN.fullmatch(text)
    if match is None:
        raise ValueError("it is no amount and BTC")
    return read_btc(match["amount"])


def _read_holds(table: Table) -> tuple[Comparator | None, Sats | None]:
    """Comparator and amount; the first also where the second is wrong, for the rules on `~`."""
    text = table.text("holds") if table.require("holds", 'holds = "> 6100 BTC"') else None
    if text is None:
        return None, None
    try:
        return read_comparison(text)
    except ValueError as error:
        what = f"{show(text)} cannot be compared: {error}"
        table.report(ProblemCode.AMOUNT, "holds", what, _comparison_remedy(text, error))
    match = _HOLDS.fullmatch(text)
    return (None if match is None else Comparator(match["sign"])), None


def _comparison_remedy(text: str, error: ValueError) -> str:
    if not re.match(r"\s*[<>=~]", text):
        return "Begin with a comparator, one of > >= < <= = ~, as in: > 6100 BTC."
    if not re.search(r"[0-9]\s+BTC\s*$", text):
        return "End with a space and BTC, the only unit, as in: > 6100 BTC."
    if "million" in str(error):
        return "Correct the amount: nobody can hold more."
    return _AMOUNT_REMEDY


def _read_within(table: Table, comparator: Comparator | None) -> Sats:
    text = table.text("within")
    is_about = comparator is Comparator.ABOUT
    if "within" not in table.data:
        if is_about:
            table.report(
                ProblemCode.WITHIN,
                "holds",
                f'{table.label} says "about" without saying how near',
                'Add within = "0.5 BTC", the greatest difference that you still call about.',
            )
        return Sats(0)
    if comparator is not None and not is_about:
        table.report(
            ProblemCode.WITHIN,
            "within",
            '"within" belongs to the comparator ~ alone',
            "Remove it, or compare with ~.",
        )
    if text is None:
        return Sats(0)
    try:
        within = read_amount(text)
    except ValueError as error:
        table.report(
            ProblemCode.AMOUNT, "within", f"{show(text)} is no distance: {error}", _AMOUNT_REMEDY
        )
        return Sats(0)
    if within == 0:
        table.report(
            ProblemCode.WITHIN, "within", '"within" is zero', "Compare with = for the very amount."
        )
    return within


def _read_wallets(table: Table, wallets: Mapping[str, Wallet]) -> tuple[str, ...]:
    named: dict[str, Place] = {}
    for name, place in table.texts("wallets"):
        if name not in wallets:
            report_unknown(table, "wallet", place, name, frozenset(wallets))
        elif name in named:
            table.source.problems.add(
                ProblemCode.BAD_VALUE, place, f"the wallet {show(name)} stands twice", "Remove one."
            )
        named.setdefault(name, place)
    if table.data.get("wallets") == []:
        table.report(
            ProblemCode.BAD_VALUE,
            "wallets",
            '"wallets" names none',
            "Name some, or remove it: the claim is then about all that the holder holds.",
        )
    return tuple(name for name in named if name in wallets)


def _read_holder(table: Table, scope: Scope, named: list[Wallet]) -> str:
    owners = {wallet.holder for wallet in named} - {""}
    if "holder" not in table.data and len(owners) == 1:
        return owners.pop()
    holder = read_holder(table, scope)
    if holder and owners - {holder}:
        table.report(
            ProblemCode.OTHER_HOLDER,
            "wallets",
            f"{table.label} is about {show(holder)}, and names wallets of another holder",
            "Name wallets of one holder, or make a claim for each.",
        )
    return holder


def _read_at(table: Table, timezone: str) -> ClaimMoment | None:
    if not table.require("at", "at = 2025-04-03, the moment that the claim is about"):
        return None
    at = table.data["at"]
    if not isinstance(at, date | dict) or isinstance(at, datetime):
        return _read_point(table, "at", at, timezone, is_end=True)
    inner = Table(table.source, (*table.path, "at"), {}, f'"at" in {table.label}')
    if isinstance(at, date):
        return _interval(inner, at, at, timezone, at.isoformat())
    inner = replace(inner, data=at)
    inner.check_keys("from", "to")
    if not (inner.require("from", "from = 2025-04-01") & inner.require("to", "to = 2025-04-30")):
        return None
    start, end = at["from"], at["to"]
    return _interval(inner, start, end, timezone, f"{_write(start)} to {_write(end)}")


def _interval(
    table: Table, start: object, end: object, timezone: str, written: str
) -> Interval | None:
    first = _read_point(table, "from", start, timezone, is_end=False)
    last = _read_point(table, "to", end, timezone, is_end=True)
    if first is None or last is None:
        return None
    if isinstance(first, AtHeight) and isinstance(last, AtHeight):
        is_forward = first.height <= last.height
    elif isinstance(first, AtInstant) and isinstance(last, AtInstant):
        is_forward = first.instant < last.instant
    else:
        table.report(
            ProblemCode.MOMENT,
            "to",
            "an interval has two heights, or two days or times, not one of each",
            _MOMENT_REMEDY,
        )
        return None
    if not is_forward and start == end and not isinstance(start, datetime):
        table.report(
            ProblemCode.MOMENT,
            "to",
            f"there is no {_write(start)} in the time zone {timezone}: its clocks skipped that day",
            "Name the day before it, or the day after it.",
        )
        return None
    if not is_forward:
        table.report(
            ProblemCode.REVERSED, "to", "the interval ends before it begins", "Exchange the two."
        )
        return None
    return Interval(first, last, written)


def _read_point(
    table: Table, key: str, value: object, timezone: str, *, is_end: bool
) -> _Point | None:
    try:
        if isinstance(value, datetime):
            return AtInstant(read_instant(value), _write(value))
        if isinstance(value, date):
            instant = (end_of_day if is_end else start_of_day)(value, timezone)
            return AtInstant(instant, _write(value))
        if isinstance(value, int) and not isinstance(value, bool):
            return AtHeight(read_height(value))
    except RequestError as error:
        table.report(ProblemCode.MOMENT, key, error.what, error.remedy)
        return None
    table.report(ProblemCode.MOMENT, key, f'"{key}" is no moment', _MOMENT_REMEDY)
    return None


def _write(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
