"""Cut-offs and days: what people write, and where days begin when clocks jump."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.errors import RequestError
from erario.reserve.cutoff import MomentCode, end_of_day, read_cutoff, start_of_day
from erario.reserve.moment import AtHash, AtHeight, AtInstant, AtTip

GENESIS = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


READ = [
    (None, "UTC", AtTip()),
    ("tip", "UTC", AtTip()),
    ("890712", "UTC", AtHeight(890712)),
    (890712, "UTC", AtHeight(890712)),
    (0, "UTC", AtHeight(0)),
    (GENESIS, "UTC", AtHash(bytes.fromhex(GENESIS)[::-1])),
    (GENESIS.upper(), "UTC", AtHash(bytes.fromhex(GENESIS)[::-1])),
    ("2025-04-03", "UTC", AtInstant(utc(2025, 4, 4), "2025-04-03")),
    (" 2025-04-03 ", "UTC", AtInstant(utc(2025, 4, 4), "2025-04-03")),
    (date(2025, 4, 3), "UTC", AtInstant(utc(2025, 4, 4), "2025-04-03")),
    ("2025-04-03", "America/El_Salvador", AtInstant(utc(2025, 4, 4, 6), "2025-04-03")),
    # 23 and 25 hours long: the clocks of Rome change at 01:00 UTC.
    ("2025-03-30", "Europe/Rome", AtInstant(utc(2025, 3, 30, 22), "2025-03-30")),
    ("2025-10-26", "Europe/Rome", AtInstant(utc(2025, 10, 26, 23), "2025-10-26")),
    # Midnight of 2018-11-04 did not exist in São Paulo; the day began at 01:00.
    ("2018-11-03", "America/Sao_Paulo", AtInstant(utc(2018, 11, 4, 3), "2018-11-03")),
    # Apia had no 2011-12-30: both days end where 2011-12-31 begins.
    ("2011-12-29", "Pacific/Apia", AtInstant(utc(2011, 12, 30, 10), "2011-12-29")),
    ("2011-12-30", "Pacific/Apia", AtInstant(utc(2011, 12, 30, 10), "2011-12-30")),
    ("2011-12-31", "Pacific/Apia", AtInstant(utc(2011, 12, 31, 10), "2011-12-31")),
    # In Havana 00:00 comes twice on 2024-11-03; the day begins with the first.
    ("2024-11-02", "America/Havana", AtInstant(utc(2024, 11, 3, 4), "2024-11-02")),
    (
        "2025-04-03T12:00:00-06:00",
        "UTC",
        AtInstant(utc(2025, 4, 3, 18), "2025-04-03T12:00:00-06:00"),
    ),
    ("2025-04-03 12:00Z", "Europe/Rome", AtInstant(utc(2025, 4, 3, 12), "2025-04-03 12:00Z")),
    (
        datetime(2025, 4, 3, 12, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        "UTC",
        AtInstant(utc(2025, 4, 3, 6, 30), "2025-04-03T12:00:00+05:30"),
    ),
]


@pytest.mark.parametrize(("text", "zone", "moment"), READ)
def test_moments(text: object, zone: str, moment: object) -> None:
    assert read_cutoff(text, zone) == moment  # type: ignore[arg-type]


REFUSED = [
    ("", MomentCode.UNREADABLE),
    ("yesterday", MomentCode.UNREADABLE),
    ("-1", MomentCode.UNREADABLE),
    (True, MomentCode.UNREADABLE),
    ("2025-02-30", MomentCode.UNREADABLE),
    ("2025-W14-4", MomentCode.UNREADABLE),
    ("2025-04-03T25:00:00Z", MomentCode.UNREADABLE),
    ("20250403T120000Z", MomentCode.UNREADABLE),
    ("٢٠٢٥-٠٤-٠٣", MomentCode.UNREADABLE),
    (GENESIS[:-1], MomentCode.UNREADABLE),
    (GENESIS + "0", MomentCode.UNREADABLE),
    ("2025-04-03T12:00:00", MomentCode.NO_OFFSET),
    (datetime(2025, 4, 3), MomentCode.NO_OFFSET),  # noqa: DTZ001
    (-1, MomentCode.OUT_OF_RANGE),
    ("20250403", MomentCode.OUT_OF_RANGE),
    (10**30, MomentCode.OUT_OF_RANGE),
    ("9" * 5000, MomentCode.UNREADABLE),
    ("2008-12-31", MomentCode.OUT_OF_RANGE),
    ("2106-01-01", MomentCode.OUT_OF_RANGE),
    ("0001-01-01T00:00:00+23:59", MomentCode.OUT_OF_RANGE),
    (date.max, MomentCode.OUT_OF_RANGE),
]


@pytest.mark.parametrize(("text", "code"), REFUSED)
def test_refusals(text: object, code: MomentCode) -> None:
    with pytest.raises(RequestError) as caught:
        read_cutoff(text, "UTC")  # type: ignore[arg-type]
    assert caught.value.code is code
    assert caught.value.remedy


@pytest.mark.parametrize(
    "zone", ["", "Mars/Olympus", "../etc/passwd", "/etc/passwd", "a\0b", "Europe"]
)
def test_unknown_zones(zone: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_cutoff("2025-04-03", zone)
    assert caught.value.code is MomentCode.UNKNOWN_TIMEZONE


ZONES = [
    "UTC", "Europe/Rome", "America/Sao_Paulo", "America/Havana", "Pacific/Apia", "Asia/Beirut",
    "America/St_Johns", "Asia/Kathmandu", "Africa/Cairo", "America/Asuncion", "Australia/Lord_Howe",
]  # fmt: skip


@given(st.dates(date(2009, 1, 1), date(2105, 12, 30)), st.sampled_from(ZONES))
def test_days_follow_each_other(day: date, zone: str) -> None:
    start, end = start_of_day(day, zone), end_of_day(day, zone)
    assert start <= end
    assert end == start_of_day(day + timedelta(days=1), zone)
    assert timedelta(0) <= end - start <= timedelta(hours=26)


@given(st.text(max_size=40))
def test_junk_ends_in_a_moment_or_a_typed_error(text: str) -> None:
    with suppress(RequestError):
        read_cutoff(text, "Europe/Rome")


def test_a_key_in_place_of_a_moment_is_not_repeated() -> None:
    key = "L4rK1yDtCWekvXuE6oXD9jCYfFNV2cWRpVuPLBcCU2z8TrisoyY1"
    for ask in (lambda: read_cutoff(key, "UTC"), lambda: read_cutoff("2025-04-03", key)):
        with pytest.raises(RequestError) as caught:
            ask()
        assert key[:20] not in str(caught.value)
