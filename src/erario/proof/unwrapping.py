"""What of an input is run: the innermost script, what stands on the stack, and what wraps it.

Only where bytes stand is told here (BIP 16, 141, 341), never what they do.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Final, NamedTuple

from erario.bitcoin.encoding import write_compact_size
from erario.bitcoin.script import witness_program
from erario.proof.messages import SignedInput
from erario.proof.scripts import read_pushes, write_push

_LEAF_TAG: Final = hashlib.sha256(b"TapLeaf").digest()


class Kind(StrEnum):
    """Which rules a script is run by."""

    LEGACY = "legacy"
    WITNESS_V0 = "witness-v0"
    TAPROOT_KEY = "taproot-key"
    TAPSCRIPT = "tapscript"
    NO_RULES = "no-rules"


class Unwrapped(NamedTuple):
    """An input taken apart.

    Attributes:
        script: what is run last; empty where none is.
        stack: what it finds.
        tail: what follows the stack in the witness, or is pushed after it in the input.
        annex: of a taproot input, with its first byte; empty where there is none.
        leaf_hash: of a tapscript.
    """

    kind: Kind
    script: bytes = b""
    stack: tuple[bytes, ...] = ()
    tail: tuple[bytes, ...] = ()
    annex: bytes = b""
    leaf_hash: bytes = b""

    def with_stack(self, spend: SignedInput, stack: tuple[bytes, ...]) -> SignedInput:
        """The same input with another stack."""
        if self.kind is Kind.LEGACY:
            script_sig = b"".join(map(write_push, stack + self.tail))
            return spend._replace(script_sig=script_sig)
        return spend._replace(witness=stack + self.tail)


def unwrap(spend: SignedInput) -> Unwrapped | None:
    """The input taken apart; None where its own script does more than push.

    Rests on consensus: what it would refuse comes out as it happens to be.
    """
    found = read_pushes(spend.script_sig)
    if found is None:
        return None
    pushes = tuple(found[0])
    program = witness_program(spend.script)
    is_wrapped = False
    if program is None and _is_script_hash(spend.script) and pushes:
        is_wrapped = True
        program = witness_program(pushes[-1])
        if program is None:
            return Unwrapped(Kind.LEGACY, pushes[-1], pushes[:-1], pushes[-1:])
    if program is None:
        return Unwrapped(Kind.LEGACY, spend.script, pushes)
    version, data = program
    if version == 0 and spend.witness:
        return Unwrapped(Kind.WITNESS_V0, spend.witness[-1], spend.witness[:-1], spend.witness[-1:])
    if version == 1 and len(data) == 32 and not is_wrapped:
        return _unwrap_taproot(spend.witness)
    return Unwrapped(Kind.NO_RULES)


def _unwrap_taproot(witness: tuple[bytes, ...]) -> Unwrapped:
    annex: tuple[bytes, ...] = ()
    if len(witness) >= 2 and witness[-1][:1] == b"\x50":
        annex, witness = witness[-1:], witness[:-1]
    if len(witness) < 2:
        return Unwrapped(Kind.TAPROOT_KEY, stack=witness, tail=annex, annex=b"".join(annex))
    *stack, script, control = witness
    version = bytes((control[0] & 0xFE,)) if control else b""
    return Unwrapped(
        Kind.TAPSCRIPT,
        script,
        tuple(stack),
        (script, control, *annex),
        b"".join(annex),
        hash_leaf(version, script),
    )


def hash_leaf(version: bytes, script: bytes) -> bytes:
    """The hash of a leaf (BIP 341), its version one byte."""
    data = version + write_compact_size(len(script)) + script
    return hashlib.sha256(_LEAF_TAG + _LEAF_TAG + data).digest()


def _is_script_hash(script: bytes) -> bool:
    return len(script) == 23 and script[:2] == b"\xa9\x14" and script[22] == 0x87
