"""How values are said to people: amounts, moments, cut-offs."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import show_btc, show_hash
from erario.cli.clean import clean
from erario.reserve.moment import AtHash, AtHeight, AtInstant, AtTip, ClaimMoment, CutoffRequest

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NETWORKS: Final = {NetworkName.MAIN: "mainnet"}


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: `1 script`, `1,019 scripts`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def say_network(network: NetworkName) -> str:
    """A network as people call it."""
    return _NETWORKS.get(network, network.value)


def short_hash(value: bytes) -> str:
    """A hash in display order, its middle left out."""
    shown = show_hash(value)
    return f"{shown[:8]}...{shown[-4:]}"


def show_change(sats: int) -> str:
    """An amount of BTC with its sign, also where it is positive."""
    return f"+{show_btc(sats)}" if sats > 0 else show_btc(sats)


def plain_btc(sats: int) -> str:
    """An amount of BTC for machines: no thousands separators, eight decimals."""
    return show_btc(sats).replace(",", "")


def show_utc(moment: datetime) -> str:
    """An instant in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def show_offset(timezone: str, instant: datetime) -> str:
    """The zone's distance from UTC at an instant: `UTC`, `UTC-6`, `UTC+5:30`."""
    offset = instant.astimezone(ZoneInfo(timezone)).utcoffset()
    seconds = int(offset.total_seconds()) if offset is not None else 0
    hours, rest = divmod(abs(seconds) // 60, 60)
    if seconds == 0:
        return "UTC"
    minutes = f":{rest:02d}" if rest else ""
    return f"UTC{'-' if seconds < 0 else '+'}{hours}{minutes}"


def say_request(asked: CutoffRequest, timezone: str) -> str:
    """What a cut-off was asked for by, in words."""
    match asked:
        case AtInstant(instant, written) if _DAY.fullmatch(written):
            return f"end of {written} {show_offset(timezone, instant)}"
        case AtInstant(instant, _):
            return f"before {show_utc(instant)}"
        case AtHeight(height):
            return f"block {height}"
        case AtHash(block_hash):
            return f"block {short_hash(block_hash)}"
        case AtTip():
            return "the tip"


def say_moment(moment: ClaimMoment) -> str:
    """When a claim is about, with its preposition."""
    match moment:
        case AtHeight(height):
            return f"at block {height}"
        case AtInstant(_, written):
            return f"at {clean(written)}"
    if isinstance(moment.start, AtHeight) and isinstance(moment.end, AtHeight):
        return f"over blocks {moment.start.height} to {moment.end.height}"
    if _DAY.fullmatch(moment.written):
        return f"on {moment.written}"
    return f"over {clean(moment.written)}"
