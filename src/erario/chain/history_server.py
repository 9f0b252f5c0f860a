"""What servers of histories (Electrum, Esplora) have in common, as a protocol for their adapters.

An adapter speaks one server's language and bounds what it takes in; it believes nothing and proves
nothing. `server_source` makes a `ChainSource` of it: it fetches, hashes and proves.

All methods take many questions at once, so that an adapter can have them under way together,
within its server's limits. All raise `SourceError` with a `ServerCode`, naming the server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from erario.bitcoin.values import BlockHash, Height, Script, Txid
from erario.statement.evidence import SourceKind

Counted = Callable[[int], None]
"""Called now and then with the number of questions that are answered."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A confirmed transaction in the history of a script, by the server's word."""

    txid: Txid
    height: Height


@dataclass(frozen=True, slots=True)
class Branch:
    """A Merkle branch as a server gives it: leaf first, hashes of 32 bytes in internal order."""

    position: int
    hashes: tuple[bytes, ...]


class HeaderServer(Protocol):
    """Who can be asked for headers: every node and every server."""

    @property
    def name(self) -> str:
        """Host and port, for people."""
        ...

    def tip(self) -> tuple[Height, BlockHash]:
        """The end of the chain that it follows, now."""
        ...

    def headers(self, start: Height, count: int) -> bytes:
        """`count` headers of 80 bytes from `start` on; fewer where its chain ends before. Any
        count: what the server gives at once is the adapter's affair."""
        ...


@runtime_checkable
class KnowsHeights(Protocol):
    """A `HeaderServer` that can be asked at which height a block is. Electrum's cannot."""

    def height_of(self, block_hash: BlockHash) -> Height | None:
        """The height that it gives to a block, on whichever branch; None where it does not know
        the block."""
        ...


class HistoryServer(HeaderServer, Protocol):
    """Who can be asked for the history of a script."""

    @property
    def kind(self) -> SourceKind:
        """What it is."""
        ...

    def histories(
        self, scripts: Sequence[Script], counted: Counted
    ) -> list[tuple[HistoryEntry, ...] | None]:
        """The confirmed history of each script, in any order, each transaction once; None where
        the server will not or cannot show it, as one that is too large for it."""
        ...

    def transactions(self, wanted: Sequence[tuple[Txid, Height]], counted: Counted) -> list[bytes]:
        """The bytes of confirmed transactions, witnesses included, in the order asked."""
        ...

    def branches(self, wanted: Sequence[tuple[Txid, Height]], counted: Counted) -> list[Branch]:
        """Where they stand in their blocks, with their Merkle branches, in the order asked."""
        ...

    def coinbases(self, heights: Sequence[tuple[Height, BlockHash]]) -> list[tuple[Txid, Branch]]:
        """The first transaction of the blocks with these heights and hashes, with its branch."""
        ...

    def close(self) -> None:
        """Let go of its connections."""
        ...
