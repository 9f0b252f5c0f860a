"""A plain list of addresses, scripts and descriptors, one a line, and the reserve it stands for.

    # comments and empty lines are skipped
    32ixEdVJWo3kmvJGMTZq5jAQVZZeuwnqzo        # what follows a space and # is a note
    wpkh([d34db33f/84h/0h/0h]xpub.../<0;1>/*)#checksum

A CSV with a header that has `address`, `script` or `descriptor` is a list as well, with commas,
semicolons or tabs; its columns `page` and `note` are kept, others ignored. One column whose name
ends so, such as `Bitcoin Address`, will do.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from erario.bitcoin.address import networks_of
from erario.bitcoin.errors import AddressError
from erario.bitcoin.network import NetworkName
from erario.errors import DeclarationError, Place, RequestError
from erario.reserve.cutoff import find_timezone
from erario.reserve.documents import words_of
from erario.reserve.drafting import Column, Draft, StatedClaim, write_draft
from erario.reserve.model import Attribution, Reserve
from erario.reserve.problems import ProblemCode, Problems, show
from erario.reserve.rows import Row
from erario.reserve.tables import MAX_TEXT, is_safe
from erario.reserve.text_files import MAX_DOCUMENT, MAX_LIST, decode, read_bytes

_COLUMNS: Final[tuple[Column, ...]] = ("address", "script", "descriptor")
_DELIMITERS: Final = {",": "commas", ";": "semicolons", "\t": "tabs"}
_LOOKS_LIKE: Final = {
    column: re.compile(rf"(?:[a-z]+[ _-])*{column}(?:e?s)?") for column in _COLUMNS
}
_EXPORT: Final = re.compile(r"\s*(?:\{|\[\s*\{|BSMS )")
_NOTE: Final = re.compile(r"\s#\s*")
_HEX: Final = re.compile("(?:[0-9a-fA-F]{2}){2,}")
_MAIN_KEY: Final = re.compile("[^0-9A-Za-z]xpub")

Claims = Sequence[tuple[str, str | int | date | datetime | None, str | None]]


class ListCode(StrEnum):
    """Codes of questions about plain lists that cannot be asked."""

    NETWORK_OPEN = "list.network-open"
    NETWORKS_MIXED = "list.networks-mixed"
    UNKNOWN_NETWORK = "list.unknown-network"


@dataclass(frozen=True, slots=True)
class PlainList:
    """The rows of a list by what they are, each with its place; what they mean is not checked."""

    addresses: tuple[Row, ...]
    scripts: tuple[Row, ...]
    descriptors: tuple[Row, ...]


def read_list(path: str | Path) -> PlainList:
    """The rows of a list.

    Raises:
        DeclarationError: it cannot be read, is empty, or holds a private key or seed phrase.
    """
    file, problems = Path(path), Problems()
    place = Place(str(file))
    data = read_bytes(file, MAX_LIST, place, problems)
    text = None if data is None else decode(data, str(file), problems)
    if text is not None and _EXPORT.match(text):
        problems.add(
            ProblemCode.LIST,
            place,
            "this is no list, but looks like what a wallet exports",
            "Give it to erario init with --descriptors.",
        )
        text = None
    rows = [] if text is None else list(_rows(text, str(file), problems))
    if text is not None and not rows and not problems.all():
        problems.add(
            ProblemCode.LIST,
            place,
            "the list is empty",
            "Write one address, script in hex or descriptor a line.",
        )
    found = problems.all()
    if found:
        raise DeclarationError(found[0].code, found)
    by_column = {column: tuple(row for c, row in rows if c == column) for column in _COLUMNS}
    return PlainList(by_column["address"], by_column["script"], by_column["descriptor"])


def reserve_from_list(
    path: str | Path,
    *,
    network: NetworkName | str | None = None,
    document: str | Path | None = None,
    claims: Claims = (),
    timezone: str = "UTC",
    title: str | None = None,
) -> tuple[Reserve, dict[str, bytes]]:
    """The reserve that a plain list stands for, and the files to save it as.

    One wallet, `inferred`; `documented` with a document, in which each address must occur.

    Args:
        network: needed where the addresses leave it open.
        claims: of each `> 6100 BTC`, the moment as a cut-off is written, and `0.5 BTC` for `~`.
        title: the holder's name; the list's name where none is given.

    Raises:
        DeclarationError: the list or the document cannot be used; it carries every problem.
        RequestError: the network is open, or a claim or the time zone cannot be.
    """
    file = Path(path)
    rows = read_list(file)
    find_timezone(timezone)
    draft = Draft(
        given=file,
        network=choose_network(network, rows),
        timezone=timezone,
        title=title or title_of(file),
        attribution=Attribution.INFERRED if document is None else Attribution.DOCUMENTED,
        wallet="list",
        rows={
            "descriptor": rows.descriptors,
            "address": rows.addresses,
            "script": rows.scripts,
        },
        claims=[StatedClaim(*claim) for claim in claims],
        document=None if document is None else Path(document),
        intro=_intro(document is not None),
    )
    if draft.document is not None:
        _check_is_text(draft.document)
    return write_draft(draft)


def choose_network(asked: NetworkName | str | None, rows: PlainList) -> NetworkName:
    """The network that was asked for, or the only one that the rows can be of.

    Raises:
        RequestError: they leave it open, or are of different networks.
    """
    if asked is not None:
        if asked in tuple(NetworkName):
            return NetworkName(asked)
        raise RequestError(
            ListCode.UNKNOWN_NETWORK,
            "there is no such network",
            remedy=f"Give one of: {', '.join(NetworkName)}.",
        )
    possible = set(NetworkName)
    was_sure = False
    for row, names in _possible_networks(rows):
        if not possible & set(names):
            raise RequestError(
                ListCode.NETWORKS_MIXED,
                f"this is of {' or '.join(sorted(names))}, and what stands before it of "
                f"{' or '.join(sorted(possible))}: the list has different networks",
                remedy="Make a list for each network, or name the right one with --network.",
                place=row.place,
            )
        possible &= set(names)
        was_sure = True
    if len(possible) == 1:
        return possible.pop()
    if not was_sure and rows.addresses:
        # Not one address can be read: the loader then says so of each, on any network.
        return NetworkName.MAIN
    raise RequestError(
        ListCode.NETWORK_OPEN,
        "the list does not show which network it is of",
        remedy=f"Add --network with one of: {', '.join(sorted(possible))}.",
    )


def _possible_networks(rows: PlainList) -> Iterator[tuple[Row, tuple[NetworkName, ...]]]:
    tests = tuple(name for name in NetworkName if name is not NetworkName.MAIN)
    for row in rows.addresses:
        try:
            yield row, networks_of(row.text)
        except AddressError:
            continue
    for row in rows.descriptors:
        if _MAIN_KEY.search(row.text):
            yield row, (NetworkName.MAIN,)
        elif "tpub" in row.text:
            yield row, tests


def _rows(text: str, file: str, problems: Problems) -> Iterator[tuple[Column, Row]]:
    lines = text.split("\n")
    first = next((n for n, line in enumerate(lines) if _is_content(line)), None)
    if first is None:
        return
    header = _read_header(lines[first], Place(file, first + 1), problems)
    if problems.all():
        return
    if header is not None:
        yield from _csv_rows(lines, first, header, file, problems)
        return
    for number, line in enumerate(lines, start=1):
        if not _is_content(line):
            continue
        item, *note = _NOTE.split(line.strip(), maxsplit=1)
        item = item.strip().rstrip(",;")
        place = Place(file, number)
        if _has_cells(item, place, problems):
            return
        yield _row(item, None, note[0] if note else "", place)


@dataclass(frozen=True, slots=True)
class _Header:
    delimiter: str
    cells: list[str]
    column: Column


def _read_header(line: str, place: Place, problems: Problems) -> _Header | None:
    """What the first line says of the columns; None where it is no header."""
    for delimiter in _DELIMITERS:
        cells = [cell.strip().strip('"').strip().lower() for cell in line.split(delimiter)]
        for column in _COLUMNS:
            if column in cells:
                return _Header(delimiter, cells, column)
        for column, pattern in _LOOKS_LIKE.items():
            found = [cell for cell in cells if pattern.fullmatch(cell)]
            if len(found) == 1:
                cells[cells.index(found[0])] = column
                return _Header(delimiter, cells, column)
            if found:
                problems.add(
                    ProblemCode.LIST,
                    place,
                    f"several columns may be meant: {', '.join(show(cell) for cell in found)}",
                    f"Name the one that counts `{column}`.",
                )
                return None
    return None


def _has_cells(item: str, place: Place, problems: Problems) -> bool:
    """Whether a line has several cells, though no header says which of them is meant."""
    used = [name for mark, name in _DELIMITERS.items() if mark in item]
    if "(" in item or not used:
        return False
    problems.add(
        ProblemCode.LIST,
        place,
        f"this line has cells separated by {used[-1]}, and no header says which is the address",
        "Begin the list with a line that names the columns, one of them `address`, `script` or "
        "`descriptor`.",
    )
    return True


def _is_content(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _csv_rows(
    lines: list[str], skip: int, header: _Header, file: str, problems: Problems
) -> Iterator[tuple[Column, Row]]:
    body = io.StringIO("\n".join(lines[skip + 1 :]), newline="")
    reader = csv.reader(body, strict=True, delimiter=header.delimiter)
    try:
        for cells in reader:
            named = dict(zip(header.cells, (cell.strip() for cell in cells), strict=False))
            item = named.get(header.column, "")
            if item and not item.startswith("#"):
                place = Place(file, skip + 1 + reader.line_num)
                yield _row(item, named.get("page"), named.get("note", ""), place)
    except csv.Error:
        problems.add(
            ProblemCode.LIST,
            Place(file, skip + 1 + reader.line_num),
            "this row is no CSV: a quote is out of place, or a cell is too long",
            "Put cells with commas or quotes into double quotes, and double the quotes in them.",
        )


def _row(item: str, page: str | None, note: str, place: Place) -> tuple[Column, Row]:
    def kept(text: str | None) -> str | None:
        # Remarks are for people; what could not be printed safely is left out, never refused.
        return text if text and len(text) <= MAX_TEXT and is_safe(text) else None

    column: Column = "address"
    if "(" in item:
        column = "descriptor"
    elif _HEX.fullmatch(item):
        column = "script"
    return column, Row(item, kept(page), kept(note), place)


def _check_is_text(document: Path) -> None:
    problems = Problems()
    place = Place(str(document))
    data = read_bytes(document, MAX_DOCUMENT, place, problems)
    if data is not None and words_of(data) is None:
        problems.add(
            ProblemCode.NOT_IN_DOCUMENT,
            place,
            "the document is no text, so nothing shows that it names the addresses",
            "Save the page as HTML or text, or leave --document out: the list is then inferred.",
        )
    found = problems.all()
    if found:
        raise DeclarationError(found[0].code, found)


def title_of(file: Path) -> str:
    """A file's name as a title, where it can be one."""
    stem = file.stem.strip()[:100]
    return stem if stem and is_safe(stem) else "List"


def _intro(is_documented: bool) -> tuple[str, ...]:  # noqa: FBT001
    rests = (
        "Documented: the document beside this file names every address."
        if is_documented
        else "Inferred: somebody thinks that these are the holder's; they are never summed."
    )
    return ("A reserve made from a plain list. Correct the names, then run: erario check .", rests)
