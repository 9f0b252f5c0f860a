"""When, at the latest: OpenTimestamps proofs over a bundle's manifest or over a signature.

    ots stamp manifest.json        the SHA-256 of that file is the digest of the bundle

A proof is a tree of operations from a digest to the Merkle roots of blocks: whoever has such a
block knows that the digest was there before it. Read by ourselves, within bounds; nothing is
fetched. Operations: append, prepend, reverse, hexlify, SHA-256 and SHA-1, all that calendars use.
Format and constants as of python-opentimestamps 0.4.5.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NoReturn

from erario.bundle.beside_codes import BesideCode
from erario.bundle.errors import BundleError

MAX_PROOF: Final = 1 << 20
_MAGIC: Final = b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94"
_VERSION: Final = 1
_SHA256: Final = 0x08
_FORK: Final = 0xFF
_ATTESTATION: Final = 0x00
_BITCOIN: Final = bytes.fromhex("0588960d73d71901")
_PENDING: Final = bytes.fromhex("83dfe30d2ef90c8e")
_APPEND: Final = 0xF0
_PREPEND: Final = 0xF1
_MAX_MESSAGE: Final = 4_096
_MAX_PAYLOAD: Final = 8_192
_MAX_STEPS: Final = 100_000

_PLAIN: Final[dict[int, Callable[[bytes], bytes]]] = {
    _SHA256: lambda data: hashlib.sha256(data).digest(),
    0x02: lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    0xF2: lambda data: data[::-1],
    0xF3: lambda data: data.hex().encode(),
}


@dataclass(slots=True)
class Timestamp:
    """What a proof says.

    Attributes:
        digest: what was stamped.
        roots: by height, the Merkle root (internal order) that a block there must have.
        pending: how many calendars have only promised a block.
    """

    digest: bytes
    roots: dict[int, bytes] = field(default_factory=dict)
    pending: int = 0


def read_timestamp(data: bytes) -> Timestamp:
    """The proof that a file holds.

    Raises:
        BundleError: it is none, or is larger than any true one.
    """
    reader = _Bytes(data)
    if reader.take(len(_MAGIC)) != _MAGIC or reader.number() != _VERSION:
        _refuse("it is no OpenTimestamps proof of version 1")
    if reader.take(1)[0] != _SHA256:
        _refuse("it is over another hash than SHA-256")
    found = Timestamp(reader.take(32))
    # Messages that have branches still to come, the innermost last.
    waiting: list[bytes] = []
    message: bytes = found.digest
    for _ in range(_MAX_STEPS):
        tag = reader.take(1)[0]
        if tag == _FORK:
            waiting.append(message)
            continue
        if tag == _ATTESTATION:
            _attest(reader, message, found)
            if not waiting:
                reader.finish()
                return found
            message = waiting.pop()
        elif tag in {_APPEND, _PREPEND}:
            more = reader.sized(_MAX_MESSAGE)
            message = message + more if tag == _APPEND else more + message
        elif tag in _PLAIN:
            message = _PLAIN[tag](message)
        else:
            _refuse(f"it has an operation {tag:#04x}, which is not known here")
        if len(message) > _MAX_MESSAGE:
            _refuse("it makes a message that is too long")
    raise _bad("it has too many steps")


def _attest(reader: _Bytes, message: bytes, found: Timestamp) -> None:
    kind, payload = reader.take(8), _Bytes(reader.sized(_MAX_PAYLOAD))
    if kind == _PENDING:
        found.pending += 1
    if kind != _BITCOIN:
        # Others, known or not, vouch for nothing here.
        return
    height = payload.number()
    payload.finish()
    if len(message) != 32 or height >= 1 << 31 or found.roots.get(height, message) != message:
        _refuse("it names a block that cannot have what it says")
    found.roots[height] = message


class _Bytes:
    """Bytes and numbers, never past their end."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        """The next bytes."""
        if size > len(self._data) - self._at:
            _refuse("it ends too early")
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self) -> int:
        """A number of seven bits a byte, the lowest first."""
        value = 0
        for shift in range(0, 63, 7):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return value
        raise _bad("it has a number that is too large")

    def sized(self, most: int) -> bytes:
        """Bytes behind their number."""
        size = self.number()
        if size > most:
            _refuse("it has a part that is too long")
        return self.take(size)

    def finish(self) -> None:
        """Check that nothing is left."""
        if self._at != len(self._data):
            _refuse("bytes follow where it ends")


def _refuse(what: str) -> NoReturn:
    raise _bad(what)


def _bad(what: str) -> BundleError:
    return BundleError(
        BesideCode.TIMESTAMP_FORM,
        f"the timestamp cannot be used: {what}",
        remedy="Give the .ots file that ots stamp or ots upgrade wrote.",
    )
