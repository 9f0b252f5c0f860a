"""From a `reserve.toml` to a `Reserve`, or to all that is wrong with it.

    text  ── secrets masked ──►  TOML with places  ──►  tables  ──►  values  ──►  rules

Each stage goes on after a problem, so that one run reports them all. No private key or seed phrase
passes the first stage.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from erario.bitcoin.network import NetworkName
from erario.errors import DeclarationError, Place, Problem, RequestError
from erario.reserve.claims import read_claim
from erario.reserve.cutoff import find_timezone
from erario.reserve.documents import DocumentText, check_mentions, read_document
from erario.reserve.model import Attribution, Cosigner, Document, Holder, Reserve
from erario.reserve.problems import ProblemCode, Problems, show
from erario.reserve.rules import check_scripts
from erario.reserve.tables import Table, is_id
from erario.reserve.text_files import MAX_RESERVE, Folder, read_bytes
from erario.reserve.toml_table import read_table
from erario.reserve.wallets import Scope, WalletDraft, read_wallet

FILE_NAME: Final = "reserve.toml"
VERSION: Final = 1
"""The format that this release reads; it grows by one when a file of before is read otherwise."""

_TOP: Final = (
    "erario", "network", "timezone", "holders", "cosigners", "wallets", "documents", "claims",
)  # fmt: skip


def load(path: str | Path) -> Reserve:
    """The reserve that a file, or the `reserve.toml` in a folder, declares.

    Raises:
        DeclarationError: it cannot be used; carries every problem, in order of place.
    """
    return _only_good(*_read(path))


def check(path: str | Path) -> tuple[Problem, ...]:
    """Every problem of a reserve file, in order of place; none if it can be used."""
    return _read(path)[1]


def load_files(files: Mapping[str, tuple[Path, bytes]]) -> Reserve:
    """The reserve that files in memory declare, by their names; one is `reserve.toml`.

    Raises:
        DeclarationError: as `load`.
    """
    path, data = files[FILE_NAME]
    problems = Problems()
    reserve = _read_bytes(data, str(path), Folder(path.parent, held=files), problems)
    return _only_good(reserve, problems.all())


def _only_good(reserve: Reserve | None, problems: tuple[Problem, ...]) -> Reserve:
    if problems or reserve is None:
        raise DeclarationError(problems[0].code, problems)
    return reserve


def _read(path: str | Path) -> tuple[Reserve | None, tuple[Problem, ...]]:
    file = Path(path)
    # Path.is_dir raises for names that are too long; this says no, and reading tells why.
    if os.path.isdir(file):  # noqa: PTH112
        file /= FILE_NAME
    problems = Problems()
    data = read_bytes(file, MAX_RESERVE, Place(str(file)), problems)
    reserve = None
    if data is not None:
        reserve = _read_bytes(data, str(file), Folder(file.parent), problems)
    return reserve and replace(reserve, path=str(path)), problems.all()


def _read_bytes(data: bytes, file: str, folder: Folder, problems: Problems) -> Reserve | None:
    table = read_table(data, file, problems)
    return None if table is None else _read_top(table, folder, file)


def _read_top(table: Table, files: Folder, path: str) -> Reserve | None:
    if not _is_our_version(table):
        return None
    table.check_keys(*_TOP)
    network = table.choice("network", NetworkName, None)
    if network is None:
        table.require("network", 'network = "main"')
        # The rest is read as if of the network that was meant; the reserve cannot be used anyhow.
        network = table.nearest("network", NetworkName)
    timezone = _read_timezone(table)
    holders = tuple(_read_holder(holder) for holder in table.tables("holders"))
    cosigners = tuple(_read_cosigners(table))
    declared = list(table.tables("documents"))
    documents, words = _read_documents(declared, files)
    if network is None:
        if not {"wallets", "claims"} & table.data.keys():
            return None
        table.report(
            ProblemCode.NOT_READ,
            "network",
            "wallets and claims were not looked at: their network is not known",
            "Correct the network and check again.",
        )
        return None
    scope = Scope(
        network=network,
        timezone=timezone,
        holders=tuple(holder.id for holder in holders),
        documents=frozenset(str(document.path[-1]) for document in declared),
        folder=files,
    )
    drafts = [read_wallet(wallet, scope) for wallet in table.tables("wallets")]
    wallets = {draft.wallet.id: draft.wallet for draft in drafts}
    claims = [read_claim(claim, scope, wallets) for claim in table.tables("claims")]
    check_scripts(wallets.values(), network, table.source.problems)
    _check_documented(drafts, words, table.source.problems)
    return Reserve(
        network=network,
        timezone=timezone,
        holders=holders,
        cosigners=cosigners,
        wallets=tuple(wallets.values()),
        documents=documents,
        claims=tuple(claim for claim in claims if claim is not None),
        path=path,
    )


def _is_our_version(table: Table) -> bool:
    version = table.data.get("erario")
    if version == VERSION and not isinstance(version, bool):
        return True
    if "erario" not in table.data:
        table.require("erario", f"erario = {VERSION} as the first line: the version of the format")
        return True
    if not isinstance(version, int) or isinstance(version, bool):
        table.wrong_type("erario", f"the version of the format, {VERSION}")
        return True
    table.report(
        ProblemCode.VERSION,
        "erario",
        f"the file is of format version {show(version)}, this release reads version {VERSION}",
        "Use a release of erario that reads it.",
    )
    # Nothing else can be said of a file whose words may mean something else.
    return False


def _read_timezone(table: Table) -> str:
    name = table.text("timezone")
    if name is None:
        return "UTC"
    try:
        find_timezone(name)
    except RequestError as error:
        near = difflib.get_close_matches(name[:100], _zones(), n=1)
        remedy = f'Did you mean "{near[0]}"?' if near else error.remedy
        table.report(
            ProblemCode.TIMEZONE, "timezone", f"there is no time zone {show(name)}", remedy
        )
        return "UTC"
    return name


def _read_holder(table: Table) -> Holder:
    table.check_keys("name", "complete", "signs_as")
    id_ = str(table.path[-1])
    signs_as = table.text("signs_as")
    if signs_as is not None and not (signs_as.isascii() and signs_as.strip()):
        table.report(
            ProblemCode.BAD_TEXT,
            "signs_as",
            '"signs_as" is not printable ASCII',
            "Write the name in plain letters: devices show it.",
        )
        signs_as = None
    complete = table.flag("complete", default=False)
    return Holder(id_, table.text("name") or id_, complete, signs_as, table.place)


def _read_cosigners(table: Table) -> list[Cosigner]:
    cosigners = []
    for cosigner in table.tables("cosigners"):
        cosigner.check_keys("name", "site")
        fingerprint = str(cosigner.path[-1])
        if is_id(fingerprint) and not re.fullmatch("[0-9a-f]{8}", fingerprint):
            cosigner.report(
                ProblemCode.BAD_ID,
                None,
                f"{cosigner.label} is not named by the fingerprint of a key",
                "Use the 8 hex digits of the master key's fingerprint, in lower case.",
            )
        name, site = cosigner.text("name"), cosigner.text("site")
        cosigners.append(Cosigner(fingerprint, name or fingerprint, site, cosigner.place))
    return cosigners


def _read_documents(
    tables: list[Table], folder: Folder
) -> tuple[tuple[Document, ...], dict[str, DocumentText]]:
    documents: list[Document] = []
    words: dict[str, DocumentText] = {}
    for declared in tables:
        document, text = read_document(declared, folder)
        if document is not None:
            documents.append(document)
        if text is not None:
            words[str(declared.path[-1])] = text
    return tuple(documents), words


def _check_documented(
    drafts: list[WalletDraft], words: dict[str, DocumentText], problems: Problems
) -> None:
    for draft in drafts:
        document = draft.wallet.document
        is_documented = draft.wallet.attribution is Attribution.DOCUMENTED
        if is_documented and document is not None and document in words:
            check_mentions(draft.mentions, document, words[document], problems)


def _zones() -> list[str]:
    from zoneinfo import available_timezones  # noqa: PLC0415 - walks a folder, for a typo only

    return sorted(available_timezones())
