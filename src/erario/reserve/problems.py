"""Problems of a declaration: their codes, and the list in which the loader gathers them.

All problems are reported at once. What a problem quotes goes through `show`, so that no terminal
is fooled by control characters and nothing long that may be a secret is repeated.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from erario.errors import Place, Problem

MAX_PROBLEMS: Final = 1_000
"""More are counted, not listed: a list of 100,000 addresses can be wrong in every row."""

_LONG = re.compile(r"[0-9A-Za-z]{20,}")
_SHOWN: Final = 60


class ProblemCode(StrEnum):
    """What can be wrong with a reserve file; JSON and tests use these, never the wording."""

    UNREADABLE = "reserve.unreadable"
    SYNTAX = "reserve.syntax"
    VERSION = "reserve.version"
    SECRET = "reserve.secret"  # noqa: S105 - the name of a problem
    UNKNOWN_KEY = "reserve.unknown-key"
    MISSING_KEY = "reserve.missing-key"
    WRONG_TYPE = "reserve.wrong-type"
    BAD_VALUE = "reserve.bad-value"
    BAD_TEXT = "reserve.bad-text"
    BAD_ID = "reserve.bad-id"
    UNKNOWN_ID = "reserve.unknown-id"
    CHECKSUM = "reserve.checksum"
    OTHER_NETWORK = "reserve.other-network"
    ADDRESS = "reserve.address"
    SCRIPT = "reserve.script"
    DESCRIPTOR = "reserve.descriptor"
    KEY = "reserve.key"
    RANGE = "reserve.range"
    AMOUNT = "reserve.amount"
    WITHIN = "reserve.within"
    MOMENT = "reserve.moment"
    REVERSED = "reserve.reversed"
    TIMEZONE = "reserve.timezone"
    SAME_SCRIPT = "reserve.same-script"
    REPEATED_SCRIPT = "reserve.repeated-script"
    OTHER_HOLDER = "reserve.other-holder"
    UNDOCUMENTED = "reserve.undocumented"
    NOT_IN_DOCUMENT = "reserve.not-in-document"
    DOCUMENT_CHANGED = "reserve.document-changed"
    FILE = "reserve.file"
    LIST = "reserve.list"
    LONG_LIST = "reserve.long-list"
    NOT_READ = "reserve.not-read"
    MORE = "reserve.more"


class Problems:
    """The problems found so far, in any order."""

    def __init__(self) -> None:
        self._found: dict[Problem, None] = {}
        self._secret: set[Place] = set()

    def add(self, code: StrEnum, place: Place, what: str, remedy: str) -> None:
        """Report one problem; the same one twice counts once."""
        self._found.setdefault(Problem(code, place, what, remedy))
        if code is ProblemCode.SECRET:
            self._secret.add(place)

    def has_secret(self, file: str) -> bool:
        """Whether a secret was reported in a file."""
        return any(place.file == file for place in self._secret)

    def all(self) -> tuple[Problem, ...]:
        """All in order of file and line.

        Where a secret stands nothing else is said: it was masked, which makes other rules fail.
        """
        found = sorted(
            (
                problem
                for problem in self._found
                if problem.code is ProblemCode.SECRET or problem.place not in self._secret
            ),
            key=lambda problem: (problem.place.file, problem.place.line or 0),
        )
        if len(found) <= MAX_PROBLEMS:
            return tuple(found)
        more = Problem(
            ProblemCode.MORE,
            Place(found[MAX_PROBLEMS].place.file, found[MAX_PROBLEMS].place.line),
            f"{len(found) - MAX_PROBLEMS:,} more problems from here on",
            "Solve those above first.",
        )
        return (*found[:MAX_PROBLEMS], more)


def show(value: object) -> str:
    """What somebody wrote, in quotes: shortened, escaped, and without long runs of letters."""
    text = _LONG.sub("...", str(value)[:10_000])
    if len(text) > _SHOWN:
        text = text[: _SHOWN - 3] + "..."
    escaped = "".join(
        character if character.isprintable() else f"\\u{ord(character):04x}" for character in text
    )
    return f'"{escaped}"'
