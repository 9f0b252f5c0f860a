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
from erario.errors import ErarioError, Place
from erario.statement.json_values import JsonObject, instant_json

if TYPE_CHECKING:
    from erario.chain.source import HeaderChain

_ROOT = slice(36, 68)
_TIME = slice(68, 72)
_MINUTE = "%Y-%m-%d %H:%M"


def check_signature(found: VerifiedBundle, signature: Path, allowed_signers: Path) -> Check:
    """Who signed the digest of a bundle.

    Raises:
        BundleError: the signature does not hold, or is nobody's who is allowed.
        RequestError: a file cannot be read, or is no allowed signers file.
    """
    armoured = read_bounded(signature, MAX_SIGNATURE)
    allowed = read_bounded(allowed_signers, MAX_SIGNERS).decode("utf-8", "replace")
    try:
        signer = verify_signature(found.manifest.digest, armoured, allowed, datetime.now(UTC))
    except ErarioError as error:
        error.place = Place(str(signature if isinstance(error, BundleError) else allowed_signers))
        raise
    what = (
        f"{signature.name}: the digest is signed by {signer.principals}, whom line {signer.line} "
        f"of {allowed_signers.name} names with the key {signer.fingerprint}"
    )
    facts: JsonObject = {
        "file": str(signature),
        "signer": signer.principals,
        "line": signer.line,
        "key": signer.fingerprint,
    }
    return Check("signature", Standing.CHECKED, what, facts)


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
    try:
        return _check_timestamp(found, timestamp, chain, signatures)
    except BundleError as error:
        error.place = error.place or Place(str(timestamp))
        raise


def _check_timestamp(
    found: VerifiedBundle,
    timestamp: Path,
    chain: HeaderChain | None,
    signatures: Sequence[Path],
) -> Check:
    proof = read_timestamp(read_bounded(timestamp, MAX_PROOF))
    targets = {found.manifest.digest: "the digest"}
    for path in signatures:
        signed = hashlib.sha256(read_bounded(path, MAX_SIGNATURE)).digest()
        targets[signed] = f"the signature {path.name}"
    if proof.digest not in targets:
        raise BundleError(
            BesideCode.TIMESTAMP_OTHER,
            "the timestamp is over something else than this bundle",
            remedy="Give the .ots file of this bundle's manifest.json, or of a signature that is "
            "given with --signature.",
        )
    if not proof.roots:
        # Nothing speaks against the bundle: a timestamp waits for a block for some hours.
        what = "the timestamp is only promised: complete it some hours later with ots upgrade"
        return Check("timestamp", Standing.NOT_CHECKED, what, _facts(timestamp))
    for height in sorted(proof.roots):
        header = _header(found, Height(height), chain)
        if header is None:
            continue
        if header[_ROOT] != proof.roots[height]:
            raise BundleError(
                BesideCode.TIMESTAMP_WRONG,
                f"the timestamp does not lead to block {height:,}",
                remedy="Do not rely on the timestamp; ask whoever made it for another.",
            )
        moment = datetime.fromtimestamp(int.from_bytes(header[_TIME], "little"), UTC)
        cutoff = found.evidence.cutoff
        what = (
            f"{targets[proof.digest]} was there before block {height:,} of {moment:{_MINUTE}} UTC, "
            f"and not before block {cutoff.height:,} of {cutoff.time:{_MINUTE}} UTC"
        )
        return Check("timestamp", Standing.CHECKED, what, _facts(timestamp, height, moment))
    height = min(proof.roots)
    what = f"it names block {height:,}, whose header is not in the bundle: give a --source"
    return Check("timestamp", Standing.NOT_CHECKED, what, _facts(timestamp, height))


def _facts(
    timestamp: Path, height: int | None = None, moment: datetime | None = None
) -> JsonObject:
    time = None if moment is None else instant_json(moment)
    return {"file": str(timestamp), "height": height, "time": time}


def _header(found: VerifiedBundle, height: Height, chain: HeaderChain | None) -> bytes | None:
    if found.headers.has(height):
        return found.headers.header(height)
    return chain.header(height) if chain is not None and height <= chain.tip else None
