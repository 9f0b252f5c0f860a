"""The protocol that every source of chain data answers to.

A source takes scripts, never a reserve. It gives a chain of headers that *we* verified, and the
transactions that touch the scripts, as evidence that can be checked again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import BlockHash, Height, Script
from erario.statement.evidence import BlockEvidence, BlockPoint, ListedCoin, SourceNote
from erario.statement.finding import Finding


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long step has come. `total` is 0 while it is not known; `unit` is "bytes",
    "blocks", "headers", "scripts", "transactions" or "kernels"."""

    step: str
    done: int
    total: int
    unit: str
    height: Height | None = None


ProgressCallback = Callable[[Progress], None]


class HeaderChain(Protocol):
    """The verified chain with the most work that a source shows, up to its tip.

    `BestChain` holds all headers; `ServedChain` fetches those that are asked for, and links them to
    pins. What is asked of it may fetch, so that all methods may raise `SourceError`. Heights are 0
    to `tip`; others raise `IndexError`.
    """

    @property
    def network(self) -> NetworkName:
        """The network that it is of."""
        ...

    @property
    def tip(self) -> Height:
        """The height of its last block."""
        ...

    @property
    def work(self) -> int:
        """Cumulative, in hashes, genesis included."""
        ...

    @property
    def enough_work(self) -> bool:
        """Whether the tip has the network's minimum work; below it a chain proves nothing."""
        ...

    def header(self, height: Height) -> bytes:
        """The 80 bytes of the header at `height`."""
        ...

    def block_hash(self, height: Height) -> BlockHash:
        """The hash of the block at `height`, internal order."""
        ...

    def point(self, height: Height) -> BlockPoint:
        """The block at `height`, with its times in UTC."""
        ...

    def height_of(self, block_hash: BlockHash) -> Height | None:
        """The height of a block, or None where it is not on this chain."""
        ...

    def cutoff(self, instant: datetime, upto: Height) -> Height | None:
        """The highest block at or below `upto` whose own header time is before `instant`."""
        ...

    def reached(self, instant: datetime, upto: Height) -> bool:
        """Whether no block after `upto` can have a header time before `instant`."""
        ...


@dataclass(frozen=True, slots=True)
class Trace:
    """Every transaction up to a height that pays to the asked scripts or spends such a coin.

    Attributes:
        blocks: in order of height, only those with something in them.
        findings: what was seen while reading.
        listed: for a source without history, the unspent coins of the asked scripts at that
            height, in order of outpoint; `blocks` is empty then.
        unseen: the asked scripts of which the source can show nothing, such as one with a history
            too large for it.
    """

    blocks: tuple[BlockEvidence, ...]
    findings: tuple[Finding, ...]
    listed: tuple[ListedCoin, ...] = ()
    unseen: tuple[Script, ...] = ()


@runtime_checkable
class HasDefaultHeight(Protocol):
    """A source that knows which block to close on where nobody says which."""

    def default_height(self) -> Height | None:
        """That block; None for the tip. Asked once the chain is there."""
        ...


@runtime_checkable
class HasTip(Protocol):
    """A source that can say quickly where its chain ends, by its own word."""

    def tip(self) -> tuple[Height, BlockHash]:
        """The end of the chain that it follows, now."""
        ...


class ChainSource(Protocol):
    """A source of chain data: block files, nodes, servers, snapshots, or several of them."""

    @property
    def network(self) -> NetworkName:
        """The network that it is asked about."""
        ...

    def chain(self, progress: ProgressCallback) -> HeaderChain:
        """The verified headers of the branch with the most work; read once, then kept.

        Raises:
            SourceError: it cannot be read, or shows no chain from genesis.
        """
        ...

    def only_height(self) -> Height | None:
        """The one height that it can answer for, as a snapshot has; None where any will do."""
        ...

    def trace(self, scripts: Sequence[Script], upto: Height, progress: ProgressCallback) -> Trace:
        """Every transaction in blocks 0 to `upto` of the best chain that touches `scripts`.

        Asked again for other scripts, with the same `upto`, as wallets turn out to have used more.

        Raises:
            SourceError: it cannot show this, or what it shows contradicts itself.
        """
        ...

    def notes(self) -> tuple[SourceNote, ...]:
        """Who was asked and what each vouches for, in words."""
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...
