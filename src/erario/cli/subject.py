"""What `erario why` is asked about: a transaction, an output, or a script."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from erario.bitcoin.address import read_address
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Outpoint, Script, Txid, read_hash

LONGEST_SCRIPT: Final = 10_000
"""A longer script can never be spent, and is no coin (Bitcoin Core, script/script.h)."""

_TXID = re.compile(r"[0-9a-fA-F]{64}")
_OUTPOINT = re.compile(r"([0-9a-fA-F]{64}):([0-9]{1,10})")
_HEX = re.compile(rf"(?:[0-9a-fA-F]{{2}}){{1,{LONGEST_SCRIPT}}}")


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


def read_subject(text: str, network: NetworkName) -> Subject:
    """What a text names: 64 hex digits, those and an index, other hex, or an address.

    Raises:
        AddressError: it is none of these, or an address of another network.
    """
    text = text.strip()
    if _TXID.fullmatch(text):
        return AboutTransaction(Txid(read_hash(text)))
    if found := _OUTPOINT.fullmatch(text):
        return AboutOutput(Outpoint(Txid(read_hash(found[1])), int(found[2])))
    if _HEX.fullmatch(text):
        return AboutScript(Script(bytes.fromhex(text)))
    return AboutScript(read_address(text, network))
