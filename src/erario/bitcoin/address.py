"""Addresses: Base58Check for P2PKH and P2SH, Bech32 and Bech32m for witness programs.

Addresses are read by the library embit; this module alone knows it, and lets none of its
exceptions out. It is imported at the first address, since it looks for C libraries. They are
written here, two characters at a step, since a reserve may have hundreds of thousands. Rules:
BIP 13, BIP 141 (programs of 2 to 40 bytes), BIP 173 (version 0) and BIP 350 (versions 1 to 16).
testnet3, testnet4 and signet share all their prefixes; regtest shares those of Base58 with them.

Invariant: text that is no address is never echoed, since it may be a private key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from erario.bitcoin.errors import AddressError, BitcoinCode
from erario.bitcoin.network import Network, NetworkName, network
from erario.bitcoin.script import witness_program
from erario.bitcoin.values import Script, sha256d

MAX_ADDRESS_LENGTH: Final = 90
"""Characters (BIP 173); Base58 addresses are shorter."""

_WIF_VERSIONS: Final = (b"\x80", b"\xef")
"""First bytes of private keys in wallet import format, main and the others."""
_HRPS: Final = ("bc", "tb", "bcrt")
_DIGITS: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_GROUPS: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BASE58: Final = frozenset(_DIGITS)
_BECH32: Final = frozenset(_GROUPS)
_PAIRS: Final = tuple(one + other for one in _DIGITS for other in _DIGITS)
"""Two digits of Base58 by their value."""
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
"""Of the checksum of Bech32 (BIP 173)."""
_BECH32_SUM: Final = 1
_BECH32M_SUM: Final = 0x2BC830A3
"""What a right checksum leaves (BIP 173, BIP 350)."""
_P2PKH_HEAD: Final = b"\x76\xa9\x14"
_P2PKH_TAIL: Final = b"\x88\xac"
_P2SH_HEAD: Final = b"\xa9\x14"
_P2SH_TAIL: Final = b"\x87"


def read_address(text: str, name: NetworkName) -> Script:
    """The scriptPubKey that an address of network `name` stands for.

    Raises:
        AddressError: no address, or one of other networks; the sentence names them.
    """
    script, names = _decode(text)
    if name not in names:
        others = " or ".join(names)
        raise AddressError(
            BitcoinCode.ADDRESS_NETWORK,
            f"the address {text} belongs to {others}, not to {name}",
            remedy=f"Give an address of {name}, or ask about {others}.",
        )
    return script


def networks_of(text: str) -> tuple[NetworkName, ...]:
    """The networks that an address can belong to, never none.

    Raises:
        AddressError: no address of any network.
    """
    return _decode(text)[1]


def show_address(script: bytes, name: NetworkName) -> str | None:
    """The address of a scriptPubKey on network `name`; None where it has none, as P2PK has."""
    rules = network(name)
    if len(script) == 25 and script[:3] == _P2PKH_HEAD and script[23:] == _P2PKH_TAIL:
        return _base58(bytes((rules.p2pkh_version,)) + script[3:23])
    if len(script) == 23 and script[:2] == _P2SH_HEAD and script[22:] == _P2SH_TAIL:
        return _base58(bytes((rules.p2sh_version,)) + script[2:22])
    program = witness_program(script)
    if program is None:
        return None
    version, data = program
    if version == 0 and len(data) not in {20, 32}:
        return None
    return _bech32(rules.hrp, version, data)


def _base58(payload: bytes) -> str:
    data = payload + sha256d(payload)[:4]
    left = int.from_bytes(data, "big")
    pairs = []
    while left:
        left, pair = divmod(left, len(_PAIRS))
        pairs.append(_PAIRS[pair])
    digits = "".join(reversed(pairs)).lstrip(_DIGITS[0])
    # Each zero byte at the front is a digit of its own.
    return _DIGITS[0] * (len(data) - len(data.lstrip(b"\0"))) + digits


def _bech32(hrp: str, version: int, program: bytes) -> str:
    size = -(-8 * len(program) // 5)
    number = int.from_bytes(program, "big") << (5 * size - 8 * len(program))
    left, text, tables = _start(hrp, version), f"{hrp}1{_GROUPS[version]}", _tables()
    if size & 1:
        size -= 1
        group = number >> 5 * size
        left = _step(left, group)
        text += _GROUPS[group]
    # Two groups a step from here on: behind the last come six empty ones, and then the checksum.
    pairs = [number >> shift & 1023 for shift in range(5 * size - 10, -1, -10)]
    for pair in (*pairs, 0, 0, 0):
        left = (left & 0xFFFFF) << 10 ^ pair ^ tables.carried[left >> 20]
    left ^= _BECH32M_SUM if version else _BECH32_SUM
    shown = [tables.shown[pair] for pair in (*pairs, left >> 20, left >> 10 & 1023, left & 1023)]
    return text + "".join(shown)


@dataclass(frozen=True, slots=True)
class _Tables:
    """For two groups at once: what they add again when they leave the checksum at its top, and
    how they are written."""

    carried: tuple[int, ...]
    shown: tuple[str, ...]


@cache
def _tables() -> _Tables:
    carried = tuple(_step(_step(pair << 20, 0), 0) for pair in range(1024))
    return _Tables(carried, tuple(one + other for one in _GROUPS for other in _GROUPS))


@cache
def _start(hrp: str, version: int) -> int:
    """The state of the checksum behind the prefix and the version of a program."""
    left = 1
    for group in (*(ord(c) >> 5 for c in hrp), 0, *(ord(c) & 31 for c in hrp), version):
        left = _step(left, group)
    return left


def _step(left: int, group: int) -> int:
    """The state of the checksum (BIP 173) behind one more group of five bits."""
    top, left = left >> 25, (left & 0x1FFFFFF) << 5 ^ group
    for bit, added in enumerate(_GENERATOR):
        left ^= added if top >> bit & 1 else 0
    return left


def _decode(text: str) -> tuple[Script, tuple[NetworkName, ...]]:
    if not 1 <= len(text) <= MAX_ADDRESS_LENGTH:
        raise _refusal(
            BitcoinCode.ADDRESS_LENGTH,
            f"an address has 1 to {MAX_ADDRESS_LENGTH} characters, not {len(text)}",
        )
    hrp, separator, _ = text.lower().rpartition("1")
    if separator and hrp in _HRPS:
        return _decode_bech32(text, hrp)
    return _decode_base58(text)


def _decode_bech32(text: str, hrp: str) -> tuple[Script, tuple[NetworkName, ...]]:
    from embit import bech32  # noqa: PLC0415 - costs 40 ms, see the module's docstring

    if text not in {text.lower(), text.upper()}:
        raise _refusal(BitcoinCode.ADDRESS_CHARACTERS, "the address mixes lower and upper case")
    if not _BECH32.issuperset(text.lower()[len(hrp) + 1 :]):
        raise _refusal(
            BitcoinCode.ADDRESS_CHARACTERS,
            "the address has characters that no address has",
        )
    encoding, _, data = bech32.bech32_decode(text)
    if encoding is None or data is None:
        raise _refusal(BitcoinCode.ADDRESS_CHECKSUM, "the checksum of the address is wrong")
    if not data or data[0] > 16:
        raise _refusal(BitcoinCode.ADDRESS_PROGRAM, "the address has no witness version of 0 to 16")
    version = data[0]
    right = bech32.Encoding.BECH32 if version == 0 else bech32.Encoding.BECH32M
    if encoding != right:
        kind = "Bech32" if version == 0 else "Bech32m"
        raise _refusal(
            BitcoinCode.ADDRESS_CHECKSUM,
            f"the address of witness version {version} has no {kind} checksum",
        )
    program = bech32.convertbits(data[1:], 5, 8, False)  # noqa: FBT003 - embit's own signature
    fits = program is not None and (
        len(program) in {20, 32} if version == 0 else 2 <= len(program) <= 40
    )
    if not fits:
        raise _refusal(
            BitcoinCode.ADDRESS_PROGRAM,
            "the address has a witness program of a length that cannot be",
        )
    opcode = 0x50 + version if version else 0
    script = Script(bytes((opcode, len(program))) + bytes(program))
    return script, tuple(n for n in NetworkName if network(n).hrp == hrp)


def _decode_base58(text: str) -> tuple[Script, tuple[NetworkName, ...]]:
    from embit import base58  # noqa: PLC0415 - see above

    if not _BASE58.issuperset(text):
        raise _refusal(
            BitcoinCode.ADDRESS_CHARACTERS,
            "the address has characters that no address has",
        )
    try:
        payload = bytes(base58.decode_check(text))
    except ValueError as error:
        raise _refusal(
            BitcoinCode.ADDRESS_CHECKSUM, "the checksum of the address is wrong"
        ) from error
    version, digest = payload[:1], payload[1:]
    if version in _WIF_VERSIONS and len(digest) in {32, 33}:
        raise AddressError(
            BitcoinCode.ADDRESS_PRIVATE_KEY,
            "this is a private key, not an address",
            remedy="Take it out, hold it for known to others, and move its coins.",
        )
    if len(digest) != 20:
        raise _refusal(
            BitcoinCode.ADDRESS_LENGTH, "the text is not of the length that addresses have"
        )
    p2pkh = _networks_where(lambda n: n.p2pkh_version == version[0])
    if p2pkh:
        return Script(_P2PKH_HEAD + digest + _P2PKH_TAIL), p2pkh
    p2sh = _networks_where(lambda n: n.p2sh_version == version[0])
    if p2sh:
        return Script(_P2SH_HEAD + digest + _P2SH_TAIL), p2sh
    raise _refusal(BitcoinCode.ADDRESS_UNKNOWN, "the address is of no network that erario knows")


def _networks_where(fits: Callable[[Network], bool]) -> tuple[NetworkName, ...]:
    return tuple(n for n in NetworkName if fits(network(n)))


def _refusal(code: BitcoinCode, what: str) -> AddressError:
    return AddressError(
        code, what, remedy="Copy the address again from where it was published, whole."
    )
