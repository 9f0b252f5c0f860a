"""Lines of text that never exceed 80 columns, wide characters counted as two.

A renderer gives `Text` values, never markup: whatever a file says stays plain text. The width is
the same on a terminal and in a pipe, so that what is seen is what is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.text import Text

WIDTH: Final = 80
GAP: Final = 2

STRONG: Final = "bold"
GOOD: Final = "bold green"
BAD: Final = "bold red"
DOUBT: Final = "bold yellow"
FAINT: Final = "dim"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table, at least so wide; figures stand to the right."""

    title: str
    right: bool = False
    least: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One row, as many cells as columns, and remarks that stand below it."""

    cells: tuple[str, ...]
    notes: tuple[str, ...] = ()


def wrap(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` cells, broken at blanks, inside a word only if it must."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if cell_len(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        *full, line = chop_cells(word, width) or [""]
        lines += full
    return [*lines, line]


def paragraph(text: str, *, indent: int = 0, style: str = "") -> list[Text]:
    """`text` wrapped, each line indented."""
    margin = " " * indent
    return [Text(margin + line, style) for line in wrap(text, WIDTH - indent)]


def labelled(
    label: str, text: str, *, width: int, style: str = STRONG, right: str = ""
) -> list[Text]:
    """A label in a column of its own, text wrapped beside it, and `right` at the end of it."""
    lines = []
    for number, line in enumerate(_spread(text, right, WIDTH - width)):
        shown = Text()
        shown.append(pad(label if number == 0 else "", width), style)
        shown.append(line)
        lines.append(shown)
    return lines


def ends(left: str, right: str, *, style: str = "") -> list[Text]:
    """`left`, and at the end of its last line, or of one more, `right`."""
    return [Text(line, style) for line in _spread(left, right, WIDTH)]


def _spread(left: str, right: str, width: int) -> list[str]:
    lines = wrap(left, width)
    if not right:
        return lines
    free = width - cell_len(lines[-1]) - cell_len(right)
    if free >= GAP:
        lines[-1] += " " * free + right
        return lines
    return lines + [pad(line, width, right=True) for line in wrap(right, width)]


def pad(text: str, width: int, *, right: bool = False) -> str:
    """`text` filled with blanks to `width` cells; never cut."""
    if cell_len(text) >= width:
        return text
    return " " * (width - cell_len(text)) + text if right else set_cell_size(text, width)


COINS: Final = Column("coins", right=True, least=7)
BTC: Final = Column("BTC", right=True, least=15)


def table(columns: Sequence[Column], rows: Iterable[Row], *, indent: int = 0) -> list[Text]:
    """A heading and rows. The first column takes what the others leave; a first cell that does
    not fit stands on a line of its own above its figures."""
    rows = list(rows)
    widths = [
        max([cell_len(column.title), column.least, *(cell_len(row.cells[number]) for row in rows)])
        for number, column in enumerate(columns)
    ]
    room = WIDTH - indent - sum(widths[1:]) - GAP * (len(columns) - 1)
    fitting = [width for row in rows if (width := cell_len(row.cells[0])) <= room]
    widths[0] = max([cell_len(columns[0].title), min(columns[0].least, room), *fitting])
    margin = " " * indent
    lines = [Text(margin + _cells(columns, [c.title for c in columns], widths), STRONG)]
    for row in rows:
        first, *others = row.cells
        if cell_len(first) > widths[0]:
            lines += paragraph(first, indent=indent)
            first = ""
        if first or any(others):
            lines.append(Text(margin + _cells(columns, [first, *others], widths)))
        for note in row.notes:
            lines += paragraph(note, indent=indent + 4, style=FAINT)
    return lines


def _cells(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        pad(cell, width, right=column.right)
        for column, cell, width in zip(columns, cells, widths, strict=True)
    )
    return (" " * GAP).join(padded).rstrip()
