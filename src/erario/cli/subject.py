"""What `erario why` is asked about: a transaction, an output, or a script."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from erario.bitcoin.address import read_address
from erario.bitcoin.errors import AddressError, BitcoinCode
from erario.bitcoin.network import NetworkName
from erario.bitcoin.script import ScriptType, classify
from erario.bitcoin.values import Outpoint, Script, Txid, read_hash
from erario.errors import RequestError

LONGEST_SCRIPT: Final = 10_000
"""A longer script can never be spent, and is no coin (Bitcoin Core, script/script.h)."""

MAX_INDEX: Final = 0xFFFF_FFFF
"""The index of an output has 32 bits in an input that spends it."""

_HEX = re.compile(r"[0-9a-fA-F]+")
_KEY = re.compile(r"0[23][0-9a-fA-F]{64}|04[0-9a-fA-F]{128}")
_VAGUE: Final = {BitcoinCode.ADDRESS_CHARACTERS, BitcoinCode.ADDRESS_LENGTH}
_FORMS: Final = (
    "Give a txid (64 hex digits), an output (the txid, a colon, its index), an address, or a "
    "script in hex; the reserve comes after it."
)


class SubjectCode(StrEnum):
    """Codes of what cannot be asked about."""

    NOTHING = "why.nothing"
    TXID = "why.txid"
    INDEX = "why.index"
    KEY = "why.key"
    SCRIPT = "why.script"


@dataclass(frozen=True, slots=True)
class AboutTransaction:
    """A whole transaction."""

    txid: Txid


@dataclass(frozen=True, slots=True)
class AboutOutput:
    """One output of a transaction."""

    outpoint: Outpoint


@dataclass(frozen=True, slots=True)
class AboutScript:
    """A scriptPubKey, asked for as an address or in hex."""

    script: Script


Subject = AboutTransaction | AboutOutput | AboutScript


def read_subject(
    text: str, network: NetworkName, declared: Container[Script] = frozenset()
) -> Subject:
    """What a text names: 64 hex digits, those and an index, other hex, or an address.

    Args:
        text: as typed; never echoed.
        network: whose addresses are meant.
        declared: scripts that are meant although they are of no known type.

    Raises:
        RequestError: it is none of these.
        AddressError: an address with a fault, or one of another network.
    """
    text = text.strip()
    head, colon, tail = text.partition(":")
    if colon and _HEX.fullmatch(head):
        return AboutOutput(Outpoint(_read_txid(head), _read_index(tail)))
    if not _HEX.fullmatch(text):
        return AboutScript(_read_address(text, network))
    if len(text) == 64:
        return AboutTransaction(_read_txid(text))
    return AboutScript(_read_script(text, declared))


def _read_txid(text: str) -> Txid:
    if len(text) != 64:
        raise RequestError(
            SubjectCode.TXID,
            f"a txid has 64 hex digits; before the colon there are {len(text):,}",
            remedy="Copy the txid again, whole.",
        )
    return Txid(read_hash(text))


def _read_index(text: str) -> int:
    if re.fullmatch("[0-9]{1,10}", text) and int(text) <= MAX_INDEX:
        return int(text)
    raise RequestError(
        SubjectCode.INDEX,
        "after the colon there is no index of an output",
        remedy=f"Write the index as a number from 0 to {MAX_INDEX:,}, without separators.",
    )


def _read_script(text: str, declared: Container[Script]) -> Script:
    if _KEY.fullmatch(text):
        raise RequestError(
            SubjectCode.KEY,
            "this is a public key; coins are not paid to keys but to scripts",
            remedy="Give the address, or the script: the key alone may stand in several.",
        )
    if len(text) % 2 == 0 and len(text) <= 2 * LONGEST_SCRIPT:
        script = Script(bytes.fromhex(text))
        if script in declared or classify(script) is not ScriptType.NONSTANDARD:
            return script
    raise RequestError(
        SubjectCode.SCRIPT,
        f"these {len(text):,} hex digits are no txid, which has 64, and no script that is of a "
        "known type or declared in the reserve",
        remedy=_FORMS,
    )


def _read_address(text: str, network: NetworkName) -> Script:
    try:
        return read_address(text, network)
    except AddressError as error:
        if error.code not in _VAGUE:
            raise
        raise RequestError(
            SubjectCode.NOTHING,
            "this is no txid, no output, no address and no script in hex",
            remedy=_FORMS,
        ) from error
