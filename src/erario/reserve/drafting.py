"""Writing a reserve down for somebody: the files of it, and the Reserve that they load as.

The Reserve is read back from the files by the loader, so that what is saved is what was audited.
Its places, and those of problems, are turned back into the places of what the person gave.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Final, Literal

from erario.bitcoin.network import NetworkName
from erario.errors import DeclarationError, Place, Problem, RequestError
from erario.reserve.cutoff import MomentCode, read_cutoff
from erario.reserve.loader import FILE_NAME, VERSION, load_files
from erario.reserve.model import Attribution, Reserve, Wallet
from erario.reserve.moment import AtHash, AtHeight, AtInstant
from erario.reserve.problems import Problems
from erario.reserve.rows import MAX_INLINE, Row
from erario.reserve.text_files import MAX_DOCUMENT, read_bytes, refuse_secret
from erario.reserve.toml_places import find_places

Column = Literal["address", "script", "descriptor"]
HOLDER: Final = "holder"
DOCUMENT: Final = "document"

_KEYS: Final[dict[Column, str]] = {
    "address": "addresses",
    "script": "scripts",
    "descriptor": "descriptors",
}
_CITED: Final = re.compile(r", at (?P<file>[a-z]+\.(?:csv|toml)):(?P<line>[0-9]+)$")
_SAFE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class StatedClaim:
    """What somebody asks about: `> 6100 BTC`, a moment as a cut-off is written, and `0.5 BTC`."""

    holds: str
    at: str | int | date | datetime | None
    within: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """One wallet of one holder, to be written down; `intro` are the comment lines on top."""

    given: Path
    network: NetworkName
    timezone: str
    title: str
    attribution: Attribution
    wallet: str
    rows: Mapping[Column, Sequence[Row]]
    claims: Sequence[StatedClaim] = ()
    document: Path | None = None
    intro: Sequence[str] = ()


def write_draft(draft: Draft) -> tuple[Reserve, dict[str, bytes]]:
    """The reserve and the files that stand for it, by their names in one folder.

    Raises:
        DeclarationError: the files cannot be used; its places are those of what was given.
        RequestError: a claim names no moment that a claim can have, or a secret was given in place
            of a name, an amount or a moment.
    """
    _refuse_secrets(draft)
    files: dict[str, bytes] = {}
    places: dict[Place, Place] = {}
    lines = _head(draft)
    for column, rows in draft.rows.items():
        lines += _write_rows(column, rows, files, places)
    document = _read_document(draft)
    if document is not None:
        name, data = document
        files[name] = data
        lines += _write_document(name, data)
    lines += _write_claims(draft)
    text = "\n".join(lines) + "\n"
    _find_inline(text, draft, places)
    files = {FILE_NAME: text.encode(), **files}
    shown = {name: (Path(name), data) for name, data in files.items()}
    if document is not None and draft.document is not None:
        shown[document[0]] = (draft.document, document[1])
    whole = Place(str(draft.given))
    try:
        reserve = load_files(shown)
    except DeclarationError as error:
        problems = tuple(_as_given(problem, draft, places) for problem in error.problems)
        raise DeclarationError(error.code, problems) from None
    return _placed(reserve, places, whole, str(draft.given)), files


def quote(text: str) -> str:
    """A TOML basic string."""
    escaped = "".join(
        f"\\u{ord(c):04x}" if ord(c) < 0x20 or ord(c) == 0x7F else f"\\{c}" if c in '"\\' else c
        for c in text
    )
    return f'"{escaped}"'


def _refuse_secrets(draft: Draft) -> None:
    refuse_secret(draft.title, "the holder's name (--holder)")
    for claim in draft.claims:
        refuse_secret(claim.holds, "the claim (--holds)")
        refuse_secret(claim.at, "the moment (--at)")
        refuse_secret(claim.within or "", "the distance (--within)")


def _as_given(problem: Problem, draft: Draft, places: dict[Place, Place]) -> Problem:
    """A problem of a written file at the place of what was given."""
    if draft.document is not None and problem.place.file == str(draft.document):
        return problem
    place = places.get(problem.place, Place(str(draft.given)))
    what = problem.what
    # A sentence may cite the place of another row as well.
    if (cited := _CITED.search(what)) is not None:
        written = Place(cited["file"], int(cited["line"]))
        what = what[: cited.start()] + f", at {places.get(written, Place(str(draft.given)))}"
    return replace(problem, place=place, what=what)


def _head(draft: Draft) -> list[str]:
    documented = draft.attribution is Attribution.DOCUMENTED
    return [
        *(f"# {line}".rstrip() for line in draft.intro),
        f"erario = {VERSION}",
        f"network = {quote(draft.network)}",
        f"timezone = {quote(draft.timezone)}",
        "",
        f"[holders.{HOLDER}]",
        f"name = {quote(draft.title)}",
        "# complete = true   # if the holder says that this is all that it has",
        "",
        f"[wallets.{draft.wallet}]",
        'role = "holding"',
        f"attribution = {quote(draft.attribution)}",
        *([f"document = {quote(DOCUMENT)}"] if documented else []),
    ]


def _write_rows(
    column: Column, rows: Sequence[Row], files: dict[str, bytes], places: dict[Place, Place]
) -> list[str]:
    if not rows:
        return []
    key = _KEYS[column]
    if column == "descriptor" and len(rows) <= MAX_INLINE:
        return [f"{key} = [", *(f"  {quote(row.text)}," for row in rows), "]"]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((column, "page", "note"))
    name = f"{key}.csv"
    for number, row in enumerate(rows, start=2):
        writer.writerow((row.text, row.page or "", row.note or ""))
        places[Place(name, number)] = row.place
    files[name] = out.getvalue().encode()
    return [f"{key} = {{ file = {quote(name)} }}"]


def _find_inline(text: str, draft: Draft, places: dict[Place, Place]) -> None:
    found = find_places(text)
    for number, row in enumerate(draft.rows.get("descriptor", ())):
        line = found.lines.get(("wallets", draft.wallet, "descriptors", number))
        if line is not None:
            places[Place(FILE_NAME, line)] = row.place


def _read_document(draft: Draft) -> tuple[str, bytes] | None:
    if draft.document is None:
        return None
    problems = Problems()
    data = read_bytes(draft.document, MAX_DOCUMENT, Place(str(draft.document)), problems)
    if data is None:
        found = problems.all()
        raise DeclarationError(found[0].code, found)
    name = draft.document.name
    if not _SAFE_NAME.fullmatch(name) or name.lower().endswith((".csv", ".toml")):
        name = "document"
    return name, data


def _write_document(name: str, data: bytes) -> list[str]:
    return [
        "",
        f"[documents.{DOCUMENT}]",
        f"title = {quote(name)}",
        f"file = {quote(name)}",
        f'sha256 = "{hashlib.sha256(data).hexdigest()}"',
    ]


def _write_claims(draft: Draft) -> list[str]:
    lines: list[str] = []
    for number, claim in enumerate(draft.claims, start=1):
        lines += [
            "",
            "[claims.claim]" if number == 1 else f"[claims.claim-{number}]",
            f"holds = {quote(claim.holds)}",
            f"at = {_write_moment(claim.at, draft.timezone)}",
            f"wallets = [{quote(draft.wallet)}]",
        ]
        if claim.within is not None:
            lines.append(f"within = {quote(claim.within)}")
    return lines


def _write_moment(at: str | int | date | datetime | None, timezone: str) -> str:
    """A moment as TOML; `read_cutoff` decides what is one."""
    moment = read_cutoff(at, timezone)
    if isinstance(moment, AtHeight):
        return str(moment.height)
    if isinstance(moment, AtInstant):
        return moment.written
    raise RequestError(
        MomentCode.UNREADABLE,
        "a claim is about a moment, and a block hash names none"
        if isinstance(moment, AtHash)
        else "a claim is about a moment, and none is given",
        remedy="Give --at with a day, a time with its offset, or a height.",
    )


def _placed(reserve: Reserve, places: dict[Place, Place], whole: Place, path: str) -> Reserve:
    """The same reserve with the places of what was given."""

    def place(written: Place) -> Place:
        return places.get(written, whole)

    def wallet(loaded: Wallet) -> Wallet:
        return replace(
            loaded,
            place=whole,
            scripts=tuple(replace(s, place=place(s.place)) for s in loaded.scripts),
            descriptors=tuple(replace(d, place=place(d.place)) for d in loaded.descriptors),
        )

    return replace(
        reserve,
        path=path,
        holders=tuple(replace(holder, place=whole) for holder in reserve.holders),
        wallets=tuple(wallet(loaded) for loaded in reserve.wallets),
        documents=tuple(replace(document, place=whole) for document in reserve.documents),
        claims=tuple(replace(claim, place=whole) for claim in reserve.claims),
    )
