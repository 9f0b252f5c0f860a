"""Looking up exactly what passed the filter: outputs in the scripts, inputs in the coins.

A loop that sifts holds nothing but one look at the door or at the filter, so that the processor has
dozens under way while the first still waits for memory.
"""

from __future__ import annotations

from erario.chain.kernels import integer, part, prefetch
from erario.chain.kernels_room import AT_ONCE, Block, Room, add_row, ordinal, unpack
from erario.chain.kernels_size import read_size
from erario.chain.kernels_table import (
    CoinTable,
    ScriptTable,
    find_coin,
    find_script,
    is_far,
    may_enter,
    may_still_hold,
    sift,
)


@part
def match_outputs(block: Block, scripts: ScriptTable, count: int, room: Room) -> None:
    """Add a row for each of the first `count` noted outputs that pays to one of `scripts`. Where
    the door is far they have not passed it yet."""
    if is_far(scripts.door):
        count = _pass_door(scripts, count, room)
    passed = sift(scripts.filter, scripts.shift, room.outputs, 0, count, room.passed)
    for i in range(passed):
        if not may_still_hold(scripts.filter, scripts.shift, room.outputs[room.passed[i]]):
            continue
        offset, number, output = unpack(room.output_places[room.passed[i]])
        size, at = read_size(block.data, block.start + offset, block.end, block.key)
        if find_script(scripts, block.data, at, size, block.key) >= 0:
            add_row(room.rows, room.used, number, output)


@part
def _pass_door(scripts: ScriptTable, count: int, room: Room) -> int:
    """Move those of the first `count` noted outputs that the door lets pass to the front, and ask
    for their words of the filter; how many they are."""
    passed = integer(0)
    for i in range(count):
        mixed = room.outputs[i]
        room.outputs[passed] = mixed
        room.output_places[passed] = room.output_places[i]
        passed += integer(may_enter(scripts.door, scripts.door_shift, mixed))
    for i in range(passed):
        prefetch(scripts.filter, room.outputs[i] >> scripts.shift)
    return passed


@part
def match_inputs(block: Block, coins: CoinTable, begin: int, end: int, room: Room) -> None:
    """Add a row for each noted input from `begin` to `end` that spends one of `coins`, which was
    there before it."""
    for first in range(begin, end, AT_ONCE):
        stop = min(first + AT_ONCE, end)
        passed = sift(coins.filter, coins.shift, room.inputs, first, stop, room.passed)
        for i in range(passed):
            if not may_still_hold(coins.filter, coins.shift, room.inputs[room.passed[i]]):
                continue
            offset, number, _ = unpack(room.input_places[room.passed[i]])
            entry = find_coin(coins, block.data, block.start + offset, block.key)
            if entry >= 0 and coins.births[entry] < ordinal(block.place, number):
                add_row(room.rows, room.used, number, -1)
