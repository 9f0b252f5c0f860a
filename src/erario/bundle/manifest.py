"""`manifest.json`: what is in a bundle, and the digest that names it.

The digest of a bundle is SHA-256 over the bytes of its manifest, which holds size and SHA-256 of
every other file: one value that stands for all of it, whether it lies in a zip or in a folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import MAX_MONEY, BlockHash, Height, Sats
from erario.bundle.errors import BundleCode, BundleError
from erario.bundle.evidence_reading import check_format
from erario.bundle.names import MANIFEST, MAX_BYTES, MAX_MANIFEST
from erario.bundle.strict_json import Fields, read_json
from erario.statement.json_values import Json

FORMAT: Final = "erario-bundle"
VERSION: Final = 1
_DIGEST: Final = 32


@dataclass(frozen=True, slots=True)
class Previous:
    """The bundle that this one follows: its digest, the block that it closed on, and what each
    holder's counted wallets held there."""

    digest: bytes
    height: Height
    block_hash: BlockHash
    sats: Mapping[str, Sats]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The manifest. `statement` is the statement's digest; `files` has size and SHA-256 of each
    file but this one; `digest` is of the bundle."""

    network: NetworkName
    statement: bytes
    previous: Previous | None
    files: Mapping[str, tuple[int, bytes]]
    digest: bytes


def read_manifest(files: Mapping[str, bytes]) -> Manifest:
    """The manifest of a bundle, held against all of its files.

    Raises:
        BundleError: it is not of this format, or a file is not the one that it lists.
    """
    data = files[MANIFEST]
    if len(data) > MAX_MANIFEST:
        raise BundleError(BundleCode.TOO_LARGE, f"{MANIFEST} has over {MAX_MANIFEST:,} bytes")
    fields = Fields(
        read_json(data, MANIFEST),
        MANIFEST,
        ("format", "version", "network", "statement", "previous", "files"),
    )
    check_format(fields, FORMAT, VERSION)
    manifest = Manifest(
        network=fields.choice("network", NetworkName),
        statement=fields.hexes("statement", least=_DIGEST, most=_DIGEST),
        previous=None if fields.is_null("previous") else _previous(fields.raw("previous")),
        files=_files(fields.raw("files")),
        digest=hashlib.sha256(data).digest(),
    )
    _check_files(manifest, files)
    return manifest


def _check_files(manifest: Manifest, files: Mapping[str, bytes]) -> None:
    for name in sorted(manifest.files.keys() | files.keys() - {MANIFEST}):
        if name not in manifest.files:
            raise BundleError(BundleCode.UNLISTED, f"its manifest does not list {name}")
        if name not in files:
            raise BundleError(BundleCode.MISSING_FILE, f"it has no {name}")
        size, sha256 = manifest.files[name]
        if len(files[name]) != size:
            raise BundleError(BundleCode.SIZE, f"{name} is not of the size that is listed")
        if hashlib.sha256(files[name]).digest() != sha256:
            raise BundleError(BundleCode.DIGEST, f"{name} is not the file that its manifest lists")


def _files(value: Json) -> dict[str, tuple[int, bytes]]:
    if not isinstance(value, dict) or MANIFEST in value:
        raise BundleError(BundleCode.FIELD, f"{MANIFEST} lists no files, or itself")
    found = {}
    for name, one in value.items():
        fields = Fields(one, "a listed file", ("size", "sha256"))
        size = fields.whole("size", most=MAX_BYTES)
        found[name] = size, fields.hexes("sha256", least=_DIGEST, most=_DIGEST)
    return found


def _previous(value: Json) -> Previous:
    fields = Fields(value, "previous", ("digest", "cutoff", "sats"))
    cutoff = Fields(fields.raw("cutoff"), "the previous cut-off", ("height", "hash"))
    sats = fields.raw("sats")
    if not isinstance(sats, dict):
        fields.refuse("has no amounts by holder as sats")
    amounts = Fields(sats, "previous", tuple(sats))
    return Previous(
        fields.hexes("digest", least=_DIGEST, most=_DIGEST),
        cutoff.height("height"),
        BlockHash(cutoff.hash("hash")),
        {holder: Sats(amounts.whole(holder, most=MAX_MONEY)) for holder in sats},
    )
