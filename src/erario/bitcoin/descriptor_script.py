"""Scripts with holes for keys: compiled once for a descriptor, filled in for each index."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from erario.bitcoin.descriptor_keys import Key
from erario.bitcoin.hashes import hash160


@dataclass(frozen=True, slots=True)
class Push:
    """A hole: one key, pushed."""

    key: int


@dataclass(frozen=True, slots=True)
class PushHash:
    """A hole: the HASH160 of one key, pushed."""

    key: int


@dataclass(frozen=True, slots=True)
class PushSorted:
    """A hole: keys pushed in order of their bytes (BIP 67), each but the first behind `between`."""

    keys: tuple[int, ...]
    between: bytes = b""
    after_first: bytes = b""


Piece = bytes | Push | PushHash | PushSorted


def render(pieces: Iterable[Piece], keys: list[bytes]) -> bytes:
    """The script with its keys filled in."""
    parts = []
    for piece in pieces:
        if isinstance(piece, bytes):
            parts.append(piece)
        elif isinstance(piece, Push):
            parts.append(push(keys[piece.key]))
        elif isinstance(piece, PushHash):
            parts.append(push(hash160(keys[piece.key])))
        else:
            pushes = [push(key) for key in sorted(keys[number] for number in piece.keys)]
            parts.append(pushes[0] + piece.after_first)
            parts.extend(each + piece.between for each in pushes[1:])
    return b"".join(parts)


def push(data: bytes) -> bytes:
    """A direct push; keys and hashes are shorter than 76 bytes."""
    return bytes([len(data)]) + data


def push_number(number: int) -> bytes:
    """A number as scripts push it, from 0 to 2^31 - 1."""
    if number == 0:
        return b"\x00"
    if number <= 16:
        return bytes([0x50 + number])
    return push(number.to_bytes(number.bit_length() // 8 + 1, "little"))


def size_of(pieces: Iterable[Piece], keys: list[Key]) -> int:
    """Bytes of the script, which no index changes."""
    return len(render(pieces, [bytes(key.size) for key in keys]))


def merged(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """The same with neighbouring bytes joined, so that filling in has little to do."""
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if isinstance(piece, bytes) and isinstance(last, bytes):
            joined[-1] = last + piece
        else:
            joined.append(piece)
    return tuple(joined)
