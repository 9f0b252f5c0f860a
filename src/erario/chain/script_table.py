"""Building the tables of `kernels_table` and letting the coins' table grow.

Invariant: slots are at most half full, so that every look-up ends.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

import numpy as np

from erario.chain.kernels import Bytes, Integers, Words, integer, kernel, part, word_at
from erario.chain.kernels_table import (
    LEAST_WORD,
    NEAR_WORDS,
    CoinTable,
    ScriptTable,
    add_to_door,
    add_to_filter,
    find_coin,
    find_script,
    mix_coin,
    mix_script,
    short_word,
    siphash,
)

MAX_SCRIPT: Final = 10_000
"""Longer scripts cannot be spent (Bitcoin Core, script/script.h, MAX_SCRIPT_SIZE)."""
_OP_RETURN: Final = 0x6A
_SCRIPT_BITS: Final = 32
"""Bits of the filter for each script: of others 1 in 100 passes, and 1 in 40 of these once more; a
million take 4 MB."""
_NEAR_SCRIPTS: Final = 200_000
"""Up to here a door of `NEAR_WORDS` turns away enough: of others 1 in 6 passes it with 100,000
scripts, 1 in 3 with 200,000. A larger one must be asked for ahead, but costs less from there on."""
_FAR_BITS: Final = 16
"""Bits of such a larger door for each script: 1 in 16 passes."""
_COIN_BITS: Final = 64
"""As above for coins: what passes is read again where it lies, and the cache has lost that."""
_PLAIN: Final = np.uint64(0)


def build_scripts(scripts: Sequence[bytes]) -> ScriptTable:
    """The table of those `scripts` that coins can have; repeated ones count once."""
    return build_strings([s for s in scripts if len(s) <= MAX_SCRIPT and s[:1] != b"\x6a"])


def build_strings(kept: Sequence[bytes]) -> ScriptTable:
    """The table of any strings: those that repeat one before are never found."""
    starts = np.zeros(len(kept) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, kept), np.int64, len(kept)), out=starts[1:])
    filter_ = _new_filter(len(kept) * _SCRIPT_BITS)
    door = _new_filter(_door_bits(len(kept)))
    table = ScriptTable(
        door=door,
        door_shift=_shift(door),
        filter=filter_,
        shift=_shift(filter_),
        slots=np.zeros(_power(2 * len(kept)), np.int32),
        data=np.frombuffer(b"".join(kept), np.uint8).copy(),
        starts=starts,
        hashes=np.zeros(len(kept), np.uint64),
        secret=new_secret(),
    )
    _fill_scripts(table)
    return table


class Coins:
    """The watched coins that are known so far, in order of birth; the first of a name counts."""

    def __init__(self) -> None:
        self.count = 0
        self.table = empty_coins(64, new_secret())

    def add(self, names: Bytes, births: Integers) -> None:
        """Add coins with `names` (36 bytes each)."""
        if not len(births):
            return
        room = self.table.births.size
        if self.count + len(births) > room:
            self._grow(max(2 * room, self.count + len(births)))
        self.count = int(_insert_coins(self.table, self.count, names.reshape(-1), births))

    def _grow(self, room: int) -> None:
        old = self.table
        table = empty_coins(room, old.secret)
        _insert_coins(table, 0, old.names[: 36 * self.count], old.births[: self.count])
        self.table = table


def empty_coins(room: int, secret: Words) -> CoinTable:
    """A table without coins, with room for `room`."""
    filter_ = _new_filter(room * _COIN_BITS)
    return CoinTable(
        filter=filter_,
        shift=_shift(filter_),
        slots=np.zeros(_power(2 * room), np.int32),
        names=np.zeros(36 * room, np.uint8),
        births=np.zeros(room, np.int64),
        hashes=np.zeros(room, np.uint64),
        secret=secret,
    )


def new_secret() -> Words:
    """Two random words, so that nobody can choose keys that share slots."""
    return np.frombuffer(secrets.token_bytes(16), np.uint64).copy()


def _new_filter(bits: int) -> Words:
    return np.zeros(_power(bits // 64), np.uint64)


def _door_bits(scripts: int) -> int:
    if scripts > _NEAR_SCRIPTS:
        return scripts * _FAR_BITS
    return min(scripts * _SCRIPT_BITS, NEAR_WORDS * 64)


def _shift(filter_: Words) -> np.uint64:
    return np.uint64(64 - (filter_.size.bit_length() - 1))


def _power(least: int) -> int:
    """The lowest power of two that is not below `least`, and at least 2."""
    return 1 << max(1, (least - 1).bit_length())


@kernel
def _fill_scripts(table: ScriptTable) -> None:
    _fill_script_slots(table)


@part
def _fill_script_slots(table: ScriptTable) -> None:
    mask = table.slots.size - 1
    for entry in range(table.hashes.size):
        start = table.starts[entry]
        size = table.starts[entry + 1] - start
        if size >= LEAST_WORD:
            word = word_at(table.data, start + 3, _PLAIN)
        else:
            word = short_word(table.data, start, size, _PLAIN)
        mixed = mix_script(word, size)
        add_to_door(table.door, table.door_shift, mixed)
        add_to_filter(table.filter, table.shift, mixed)
        if find_script(table, table.data, start, size, _PLAIN) >= 0:
            continue
        hashed = siphash(table.data, start, size, _PLAIN, table.secret)
        table.hashes[entry] = hashed
        at = integer(hashed & np.uint64(mask))
        while table.slots[at]:
            at = (at + 1) & mask
        table.slots[at] = entry + 1


@kernel
def _insert_coins(table: CoinTable, count: int, names: Bytes, births: Integers) -> int:
    return _insert_coin_slots(table, count, names, births)


@part
def _insert_coin_slots(table: CoinTable, count: int, names: Bytes, births: Integers) -> int:
    mask = table.slots.size - 1
    for i in range(births.size):
        if find_coin(table, names, 36 * i, _PLAIN) >= 0:
            continue
        hashed = siphash(names, 36 * i, 36, _PLAIN, table.secret)
        for j in range(36):
            table.names[36 * count + j] = names[36 * i + j]
        table.births[count] = births[i]
        table.hashes[count] = hashed
        number = word_at(names, 36 * i + 28, _PLAIN) >> np.uint64(32)
        add_to_filter(table.filter, table.shift, mix_coin(word_at(names, 36 * i, _PLAIN), number))
        at = integer(hashed & np.uint64(mask))
        while table.slots[at]:
            at = (at + 1) & mask
        table.slots[at] = count + 1
        count += 1
    return count
