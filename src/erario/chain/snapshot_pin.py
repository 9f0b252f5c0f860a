"""The pin of a snapshot: which block and which coins hash a height must have.

Those of the main chain ship with erario; anybody's own node gives others:

    bitcoin-cli gettxoutsetinfo hash_serialized_3     at the snapshot's block

and the user hands on its height, bestblock and hash_serialized_3 as "HEIGHT:BLOCK:COINS". A pin is
trusted: whoever can choose it chooses the coins.
"""

from __future__ import annotations

import re
from typing import Final

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import BlockHash, Height, read_hash, show_hash
from erario.chain.errors import ServerCode
from erario.chain.header_pins import SnapshotPin, snapshot_pins
from erario.chain.snapshot_errors import SnapshotCode
from erario.errors import Place, RequestError, SourceError

HOW_TO_GET_ONE: Final = (
    "Ask a node of your own, at the snapshot's block: "
    '"bitcoin-cli gettxoutsetinfo hash_serialized_3", and give its height, bestblock and '
    "hash_serialized_3 as the pin HEIGHT:BLOCK-HASH:COINS-HASH."
)

_PIN: Final = re.compile(r"(?P<height>[0-9]{1,9}):(?P<block>[0-9a-f]{64}):(?P<coins>[0-9a-f]{64})")


def read_pin(text: str) -> SnapshotPin:
    """The pin in "HEIGHT:BLOCK-HASH:COINS-HASH", hashes in display order.

    Raises:
        RequestError: it is none.
    """
    match = _PIN.fullmatch(text.strip().lower())
    if match is None:
        raise RequestError(
            SnapshotCode.PIN_BAD,
            "the pin of the snapshot is not HEIGHT:BLOCK-HASH:COINS-HASH",
            remedy=HOW_TO_GET_ONE,
        )
    block_hash = BlockHash(read_hash(match["block"]))
    return SnapshotPin(Height(int(match["height"])), block_hash, read_hash(match["coins"]))


def find_pin(name: str, base: BlockHash, network: NetworkName, given: str | None) -> SnapshotPin:
    """The pin for the snapshot in file `name`, which says that it is of the block `base`.

    Args:
        given: what the user says, see `read_pin`; None for the pins that erario carries.

    Raises:
        RequestError: there is none.
        SourceError: the user's is of another block.
    """
    if given is not None:
        pin = read_pin(given)
        if pin.block_hash != base:
            raise SourceError(
                ServerCode.LIED_SNAPSHOT,
                f"the snapshot {name} is of block {show_hash(base)}, the pin of block "
                f"{show_hash(pin.block_hash)}",
                remedy="Give the snapshot of the pinned block, or the pin of the snapshot's.",
                place=Place(name),
            )
        return pin
    for pin in snapshot_pins(network):
        if pin.block_hash == base:
            return pin
    raise RequestError(
        SnapshotCode.PIN_MISSING,
        f"erario carries no pin for the snapshot {name}, which says that it is of block "
        f"{show_hash(base)}",
        remedy=HOW_TO_GET_ONE,
        place=Place(name),
    )
