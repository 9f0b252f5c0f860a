"""Reading `evidence.json`: every member by type and range, and nothing that contradicts itself.

What comes out is as it was declared and said. Whether the headers and the transactions bear it out
is for `verifying` to tell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import MAX_MONEY, BlockHash, Height, Outpoint, Sats, Script, Txid
from erario.bundle.declarations import check_declaration
from erario.bundle.errors import BundleCode, BundleError
from erario.bundle.names import EVIDENCE
from erario.bundle.strict_json import MAX_HEIGHT, Fields, read_json
from erario.reserve.cutoff import find_timezone
from erario.reserve.model import Attribution, Comparator, Role
from erario.reserve.moment import AtHeight, AtInstant, ClaimMoment, Interval
from erario.statement.evidence import (
    MAX_PROOF_DAYS,
    BlockPoint,
    Declaration,
    DeclaredClaim,
    DeclaredDocument,
    DeclaredHolder,
    DeclaredWallet,
    DerivedBranch,
    ListedCoin,
    SourceKind,
    SourceNote,
    UnspentWord,
    WatchedScript,
)
from erario.statement.finding import Finding, FindingCode, Severity, Verdict
from erario.statement.json_values import Json

FORMAT: Final = "erario-evidence"
VERSION: Final = 1
_KEYS: Final = (
    "format", "version", "network", "timezone", "holders", "wallets", "documents", "claims",
    "asked", "cutoff", "settled", "asked_since", "since", "instants", "tip", "work", "enough_work",
    "sources", "findings", "listed", "unseen", "proofs_within_days",
)  # fmt: skip
_TIMEZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,63}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class SaidEvidence:
    """The members of the file as values; blocks are heights. `instants` pairs each with the height
    that it is said to fall on, None where it lies before genesis."""

    network: NetworkName
    declaration: Declaration
    asked: AtHeight | AtInstant
    cutoff: Height
    settled: bool | None
    asked_since: AtHeight | AtInstant | None
    since: Height | None
    instants: tuple[tuple[datetime, Height | None], ...]
    tip: BlockPoint
    work: int
    enough_work: bool
    sources: tuple[SourceNote, ...]
    findings: tuple[Finding, ...]
    listed: tuple[ListedCoin, ...]
    unseen: tuple[Script, ...]
    proofs_within_days: int | None


def read_evidence(data: bytes) -> SaidEvidence:
    """The values of the file.

    Raises:
        BundleError: it is not of this format, or what was declared contradicts itself.
        RequestError: its time zone is not known here, so that days cannot be told.
    """
    fields = Fields(read_json(data, EVIDENCE), EVIDENCE, _KEYS)
    check_format(fields, FORMAT, VERSION)
    declaration = _declaration(fields)
    settled = None if fields.is_null("settled") else fields.flag("settled")
    since = None if fields.is_null("since") else fields.height("since")
    within = None
    if not fields.is_null("proofs_within_days"):
        within = fields.whole("proofs_within_days", least=1, most=MAX_PROOF_DAYS)
    asked_since = None
    if not fields.is_null("asked_since"):
        asked_since = _moment(fields.raw("asked_since"), "asked_since")
    return SaidEvidence(
        network=fields.choice("network", NetworkName),
        declaration=declaration,
        asked=_moment(fields.raw("asked"), "asked"),
        cutoff=fields.height("cutoff"),
        settled=settled,
        asked_since=asked_since,
        since=since,
        instants=tuple(map(_instant, fields.items("instants"))),
        tip=_point(fields.raw("tip")),
        work=int.from_bytes(fields.hexes("work", least=32, most=32), "big"),
        enough_work=fields.flag("enough_work"),
        sources=tuple(map(_source, fields.items("sources"))),
        findings=tuple(map(_finding, fields.items("findings"))),
        listed=tuple(map(_listed, fields.items("listed"))),
        unseen=tuple(map(_unseen, fields.items("unseen"))),
        proofs_within_days=within,
    )


def check_format(fields: Fields, name: str, version: int) -> None:
    """Refuse a file of another format or version.

    Raises:
        BundleError: it is of another.
    """
    if fields.text("format") != name:
        raise BundleError(BundleCode.FIELD, f"{fields.where} is of another format than {name}")
    if fields.whole("version") != version:
        raise BundleError(
            BundleCode.VERSION,
            f"{fields.where} is of version {fields.whole('version')}, this release reads {version}",
            remedy="Use a release of erario that reads it.",
        )


def _declaration(fields: Fields) -> Declaration:
    timezone = fields.text("timezone")
    if not _TIMEZONE.fullmatch(timezone):
        fields.refuse("has a timezone that none can be called")
    declaration = Declaration(
        timezone,
        tuple(map(_holder, fields.items("holders"))),
        tuple(map(_wallet, fields.items("wallets"))),
        tuple(map(_document, fields.items("documents"))),
        tuple(map(_claim, fields.items("claims"))),
    )
    find_timezone(timezone)
    check_declaration(declaration)
    return declaration


def _holder(value: Json) -> DeclaredHolder:
    fields = Fields(value, "a holder", ("id", "name", "complete", "signs_as"))
    return DeclaredHolder(
        fields.text("id", 100),
        fields.text("name"),
        fields.flag("complete"),
        None if fields.is_null("signs_as") else fields.text("signs_as"),
    )


def _wallet(value: Json) -> DeclaredWallet:
    fields = Fields(
        value,
        "a wallet",
        (
            "id",
            "holder",
            "role",
            "attribution",
            "document",
            "since",
            "until",
            "branches",
            "scripts",
        ),
    )
    return DeclaredWallet(
        id=fields.text("id", 100),
        holder=fields.text("holder"),
        role=fields.choice("role", Role),
        attribution=fields.choice("attribution", Attribution),
        document=fields.text_or_none("document"),
        since=None if fields.is_null("since") else fields.instant("since"),
        until=None if fields.is_null("until") else fields.instant("until"),
        branches=tuple(map(_branch, fields.items("branches"))),
        scripts=tuple(map(_script, fields.items("scripts"))),
    )


def _branch(value: Json) -> DerivedBranch:
    fields = Fields(value, "a branch", ("number", "derived", "last_used"))
    last_used = None if fields.is_null("last_used") else fields.whole("last_used", most=MAX_HEIGHT)
    return DerivedBranch(
        fields.whole("number", most=MAX_HEIGHT), fields.whole("derived", most=1 << 31), last_used
    )


def _script(value: Json) -> WatchedScript:
    if isinstance(value, str):
        plain = Fields({"script": value}, "a wallet", ("script",))
        return WatchedScript(plain.script("script"), None, None)
    fields = Fields(value, "a script", ("script", "branch", "index"))
    return WatchedScript(
        fields.script("script"),
        fields.whole("branch", most=MAX_HEIGHT),
        fields.whole("index", most=MAX_HEIGHT),
    )


def _document(value: Json) -> DeclaredDocument:
    fields = Fields(value, "a document", ("id", "title", "issuer", "date", "url", "sha256"))
    sha256 = fields.text_or_none("sha256")
    if sha256 is not None and not _DIGEST.fullmatch(sha256):
        fields.refuse("has a sha256 that is none")
    date = fields.text_or_none("date")
    if date is not None and not _DATE.fullmatch(date):
        fields.refuse("has a date that is none")
    return DeclaredDocument(
        fields.text("id", 100),
        fields.text("title"),
        fields.text_or_none("issuer"),
        date,
        fields.text_or_none("url"),
        sha256,
    )


def _claim(value: Json) -> DeclaredClaim:
    fields = Fields(
        value,
        "a claim",
        (
            "id", "holds", "comparator", "amount_sats", "within_sats", "moment", "holder",
            "wallets", "document",
        ),
    )  # fmt: skip
    comparator = fields.choice("comparator", Comparator)
    within = Sats(fields.whole("within_sats", most=MAX_MONEY))
    if within and comparator is not Comparator.ABOUT:
        raise BundleError(BundleCode.CLAIM, "a claim is exact, and yet allows for a difference")
    return DeclaredClaim(
        id=fields.text("id", 100),
        holds=fields.text("holds"),
        comparator=comparator,
        amount=Sats(fields.whole("amount_sats", most=MAX_MONEY)),
        within=within,
        moment=_claim_moment(fields.raw("moment")),
        holder=fields.text("holder"),
        wallets=fields.texts("wallets"),
        document=fields.text_or_none("document"),
    )


def _claim_moment(value: Json) -> ClaimMoment:
    kind = value.get("kind") if isinstance(value, dict) else None
    if kind == "instant":
        fields = Fields(value, "a moment", ("kind", "instant", "written"))
        return AtInstant(fields.instant("instant"), fields.text("written", 100))
    if kind != "interval":
        return _moment(value, "a moment")
    fields = Fields(value, "an interval", ("kind", "start", "end", "written"))
    written = fields.text("written", 200)
    start = _moment(fields.raw("start"), "a start")
    end = _moment(fields.raw("end"), "an end")
    if isinstance(start, AtHeight) and isinstance(end, AtHeight):
        in_order = start.height <= end.height
    else:
        in_order = (
            isinstance(start, AtInstant)
            and isinstance(end, AtInstant)
            and start.instant <= end.instant
        )
    if not in_order:
        raise BundleError(BundleCode.CLAIM, "the moment of a claim ends before it starts")
    return Interval(start, end, written)


def _moment(value: Json, where: str) -> AtHeight | AtInstant:
    """A height or an instant; how it was written is not kept, except by claims."""
    kind = value.get("kind") if isinstance(value, dict) else None
    if kind == "instant":
        fields = Fields(value, where, ("kind", "instant"))
        return AtInstant(fields.instant("instant"), fields.text("instant"))
    fields = Fields(value, where, ("kind", "height"))
    if kind != "height":
        fields.refuse("is neither a height nor an instant")
    return AtHeight(fields.height("height"))


def _instant(value: Json) -> tuple[datetime, Height | None]:
    fields = Fields(value, "an instant", ("instant", "height"))
    return fields.instant("instant"), None if fields.is_null("height") else fields.height("height")


def _point(value: Json) -> BlockPoint:
    fields = Fields(value, "the tip", ("height", "hash", "time", "median_time_past"))
    return BlockPoint(
        fields.height("height"),
        BlockHash(fields.hash("hash")),
        fields.instant("time"),
        fields.instant("median_time_past"),
    )


def _source(value: Json) -> SourceNote:
    fields = Fields(value, "a source", ("kind", "own", "word", "caveat", "name", "history"))
    return SourceNote(
        fields.choice("kind", SourceKind),
        fields.flag("own"),
        fields.choice("word", UnspentWord),
        fields.text("caveat"),
        fields.text("name", 1_000),
        fields.flag("history"),
    )


def _finding(value: Json) -> Finding:
    fields = Fields(
        value, "a finding", ("code", "verdict", "severity", "subject", "what", "settle")
    )
    return Finding(
        fields.choice("code", FindingCode),
        fields.choice("verdict", Verdict),
        fields.choice("severity", Severity),
        fields.text("subject"),
        fields.text("what"),
        fields.text("settle"),
    )


def _unseen(value: Json) -> Script:
    return Fields({"script": value}, "an unseen script", ("script",)).script("script")


def _listed(value: Json) -> ListedCoin:
    fields = Fields(
        value, "a listed coin", ("txid", "vout", "sats", "script", "height", "coinbase")
    )
    return ListedCoin(
        Outpoint(Txid(fields.hash("txid")), fields.whole("vout", most=0xFFFF_FFFF)),
        Sats(fields.whole("sats", most=MAX_MONEY)),
        fields.script("script"),
        fields.height("height"),
        fields.flag("coinbase"),
    )
