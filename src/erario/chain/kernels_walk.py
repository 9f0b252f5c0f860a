"""One pass over a block: what every byte means, and what is to be looked up.

The rules of reading are those of `erario.bitcoin.block.read_block`, which are Bitcoin Core's.
Positions are offsets in the block's file, since the obfuscation key goes by them; -1 stands for a
block that cannot be read. Invariant: `end - position` is held against what is needed before each
read, so that no length that the block claims is ever added to a position unchecked.

The loops hold little more than the reading itself: outputs that pass the door, and all inputs, are
noted for `kernels_match`. Where the door is too large for the near caches, its words are only asked
for, all outputs are noted, and look at the door together when the words are here.
"""

from __future__ import annotations

from typing import Final

from erario.chain.kernels import byte_at, half_at, inlined, integer, merged, part, prefetch, word_at
from erario.chain.kernels_match import match_outputs
from erario.chain.kernels_room import (
    AT_ONCE,
    BODY_END,
    HAS_WITNESS,
    START,
    STOP,
    USED_INPUTS,
    USED_OUTPUTS,
    Block,
    Room,
    pack,
)
from erario.chain.kernels_size import read_size
from erario.chain.kernels_table import (
    LEAST_WORD,
    ScriptTable,
    is_far,
    may_enter,
    mix_coin,
    mix_script,
    short_word,
)

HEADER_SIZE: Final = 80
LEAST_TRANSACTION: Final = 10
LEAST_INPUT: Final = 41
LEAST_OUTPUT: Final = 9


@inlined
def _walk_inputs(block: Block, position: int, number: int, room: Room) -> int:
    data, end, key = block.data, block.end, block.key
    count, position = read_size(data, position, end, key)
    if count < 0 or count * LEAST_INPUT > end - position:
        return -1
    used = room.used[USED_INPUTS]
    for _ in range(count):
        if end - position < LEAST_INPUT:
            return -1
        coin = mix_coin(word_at(data, position, key), half_at(data, position + 32, key))
        room.inputs[used] = coin
        room.input_places[used] = pack(position - block.start, number, 0)
        used += 1
        size, position = read_size(data, position + 36, end, key)
        if size < 0 or end - position < size + 4:
            return -1
        position += size + 4
    room.used[USED_INPUTS] = used
    return position


@inlined
def _walk_outputs(
    block: Block, position: int, number: int, scripts: ScriptTable, room: Room
) -> int:
    data, end, key = block.data, block.end, block.key
    count, position = read_size(data, position, end, key)
    if count < 0 or count * LEAST_OUTPUT > end - position:
        return -1
    used = room.used[USED_OUTPUTS]
    far = is_far(scripts.door)
    for i in range(count):
        if end - position < LEAST_OUTPUT:
            return -1
        begin = position + 8
        size, position = read_size(data, begin, end, key)
        if size < 0 or end - position < size:
            return -1
        if size >= LEAST_WORD:
            word = word_at(data, position + 3, key)
        else:
            word = short_word(data, position, size, key)
        mixed = mix_script(word, size)
        room.outputs[used] = mixed
        room.output_places[used] = pack(begin - block.start, number, i)
        if far:
            prefetch(scripts.door, mixed >> scripts.door_shift)
            used += 1
        else:
            # No branch: the processor would guess wrong where one in six passes.
            used += integer(may_enter(scripts.door, scripts.door_shift, mixed))
        if used == AT_ONCE:
            match_outputs(block, scripts, used, room)
            used = integer(0)
        position += size
    room.used[USED_OUTPUTS] = used
    return position


@inlined
def _walk_witnesses(block: Block, position: int, inputs: int) -> int:
    data, end, key = block.data, block.end, block.key
    some = False
    for _ in range(inputs):
        count, position = read_size(data, position, end, key)
        if count < 0 or count > end - position:
            return -1
        some = some or count > 0
        for _ in range(count):
            size, position = read_size(data, position, end, key)
            if size < 0 or end - position < size:
                return -1
            position += size
    # A witness record without a witness is refused.
    return position if some else -1


@inlined
def _read_flag(block: Block, position: int) -> tuple[int, int]:
    """The flag behind a version, and the position behind it. -1: none, the inputs follow. 0: no
    inputs and no outputs. 1: witnesses follow the outputs. All others are refused later."""
    if byte_at(block.data, position, block.key):
        return -1, position
    return byte_at(block.data, position + 1, block.key), position + 2


@merged
def _walk_transaction(
    block: Block, begin: int, number: int, scripts: ScriptTable, room: Room
) -> int:
    """Walk the transaction at `begin`, note its span; the position behind it."""
    if block.end - begin < LEAST_TRANSACTION:
        return -1
    flag, position = _read_flag(block, begin + 4)
    if flag > 1:
        return -1
    body = position
    if flag != 0:
        position = _walk_inputs(block, position, number, room)
        if position < 0:
            return -1
        position = _walk_outputs(block, position, number, scripts, room)
    body_end = position
    if flag == 1 and position >= 0:
        inputs, _ = read_size(block.data, body, block.end, block.key)
        position = _walk_witnesses(block, position, inputs)
    if position < 0 or block.end - position < 4:
        return -1
    room.spans[number, START] = begin
    room.spans[number, BODY_END] = body_end
    room.spans[number, STOP] = position + 4
    room.spans[number, HAS_WITNESS] = flag == 1
    return position + 4


@part
def walk_block(block: Block, scripts: ScriptTable, room: Room) -> int:
    """Walk the block; how many transactions it has, or -1 where it cannot be read. `room` gets
    the spans of all, the inputs, and the outputs that pay to one of `scripts`."""
    count, position = read_size(block.data, block.start + HEADER_SIZE, block.end, block.key)
    if count < 0 or count * LEAST_TRANSACTION > block.end - position:
        return -1
    room.used[USED_OUTPUTS] = 0
    for number in range(count):
        position = _walk_transaction(block, position, number, scripts, room)
        if position < 0:
            return -1
    match_outputs(block, scripts, room.used[USED_OUTPUTS], room)
    return count if position == block.end else -1
