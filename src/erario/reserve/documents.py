"""Documents that are archived beside a reserve, and the addresses that must occur in them.

The text of a document is at hand where its file is text (HTML with its entities and tags undone
included). A PDF or an image is checked by its hash alone: erario does not read it.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from erario.bitcoin.descriptor_secrets import find_sure_secrets
from erario.errors import Place
from erario.reserve.model import Document
from erario.reserve.problems import ProblemCode, Problems
from erario.reserve.tables import Table
from erario.reserve.text_files import MAX_DOCUMENT, Folder, report_secret

_RUN: Final = re.compile("[0-9A-Za-z]+")
# Pages break long addresses with these, and nothing of them is to be seen between the letters.
_INLINE: Final = re.compile(
    r"</?(?:wbr|span|b|i|u|s|em|strong|code|tt|mark|small|font|a|br)\b[^<>]{0,2000}>",
    re.IGNORECASE,
)
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")
_BECH32: Final = re.compile("(?:bc|tb|bcrt)1", re.IGNORECASE)
_SHA256: Final = re.compile("[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class DocumentText:
    """The words of a document: runs of letters and digits, once as they are, once in lower case."""

    words: frozenset[str]
    lowered: frozenset[str]

    def has(self, text: str) -> bool:
        """Whether an address, key or script in hex stands in it; case counts in base58 alone."""
        if _BECH32.match(text) or re.fullmatch("[0-9a-fA-F]+", text):
            return text.lower() in self.lowered
        return text in self.words


@dataclass(frozen=True, slots=True)
class Mention:
    """What of a wallet must occur in its document: every one of `all_of`, or `instead`."""

    all_of: tuple[str, ...]
    place: Place
    instead: str | None = None


def read_document(table: Table, folder: Folder) -> tuple[Document | None, DocumentText | None]:
    """The document that a table declares, and its words where they are at hand."""
    table.check_keys("title", "issuer", "date", "url", "file", "sha256")
    title = table.text("title") if table.require("title", 'title = "..."') else None
    issuer, url, name = table.text("issuer"), table.text("url"), table.text("file")
    if url is not None and not re.match("https?://", url):
        table.report(
            ProblemCode.BAD_VALUE,
            "url",
            '"url" does not begin with https:// or http://',
            "Write the whole address of the page.",
        )
    digest = _read_digest(table)
    published = table.data.get("date")
    if published is not None and (
        isinstance(published, datetime) or not isinstance(published, date)
    ):
        table.wrong_type("date", "a day without quotes, such as 2025-08-29")
        published = None
    path, words = None, None
    if name is not None:
        found = folder.read(name, MAX_DOCUMENT, table.place_of("file"), table.source.problems)
        table.require("sha256", "the SHA-256 of the file: sha256sum prints it")
        if found is not None:
            path, data = found
            words = words_of(data)
            report_secrets(data, str(path), table.source.problems)
            if digest is not None:
                _check_digest(table, data, digest)
    elif digest is not None:
        table.report(
            ProblemCode.MISSING_KEY,
            "sha256",
            f"{table.label} has a hash of no file",
            'Add file = "...", the archived document, or remove sha256.',
        )
    if title is None:
        return None, words
    id_ = str(table.path[-1])
    return Document(id_, title, issuer, published, url, digest, path, table.place), words


def words_of(data: bytes) -> DocumentText | None:
    """The words of a document's bytes; None where they are not text."""
    texts = _texts_of(data)
    if not texts:
        return None
    runs = {run for text in texts for run in _RUN.findall(text)}
    return DocumentText(frozenset(runs), frozenset(run.lower() for run in runs))


def report_secrets(data: bytes, file: str, problems: Problems) -> None:
    """Report the private keys and seed phrases in a document, which is shown around and copied."""
    for number, text in enumerate(_texts_of(data)):
        for secret in find_sure_secrets(text):
            # Only the first text has the lines of the file.
            line = text.count("\n", 0, secret.start) + 1 if number == 0 else None
            report_secret(secret.kind, Place(file, line), problems)
        if problems.has_secret(file):
            return


def _texts_of(data: bytes) -> list[str]:
    """A document as it is, and as a browser shows it; nothing where it is not text."""
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            text = data[2:].decode(encoding, "replace")
            break
    else:
        if b"\0" in data or data.startswith(b"%PDF"):
            return []
        text = data.decode("utf-8", "replace")
    shown = (html.unescape(text), html.unescape(_INLINE.sub("", text)))
    return [text, *(_INVISIBLE.sub("", plain) for plain in shown if plain != text)]


def check_mentions(
    mentions: Iterable[Mention], document: str, words: DocumentText, problems: Problems
) -> None:
    """Report what a documented wallet has and its document does not name."""
    for mention in mentions:
        if mention.instead is not None and words.has(mention.instead):
            continue
        if all(words.has(text) for text in mention.all_of):
            continue
        problems.add(
            ProblemCode.NOT_IN_DOCUMENT,
            mention.place,
            f'this does not occur in the document "{document}", on which the wallet rests',
            "Remove it, archive the document that names it, or move it into an inferred wallet.",
        )


def _read_digest(table: Table) -> str | None:
    digest = table.text("sha256")
    if digest is None or _SHA256.fullmatch(digest):
        return digest and digest.lower()
    table.report(
        ProblemCode.BAD_VALUE,
        "sha256",
        '"sha256" is not 64 hex digits',
        "Write what sha256sum prints for the file.",
    )
    return None


def _check_digest(table: Table, data: bytes, digest: str) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        table.report(
            ProblemCode.DOCUMENT_CHANGED,
            "sha256",
            f"the file has another SHA-256: {found}",
            "Restore the file as it was archived, or write the hash of the one that you mean.",
        )
