"""What lies beside a bundle, held against it: signatures over its digest, and timestamps."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from erario.bitcoin.values import Height
from erario.bundle.beside_codes import BesideCode
from erario.bundle.checks import Check, Standing
from erario.bundle.container import read_bounded
from erario.bundle.errors import BundleError
from erario.bundle.ssh_signature import (
    MAX_SIGNATURE,
    MAX_SIGNERS,
    verify_signature,
)
from erario.bundle.timestamp import MAX_PROOF, read_timestamp
from erario.bundle.verifying import VerifiedBundle

if TYPE_CHECKING:
    from erario.chain.source import HeaderChain

_ROOT = slice(36, 68)
_TIME = slice(68, 72)


def check_signature(found: VerifiedBundle, signature: Path, allowed_signers: Path) -> Check:
    """Who signed the digest of a bundle.

    Raises:
        BundleError: the signature does not hold, or is nobody's who is allowed.
        RequestError: a file cannot be read.
    """
    signer = verify_signature(
        found.manifest.digest,
        read_bounded(signature, MAX_SIGNATURE),
        read_bounded(allowed_signers, MAX_SIGNERS).decode("utf-8", "replace"),
        datetime.now(UTC),
    )
    what = f"the digest is signed by {signer.principals}, with the key {signer.fingerprint}"
    return Check("signature", Standing.CHECKED, what)


def check_timestamp(
    found: VerifiedBundle,
    timestamp: Path,
    chain: HeaderChain | None = None,
    signatures: Sequence[Path] = (),
) -> Check:
    """By when the digest of a bundle was there, or a signature over it.

    Raises:
        BundleError: it is no proof, is over something else, or leads to a block that is another.
        RequestError: a file cannot be read.
        SourceError: the chain cannot be asked.
    """
    proof = read_timestamp(read_bounded(timestamp, MAX_PROOF))
    targets = {found.manifest.digest: "the digest"}
    for path in signatures:
        signed = hashlib.sha256(read_bounded(path, MAX_SIGNATURE)).digest()
        targets[signed] = f"the signature {path.name}"
    if proof.digest not in targets:
        raise BundleError(
            BesideCode.TIMESTAMP_OTHER, "the timestamp is over something else than this bundle"
        )
    if not proof.roots:
        raise BundleError(
            BesideCode.TIMESTAMP_PENDING,
            "the timestamp is only promised: no block has it yet",
            remedy="Ask its calendars for the whole one, some hours later: ots upgrade.",
        )
    for height in sorted(proof.roots):
        header = _header(found, Height(height), chain)
        if header is None:
            continue
        if header[_ROOT] != proof.roots[height]:
            raise BundleError(
                BesideCode.TIMESTAMP_WRONG, f"the timestamp does not lead to block {height:,}"
            )
        moment = datetime.fromtimestamp(int.from_bytes(header[_TIME], "little"), UTC)
        what = (
            f"{targets[proof.digest]} was there before block {height:,} of {moment:%Y-%m-%d %H:%M} "
            f"UTC, and not before block {found.evidence.cutoff.height:,}"
        )
        return Check("timestamp", Standing.CHECKED, what)
    height = min(proof.roots)
    what = f"it names block {height:,}, whose header is not in the bundle: give a --source"
    return Check("timestamp", Standing.NOT_CHECKED, what)


def _header(found: VerifiedBundle, height: Height, chain: HeaderChain | None) -> bytes | None:
    if found.headers.has(height):
        return found.headers.header(height)
    return chain.header(height) if chain is not None and height <= chain.tip else None
