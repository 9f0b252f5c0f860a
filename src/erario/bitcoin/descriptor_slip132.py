"""Extended public keys by themselves: with a type, or with a prefix of SLIP-132 that implies it.

`zpub...` becomes `wpkh(xpub.../<0;1>/*)`: receive and change. The prefixes are SLIP-132's,
"Registered HD version bytes"; descriptors take xpub and tpub alone (BIP 380).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from embit import base58

from erario.bitcoin.descriptor_keys import TPUB, XPUB, ExtendedKey, read_extended
from erario.bitcoin.descriptor_secrets import find_secrets
from erario.bitcoin.descriptor_tree import refusal
from erario.bitcoin.errors import BitcoinCode
from erario.bitcoin.network import NetworkName


class KeyType(StrEnum):
    """What scripts an extended key by itself stands for."""

    PKH = "pkh"
    WPKH = "wpkh"
    SH_WPKH = "sh-wpkh"
    TR = "tr"


@dataclass(frozen=True, slots=True)
class _Version:
    is_main: bool
    implied: KeyType | None
    is_multisig: bool = False


_VERSIONS: Final = {
    XPUB: _Version(is_main=True, implied=None),
    TPUB: _Version(is_main=False, implied=None),
    bytes.fromhex("049d7cb2"): _Version(is_main=True, implied=KeyType.SH_WPKH),  # ypub
    bytes.fromhex("04b24746"): _Version(is_main=True, implied=KeyType.WPKH),  # zpub
    bytes.fromhex("0295b43f"): _Version(is_main=True, implied=None, is_multisig=True),  # Ypub
    bytes.fromhex("02aa7ed3"): _Version(is_main=True, implied=None, is_multisig=True),  # Zpub
    bytes.fromhex("044a5262"): _Version(is_main=False, implied=KeyType.SH_WPKH),  # upub
    bytes.fromhex("045f1cf6"): _Version(is_main=False, implied=KeyType.WPKH),  # vpub
    bytes.fromhex("024289ef"): _Version(is_main=False, implied=None, is_multisig=True),  # Upub
    bytes.fromhex("02575483"): _Version(is_main=False, implied=None, is_multisig=True),  # Vpub
}
_WRAPPED: Final = {
    KeyType.PKH: "pkh({})",
    KeyType.WPKH: "wpkh({})",
    KeyType.SH_WPKH: "sh(wpkh({}))",
    KeyType.TR: "tr({})",
}
_KEY = re.compile(r"(?P<origin>\[[0-9a-fA-F]{8}[0-9/'hH]*\])?(?P<key>[1-9A-HJ-NP-Za-km-z]+)")
_MULTISIG: Final = "Write a descriptor with all cosigners' keys: wsh(sortedmulti(...)) as a rule."


def descriptor_of_key(text: str, type_: KeyType | None, network: NetworkName) -> str:
    """The descriptor, without checksum, of receive and change under an extended public key.

    Args:
        text: the key, with its origin in brackets or without.
        type_: what it stands for; None where the prefix says so.

    Raises:
        DescriptorError: no key of this network, no type, or two that contradict each other.
    """
    origin, key, version = _read(text)
    if version.is_multisig:
        raise refusal(
            "the prefix of the key says that it is one of several in a multisig",
            code=BitcoinCode.DESCRIPTOR_KEY,
            remedy=_MULTISIG,
        )
    chosen = type_ or version.implied
    if chosen is None:
        raise refusal(
            "the prefix of the key does not say what scripts it stands for",
            code=BitcoinCode.DESCRIPTOR_KEY,
            remedy=f"Add `type`: one of {', '.join(KeyType)}.",
        )
    if version.implied is not None and type_ not in {None, version.implied}:
        raise refusal(
            f"the prefix of the key says {version.implied}, the type says {type_}",
            code=BitcoinCode.DESCRIPTOR_KEY,
            remedy="Ask the wallet which is right, and remove `type` if it is the prefix.",
        )
    _check_network(version, network)
    return _WRAPPED[chosen].format(f"{origin}{_show(key, version)}/<0;1>/*")


def as_plain_key(text: str) -> str:
    """The same extended key with the prefix that descriptors take, its origin kept.

    Raises:
        DescriptorError: no extended public key.
    """
    origin, key, version = _read(text)
    return origin + _show(key, version)


def _read(text: str) -> tuple[str, ExtendedKey, _Version]:
    secrets = find_secrets(text)
    if secrets:
        raise refusal(
            f"{secrets[0].kind} stands where a public key belongs",
            code=BitcoinCode.DESCRIPTOR_PRIVATE_KEY,
            remedy="Export the public key, and treat the private one as leaked.",
        )
    if re.fullmatch("[0-9a-fA-F]{64}", text):
        raise refusal(
            "64 hex digits stand where a public key belongs: this may be a private key",
            code=BitcoinCode.DESCRIPTOR_PRIVATE_KEY,
            remedy="Write the extended public key, and treat a private one as leaked.",
        )
    match = _KEY.fullmatch(text)
    if match is None:
        raise refusal(
            "no extended public key, such as xpub... or [d34db33f/84h/0h/0h]zpub...",
            code=BitcoinCode.DESCRIPTOR_KEY,
            remedy="Write the key alone; a key with a path behind it goes into `descriptors`.",
        )
    key = read_extended(match["key"])
    version = _VERSIONS.get(key.version)
    if version is None:
        raise refusal(
            "the extended key has a prefix that nobody registered",
            code=BitcoinCode.DESCRIPTOR_KEY,
            remedy="Copy the key from the wallet again, as xpub or tpub if it offers that.",
        )
    return (match["origin"] or "").replace("H", "h"), key, version


def _check_network(version: _Version, network: NetworkName) -> None:
    if version.is_main != (network is NetworkName.MAIN):
        kind = "mainnet" if version.is_main else "the test networks"
        raise refusal(
            f"an extended key for {kind} in a reserve on {network}",
            code=BitcoinCode.DESCRIPTOR_NETWORK,
            remedy="Take the key from a wallet on the reserve's network, or correct `network`.",
        )


def _show(key: ExtendedKey, version: _Version) -> str:
    return str(base58.encode_check((XPUB if version.is_main else TPUB) + key.body))
