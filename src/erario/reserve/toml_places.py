"""The line of every key and array element of a TOML document, which tomllib does not keep.

tomllib decides what is valid and what the values are; this module walks the same text beside it
and only finds where things stand. On text that is not TOML it stops where it is lost: tomllib
refuses that text anyway. It does not recurse, and it measures how deeply things nest, so that
tomllib, which does recurse, is never given what it cannot bear.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import Final

KeyPath = tuple[str | int, ...]
"""Keys, and positions in arrays, from the outside in."""

MAX_DEPTH: Final = 32

_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
# Possessive: a string that is never closed must not be tried in many ways.
_BASIC = r'"(?:[^"\\\n]++|\\.)*+"'
_LITERAL = r"'[^'\n]*'"
_QUOTED = re.compile(f"{_BASIC}|{_LITERAL}")
# Up to two quotes may stand before the three that close.
_STRING = re.compile(
    rf'"""(?:[^"\\]++|\\(?:.|\n)|"{{1,2}}(?!"))*+"{{3,5}}'
    rf"|'''(?:[^']++|'{{1,2}}(?!'))*+'{{3,5}}|{_BASIC}|{_LITERAL}"
)
_SCALAR = re.compile(r"[^,\]}\n#\[{\"']+")


@dataclass(frozen=True, slots=True)
class TomlPlaces:
    """Lines, counted from 1, of all paths of one document. `too_deep` where it was given up."""

    lines: dict[KeyPath, int] = field(default_factory=dict)
    too_deep: int | None = None

    def line(self, path: KeyPath) -> int:
        """The line of a path, or of the nearest that holds it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class _LostError(Exception):
    """The text is no TOML from here on."""


class _TooDeepError(Exception):
    """Nested or dotted beyond the limit."""


@dataclass(slots=True)
class _Container:
    """An array (`position` counts) or an inline table (`position` is None) being read."""

    path: KeyPath
    position: int | None


def find_places(text: str) -> TomlPlaces:
    """The places of a document; of the part before the first error, if it has one."""
    walker = _Walker(text.replace("\r\n", "\n"))
    try:
        walker.walk()
    except _LostError:
        pass
    except _TooDeepError:
        return TomlPlaces(walker.lines, too_deep=walker.line)
    return TomlPlaces(walker.lines)


class _Walker:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted = 0
        self.line = 1
        self.lines: dict[KeyPath, int] = {}
        self._tables: dict[KeyPath, int] = {}  # arrays of tables, and how many there are so far

    def walk(self) -> None:
        table: KeyPath = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._peek("["):
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _header(self) -> KeyPath:
        is_array = self._peek("[[")
        self._at += 2 if is_array else 1
        self._count()
        parts = self._key()
        self._expect("]]" if is_array else "]")
        path = self._enter((), parts[:-1])
        path = (*path, parts[-1])
        if not is_array:
            self.lines[path] = self.line
            return path
        number = self._tables.get(path, 0)
        self._tables[path] = number + 1
        self.lines.setdefault(path, self.line)
        path = (*path, number)
        self.lines[path] = self.line
        return path

    def _enter(self, path: KeyPath, parts: list[str]) -> KeyPath:
        """Go down the parents that a header or dotted key names."""
        for part in parts:
            path = (*path, part)
            self.lines.setdefault(path, self.line)
            if path in self._tables:
                path = (*path, self._tables[path] - 1)
        if len(path) >= MAX_DEPTH:
            raise _TooDeepError
        return path

    def _pair(self, table: KeyPath) -> None:
        """A key and its value, with all that the value holds."""
        open_: list[_Container] = []
        self._value(self._pair_key(table), open_)
        while open_:
            self._next(open_)

    def _pair_key(self, table: KeyPath) -> KeyPath:
        self._count()
        parts = self._key()
        path = (*self._enter(table, parts[:-1]), parts[-1])
        self.lines[path] = self.line
        self._expect("=")
        self._skip(_SPACE)
        return path

    def _value(self, path: KeyPath, open_: list[_Container]) -> None:
        """Read a string or scalar whole; of an array or inline table only the opening."""
        if len(open_) + len(path) > MAX_DEPTH:
            raise _TooDeepError
        if self._peek("["):
            self._at += 1
            open_.append(_Container(path, -1))
        elif self._peek("{"):
            self._at += 1
            open_.append(_Container(path, None))
        else:
            match = _STRING.match(self._text, self._at) or _SCALAR.match(self._text, self._at)
            if match is None:
                raise _LostError
            self._at = match.end()

    def _next(self, open_: list[_Container]) -> None:
        """One step inside the innermost container: a comma, its end, or its next value."""
        inner = open_[-1]
        self._skip(_BLANK)
        if self._peek(","):
            self._at += 1
        elif self._peek("]" if inner.position is not None else "}"):
            self._at += 1
            open_.pop()
        elif inner.position is None:
            self._value(self._pair_key(inner.path), open_)
        else:
            inner.position += 1
            path = (*inner.path, inner.position)
            self._count()
            self.lines[path] = self.line
            self._value(path, open_)

    def _key(self) -> list[str]:
        parts = [self._key_part()]
        self._skip(_SPACE)
        while self._peek("."):
            self._at += 1
            parts.append(self._key_part())
            self._skip(_SPACE)
            if len(parts) > MAX_DEPTH:
                raise _TooDeepError
        return parts

    def _key_part(self) -> str:
        self._skip(_SPACE)
        if match := _BARE.match(self._text, self._at):
            self._at = match.end()
            return match.group()
        match = _QUOTED.match(self._text, self._at)
        if match is None:
            raise _LostError
        self._at = match.end()
        quoted = match.group()
        if quoted.startswith("'") or "\\" not in quoted:
            return quoted[1:-1]
        try:
            return str(tomllib.loads(f"key = {quoted}")["key"])
        except ValueError:
            raise _LostError from None

    def _peek(self, text: str) -> bool:
        return self._text.startswith(text, self._at)

    def _expect(self, text: str) -> None:
        if not self._peek(text):
            raise _LostError
        self._at += len(text)

    def _skip(self, what: re.Pattern[str]) -> None:
        match = what.match(self._text, self._at)
        if match is not None:
            self._at = match.end()

    def _count(self) -> None:
        """Bring `line` up to where the walk is."""
        self.line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
