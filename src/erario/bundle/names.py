"""The files of a bundle, and the bounds that hold before anything is read.

`documents/` holds archived documents, each named by its own SHA-256; `declared/` the reserve as it
was declared, which is left out unless somebody asks for it.
"""

from __future__ import annotations

import re
from typing import Final

from erario.bundle.errors import BundleCode, BundleError

MANIFEST: Final = "manifest.json"
STATEMENT: Final = "statement.json"
EVIDENCE: Final = "evidence.json"
TRANSACTIONS: Final = "transactions.bin"
HEADERS: Final = "headers.bin"
PROOFS: Final = "proofs.json"
DOCUMENTS: Final = "documents/"
DECLARED: Final = "declared/"

REQUIRED: Final = (EVIDENCE, HEADERS, MANIFEST, PROOFS, STATEMENT, TRANSACTIONS)

MAX_FILES: Final = 1_000
MAX_BYTES: Final = 1 << 30
"""Of a whole bundle."""
MAX_MANIFEST: Final = 1 << 20

_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_MAX_PARTS: Final = 6


def check_name(name: str) -> None:
    """Refuse what no file of a bundle may be called.

    Raises:
        BundleError: it leads elsewhere, or is no file of this format.
    """
    parts = name.split("/")
    if len(parts) > _MAX_PARTS or not all(map(_NAME.fullmatch, parts)):
        raise BundleError(BundleCode.PATH, f"it has a file named {name[:120]!a}")
    is_document = len(parts) == 2 and name.startswith(DOCUMENTS) and _DIGEST.fullmatch(parts[1])
    if not (name in REQUIRED or is_document or (name.startswith(DECLARED) and len(parts) > 1)):
        raise BundleError(BundleCode.UNKNOWN_FILE, f"it has a file {name}, which means nothing")


def check_names(names: set[str]) -> None:
    """Refuse files of which one is missing, or that no folder can hold beside each other.

    Raises:
        BundleError: with the first that is.
    """
    if len({name.lower() for name in names}) != len(names):
        raise BundleError(BundleCode.DUPLICATE_NAME, "two files differ in case alone")
    for name in names:
        parts = name.split("/")
        if any("/".join(parts[:at]) in names for at in range(1, len(parts))):
            raise BundleError(BundleCode.PATH, f"its {name} lies within another file")
    for name in REQUIRED:
        if name not in names:
            raise BundleError(BundleCode.MISSING_FILE, f"it has no {name}")
