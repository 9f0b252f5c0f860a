"""Types of scriptPubKeys, told from their bytes alone.

The patterns are Bitcoin Core's (script/solver.cpp): BIP 16 for P2SH, BIP 141 for witness programs,
BIP 341 for P2TR, and the two bytes 4e73 of pay-to-anchor. Whether the script of an unspent output
could ever be spent is `is_unspendable` (script/script.h).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

MAX_SCRIPT_SIZE: Final = 10_000
"""Bytes; a longer script fails when it is run (Bitcoin Core, script/script.h)."""

_OP_RETURN: Final = 0x6A
_OP_1: Final = 0x51
_OP_16: Final = 0x60
_OP_CHECKSIG: Final = 0xAC
_OP_CHECKMULTISIG: Final = 0xAE
_MAX_MULTISIG_KEYS: Final = 20
_PAY_TO_ANCHOR: Final = bytes.fromhex("51024e73")


class ScriptType(StrEnum):
    """What kind of output a scriptPubKey makes."""

    P2PK = "p2pk"
    P2PKH = "p2pkh"
    P2SH = "p2sh"
    P2WPKH = "p2wpkh"
    P2WSH = "p2wsh"
    P2TR = "p2tr"
    MULTISIG = "multisig"
    P2A = "p2a"
    WITNESS_UNKNOWN = "witness_unknown"
    NONSTANDARD = "nonstandard"


def classify(script: bytes) -> ScriptType:
    """The type of a scriptPubKey; `NONSTANDARD` for all that has no name."""
    program = witness_program(script)
    if program is not None:
        return _classify_program(script, *program)
    size = len(script)
    if size == 25 and script.startswith(b"\x76\xa9\x14") and script.endswith(b"\x88\xac"):
        return ScriptType.P2PKH
    if size == 23 and script.startswith(b"\xa9\x14") and script[22] == 0x87:
        return ScriptType.P2SH
    if size in {35, 67} and script[-1] == _OP_CHECKSIG and _is_key(script[1:-1], script[0]):
        return ScriptType.P2PK
    if _is_multisig(script):
        return ScriptType.MULTISIG
    return ScriptType.NONSTANDARD


def witness_program(script: bytes) -> tuple[int, bytes] | None:
    """Version (0 to 16) and program (2 to 40 bytes) of a witness output, else None (BIP 141)."""
    if not 4 <= len(script) <= 42 or script[1] != len(script) - 2:
        return None
    if script[0] == 0:
        return 0, script[2:]
    if _OP_1 <= script[0] <= _OP_16:
        return script[0] - _OP_1 + 1, script[2:]
    return None


def is_unspendable(script: bytes) -> bool:
    """Whether no input can ever spend the output, so that it is never a coin."""
    return script[:1] == b"\x6a" or len(script) > MAX_SCRIPT_SIZE


def is_key_visible(script: bytes) -> bool:
    """Whether a public key stands in the output itself: P2PK, bare multisig and P2TR."""
    return classify(script) in {ScriptType.P2PK, ScriptType.MULTISIG, ScriptType.P2TR}


def _classify_program(script: bytes, version: int, program: bytes) -> ScriptType:
    if version == 0 and len(program) == 20:
        return ScriptType.P2WPKH
    if version == 0 and len(program) == 32:
        return ScriptType.P2WSH
    if version == 1 and len(program) == 32:
        return ScriptType.P2TR
    if script == _PAY_TO_ANCHOR:
        return ScriptType.P2A
    # A version 0 program of another length fails by consensus: it has no future meaning.
    return ScriptType.NONSTANDARD if version == 0 else ScriptType.WITNESS_UNKNOWN


def _is_key(key: bytes, push: int) -> bool:
    # As Core: the length must fit the prefix; whether the point is on the curve is not asked.
    if len(key) != push:
        return False
    if len(key) == 33:
        return key[0] in {2, 3}
    return len(key) == 65 and key[0] in {4, 6, 7}


def _is_multisig(script: bytes) -> bool:
    if len(script) < 3 or script[-1] != _OP_CHECKMULTISIG:
        return False
    needed, position = _small_number(script, 0)
    keys = 0
    while position < len(script) and script[position] in {33, 65}:
        push = script[position]
        if not _is_key(script[position + 1 : position + 1 + push], push):
            return False
        position += 1 + push
        keys += 1
    announced, position = _small_number(script, position)
    return position == len(script) - 1 and announced == keys and 1 <= needed <= keys


def _small_number(script: bytes, position: int) -> tuple[int, int]:
    """The number 1 to 20 pushed at `position`, and the position behind it; 0 where none is.

    Up to 16 it is an opcode, above that a push of one byte.
    """
    code = script[position] if position < len(script) else 0
    if _OP_1 <= code <= _OP_16:
        return code - _OP_1 + 1, position + 1
    if code == 1 and position + 1 < len(script):
        number = script[position + 1]
        if 16 < number <= _MAX_MULTISIG_KEYS:
            return number, position + 2
    return 0, position
