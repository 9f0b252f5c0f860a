"""A TOML table as the loader reads it: typed values, known keys, and a place for each.

Every method reports what is wrong and returns None (or the default), so that reading goes on and
all problems are found in one run.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from erario.errors import Place
from erario.reserve.problems import ProblemCode, Problems, show
from erario.reserve.toml_places import KeyPath, TomlPlaces

MAX_TEXT: Final = 1_000
"""Characters of a title, name, note or the like."""

_ID = re.compile(r"[a-z0-9_-]{1,64}")
_UNSAFE = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Embeddings, overrides and isolates of the bidirectional algorithm show text as what it is not.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Source:
    """One TOML file that is being read."""

    file: str
    places: TomlPlaces
    problems: Problems

    def place(self, path: KeyPath) -> Place:
        """Where a path stands."""
        return Place(self.file, self.places.line(path))


@dataclass(frozen=True, slots=True)
class Table:
    """One table; `label` names it in sentences."""

    source: Source
    path: KeyPath
    data: dict[str, Any]
    label: str

    @property
    def place(self) -> Place:
        """Where the table begins."""
        return self.source.place(self.path)

    def place_of(self, key: str) -> Place:
        """Where a key stands; the table itself where it is missing."""
        return self.source.place((*self.path, key))

    def report(self, code: ProblemCode, key: str | None, what: str, remedy: str) -> None:
        """Report a problem at a key, or at the table."""
        place = self.place if key is None else self.place_of(key)
        self.source.problems.add(code, place, what, remedy)

    def check_keys(self, *known: str) -> None:
        """Report the keys that are not known, with the nearest that is."""
        for key in self.data:
            if key in known:
                continue
            near = difflib.get_close_matches(key[:100].lower(), known, n=1, cutoff=0.5)
            self.report(
                ProblemCode.UNKNOWN_KEY,
                key,
                f"{self.label} has no key {show(key)}",
                f'Did you mean "{near[0]}"?' if near else f"It takes: {', '.join(known)}.",
            )

    def require(self, key: str, example: str) -> bool:
        """Whether a key is there; a problem if not."""
        if key in self.data:
            return True
        self.report(
            ProblemCode.MISSING_KEY, None, f'{self.label} needs the key "{key}"', f"Add {example}."
        )
        return False

    def text(self, key: str) -> str | None:
        """A string of one line that is safe to print."""
        value = self._of_type(key, str, "text in quotes")
        return None if value is None else self.clean(key, value)

    def clean(self, key: str, value: str) -> str | None:
        """A string checked: one line, no control characters, not too long."""
        if len(value) > MAX_TEXT:
            self.report(
                ProblemCode.BAD_TEXT,
                key,
                f'"{key}" is longer than {MAX_TEXT:,} characters',
                "Shorten it; longer texts belong into a document.",
            )
            return None
        if not is_safe(value):
            self.report(
                ProblemCode.BAD_TEXT,
                key,
                f'"{key}" has line breaks, control characters or such as turn text around',
                "Write plain text of one line.",
            )
            return None
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self._of_type(key, bool, "true or false, without quotes")
        return default if value is None else bool(value)

    def whole(self, key: str) -> int | None:
        """A whole number."""
        value: int | None = self._of_type(key, int, "a whole number, without quotes")
        return value

    def choice(self, key: str, kind: type[_Choice], default: _Choice | None) -> _Choice | None:
        """One of a few words."""
        value = self._of_type(key, str, "text in quotes")
        if value is None:
            return default
        words = [member.value for member in kind]
        if value in words:
            return kind(value)
        near = difflib.get_close_matches(value[:100].lower(), words, n=1, cutoff=0.5)
        self.report(
            ProblemCode.BAD_VALUE,
            key,
            f'"{key}" cannot be {show(value)}',
            (f'Did you mean "{near[0]}"? ' if near else "") + f"It is one of: {', '.join(words)}.",
        )
        return default

    def nearest(self, key: str, kind: type[_Choice]) -> _Choice | None:
        """The word that was likely meant by one that `choice` does not know."""
        value = self.data.get(key)
        if not isinstance(value, str):
            return None
        near = difflib.get_close_matches(
            value[:100].lower(), [member.value for member in kind], n=1, cutoff=0.5
        )
        return kind(near[0]) if near else None

    def tables(self, key: str) -> Iterator[Table]:
        """The tables below a key, by their ids; wrong ids are reported."""
        group = self._of_type(key, dict, f"a group of tables: [{key}.name]")
        for id_, data in (group or {}).items():
            path = (*self.path, key, id_)
            place = self.source.place(path)
            if not isinstance(data, dict):
                self.source.problems.add(
                    ProblemCode.WRONG_TYPE,
                    place,
                    f'{show(id_)} in "{key}" is no table',
                    f"Write [{key}.name] and the keys below it.",
                )
                continue
            label = f"[{key}.{id_}]"
            if not is_id(id_):
                # Read all the same: what is wrong in it, or names it, is found in the same run.
                label = f"the table {show(id_)} in [{key}]"
                self.source.problems.add(
                    ProblemCode.BAD_ID,
                    place,
                    f'the name {show(id_)} in "{key}" has characters that names do not have',
                    "Use up to 64 of a-z, 0-9, - and _; the full name goes into a text key.",
                )
            yield Table(self.source, path, data, label)

    def texts(self, key: str) -> Iterator[tuple[str, Place]]:
        """The elements of an array of strings, each with its place."""
        for value, path in self._items(key):
            if isinstance(value, str):
                yield value, self.source.place(path)
            else:
                self._wrong_element(key, path, "text in quotes")

    def rows(self, key: str, wanted: str) -> Iterator[Table]:
        """The elements of an array of tables; `wanted` shows one in sentences."""
        for value, path in self._items(key):
            if isinstance(value, dict):
                yield Table(self.source, path, value, f'this element of "{key}"')
            else:
                self._wrong_element(key, path, wanted)

    def _items(self, key: str) -> Iterator[tuple[Any, KeyPath]]:
        values = self._of_type(key, list, "a list in square brackets")
        for number, value in enumerate(values or ()):
            yield value, (*self.path, key, number)

    def _wrong_element(self, key: str, path: KeyPath, wanted: str) -> None:
        self.source.problems.add(
            ProblemCode.WRONG_TYPE,
            self.source.place(path),
            f'an element of "{key}" is not {wanted}',
            f"Write {wanted}.",
        )

    def wrong_type(self, key: str, wanted: str) -> None:
        """Report that a value is of another type than wanted."""
        self.report(ProblemCode.WRONG_TYPE, key, f'"{key}" is not {wanted}', f"Write {wanted}.")

    def _of_type(self, key: str, kind: type[Any], wanted: str) -> Any:  # noqa: ANN401
        value = self.data.get(key)
        if value is None:
            return None
        # A bool is an int to Python, never to people.
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
        self.wrong_type(key, wanted)
        return None


def is_id(text: str) -> bool:
    """Whether text can name a table."""
    return _ID.fullmatch(text) is not None


def is_safe(text: str) -> bool:
    """Whether text can be printed on one line and looks like what it is."""
    if text.isascii():
        return text.isprintable()
    return not any(
        character in _BIDI or unicodedata.category(character) in _UNSAFE for character in text
    )
