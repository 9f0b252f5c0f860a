"""How Bitcoin Core writes coins into its database and its snapshots: numbers and scripts, packed.

    number      groups of seven bits, highest first; each that goes on counts one more, so that
                every number has one form (serialize.h, VARINT)
    script      a number, then bytes (compressor.h): 0 P2PKH and 1 P2SH with the hash of 20 bytes;
                2 and 3 P2PK with the x of a compressed key; 4 and 5 the same for an uncompressed
                key whose y is even or odd; else the size plus 6, and the script as it is

Invariant: a script has one packed form, `pack_script`, but for P2PK with a full key: that one is
also read where it stands as it is. The curve is libsecp256k1's, through embit.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

PLAIN_KINDS: Final = 6
"""Numbers below this stand for a form; a script as it is has its size plus this."""

_PACKED_SIZES: Final = frozenset({23, 25, 35, 67})
_OP_CHECKSIG: Final = 0xAC
_FULL_KEY: Final = 0x04


def write_number(number: int) -> bytes:
    """The packed form of `number`, 0 or more."""
    groups = [number & 0x7F]
    while number > 0x7F:
        number = (number >> 7) - 1
        groups.append(number & 0x7F | 0x80)
    return bytes(reversed(groups))


_HEADS: Final = tuple(write_number(size + PLAIN_KINDS) for size in range(100))


def pack_script(script: bytes) -> bytes:
    """The packed form of a script."""
    size = len(script)
    if size not in _PACKED_SIZES:
        return plain_script(script)
    if size == 25 and script.startswith(b"\x76\xa9\x14") and script.endswith(b"\x88\xac"):
        return b"\x00" + script[3:23]
    if size == 23 and script.startswith(b"\xa9\x14") and script[22] == 0x87:
        return b"\x01" + script[2:22]
    # Whether a compressed key is on the curve is not asked.
    if size == 35 and script[0] == 33 and script[34] == _OP_CHECKSIG and script[1] in {2, 3}:
        return script[1:34]
    if (
        is_full_key(script)
        and full_key(bytes((2 | script[65] & 1,)) + script[2:34]) == script[1:66]
    ):
        return bytes((4 | script[65] & 1,)) + script[2:34]
    return plain_script(script)


def plain_script(script: bytes) -> bytes:
    """A script as it is, behind its size."""
    size = len(script)
    return (_HEADS[size] if size < len(_HEADS) else write_number(size + PLAIN_KINDS)) + script


def is_full_key(script: bytes) -> bool:
    """Whether it pays to a public key of 65 bytes, on the curve or not."""
    return (
        len(script) == 67
        and script[0] == 65
        and script[1] == _FULL_KEY
        and script[66] == _OP_CHECKSIG
    )


def full_key(key: bytes) -> bytes | None:
    """The public key of 65 bytes that `key`, of 33, stands for; None where it is no point."""
    secp256k1 = _secp256k1()
    try:
        point = secp256k1.ec_pubkey_parse(key)
        return bytes(secp256k1.ec_pubkey_serialize(point, secp256k1.EC_UNCOMPRESSED))
    except ValueError:
        return None


@cache
def _secp256k1() -> Any:  # noqa: ANN401 - a module without types
    # Importing it costs 40 ms, and few scripts need it.
    from embit.util import secp256k1  # noqa: PLC0415

    return secp256k1
