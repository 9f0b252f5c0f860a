"""What kernels work on: a block in its file, and the arrays that they fill.

Kernels make no arrays of their own: a `Room` is made in Python, once for each thread, large enough
for the largest block of a window; only rows can run out, since nobody knows how much will match.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from erario.chain.kernels import Bytes, Halves, Integers, Words, inlined, integer, part

START: Final = 0
BODY_END: Final = 1
STOP: Final = 2
HAS_WITNESS: Final = 3
"""Columns of spans: where a transaction starts, its outputs end, it ends; 1 with witnesses."""

POSITION: Final = 0
NUMBER: Final = 1
"""Columns of rows: position of the transaction in its block; output number, or -1 for a spend."""

USED_INPUTS: Final = 0
USED_ROWS: Final = 1
USED_OUTPUTS: Final = 2
TRANSACTIONS: Final = 3
"""Members of `Room.used`; transactions of the block that was scanned last."""

AT_ONCE: Final = 256
"""Inputs or outputs that are looked up together: enough to wait for memory once, few enough to
stay in the innermost cache."""


class Block(NamedTuple):
    """Where a block is: from `start` to `end` of the file `data` under `key`; `place` is its
    number in the scan."""

    data: Bytes
    start: int
    end: int
    key: np.uint64
    place: int


class Room(NamedTuple):
    """What a scan of a window fills.

    Attributes:
        inputs, input_places: the outpoint of every input, mixed for the filter, and where it is;
            those of one block behind those of the one before.
        faults: of each block, see `kernels_check`.
        ends: how many inputs there are up to the end of each block.
        rows: what matched: first all that pays, then, in its place, all that spends;
            `used[USED_ROWS]` counts on beyond its length.
        names, births: of each row its outpoint (36 bytes), if it pays, and its `ordinal`.
        outputs, output_places: mixed, and where they are: outputs to be looked up.
        passed: indexes of inputs or outputs that passed the filter.
        spans: of the transactions of the block that is walked.
        txids, nodes, hashes, whole, states, lanes, buffer: for hashing that block.
    """

    used: Integers
    inputs: Words
    input_places: Words
    faults: Bytes
    ends: Integers
    rows: Integers
    names: Bytes
    births: Integers
    outputs: Words
    output_places: Words
    passed: Integers
    spans: Integers
    txids: Bytes
    nodes: Bytes
    hashes: Bytes
    whole: Integers
    states: Halves
    lanes: Integers
    buffer: Bytes


@inlined
def pack(offset: int, number: int, output: int) -> np.uint64:
    """A place in a block as one word: offset from its start (a block has under 2^22 bytes),
    position of the transaction, output number (under 2^21 each)."""
    return np.uint64(offset | (number << 22) | (output << 43))


@inlined
def unpack(place: np.uint64) -> tuple[int, int, int]:
    """Offset, position and output number."""
    return (
        integer(place & np.uint64(0x3FFFFF)),
        integer((place >> np.uint64(22)) & np.uint64(0x1FFFFF)),
        integer(place >> np.uint64(43)),
    )


@inlined
def ordinal(place: int, number: int) -> int:
    """The place of a transaction in the chain as one number (a block has under 2^24)."""
    return (place << 24) | number


@part
def add_row(rows: Integers, used: Integers, position: int, number: int) -> None:
    """Note a match; where the rows are full, only count it."""
    row = used[USED_ROWS]
    if row < rows.shape[0]:
        rows[row, POSITION] = position
        rows[row, NUMBER] = number
    used[USED_ROWS] = row + 1
