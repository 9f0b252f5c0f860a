"""The protocol that every source of chain data answers to.

A source takes scripts, never a reserve. It gives a chain of headers that *we* verified, and the
transactions that touch the scripts, as evidence that can be checked again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Height, Script
from erario.chain.best_chain import BestChain
from erario.statement.evidence import BlockEvidence, SourceNote
from erario.statement.finding import Finding


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long step has come. `total` is 0 while it is not known; `unit` is "bytes",
    "blocks", "scripts" or "kernels"."""

    step: str
    done: int
    total: int
    unit: str
    height: Height | None = None


ProgressCallback = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Trace:
    """Every transaction up to a height that pays to the asked scripts or spends such a coin.

    `blocks` are in order of height, only those with something in them; `findings` what was seen
    while reading.
    """

    blocks: tuple[BlockEvidence, ...]
    findings: tuple[Finding, ...]


class ChainSource(Protocol):
    """A source of chain data: block files now, nodes, servers and snapshots later."""

    @property
    def network(self) -> NetworkName:
        """The network that it is asked about."""
        ...

    def chain(self, progress: ProgressCallback) -> BestChain:
        """The verified headers of the branch with the most work; read once, then kept.

        Raises:
            SourceError: it cannot be read, or shows no chain from genesis.
        """
        ...

    def trace(self, scripts: Sequence[Script], upto: Height, progress: ProgressCallback) -> Trace:
        """Every transaction in blocks 0 to `upto` of the best chain that touches `scripts`.

        Raises:
            SourceError: a block up to `upto` has no good copy.
        """
        ...

    def note(self) -> SourceNote:
        """What it vouches for, in words."""
        ...
