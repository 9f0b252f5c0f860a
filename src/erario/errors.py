"""The error tree of erario, and places in files that people wrote.

    ErarioError              code, what, place, remedy
    ├── DeclarationError     a reserve file that cannot be used; carries every Problem at once
    ├── RequestError         a question that cannot be asked: a bad option, cut-off, amount
    ├── SourceError          a source that cannot be read, or lies
    └── OutputError          an answer that could not be written

Every error says what was wrong, where, and what to do about it. The `code` is a member of a
`StrEnum` of the room that raises it: JSON and tests use it, never the wording.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something was said: a file, as the user named it, and a line counted from 1."""

    file: str
    line: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in what people declared, as a value: rules return these."""

    code: StrEnum
    place: Place
    what: str
    remedy: str


class ErarioError(Exception):
    """The root of all errors that erario raises on purpose.

    Args:
        code: a member of the raising room's `StrEnum`.
        what: one sentence that says what was wrong.
        remedy: one sentence that says what to do; never empty.
        place: the file and line it was found at, where there is one.
    """

    def __init__(
        self, code: StrEnum, what: str, *, remedy: str, place: Place | None = None
    ) -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.remedy = remedy
        self.place = place

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.what} [{self.code}]"


class DeclarationError(ErarioError):
    """A declaration that cannot be used. `problems` holds all of them, in order of place."""

    def __init__(self, code: StrEnum, problems: tuple[Problem, ...]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(code, f"{first.what}{more}", remedy=first.remedy, place=first.place)
        self.problems = problems


class RequestError(ErarioError):
    """A question that cannot be asked as it stands."""


class SourceError(ErarioError):
    """A source of chain data that cannot be read or that contradicts itself."""


class OutputError(ErarioError):
    """An answer that could not be written where it was asked for."""
