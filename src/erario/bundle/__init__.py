"""Bundles: one file with a statement and all its evidence, and the verifier that needs no more.

names            the files of a bundle, and their bounds
archive          the one zip that they make; `container`: zip or folder, read whole
strict_json      canonical JSON, read as hostile input
manifest         SHA-256 of every file, and the digest of the bundle
evidence_json    what was declared, asked and said; `evidence_reading`: the way back
transactions     transactions and their branches; `headers`: headers, and their verification
proofs_file      control proofs, whole or sealed
declarations     none of them contradicts itself
verifying        read, assess, compare; `contents`: parts of it; `checks`: what it came to
opening          with sealed proofs, or by another age; `shown_proofs`: each as it was signed
making           the way there; `writing`: its files
ssh_signature    who signed a digest; `timestamp`: and when, at the latest
against_chain    what only a chain can show
"""

from __future__ import annotations

from erario.bundle.errors import BundleCode, BundleError
from erario.bundle.verifying import VerifiedBundle, verify_bundle

__all__ = ["BundleCode", "BundleError", "VerifiedBundle", "verify_bundle"]
