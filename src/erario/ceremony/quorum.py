"""The ways in which an input can be signed: by which keys, how many of them, and with what script.

A way is known from the bytes of a script: one key, a multisig, taproot's key path, and leaves of
one key or `multi_a`. Of any other script only the keys are known: its policy is its wallet's, which
must finalise the PSBT.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from erario.bitcoin.hashes import hash160
from erario.bitcoin.values import Script
from erario.proof.psbt import (
    DERIVATION,
    REDEEM_SCRIPT,
    TAP_DERIVATION,
    TAP_INTERNAL_KEY,
    TAP_LEAF_SCRIPT,
    WITNESS_SCRIPT,
    Fields,
)
from erario.proof.templates import read_leaf, read_multisig
from erario.proof.unwrapping import hash_leaf

NOBODYS_KEY: Final = bytes.fromhex(
    "50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0"
)
"""The point of BIP 341 whose private key nobody knows: a key path that is closed."""
_TAPSCRIPT: Final = b"\xc0"


class Kind(Enum):
    """What kind of signature a way takes."""

    LEGACY = "legacy"
    WITNESS_V0 = "witness v0"
    KEY_PATH = "key path"
    LEAF = "leaf"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to sign an input.

    Attributes:
        kind: of its signatures.
        needed: how many keys must sign; None where only the wallet knows.
        keys: those that can, 33 or 65 bytes, in taproot 32.
        code: the script that signatures commit to; in a key path the output's.
        leaf: the hash of a leaf, else empty.
    """

    kind: Kind
    needed: int | None
    keys: tuple[bytes, ...]
    code: bytes = b""
    leaf: bytes = b""


def ways(script: Script, fields: Fields) -> tuple[Way, ...]:
    """The ways of an input that spends from `script`, as far as its PSBT fields tell."""
    if len(script) == 34 and script[:2] == b"\x51\x20":
        return tuple(_taproot_ways(script, fields))
    keys = tuple(sorted(key[1:] for key in fields if key[:1] == DERIVATION))
    redeem = fields.get(REDEEM_SCRIPT)
    kind = Kind.WITNESS_V0
    program: bytes = script
    if redeem is not None and script == b"\xa9\x14" + hash160(redeem) + b"\x87":
        program = redeem
    if len(program) == 22 and program[:2] == b"\x00\x14":
        return _one_key(kind, program[2:], keys)
    if len(program) == 34 and program[:2] == b"\x00\x20":
        code = fields.get(WITNESS_SCRIPT, b"")
        if hashlib.sha256(code).digest() != program[2:]:
            return ()
    elif len(program) == 25 and program[:3] == b"\x76\xa9\x14":
        return _one_key(Kind.LEGACY, program[3:23], keys)
    else:
        kind, code = Kind.LEGACY, program
    found = read_multisig(code)
    if found is not None:
        return (Way(kind, found[0], tuple(found[1]), code),)
    return (Way(kind, None, keys, code),) if keys else ()


def origins(fields: Fields) -> dict[bytes, bytes]:
    """The fingerprint of the master key of each key that an input names."""
    found = {key[1:]: value[:4] for key, value in fields.items() if key[:1] == DERIVATION}
    for key, value in fields.items():
        if key[:1] == TAP_DERIVATION and value:
            at = 1 + 32 * value[0]
            found[key[1:]] = value[at : at + 4]
    return {key: value for key, value in found.items() if len(value) == 4 and key != NOBODYS_KEY}


def _one_key(kind: Kind, digest: bytes, keys: tuple[bytes, ...]) -> tuple[Way, ...]:
    code = b"\x76\xa9\x14" + digest + b"\x88\xac"
    return tuple(Way(kind, 1, (key,), code) for key in keys if hash160(key) == digest)


def _taproot_ways(script: Script, fields: Fields) -> Iterator[Way]:
    internal = fields.get(TAP_INTERNAL_KEY)
    if internal is not None and internal != NOBODYS_KEY:
        yield Way(Kind.KEY_PATH, 1, (internal,), script)
    for key, value in sorted(fields.items()):
        if key[:1] != TAP_LEAF_SCRIPT or value[-1:] != _TAPSCRIPT:
            continue
        code, leaf = value[:-1], hash_leaf(_TAPSCRIPT, value[:-1])
        found = read_leaf(code)
        if found is not None:
            yield Way(Kind.LEAF, found[0], tuple(found[1]), code, leaf)
            continue
        named = [
            one[1:]
            for one, where in fields.items()
            if one[:1] == TAP_DERIVATION and leaf in _leaves(where)
        ]
        if named:
            yield Way(Kind.LEAF, None, tuple(sorted(named)), code, leaf)


def _leaves(value: bytes) -> set[bytes]:
    count = value[0] if value else 0
    return {value[1 + 32 * number : 33 + 32 * number] for number in range(count)}
