"""Reading moments: what people write for a cut-off, and where the days of a time zone begin.

A day begins at the first instant whose local date is that day or a later one, also where clocks
jump over midnight or over the whole day; it ends where the next begins. So days never overlap
and never leave a hole. A bare date as a cut-off is the end of that day.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from erario.bitcoin.descriptor_secrets import mask_secrets
from erario.bitcoin.values import BlockHash, Height, read_hash
from erario.errors import RequestError
from erario.reserve.moment import AtHash, AtHeight, AtInstant, AtTip, CutoffRequest

MAX_HEIGHT: Final = 10_000_000
"""No chain reaches it: header times are 32 bits and end in 2106, near height 5,100,000."""
FIRST_YEAR: Final = 2009
LAST_YEAR: Final = 2105
"""The last whole year that the 32-bit time of a header can name."""

_DIGITS = re.compile(r"[0-9]{1,20}")
_HASH = re.compile(r"[0-9a-fA-F]{64}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
    r"(?P<offset>Z|[+-][0-9]{2}:[0-9]{2})?"
)
_FORMS: Final = (
    "Write a height (890712), a block hash, a day (2025-04-03), or a time with its offset "
    "(2025-04-03T12:00:00-06:00)."
)
_OFFSET: Final = "Add the offset: 2025-04-03T12:00:00-06:00, or Z for UTC."


class MomentCode(StrEnum):
    """Codes of moments that cannot be read."""

    UNREADABLE = "moment.unreadable"
    NO_OFFSET = "moment.no-offset"
    OUT_OF_RANGE = "moment.out-of-range"
    UNKNOWN_TIMEZONE = "moment.unknown-timezone"


def read_cutoff(text: str | int | date | datetime | None, timezone: str) -> CutoffRequest:
    """What a cut-off names: the tip, a height, a block hash, the end of a day, or an instant.

    Args:
        text: as written on a command line, or as a TOML or Python value; None is the tip.
        timezone: the IANA name of the zone whose days are meant.

    Raises:
        RequestError: it is none of these, or lies where no block can be.
    """
    if text is None or text == "tip":
        return AtTip()
    if isinstance(text, bool):
        raise _unreadable(text)
    if isinstance(text, int):
        return AtHeight(read_height(text))
    if isinstance(text, datetime):
        return AtInstant(read_instant(text), text.isoformat())
    if isinstance(text, date):
        return AtInstant(end_of_day(text, timezone), text.isoformat())
    return _read_text(text.strip(), timezone)


def read_height(number: int) -> Height:
    """A number as a height.

    Raises:
        RequestError: negative, or beyond any height a chain can have.
    """
    if 0 <= number <= MAX_HEIGHT:
        return Height(number)
    raise RequestError(
        MomentCode.OUT_OF_RANGE,
        f"a height lies between 0 and {MAX_HEIGHT:,}",
        remedy="Check the height; a day is written with hyphens: 2025-04-03.",
    )


def read_instant(moment: datetime) -> datetime:
    """An aware time in UTC.

    Raises:
        RequestError: no offset, or a year without blocks.
    """
    offset = moment.utcoffset()
    if offset is None:
        raise RequestError(
            MomentCode.NO_OFFSET, "a time without an offset names no instant", remedy=_OFFSET
        )
    # A year to spare: the shift to UTC must not leave the years that datetime knows.
    _check_year(moment.year)
    return moment.astimezone(UTC)


def start_of_day(day: date, timezone: str) -> datetime:
    """The first instant of a day in a zone, in UTC.

    Raises:
        RequestError: the zone is unknown, or no block can have been made in that year.
    """
    _check_year(day.year)
    return _first_instant(day, find_timezone(timezone))


def end_of_day(day: date, timezone: str) -> datetime:
    """The first instant after a day in a zone, in UTC; raises as `start_of_day`."""
    _check_year(day.year)
    return _first_instant(day + timedelta(days=1), find_timezone(timezone))


def find_timezone(name: str) -> ZoneInfo:
    """A zone by its IANA name.

    Raises:
        RequestError: this machine's time zone data does not know it.
    """
    try:
        return ZoneInfo(name)
    except (ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError, below
        pass
    except KeyError:
        pass
    raise RequestError(
        MomentCode.UNKNOWN_TIMEZONE,
        f"there is no time zone {mask_secrets(name)[:80]!r}",
        remedy='Use a name of the IANA data base, such as "America/El_Salvador" or "UTC".',
    )


def _read_text(text: str, timezone: str) -> CutoffRequest:
    if _DIGITS.fullmatch(text):
        return AtHeight(read_height(int(text)))
    if _HASH.fullmatch(text):
        return AtHash(BlockHash(read_hash(text)))
    try:
        if _DAY.fullmatch(text):
            return AtInstant(end_of_day(date.fromisoformat(text), timezone), text)
        if _INSTANT.fullmatch(text):
            return AtInstant(read_instant(datetime.fromisoformat(text)), text)
    except ValueError:
        pass  # such as the 31st of February
    raise _unreadable(text)


def _unreadable(text: object) -> RequestError:
    said = mask_secrets(str(text))[:80]
    return RequestError(MomentCode.UNREADABLE, f"{said!r} is no moment of a chain", remedy=_FORMS)


def _check_year(year: int) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise RequestError(
            MomentCode.OUT_OF_RANGE,
            f"no block is of the year {year}",
            remedy=f"Give a year from {FIRST_YEAR} to {LAST_YEAR}.",
        )


def _first_instant(day: date, zone: ZoneInfo) -> datetime:
    midnight = datetime.combine(day, time())
    # PEP 495: where midnight comes twice, fold=0 is the first. Where it is skipped, fold=0 is at
    # or after the jump and fold=1 at or before it; the jump itself starts the day.
    late = midnight.replace(tzinfo=zone).astimezone(UTC)
    if _local(late, zone) == midnight:
        return late
    early = midnight.replace(tzinfo=zone, fold=1).astimezone(UTC)
    low, high = int(early.timestamp()) - 1, int(late.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if _local(datetime.fromtimestamp(middle, UTC), zone) >= midnight:
            high = middle
        else:
            low = middle
    return datetime.fromtimestamp(high, UTC)


def _local(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)
