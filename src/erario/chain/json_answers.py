"""JSON from nodes and servers, read as hostile input.

Invariant: nothing that is too large, too deep or too many is ever built, numbers with decimals
never become floats, and a key stands in an object once. Small getters take members by type and
range, so that adapters hold no unchecked value. All raise `SourceError` (`GARBAGE`), and name who
answered.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Final, NoReturn, TypeAlias, TypeVar

from erario.bitcoin.values import COIN, MAX_MONEY, Height, Sats
from erario.chain.errors import ServerCode
from erario.errors import SourceError
from erario.statement.json_nesting import Nesting, members_once, nesting_of

Json: TypeAlias = "bool | int | Decimal | str | list[Json] | dict[str, Json] | None"
T = TypeVar("T", bool, int, Decimal, str, list[Json], dict[str, Json])

MAX_DEPTH: Final = 32
"""No true answer nests deeper; the deepest known (a block with decoded transactions) has 9."""
MAX_BYTES: Final = 64 << 20
MOST_HEIGHT: Final = 10_000_000
"""No chain is as long before the year 2190."""
MAX_ITEMS: Final = 2_000_000
"""Commas and opening brackets: what an answer costs in memory is some hundred bytes for each."""
_LONGEST_NUMBER: Final = 100
_LARGEST_EXPONENT: Final = 100
_LONGEST_QUOTE: Final = 120


def read_json(body: bytes, name: str, *, items: int = MAX_ITEMS) -> Json:
    """The value that UTF-8 JSON holds; integers are int, numbers with decimals `Decimal`.

    Args:
        body: what was answered.
        name: who answered.
        items: how many members and elements it may have at most, about.

    Raises:
        SourceError: it is no JSON, or larger, deeper or of more items than allowed, or an object
            has a key twice.
    """
    if len(body) > MAX_BYTES:
        _garbage(name, f"answers with JSON of {len(body):,} bytes")
    if body.count(b",") + body.count(b"[") + body.count(b"{") > items:
        _garbage(name, f"answers with JSON of more than {items:,} items")
    if nesting_of(body, depth=MAX_DEPTH, items=items) is not Nesting.GOOD:
        _garbage(
            name, f"answers with JSON that is cut or damaged, or nests deeper than {MAX_DEPTH}"
        )
    try:
        # As text: the reader would guess an encoding from bytes.
        value: Json = json.loads(
            body.decode("utf-8"),
            parse_float=_read_decimal,
            parse_int=_read_int,
            parse_constant=_refuse,
            object_pairs_hook=members_once,
        )
    except (ValueError, RecursionError):
        # Recursion: of few levels, but whoever asks may be deep in calls already.
        _garbage(name, "answers with something that is not JSON")
    return value


def member(value: Json, key: str, kind: type[T], name: str) -> T:
    """The member `key` of an object, of type `kind`; a bool is no int.

    Raises:
        SourceError: no object, no such member, or another type.
    """
    if not isinstance(value, dict) or key not in value:
        _garbage(name, f'leaves "{key}" out of an answer')
    return of_kind(value[key], kind, name, f'"{key}"')


def of_kind(value: Json, kind: type[T], name: str, what: str = "an answer") -> T:
    """`value`, which must be of type `kind`; a bool is no int.

    Args:
        value: as read.
        kind: bool, int, Decimal, str, list or dict.
        name: who answered.
        what: how an error calls the value.

    Raises:
        SourceError: another type.
    """
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        _garbage(name, f"gives {what} as another type than {kind.__name__}")
    return value


def whole(value: Json, name: str, *, least: int = 0, most: int, what: str = "a number") -> int:
    """An integer from `least` to `most`.

    Raises:
        SourceError: another type, or out of range.
    """
    number = of_kind(value, int, name, what)
    if not least <= number <= most:
        _garbage(name, f"gives {what} that is not between {least} and {most}")
    return number


def height_of(value: Json, name: str, what: str = "a height") -> Height:
    """A height that a chain may have.

    Raises:
        SourceError: another type, or out of range.
    """
    return Height(whole(value, name, most=MOST_HEIGHT, what=what))


def hash_of(value: Json, name: str, what: str = "a hash") -> bytes:
    """32 bytes in internal order from 64 hex digits in display order.

    Raises:
        SourceError: anything else.
    """
    found = hex_of(value, name, most=32, what=what)
    if len(found) != 32:
        _garbage(name, f"gives {what} that is not 64 hex digits")
    return found[::-1]


def hex_of(value: Json, name: str, *, most: int, what: str = "bytes") -> bytes:
    """Bytes, at most `most`, from hex digits.

    Raises:
        SourceError: anything else.
    """
    text = of_kind(value, str, name, what)
    try:
        found = bytes.fromhex(text) if len(text) <= 2 * most else None
    except ValueError:
        found = None
    # `bytes.fromhex` passes over spaces.
    if found is None or 2 * len(found) != len(text):
        _garbage(name, f"gives {what} that is not hex digits of at most {most} bytes")
    return found


def sats_of(value: Json, name: str, what: str = "an amount") -> Sats:
    """Satoshis from an amount in BTC, as nodes write them.

    Raises:
        SourceError: another type, a part of a satoshi, or no amount that can exist.
    """
    number = value if isinstance(value, Decimal) else Decimal(of_kind(value, int, name, what))
    # A fraction is exact; a decimal would round to the digits of its context.
    sats = Fraction(number) * COIN if 0 <= number <= MAX_MONEY // COIN else Fraction(-1)
    if sats < 0 or sats.denominator != 1:
        _garbage(name, f"gives {what} that is no amount of whole satoshis")
    return Sats(int(sats))


def quote(text: str) -> str:
    """A server's own words, safe to print: plain signs on one line, cut where they are long."""
    plain = "".join(sign if " " <= sign <= "~" else "?" for sign in text[: _LONGEST_QUOTE + 1])
    return plain if len(plain) <= _LONGEST_QUOTE else f"{plain[:_LONGEST_QUOTE]}..."


def _garbage(name: str, what: str) -> NoReturn:
    raise SourceError(
        ServerCode.GARBAGE,
        f"{name} {what}",
        remedy="Ask another server, or check that this address is the right kind of server.",
    )


def _read_int(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError("a number is too long")
    return int(text)


def _read_decimal(text: str) -> Decimal:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError("a number is too long")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError("no such number") from None
    if abs(number.adjusted()) > _LARGEST_EXPONENT:
        # A few signs could stand for a number of millions of digits.
        raise ValueError("a number is too large or too small")
    return number


def _refuse(_text: str) -> NoReturn:
    raise ValueError("not a number")
