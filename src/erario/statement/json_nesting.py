"""How deep JSON nests, told before it is read, and objects without a key twice.

For whoever reads JSON of strangers: servers' answers, bundles, proof files. Python's own reader
goes down a level of calls for each bracket, and takes the last of two members without a word.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final, TypeVar

_T = TypeVar("_T")

_NOT_MARKS: Final = bytes(sorted(set(range(256)) - set(b'[]{}"')))
_TO_SQUARE: Final = bytes.maketrans(b"{}", b"[]")


class Nesting(Enum):
    """How the brackets outside strings stand."""

    GOOD = auto()
    DEEP = auto()
    """They nest deeper than is allowed."""
    BROKEN = auto()
    """They do not pair off, or a string does not end: no JSON."""


def nesting_of(data: bytes, *, depth: int, items: int) -> Nesting:
    """Whether the brackets outside strings pair off within `depth` levels.

    A fixed number of passes over the bytes, none in Python: whoever sends them holds up nobody.

    Args:
        data: what may be JSON.
        depth: how many levels it may have.
        items: how many commas and opening brackets it has at most, about.
    """
    if b"\\" in data:
        # What is left of a row of backslashes after its pairs escapes what follows.
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    # One kind of bracket is enough here: whether kinds match is for the reader to find.
    marks = data.translate(_TO_SQUARE, _NOT_MARKS)
    quotes = marks.count(b'"')
    # A string that does not end; or more of them than could stand between so few commas.
    if quotes % 2 or quotes > 4 * (items + 1):
        return Nesting.BROKEN
    brackets = b"".join(marks.split(b'"')[::2])
    is_even = brackets.count(b"[") == brackets.count(b"]")
    for _ in range(depth):
        # Innermost pairs fall away: one level a pass.
        brackets = brackets.replace(b"[]", b"")
    if not brackets:
        return Nesting.GOOD
    return Nesting.DEEP if is_even or brackets.count(b"[") > depth else Nesting.BROKEN


def members_once(pairs: list[tuple[str, _T]]) -> dict[str, _T]:
    """An object of JSON, as `object_pairs_hook`.

    Raises:
        ValueError: a key stands in it twice.
    """
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return members
