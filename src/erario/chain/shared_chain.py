"""One chain that several sources follow: if the one that shows it fails, another one goes on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import BlockHash, Height
from erario.chain.comparing import Asked
from erario.chain.source import HeaderChain
from erario.errors import SourceError
from erario.statement.evidence import BlockPoint

_T = TypeVar("_T")


class SharedChain:
    """The chain of the source with the most work, as a `HeaderChain`. `holders` are all sources
    that follow it, however far."""

    def __init__(self, first: Asked) -> None:
        assert first.chain is not None
        self._network = first.chain.network
        self._tip = first.chain.tip
        self._work = first.chain.work
        self._enough = first.chain.enough_work
        self.holders: list[Asked] = []

    def join(self, one: Asked) -> None:
        """Take in a source whose chain ends on this one."""
        self.holders.append(one)
        self.holders.sort(key=lambda each: each.chain.work if each.chain else 0, reverse=True)

    @property
    def network(self) -> NetworkName:
        """The network that it is of."""
        return self._network

    @property
    def tip(self) -> Height:
        """The height of its last block."""
        return self._tip

    @property
    def work(self) -> int:
        """Cumulative, in hashes, genesis included."""
        return self._work

    @property
    def enough_work(self) -> bool:
        """Whether the tip has the network's minimum work."""
        return self._enough

    def header(self, height: Height) -> bytes:
        """The 80 bytes of the header at `height`."""
        return self._ask(lambda chain: chain.header(height), height)

    def block_hash(self, height: Height) -> BlockHash:
        """The hash of the block at `height`."""
        return self._ask(lambda chain: chain.block_hash(height), height)

    def point(self, height: Height) -> BlockPoint:
        """The block at `height`, with its times."""
        return self._ask(lambda chain: chain.point(height), height)

    def height_of(self, block_hash: BlockHash) -> Height | None:
        """The height of a block, or None where it is not on this chain."""
        return self._ask(lambda chain: chain.height_of(block_hash), Height(0))

    def cutoff(self, instant: datetime, upto: Height) -> Height | None:
        """The highest block at or below `upto` whose own header time is before `instant`."""
        return self._ask(lambda chain: chain.cutoff(instant, upto), upto)

    def reached(self, instant: datetime, upto: Height) -> bool:
        """Whether no block after `upto` can have a header time before `instant`."""
        return self._ask(lambda chain: chain.reached(instant, upto), upto)

    def _ask(self, question: Callable[[HeaderChain], _T], height: Height) -> _T:
        """Ask those that reach so far, one after the other; who fails is not asked again.

        Raises:
            ErarioError: all of them failed.
        """
        for one in self.holders:
            if one.chain is None or one.error is not None or one.chain.tip < height:
                continue
            try:
                return question(one.chain)
            except SourceError as error:
                one.error = error
        for one in self.holders:
            if one.error is not None:
                raise one.error
        raise IndexError(f"the chain has heights 0 to {self._tip}, not {height}")
