"""What can be wrong with a UTXO snapshot. That its hash is another is `ServerCode.LIED_SNAPSHOT`,
too many coins `ServerCode.LIED_SUPPLY`."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from erario.chain.errors import ServerCode
from erario.errors import Place, SourceError


class SnapshotCode(StrEnum):
    """JSON and tests use these, never the wording."""

    NOT_ONE = "snapshot.not-one"
    VERSION = "snapshot.version"
    OTHER_NETWORK = "snapshot.other-network"
    CHANGED = "snapshot.changed"
    TRUNCATED = "snapshot.truncated"
    TRAILING = "snapshot.trailing"
    BAD_NUMBER = "snapshot.bad-number"
    BAD_COUNT = "snapshot.bad-count"
    TXID_ORDER = "snapshot.txid-order"
    OUTPUT_ORDER = "snapshot.output-order"
    """An output twice, or not in the order of a node's database."""
    BAD_OUTPUT = "snapshot.bad-output"
    BAD_HEIGHT = "snapshot.bad-height"
    BAD_AMOUNT = "snapshot.bad-amount"
    BAD_SCRIPT = "snapshot.bad-script"
    UNSPENDABLE = "snapshot.unspendable"
    NOT_PACKED = "snapshot.not-packed"
    BAD_KEY = "snapshot.bad-key"
    TOO_LARGE = "snapshot.too-large"
    PIN_MISSING = "snapshot.pin-missing"
    PIN_BAD = "snapshot.pin-bad"


_SAID: Final[dict[StrEnum, str]] = {
    SnapshotCode.TRUNCATED: "it ends in the middle of a coin, or before all were there",
    SnapshotCode.TRAILING: "bytes follow behind the last coin",
    SnapshotCode.BAD_NUMBER: "a count of coins is zero, too large, or not in its shortest form",
    SnapshotCode.BAD_COUNT: "it has another number of coins than it announces",
    SnapshotCode.TXID_ORDER: "transactions are not in order, or one is there twice",
    SnapshotCode.OUTPUT_ORDER: "outputs of a transaction are not in order, or one is there twice",
    SnapshotCode.BAD_OUTPUT: "an output has a number that no transaction reaches",
    SnapshotCode.BAD_HEIGHT: "a coin is from block 0, or from above the snapshot's block",
    SnapshotCode.BAD_AMOUNT: "a coin has more than 21 million BTC",
    SnapshotCode.BAD_SCRIPT: "a script is longer than one that can be spent",
    SnapshotCode.UNSPENDABLE: "a coin can never be spent, so that no node lists it",
    SnapshotCode.NOT_PACKED: "a script is not in the short form that a node writes",
    SnapshotCode.BAD_KEY: "a public key is no point of the curve",
    SnapshotCode.TOO_LARGE: "the outputs of a transaction are more than a block holds",
    ServerCode.LIED_SUPPLY: "its coins are more than all blocks to its height have paid out",
}

_FETCH_AGAIN: Final = (
    "Fetch the snapshot again, or have a node of your own write one (dumptxoutset)."
)


def refuse_coins(name: str, code: StrEnum, offset: int) -> SourceError:
    """The error for a fault in the coins of file `name`, in the transaction at `offset`."""
    return refuse_snapshot(name, code, f"from byte {offset} on: {_SAID[code]}")


def refuse_snapshot(name: str, code: StrEnum, what: str) -> SourceError:
    """The error for a snapshot that cannot be used."""
    return SourceError(
        code, f"the snapshot {name} is wrong: {what}", remedy=_FETCH_AGAIN, place=Place(name)
    )
