"""HASH160, by which scripts name public keys and other scripts.

RIPEMD-160 is missing from many builds of OpenSSL, and so from hashlib; embit brings its own.
"""

from __future__ import annotations

from embit import hashes


def hash160(data: bytes) -> bytes:
    """RIPEMD-160 of SHA-256: 20 bytes."""
    return bytes(hashes.hash160(data))
