"""What a walk through one block file found: the places of its blocks, and garbage between them."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Garbage:
    """What lies in a file between its blocks: where the first stretch begins, and how many there
    are."""

    file: str
    offset: int
    stretches: int


@dataclass(slots=True)
class FileRecords:
    """The whole blocks of one file, in order.

    Attributes:
        offsets: first byte of each block's header.
        sizes: of each block in bytes.
        headers: 80 bytes each, clear.
        hashes: 32 bytes each, internal order.
        ends_open: for each block 1 if no other record begins right behind it, so that a node may
            not have finished writing it.
        extent: the end of the last block.
        garbage: what else there was, if anything.
    """

    offsets: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[int] = field(default_factory=lambda: array("i"))
    headers: bytearray | bytes = field(default_factory=bytearray)
    hashes: bytearray | bytes = field(default_factory=bytearray)
    ends_open: bytearray | bytes = field(default_factory=bytearray)
    extent: int = 0
    garbage: Garbage | None = None
