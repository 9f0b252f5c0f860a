"""Servers of headers to test with: honest ones, and ones that lie in one way each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.strategies.headers import genesis, sha256d

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import BlockHash, Height
from erario.chain.header_pins import HeaderPins


class FakeServer:
    """Serves headers from genesis on. `asked` counts the headers that it gave.

    Attributes:
        chain: what it serves; a test may change it.
        before_answer: called before each answer to `headers`, so that a chain can change meanwhile.
    """

    name = "server.test:50002"

    def __init__(self, headers: Sequence[bytes]) -> None:
        self.chain = list(headers)
        self.asked = 0
        self.named_tip: tuple[int, bytes] | None = None
        self.before_answer: Callable[[], None] = lambda: None

    def tip(self) -> tuple[Height, BlockHash]:
        height, block_hash = self.named_tip or (len(self.chain) - 1, sha256d(self.chain[-1]))
        return Height(height), BlockHash(block_hash)

    def headers(self, start: Height, count: int) -> bytes:
        self.before_answer()
        found = self.chain[start : start + count]
        self.asked += len(found)
        return b"".join(found)


def pins_of(
    headers: Sequence[bytes], name: NetworkName, *, length: int, periods: int, extra: int = 0
) -> HeaderPins:
    """Pins of a chain from genesis on, whose periods have `length` blocks."""
    ends = [length * (period + 1) - 1 for period in range(periods)]
    return HeaderPins(
        int.from_bytes(genesis(name)[72:76], "little"),
        tuple(
            (BlockHash(sha256d(headers[end])), int.from_bytes(headers[end + 1][72:76], "little"))
            for end in ends
        ),
        ((Height(extra), BlockHash(sha256d(headers[extra]))),) if extra else (),
        length,
    )
