"""The headers that show where the blocks of the evidence stand: whole periods, up to their pins.

A block is placed by the headers from it to the next pin. A moment is placed by more: by the eleven
headers that end with its block, and by those behind it until the median time past has reached the
moment; so where a block lies close to the edge of a period, the neighbour is taken as well. After
the last pin, and where there are no pins at all, every header counts, up to the tip.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from erario.bitcoin.values import Height
from erario.chain.header_pins import HeaderPins
from erario.chain.source import HeaderChain
from erario.statement.evidence import Evidence, HeaderRun

_BEFORE: Final = 11
"""Headers that a median time past is taken over (BIP 113)."""
_BEHIND: Final = 144
"""Blocks within which the median time past has surely reached the time of a header: it lags by six
blocks, and a header's time is at most two hours ahead."""


def header_runs(evidence: Evidence, chain: HeaderChain, pins: HeaderPins) -> tuple[HeaderRun, ...]:
    """The headers that `evidence` rests on, in order of height, without overlap.

    Raises:
        SourceError: the chain cannot show them.
    """
    count = len(pins.periods)
    last = pins.length * count
    wanted: set[int] = set()
    for height in _heights(evidence):
        first = max(0, height - _BEFORE) // pins.length
        behind = min(height + _BEHIND, chain.tip) // pins.length
        wanted.update(range(first, behind + 1))
    # The periods that have a pin at their end; all that lies behind is one more stretch.
    spans = [(at * pins.length, (at + 1) * pins.length) for at in sorted(wanted) if at < count]
    if any(at >= count for at in wanted):
        spans.append((last, chain.tip + 1))
    return tuple(
        HeaderRun(
            Height(start), b"".join(chain.header(Height(height)) for height in range(start, behind))
        )
        for start, behind in _joined(spans)
    )


def _heights(evidence: Evidence) -> Iterator[int]:
    yield evidence.cutoff.height
    if evidence.since is not None:
        yield evidence.since.height
    for resolved in evidence.instants:
        if resolved.point is not None:
            yield resolved.point.height
    for point in evidence.named:
        yield point.height
    for block in evidence.blocks:
        yield block.height
    for coin in evidence.listed:
        yield coin.height


def _joined(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans that touch each other as one."""
    start = behind = -1
    for first, end in spans:
        if first == behind:
            behind = end
            continue
        if start >= 0:
            yield start, behind
        start, behind = first, end
    if start >= 0:
        yield start, behind
