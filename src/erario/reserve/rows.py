"""Lists of addresses, scripts and descriptors: in the reserve itself, or in a CSV beside it.

A CSV has a header: `address`, `script` or `descriptor`, optionally `page` and `note`. Each row
keeps its own place.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from erario.errors import Place
from erario.reserve.problems import ProblemCode, Problems, show
from erario.reserve.tables import MAX_TEXT, Table, is_safe
from erario.reserve.text_files import MAX_LIST, Folder, decode

MAX_INLINE: Final = 20
"""Above so many rows a list lives in its own file."""

_OPTIONAL: Final = ("page", "note")
_HEADER_REMEDY: Final = "Write the first line as: {},page,note (the last two may be left out)."


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of a list, as written."""

    text: str
    page: str | None
    note: str | None
    place: Place


def read_rows(table: Table, key: str, column: str, folder: Folder) -> tuple[Row, ...]:
    """The rows of the list at `key`, whose CSV has the given column."""
    value = table.data.get(key)
    if isinstance(value, dict):
        return _named_file(table, key, column, folder)
    rows = tuple(Row(text.strip(), None, None, place) for text, place in table.texts(key))
    if len(rows) > MAX_INLINE:
        table.report(
            ProblemCode.LONG_LIST,
            key,
            f'"{key}" has {len(rows)} rows; above {MAX_INLINE} a list lives in its own file',
            f'Put them into a CSV with the header {column}, and write {key} = {{ file = "..." }}.',
        )
    return rows


def _named_file(table: Table, key: str, column: str, folder: Folder) -> tuple[Row, ...]:
    source = table.source
    inner = Table(source, (*table.path, key), table.data[key], f'"{key}" in {table.label}')
    inner.check_keys("file")
    name = inner.text("file")
    if name is None:
        inner.require("file", f'file = "{key}.csv"')
        return ()
    found = folder.read(name, MAX_LIST, inner.place_of("file"), source.problems)
    if found is None:
        return ()
    path, data = found
    text = decode(data, str(path), source.problems)
    if text is None:
        return ()
    return tuple(read_csv(text, str(path), column, source.problems))


def read_csv(text: str, file: str, column: str, problems: Problems) -> Iterator[Row]:
    """The rows of a CSV; its problems stand at its own lines."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    columns: list[str] | None = None
    try:
        for cells in reader:
            place = Place(file, line)
            line = reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns = _read_header(cells, column, place, problems)
                if columns is None:
                    return
            elif (row := _read_row(cells, columns, column, place, problems)) is not None:
                yield row
    except csv.Error:
        problems.add(
            ProblemCode.LIST,
            Place(file, line),
            "this row is no CSV: a quote is out of place, or a cell is too long",
            "Put cells with commas or quotes into double quotes, and double the quotes in them.",
        )
        return
    if columns is None:
        problems.add(
            ProblemCode.LIST,
            Place(file, 1),
            "the list is empty",
            _HEADER_REMEDY.format(column),
        )


def _read_header(
    cells: list[str], column: str, place: Place, problems: Problems
) -> list[str] | None:
    columns = [cell.strip().lower() for cell in cells]
    known = (column, *_OPTIONAL)
    strange = [name for name in columns if name not in known]
    if column in columns and not strange and len(set(columns)) == len(columns):
        return columns
    if strange:
        near = difflib.get_close_matches(strange[0][:100], known, n=1, cutoff=0.5)
        what = f"the header has the column {show(strange[0])}" + (
            f', which may be "{near[0]}"' if near else ""
        )
    else:
        what = f'the header needs the column "{column}", and each column once'
    problems.add(ProblemCode.LIST, place, what, _HEADER_REMEDY.format(column))
    return None


def _read_row(
    cells: list[str], columns: list[str], column: str, place: Place, problems: Problems
) -> Row | None:
    found = dict.fromkeys(columns, "") | {
        name: cell.strip() for name, cell in zip(columns, cells, strict=False)
    }
    if len(cells) > len(columns) or not found[column]:
        problems.add(
            ProblemCode.LIST,
            place,
            "the row has more cells than the header" if found[column] else f"no {column} here",
            "Correct the row; cells that hold commas stand in double quotes.",
        )
        return None
    for name in _OPTIONAL:
        text = found.get(name, "")
        if len(text) > MAX_TEXT or not is_safe(text):
            problems.add(
                ProblemCode.BAD_TEXT,
                place,
                f'the "{name}" is too long, or has control characters or line breaks',
                "Write plain text of one line.",
            )
            return None
    return Row(found[column], found.get("page") or None, found.get("note") or None, place)
