"""Looking up exactly what passed the filter: outputs in the scripts, inputs in the coins.

The loop that sifts holds nothing but one look at the filter, so that the processor has dozens
under way while the first still waits for memory.
"""

from __future__ import annotations

from erario.chain.kernels import part
from erario.chain.kernels_room import AT_ONCE, Block, Room, add_row, ordinal, unpack
from erario.chain.kernels_size import read_size
from erario.chain.kernels_table import CoinTable, ScriptTable, find_coin, find_script, sift


@part
def match_outputs(block: Block, scripts: ScriptTable, count: int, room: Room) -> None:
    """Add a row for each of the first `count` noted outputs that pays to one of `scripts`."""
    passed = sift(scripts.filter, scripts.shift, room.outputs, 0, count, room.passed)
    for i in range(passed):
        offset, number, output = unpack(room.output_places[room.passed[i]])
        size, at = read_size(block.data, block.start + offset, block.end, block.key)
        if find_script(scripts, block.data, at, size, block.key) >= 0:
            add_row(room.rows, room.used, number, output)


@part
def match_inputs(block: Block, coins: CoinTable, begin: int, end: int, room: Room) -> None:
    """Add a row for each noted input from `begin` to `end` that spends one of `coins`, which was
    there before it."""
    for first in range(begin, end, AT_ONCE):
        stop = min(first + AT_ONCE, end)
        passed = sift(coins.filter, coins.shift, room.inputs, first, stop, room.passed)
        for i in range(passed):
            offset, number, _ = unpack(room.input_places[room.passed[i]])
            entry = find_coin(coins, block.data, block.start + offset, block.key)
            if entry >= 0 and coins.births[entry] < ordinal(block.place, number):
                add_row(room.rows, room.used, number, -1)
