"""Key expressions of descriptors (BIP 380, BIP 389) and the public keys behind them (BIP 32).

`[fingerprint/path]KEY/path/<0;1>/*`: the path up to the wildcard is walked once for each branch,
then a key for each index costs one HMAC and one addition on the curve. All curve arithmetic is
libsecp256k1's, which embit carries for Linux, macOS and Windows and calls by ctypes; where it
cannot be loaded embit falls back to Python of its own: right, and hundreds of times slower.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from embit import base58, hashes
from embit.util import secp256k1

from erario.bitcoin.descriptor_tree import Node, at, refusal
from erario.bitcoin.errors import BitcoinCode
from erario.bitcoin.network import NetworkName

MAX_INDEX: Final = 2**31
"""Unhardened child numbers are below this (BIP 32)."""
MAX_PATH: Final = 255
"""The depth of an extended key is one byte (BIP 32)."""
MAX_BRANCHES: Final = 256

XPUB: Final = bytes.fromhex("0488b21e")
TPUB: Final = bytes.fromhex("043587cf")
"""Versions of extended public keys (BIP 32, serialization format)."""

_EXPRESSION = re.compile(
    r"(?:\[(?P<fingerprint>[0-9a-fA-F]{8})(?P<origin>(?:/[0-9]{1,10}['h]?)*)\])?"
    r"(?P<key>[0-9A-Za-z]+)(?P<path>(?:/[0-9*<>;h']+)*)"
)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,9}")
_HEX = re.compile(r"[0-9a-fA-F]+")
_SEPARATE: Final = "Write a bare public key, or an extended one with xpub or tpub."


@dataclass(frozen=True, slots=True)
class KeyRules:
    """Which keys a place takes. In taproot keys are used by their x coordinate alone."""

    uncompressed: bool = False
    taproot: bool = False


LEGACY: Final = KeyRules(uncompressed=True)
SEGWIT: Final = KeyRules()
TAPROOT: Final = KeyRules(taproot=True)


@dataclass(frozen=True, slots=True)
class ExtendedKey:
    """An extended public key; `point` is the key as libsecp256k1 keeps it.

    `lineage` is the parent's fingerprint and the child number; empty for derived keys.
    """

    version: bytes
    depth: int
    lineage: bytes
    chain: bytes
    sec: bytes
    point: bytes

    @property
    def body(self) -> bytes:
        """What is serialized behind the version."""
        return bytes([self.depth]) + self.lineage + self.chain + self.sec

    def child(self, index: int) -> ExtendedKey:
        """The unhardened child with this number.

        Raises:
            DescriptorError: there is no such child; its chance is below one in 2^127.
        """
        digest = hmac.digest(self.chain, self.sec + index.to_bytes(4, "big"), "sha512")
        point = add_to_point(self.point, digest[:32])
        sec = bytes(secp256k1.ec_pubkey_serialize(point))
        return ExtendedKey(self.version, self.depth + 1, b"", digest[32:], sec, point)


@dataclass(frozen=True, slots=True)
class Key:
    """A key expression. `identity` is equal for keys that derive the same way.

    `text` is its canonical form, which stands for `length` characters from `start` on. `paths`
    has one entry for each branch; each ends before the wildcard.
    """

    start: int
    length: int
    text: str
    identity: str
    rules: KeyRules
    fixed: bytes | None
    extended: ExtendedKey | None
    paths: tuple[tuple[int, ...], ...]
    is_ranged: bool

    @property
    def size(self) -> int:
        """Bytes of the key as scripts push it."""
        if self.rules.taproot:
            return 32
        return len(self.fixed) if self.fixed else 33

    def branch(self, number: int) -> Callable[[int], bytes]:
        """From an index to the serialized key, in one branch."""
        cut = slice(1, 33) if self.rules.taproot else slice(None)
        if self.extended is None:
            assert self.fixed is not None
            fixed = self.fixed if len(self.fixed) == 32 else self.fixed[cut]
            return lambda _: fixed
        parent = self.extended
        for step in self.paths[number if len(self.paths) > 1 else 0]:
            parent = parent.child(step)
        if not self.is_ranged:
            constant = parent.sec[cut]
            return lambda _: constant
        return lambda index: parent.child(index).sec[cut]


def read_key(node: Node, rules: KeyRules, network: NetworkName) -> Key:
    """The key that an argument names.

    Raises:
        DescriptorError: it is no key that may stand here, or a private one.
    """
    if not node.is_atom:
        raise refusal(f"a key is missing {at(node)}")
    match = _EXPRESSION.fullmatch(node.text)
    if match is None:
        raise refusal(
            f"no key expression {at(node)}", code=BitcoinCode.DESCRIPTOR_KEY, remedy=_SEPARATE
        )
    origin = _read_origin(match, node)
    if _HEX.fullmatch(match["key"]) and len(match["key"]) in {64, 66, 130}:
        return _bare_key(match, node, origin, rules)
    extended = read_extended(match["key"])
    if extended.version not in {XPUB, TPUB}:
        raise refusal(
            f"the extended key {at(node)} has a prefix that descriptors do not take",
            code=BitcoinCode.DESCRIPTOR_KEY,
            remedy="Write it with xpub or tpub, or give it under `keys`, which takes any prefix.",
        )
    check_key_network(extended, network)
    paths, is_ranged, path = _read_path(match["path"], node)
    if extended.depth + max(map(len, paths)) + is_ranged > MAX_PATH:
        raise refusal(f"the path {at(node)} is too deep", code=BitcoinCode.DESCRIPTOR_RANGE)
    identity = match["key"] + path
    return Key(
        node.start,
        len(node.text),
        origin + identity,
        identity,
        rules,
        fixed=None,
        extended=extended,
        paths=paths,
        is_ranged=is_ranged,
    )


def read_extended(text: str) -> ExtendedKey:
    """An extended public key of any version, from base58.

    Raises:
        DescriptorError: it is none, or a private one.
    """
    if len(text) > 120:
        raise refusal("a key is too long", code=BitcoinCode.DESCRIPTOR_KEY, remedy=_SEPARATE)
    try:
        data = bytes(base58.decode_check(text))
        point = bytes(secp256k1.ec_pubkey_parse(data[45:78])) if len(data) == 78 else None
    except ValueError:
        point = None
    if point is None:
        raise refusal(
            "a key is not readable: its checksum or its form is wrong",
            code=BitcoinCode.DESCRIPTOR_KEY,
            remedy="Copy the public key from the wallet again.",
        )
    depth, parent, number = data[4], data[5:9], data[9:13]
    if depth == 0 and (any(parent) or any(number)):
        raise refusal(
            "an extended key of depth 0 names a parent",
            code=BitcoinCode.DESCRIPTOR_KEY,
            remedy="Copy the public key from the wallet again.",
        )
    return ExtendedKey(data[:4], depth, data[5:13], data[13:45], data[45:78], point)


def check_key_network(key: ExtendedKey, network: NetworkName) -> None:
    """Check that an xpub is asked about on mainnet, and a tpub on a test network.

    Raises:
        DescriptorError: it is not.
    """
    is_main = key.version == XPUB
    if is_main == (network is NetworkName.MAIN):
        return
    kind = "mainnet" if is_main else "the test networks"
    raise refusal(
        f"an extended key for {kind} in a reserve on {network}",
        code=BitcoinCode.DESCRIPTOR_NETWORK,
        remedy="Take the key from a wallet on the reserve's network, or correct `network`.",
    )


def add_to_point(point: bytes, tweak: bytes) -> bytes:
    """A point plus tweak times the generator.

    Raises:
        DescriptorError: the tweak or the sum is none; nobody can make this happen.
    """
    try:
        result: Any = secp256k1.ec_pubkey_add(point, tweak)
    except ValueError:
        result = None
    if result is None:
        raise refusal("a key has no such child", code=BitcoinCode.DESCRIPTOR_RANGE)
    return bytes(result)


def tweak_taproot(internal: bytes, root: bytes) -> bytes:
    """The output key of an x-only internal key and a Merkle root, or none (BIP 341)."""
    point = secp256k1.ec_pubkey_parse(b"\x02" + internal)
    tweak = hashes.tagged_hash("TapTweak", internal + root)
    return bytes(secp256k1.ec_pubkey_serialize(add_to_point(point, tweak)))[1:]


def _is_point(sec: bytes) -> bool:
    try:
        secp256k1.ec_pubkey_parse(sec)
    except ValueError:
        return False
    return True


def _bare_key(match: re.Match[str], node: Node, origin: str, rules: KeyRules) -> Key:
    if match["path"]:
        raise refusal(f"a path behind a bare key {at(node)}", code=BitcoinCode.DESCRIPTOR_KEY)
    data = bytes.fromhex(match["key"])
    if len(data) == 32 and not rules.taproot:
        # An x-only key has no meaning here; what people have in this form is a private key.
        raise refusal(
            f"64 hex digits stand where a key belongs {at(node)}: this may be a private key",
            code=BitcoinCode.DESCRIPTOR_PRIVATE_KEY,
            remedy="Write the public key, 66 hex digits, and treat a private one as leaked.",
        )
    if len(data) == 65 and not rules.uncompressed:
        raise refusal(
            f"an uncompressed key {at(node)}, which segwit and taproot do not take",
            code=BitcoinCode.DESCRIPTOR_KEY,
            remedy="Write the compressed key, 66 hex digits.",
        )
    if not _is_point(data if len(data) != 32 else b"\x02" + data):
        raise refusal(
            f"the key {at(node)} is no point of the curve",
            code=BitcoinCode.DESCRIPTOR_KEY,
            remedy="Copy the public key from the wallet again.",
        )
    identity = match["key"].lower()
    return Key(
        node.start,
        len(node.text),
        origin + identity,
        identity,
        rules,
        fixed=data,
        extended=None,
        paths=((),),
        is_ranged=False,
    )


def _read_origin(match: re.Match[str], node: Node) -> str:
    if match["fingerprint"] is None:
        return ""
    steps = match["origin"].replace("'", "h").split("/")[1:]
    for step in steps:
        _read_number(step.removesuffix("h"), node)
    if len(steps) > MAX_PATH:
        raise refusal(f"the origin {at(node)} is too deep", code=BitcoinCode.DESCRIPTOR_RANGE)
    return "[" + "/".join([match["fingerprint"].lower(), *steps]) + "]"


def _read_path(text: str, node: Node) -> tuple[tuple[tuple[int, ...], ...], bool, str]:
    """The paths of the branches, whether a wildcard follows, and the canonical text."""
    steps = text.split("/")[1:]
    is_ranged = bool(steps) and steps[-1] == "*"
    multipath: list[int] | None = None
    before: list[int] = []
    after: list[int] = []
    for step in steps[:-1] if is_ranged else steps:
        if "h" in step or "'" in step:
            raise refusal(
                f"a hardened step behind a public key {at(node)}, which nobody can derive",
                code=BitcoinCode.DESCRIPTOR_RANGE,
                remedy="Put hardened steps into the brackets, and take the extended key there.",
            )
        if step.startswith("<"):
            if multipath is not None:
                raise refusal(
                    f"two sets of paths in one key {at(node)}", code=BitcoinCode.DESCRIPTOR_KEY
                )
            multipath = _read_multipath(step, node)
        else:
            (before if multipath is None else after).append(_read_number(step, node))
    middles = [[]] if multipath is None else [[number] for number in multipath]
    return tuple((*before, *middle, *after) for middle in middles), is_ranged, text


def _read_multipath(step: str, node: Node) -> list[int]:
    if not step.endswith(">"):
        raise refusal(f"a set of paths is not closed {at(node)}", code=BitcoinCode.DESCRIPTOR_KEY)
    numbers = [_read_number(part, node) for part in step[1:-1].split(";")]
    if not 2 <= len(numbers) <= MAX_BRANCHES or len(set(numbers)) != len(numbers):
        raise refusal(
            f"a set of paths {at(node)} has one member, or the same twice, or too many",
            code=BitcoinCode.DESCRIPTOR_KEY,
        )
    return numbers


def _read_number(text: str, node: Node) -> int:
    if not _NUMBER.fullmatch(text):
        raise refusal(f"a step of a path is no number {at(node)}", code=BitcoinCode.DESCRIPTOR_KEY)
    number = int(text)
    if number >= MAX_INDEX:
        raise refusal(
            f"a step of a path is too large {at(node)}", code=BitcoinCode.DESCRIPTOR_RANGE
        )
    return number
