"""Making a bundle: evidence with its headers in, the files of a bundle out.

What is made is verified before anybody gets it. No descriptor is in evidence, so none leaves unless
the declared files are asked for by name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from erario.assess import assess
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import show_hash
from erario.bundle.archive import write_archive
from erario.bundle.container import read_bounded
from erario.bundle.errors import BundleCode, BundleError
from erario.bundle.evidence_json import write_evidence
from erario.bundle.manifest import FORMAT, VERSION, Previous
from erario.bundle.names import (
    DECLARED,
    DOCUMENTS,
    EVIDENCE,
    HEADERS,
    MANIFEST,
    PROOFS,
    STATEMENT,
    TRANSACTIONS,
    check_name,
)
from erario.bundle.opening import open_sealed
from erario.bundle.verifying import VerifiedBundle, verify_files
from erario.bundle.writing import write_headers, write_proofs, write_transactions
from erario.errors import OutputError, Place, RequestError
from erario.files import write_whole
from erario.reserve.model import Reserve
from erario.statement.codec import canonical_json, digest, statement_json
from erario.statement.evidence import Evidence
from erario.statement.json_values import JsonObject


class MakingCode(StrEnum):
    """Why a bundle cannot be made."""

    NO_HISTORY = "bundle.no-history"
    NOT_SHOWN = "bundle.not-shown"
    NO_FOLDER = "bundle.no-folder"
    EXISTS = "bundle.exists"
    OPENING = "bundle.opening"
    OTHER_NETWORK = "bundle.other-network"
    SAME_FILE = "bundle.same-file"
    NAME = "bundle.name"
    SEAL_REVEALED = "bundle.seal-revealed"
    """What is to be hidden would be published beside it."""


_ABOUT_OPENING: Final = frozenset({BundleCode.PREVIOUS_CUTOFF, BundleCode.PREVIOUS_SATS})


_MAX_DOCUMENT: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class Enclosed:
    """What a bundle holds beside its evidence.

    Attributes:
        previous: the bundle before it.
        seal: publish only the digests of the control proofs.
        files: further ones by their name in the bundle, as `declared_files` and `document_files`
            give them.
    """

    previous: Previous | None = None
    seal: bool = False
    files: Mapping[str, bytes] = field(default_factory=dict)


def make_bundle(evidence: Evidence, enclosed: Enclosed | None = None) -> dict[str, bytes]:
    """The files of the bundle of this evidence, which must have its headers.

    Raises:
        RequestError: nothing in the evidence shows its coins, or it has no headers.
    """
    enclosed = enclosed or Enclosed()
    if not any(source.history for source in evidence.sources):
        raise RequestError(
            MakingCode.NO_HISTORY,
            "the source lists coins and shows no transaction, so a bundle could show nothing",
            remedy="Read a source that has the history: a node, its block files, or servers.",
        )
    if not evidence.headers:
        raise RequestError(
            MakingCode.NOT_SHOWN,
            "the evidence was collected without headers",
            remedy="Collect it again with headers=True.",
        )
    published = replace(evidence, proofs=(), named=()) if enclosed.seal else evidence
    statement = assess(published)
    files = {
        STATEMENT: statement_json(statement),
        EVIDENCE: write_evidence(published),
        TRANSACTIONS: write_transactions(published.blocks),
        HEADERS: write_headers(published.headers),
        PROOFS: write_proofs(evidence.proofs, seal=enclosed.seal),
        **enclosed.files,
    }
    manifest = _write_manifest(evidence.network, digest(statement), enclosed.previous, files)
    return {**files, MANIFEST: manifest}


def make_verified(
    evidence: Evidence, enclosed: Enclosed | None = None
) -> tuple[dict[str, bytes], VerifiedBundle]:
    """The same, and what a verification of it says. Sealed proofs are opened for it, since whoever
    gets them must be able to.

    Raises:
        RequestError: as of `make_bundle`; or it does not open where the one before closed.
        BundleError: the evidence contradicts itself, or a proof does not hold, sealed or not, so
            that nobody would accept the bundle.
    """
    files = make_bundle(evidence, enclosed)
    try:
        found = verify_files(files)
        if found.sealed:
            open_sealed(found, evidence.proofs)
    except BundleError as error:
        if error.code in _ABOUT_OPENING:
            raise RequestError(
                MakingCode.OPENING,
                f"{error.what}, and nobody would accept that",
                remedy="Leave out --since; a wallet that was not declared then takes a since in "
                "the reserve, the day from which it counts.",
            ) from error
        error.remedy = (
            "Leave out the proofs that do not hold: erario prove finish writes only those that do."
            if error.code is BundleCode.PROOF
            else "Read another source: what this one gave contradicts itself."
        )
        raise
    return files, found


def save_bundle(files: Mapping[str, bytes], path: Path, *, folder: bool = False) -> None:
    """Write a bundle to a zip, or to a folder that is not there yet.

    Raises:
        RequestError: the folder is there already.
        OutputError: it cannot be written.
    """
    if not folder:
        write_whole(path, write_archive(files))
        return
    try:
        for name in sorted(files):
            (path / name).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            MakingCode.NO_FOLDER,
            f"could not make the folder {path}: {error.strerror or error}",
            remedy="Choose a folder that can be made.",
            place=Place(str(path)),
        ) from error
    # The manifest last: a folder that has one is whole.
    for name in sorted(files, key=lambda name: name == MANIFEST):
        write_whole(path / name, files[name])


def document_files(reserve: Reserve) -> dict[str, bytes]:
    """The archived documents of a reserve that has them, by their names in a bundle."""
    found = {}
    for document in reserve.documents:
        if document.file is not None:
            data = read_bounded(document.file, _MAX_DOCUMENT)
            sha256 = hashlib.sha256(data).hexdigest()
            if sha256 == document.sha256:
                found[f"{DOCUMENTS}{sha256}"] = data
    return found


def declared_files(reserve: Reserve) -> dict[str, bytes]:
    """The reserve file and the lists that it names, by their names in a bundle.

    Raises:
        RequestError: one has a name that no file of a bundle may have.
    """
    paths = reserve_files(reserve)
    root = min((path.parent for path in paths), key=lambda parent: len(parent.parts))
    found = {}
    for path in sorted(paths):
        name = f"{DECLARED}{path.relative_to(root).as_posix()}"
        _check_declared(name, path)
        found[name] = read_bounded(path)
    return found


def _check_declared(name: str, path: Path) -> None:
    try:
        check_name(name)
    except BundleError as error:
        raise RequestError(
            MakingCode.NAME,
            "a file of this name cannot stand in a bundle",
            remedy="Rename it and its folders: letters, digits, -, _ and ., never a dot first, and "
            "few folders deep.",
            place=Place(str(path)),
        ) from error


def reserve_files(reserve: Reserve) -> set[Path]:
    """The files that the wallets of a reserve are declared in."""
    paths = {one.place.file for one in reserve.wallets}
    for wallet in reserve.wallets:
        paths |= {one.place.file for one in wallet.scripts}
        paths |= {one.place.file for one in wallet.descriptors}
    return {Path(path) for path in paths}


def _write_manifest(
    network: NetworkName, statement: bytes, previous: Previous | None, files: Mapping[str, bytes]
) -> bytes:
    """The manifest of these files."""
    listed: JsonObject = {
        name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in files.items()
    }
    return canonical_json(
        {
            "format": FORMAT,
            "version": VERSION,
            "network": network.value,
            "statement": statement.hex(),
            "previous": None if previous is None else _previous_json(previous),
            "files": listed,
        }
    )


def _previous_json(previous: Previous) -> JsonObject:
    return {
        "digest": previous.digest.hex(),
        "cutoff": {"height": previous.height, "hash": show_hash(previous.block_hash)},
        "sats": dict(previous.sats),
    }
