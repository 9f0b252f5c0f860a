"""Headers below a pin, fetched as they are asked for, each period's linked to the pin at its end.

A header counts once the hashes lead from it to the pin; its bits and its proof of work are held
against the pinned ones all the same. What earlier runs kept is linked again before it is used.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

from erario.bitcoin.header import HEADER_SIZE
from erario.bitcoin.values import BlockHash, Height, sha256d, show_hash
from erario.bitcoin.work import target_of_bits
from erario.chain.errors import ChainCode, ServerCode
from erario.chain.header_follow import HeaderAsker
from erario.chain.header_keeping import HeaderKeeping
from erario.chain.header_pins import HeaderPins
from erario.chain.stretch_store import Stretch
from erario.errors import RequestError, SourceError

_PREVIOUS: Final = slice(4, 36)
_BITS: Final = slice(72, 76)


class PinnedHeaders:
    """The headers up to a pin.

    Args:
        pins: those of the network.
        upto: the height of that pin.
        keeping: where headers are kept.
        asker: who gives further ones; None where nobody does.
    """

    def __init__(
        self, pins: HeaderPins, upto: int, keeping: HeaderKeeping, asker: HeaderAsker | None = None
    ) -> None:
        self._pins = pins
        self._keeping = keeping
        self._asker = asker
        # By period: the headers that are linked to the pin at its end, and those that are not yet.
        self._linked: dict[int, bytes] = {}
        self._kept = _by_period(keeping.stretches, pins, upto)
        self._lock = threading.Lock()

    def linked(self) -> list[Stretch]:
        """All that are here by now."""
        with self._lock:
            return [
                (self._pins.end(period) + 1 - len(headers) // HEADER_SIZE, headers)
                for period, headers in self._linked.items()
            ]

    def stretch(self, period: int, low: int) -> bytes:
        """The headers from `low`, or from below, to the end of its period.

        Raises:
            SourceError: they are not here, and nobody gives them as they must be.
        """
        with self._lock:
            linked = self._linked.get(period, b"")
            first = self._pins.end(period) + 1 - len(linked) // HEADER_SIZE
            if low >= first:
                return linked
            for start, headers in self._kept.pop(period, ()):
                follows = start + len(headers) // HEADER_SIZE == first
                if follows and self._fault(period, linked, headers) is None:
                    linked, first = headers + linked, start
            if low < first:
                headers = self._fetch(period, linked, low, first)
                linked = headers + linked
            self._linked[period] = linked
            return linked

    def said_height(self, block_hash: BlockHash) -> Height | None:
        """The height of a block by the word of whoever gives further headers; None where that one
        does not know the block.

        Raises:
            SourceError: it cannot be asked.
            RequestError: it has no such question, or there is nobody.
        """
        if self._asker is not None:
            return self._asker.height_of(block_hash)
        raise RequestError(
            ChainCode.HEIGHT_UNKNOWN,
            f"{show_hash(block_hash)} is not among the headers that are kept, and those of old "
            "blocks are kept in part only",
            remedy="Give the height of the block; or run erario headers once, which keeps all.",
        )

    def _fetch(self, period: int, linked: bytes, low: int, behind: int) -> bytes:
        """Headers from `low` or from below up to those that are linked, which start at `behind`."""
        if self._asker is None:
            raise SourceError(
                ServerCode.LACKS,
                f"the header of block {low} is not among those that are kept",
                remedy="Name a source that has headers, or fetch all of them with erario headers.",
            )
        # Whoever goes down step by step is given as many again as there are.
        start = max(period * self._pins.length, min(low, behind - len(linked) // HEADER_SIZE))
        headers = self._asker.headers(start, behind - start)
        fault = self._fault(period, linked, headers)
        if fault is not None:
            at, code = fault
            end = self._pins.end(period)
            if start + at == end:
                raise self._asker.refuse_pin(end)
            raise self._asker.error(
                code,
                f"gives a header at height {start + at} that does not lead to the pin at {end}",
            )
        self._keeping.keep_stretches([(start, headers)])
        return headers

    def _fault(self, period: int, linked: bytes, headers: bytes) -> tuple[int, ServerCode] | None:
        """The last header that does not lead to what is linked, or else breaks a rule."""
        wanted = linked[_PREVIOUS] if linked else self._pins.periods[period][0]
        bits = self._pins.bits(period)
        target = target_of_bits(bits) or 0
        count = len(headers) // HEADER_SIZE
        for at in range(count - 1, -1, -1):
            raw = headers[at * HEADER_SIZE : (at + 1) * HEADER_SIZE]
            if sha256d(raw) != wanted:
                return at, ServerCode.LIED_LINK
            if int.from_bytes(raw[_BITS], "little") != bits:
                return at, ServerCode.LIED_DIFFICULTY
            if not _meets(wanted, target):
                return at, ServerCode.LIED_WORK
            wanted = raw[_PREVIOUS]
        return None


def _meets(block_hash: bytes, target: int) -> bool:
    return int.from_bytes(block_hash, "little") <= target


def leads(headers: bytes, block_hash: bytes) -> bool:
    """Whether each header names the one before, and the last has this hash."""
    for at in range(len(headers) - HEADER_SIZE, -1, -HEADER_SIZE):
        raw = headers[at : at + HEADER_SIZE]
        if sha256d(raw) != block_hash:
            return False
        block_hash = raw[_PREVIOUS]
    return True


def _by_period(
    stretches: Sequence[Stretch], pins: HeaderPins, upto: int
) -> dict[int, list[Stretch]]:
    """What is kept up to a pin, cut at the ends of periods."""
    found: dict[int, list[Stretch]] = {}
    for first, headers in stretches:
        start, behind = first, first + len(headers) // HEADER_SIZE
        while start < min(behind, upto + 1):
            period = start // pins.length
            stop = min(behind, pins.end(period) + 1)
            piece = headers[(start - first) * HEADER_SIZE : (stop - first) * HEADER_SIZE]
            found.setdefault(period, []).append((start, piece))
            start = stop
    return found
