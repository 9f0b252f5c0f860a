"""All headers of a chain held against every rule again, from genesis on, and all pins against them.

For whoever trusts neither pins nor what is kept: nothing but genesis and the rules is taken as
given.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from erario.bitcoin.header import HEADER_SIZE
from erario.bitcoin.network import network
from erario.bitcoin.values import BlockHash, Height, sha256d
from erario.chain.best_chain import BestChain
from erario.chain.errors import ServerCode
from erario.chain.header_pins import header_pins
from erario.chain.header_run import HeaderRun, is_fast_ready
from erario.chain.source import HeaderChain, Progress, ProgressCallback
from erario.errors import SourceError

STEP: Final = "Verifying headers"

_AT_ONCE: Final = 20_160


@dataclass(frozen=True, slots=True)
class HeaderCheck:
    """What became of all headers of a chain.

    Attributes:
        tip: the height of the last.
        tip_hash: its hash.
        work: cumulative, in hashes, genesis included.
        enough_work: whether that is the network's minimum.
        seconds: that verifying took, without fetching.
        pins: how many there are.
        held: how many of them this chain has.
        against: the heights at which it has another block than the pinned one.
    """

    tip: Height
    tip_hash: BlockHash
    work: int
    enough_work: bool
    seconds: float
    pins: int
    held: int
    against: tuple[Height, ...]

    @property
    def headers(self) -> int:
        """How many headers were verified, genesis included."""
        return self.tip + 1

    @property
    def rate(self) -> float:
        """Headers a second."""
        return self.headers / max(self.seconds, 1e-9)


def check_headers(chain: HeaderChain, progress: ProgressCallback) -> HeaderCheck:
    """Hold all headers of a chain against the rules, and the pins of its network against them.

    Raises:
        SourceError: a header breaks a rule, or does not follow the one before.
    """
    rules, total = network(chain.network), chain.tip + 1
    run = HeaderRun.from_genesis(rules, fast=is_fast_ready(total))
    begin = time.perf_counter()
    for start, data in _pieces(chain):
        progress(Progress(STEP, start, total, "headers"))
        if start == 0:
            is_genesis = data[:HEADER_SIZE] == rules.genesis[:HEADER_SIZE]
            taken, fault = run.take(data[HEADER_SIZE:])
            taken = bytes(32) + taken if is_genesis else b""
        else:
            taken, fault = run.take(data)
        if len(taken) // 32 * HEADER_SIZE < len(data):
            at = start + len(taken) // 32
            why = "does not follow the one before" if fault is None else f"breaks a rule ({fault})"
            raise SourceError(
                ServerCode.LIED_LINK,
                f"the header of block {at} {why}",
                remedy="Clear what is kept (erario store --clear), and ask another server.",
            )
    seconds = time.perf_counter() - begin
    progress(Progress(STEP, total, total, "headers"))
    pins = header_pins(chain.network).all()
    reached = [(height, block_hash) for height, block_hash in pins if height <= chain.tip]
    against = tuple(
        height for height, block_hash in reached if sha256d(chain.header(height)) != block_hash
    )
    return HeaderCheck(
        tip=chain.tip,
        tip_hash=BlockHash(run.last_hash),
        work=run.work,
        enough_work=run.work >= rules.minimum_work,
        seconds=seconds,
        pins=len(pins),
        held=len(reached) - len(against),
        against=against,
    )


def _pieces(chain: HeaderChain) -> Iterator[tuple[int, bytes]]:
    """All headers in order, with the height of the first of each piece."""
    for start in range(0, chain.tip + 1, _AT_ONCE):
        stop = min(start + _AT_ONCE, chain.tip + 1)
        if isinstance(chain, BestChain):
            yield start, chain.headers[start * HEADER_SIZE : stop * HEADER_SIZE]
        else:
            yield start, b"".join(chain.header(Height(at)) for at in range(start, stop))
