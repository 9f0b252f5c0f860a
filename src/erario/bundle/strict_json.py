"""JSON of bundles, read as hostile input: canonical (RFC 8785), bounded, every member known.

Numbers are whole and below 2^53, as every reader keeps them. An object is opened as `Fields`, with
the keys that it must have and no others, and each member is taken by type and range.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, NoReturn, TypeVar

from erario.bitcoin.script import MAX_SCRIPT_SIZE
from erario.bitcoin.values import Height, Script, read_hash
from erario.bundle.errors import BundleCode, BundleError
from erario.statement.codec import canonical_json
from erario.statement.json_nesting import Nesting, members_once, nesting_of
from erario.statement.json_values import Json, instant_json

MAX_DEPTH: Final = 16
MAX_ITEMS: Final = 10_000_000
LARGEST: Final = 2**53 - 1
MAX_TEXT: Final = 100_000
MAX_HEIGHT: Final = 2**31 - 1

_HEX: Final = re.compile(r"(?:[0-9a-f]{2})*")
_E = TypeVar("_E", bound=StrEnum)


def read_json(data: bytes, name: str) -> Json:
    """The value of a canonical JSON file.

    Raises:
        BundleError: it is not one, or too deep, or has too many items.
    """
    if data.count(b",") + data.count(b"[") + data.count(b"{") > MAX_ITEMS:
        raise BundleError(BundleCode.JSON_ITEMS, f"{name} has too many items")
    if nesting_of(data, depth=MAX_DEPTH, items=MAX_ITEMS) is Nesting.DEEP:
        raise BundleError(BundleCode.JSON_DEPTH, f"{name} nests deeper than {MAX_DEPTH}")
    try:
        value: Json = json.loads(
            data.decode("utf-8"),
            parse_float=_no_number,
            parse_int=_whole,
            parse_constant=_no_number,
            object_pairs_hook=_object,
        )
        canonical = canonical_json(value)
    except BundleError as error:
        raise BundleError(BundleCode(error.code), f"{name}: {error.what}") from error
    except (ValueError, RecursionError) as error:
        # Recursion: brackets that do not pair off may still nest.
        raise BundleError(BundleCode.JSON, f"{name} is no JSON in UTF-8") from error
    if canonical != data:
        raise BundleError(BundleCode.JSON_CANONICAL, f"{name} is not in canonical form (RFC 8785)")
    return value


class Fields:
    """The members of a JSON object that has exactly these keys.

    Every method raises `BundleError` (`FIELD`) where the member is of another type or range.
    """

    __slots__ = ("_value", "where")

    def __init__(self, value: Json, where: str, keys: Sequence[str]) -> None:
        self.where = where
        if not isinstance(value, dict):
            self.refuse("is no object")
        if value.keys() != set(keys):
            strange = min(value.keys() ^ set(keys))
            self.refuse(f"has not the members that it must have: see {strange[:60]!a}")
        self._value = value

    def refuse(self, what: str) -> NoReturn:
        """Refuse this object."""
        raise BundleError(BundleCode.FIELD, f"{self.where} {what}")

    def raw(self, key: str) -> Json:
        """The member as it is."""
        return self._value[key]

    def is_null(self, key: str) -> bool:
        """Whether the member is null."""
        return self._value[key] is None

    def text(self, key: str, most: int = MAX_TEXT) -> str:
        """A text of at most `most` characters."""
        value = self._value[key]
        if not isinstance(value, str) or len(value) > most:
            self.refuse(f"has no text of at most {most:,} characters as {key}")
        return value

    def text_or_none(self, key: str) -> str | None:
        """A text, or null."""
        return None if self._value[key] is None else self.text(key)

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self._value[key]
        if not isinstance(value, bool):
            self.refuse(f"has neither true nor false as {key}")
        return value

    def whole(self, key: str, *, least: int = 0, most: int = LARGEST) -> int:
        """A whole number."""
        value = self._value[key]
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self.refuse(f"has no whole number from {least} to {most} as {key}")
        return value

    def height(self, key: str) -> Height:
        """The height of a block."""
        return Height(self.whole(key, most=MAX_HEIGHT))

    def choice(self, key: str, kind: type[_E]) -> _E:
        """A word of an enumeration."""
        value = self.text(key, 60)
        try:
            return kind(value)
        except ValueError:
            self.refuse(f"has an unknown word as {key}: {value!a}")

    def items(self, key: str) -> list[Json]:
        """A list."""
        value = self._value[key]
        if not isinstance(value, list):
            self.refuse(f"has no list as {key}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        found = tuple(one for one in self.items(key) if isinstance(one, str))
        if len(found) != len(self.items(key)):
            self.refuse(f"has something else than texts in {key}")
        return found

    def hexes(self, key: str, *, least: int = 0, most: int) -> bytes:
        """Bytes in lower-case hex."""
        value = self.text(key, 2 * most)
        if not _HEX.fullmatch(value) or len(value) < 2 * least:
            self.refuse(f"has no lower-case hex of {least} to {most} bytes as {key}")
        return bytes.fromhex(value)

    def script(self, key: str) -> Script:
        """A script."""
        return Script(self.hexes(key, most=MAX_SCRIPT_SIZE))

    def hash(self, key: str) -> bytes:
        """A hash in display order, as bytes in internal order."""
        self.hexes(key, least=32, most=32)
        return read_hash(self.text(key))

    def instant(self, key: str) -> datetime:
        """An instant, in UTC."""
        return self.read_instant(self.text(key, 40))

    def read_instant(self, text: str) -> datetime:
        """An instant from its text, which must be the one text that it has."""
        try:
            instant = datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
        except ValueError:
            instant = None
        if instant is None or instant_json(instant) != text:
            self.refuse(f"has no instant: {text[:40]!a}")
        return instant


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    try:
        return members_once(pairs)
    except ValueError:
        raise BundleError(BundleCode.JSON_DUPLICATE, "an object has a key twice") from None


def _whole(text: str) -> int:
    if len(text) > 17 or not -LARGEST <= int(text) <= LARGEST:
        raise BundleError(BundleCode.JSON_NUMBER, f"{text[:30]} is too large a number")
    return int(text)


def _no_number(text: str) -> NoReturn:
    raise BundleError(BundleCode.JSON_NUMBER, f"{text[:30]} is no whole number")
