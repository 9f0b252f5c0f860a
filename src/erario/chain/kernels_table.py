"""Exact look-up of scripts and outpoints behind a filter that most questions never pass.

    1 door      one bit of a smaller table; scripts only
    2 filter    three bits in one 64-bit word; the word and the bits come from eight bytes of the
                key that differ between honest keys, and from the length (or output number)
    3 again     two more bits of that word, for the few that passed
    4 slots     open addressing by SipHash-1-3 of the whole key, with a secret of this process
    5 bytes     exact comparison

Hostile keys can share the eight bytes, so they pass the filter; they cannot be made to share
slots. Invariant: `find_script` and `find_coin` are exact, whatever the filter says.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from erario.chain.kernels import (
    Bytes,
    Integers,
    Slots,
    Words,
    byte_at,
    inlined,
    integer,
    part,
    word_at,
)

_ODD: Final = np.uint64(0xD6E8FEB86659FD93)
_PLAIN: Final = np.uint64(0)

_PATTERNS: Final = np.array(
    [1 << (i % 64) | 1 << (i * 5 % 64 ^ 21) | 1 << (i * 11 // 4 % 64 ^ 42) for i in range(256)],
    np.uint64,
)
"""Words with up to three bits set: one read is faster than three shifts."""

NEAR_WORDS: Final = 1 << 13
"""Words of the largest door that stays in the near caches while blocks stream by: 64 KB."""

LEAST_WORD: Final = 11
"""From this length on a script is keyed by its bytes 3 to 10, which lie inside the hash or the
public key of every standard script; shorter scripts by all their bytes."""


class ScriptTable(NamedTuple):
    """Scripts, ready to be looked up.

    Attributes:
        door: a power of two of words, one bit a script; `door_shift` is as `shift`.
        filter: a power of two of words, up to five bits a script.
        shift: 64 minus the bits of an index of `filter`.
        slots: entry + 1, or 0 where free; a power of two, at most half full.
        data: all scripts, one behind the other; `starts` has one position more than scripts.
        hashes: SipHash of each script under `secret` (two words).
    """

    door: Words
    door_shift: np.uint64
    filter: Words
    shift: np.uint64
    slots: Slots
    data: Bytes
    starts: Integers
    hashes: Words
    secret: Words


class CoinTable(NamedTuple):
    """Outpoints of watched coins, ready to be looked up.

    Attributes:
        names: 36 bytes each: txid in internal order, output number little-endian.
        births: where each was created, as an ordinal of chain order; a spend comes later.
    """

    filter: Words
    shift: np.uint64
    slots: Slots
    names: Bytes
    births: Integers
    hashes: Words
    secret: Words


@inlined
def mix_script(word: np.uint64, length: int) -> np.uint64:
    """What the filter is asked with, for a script keyed by `word`."""
    return np.uint64((word + np.uint64(length)) * _ODD)


@inlined
def mix_coin(word: np.uint64, number: np.uint64) -> np.uint64:
    """What the filter is asked with, for output `number` of a txid that starts with `word`."""
    return np.uint64((word ^ (number << np.uint64(20))) * _ODD)


@inlined
def _bits(mixed: np.uint64) -> np.uint64:
    """The three bits of `mixed` in its word of the filter."""
    return np.uint64(_PATTERNS[(mixed >> np.uint64(20)) & np.uint64(0xFF)])


@inlined
def _more_bits(mixed: np.uint64) -> np.uint64:
    """Two more bits of `mixed` in its word of the filter."""
    one, last = np.uint64(1), np.uint64(63)
    return one << ((mixed >> np.uint64(28)) & last) | one << ((mixed >> np.uint64(34)) & last)


@inlined
def is_far(door: Words) -> bool:
    """Whether the near caches lose the door, so that its words are asked for ahead."""
    return bool(door.size > NEAR_WORDS)


@inlined
def may_enter(door: Words, shift: np.uint64, mixed: np.uint64) -> np.uint64:
    """1 where the door lets `mixed` pass, else 0."""
    return np.uint64((door[mixed >> shift] >> (mixed & np.uint64(63))) & np.uint64(1))


@part
def add_to_door(door: Words, shift: np.uint64, mixed: np.uint64) -> None:
    """Let `mixed` pass from now on."""
    door[mixed >> shift] |= np.uint64(1) << (mixed & np.uint64(63))


@inlined
def may_hold(filter_: Words, shift: np.uint64, mixed: np.uint64) -> bool:
    """Whether the filter lets `mixed` pass."""
    bits = _bits(mixed)
    # An unsigned index: numba counts signed ones from the end where they are negative.
    return bool((filter_[mixed >> shift] & bits) == bits)


@inlined
def may_still_hold(filter_: Words, shift: np.uint64, mixed: np.uint64) -> bool:
    """Whether `mixed`, which the filter let pass, passes once more. What is asked next lies in
    memory that the caches have lost; this word they have."""
    bits = _more_bits(mixed)
    return bool((filter_[mixed >> shift] & bits) == bits)


@part
def sift(
    filter_: Words, shift: np.uint64, asked: Words, begin: int, end: int, passed: Integers
) -> int:
    """Put those indexes from `begin` to `end` of `asked` that the filter lets pass to `passed`;
    how many. No branch: so the processor has dozens of words under way at once."""
    count = integer(0)
    for i in range(begin, end):
        passed[count] = i
        count += integer(may_hold(filter_, shift, asked[i]))
    return count


@part
def add_to_filter(filter_: Words, shift: np.uint64, mixed: np.uint64) -> None:
    """Let `mixed` pass from now on."""
    filter_[mixed >> shift] |= _bits(mixed) | _more_bits(mixed)


@part
def short_word(data: Bytes, start: int, length: int, key: np.uint64) -> np.uint64:
    """The word that a script shorter than `LEAST_WORD` is keyed by."""
    word = np.uint64(0)
    for i in range(length):
        word = (word << np.uint64(7)) ^ np.uint64(byte_at(data, start + i, key))
    return word


@inlined
def _round(a: np.uint64, b: np.uint64, c: np.uint64, d: np.uint64) -> tuple[np.uint64, ...]:
    a += b
    b = (b << np.uint64(13)) | (b >> np.uint64(51))
    b ^= a
    a = (a << np.uint64(32)) | (a >> np.uint64(32))
    c += d
    d = (d << np.uint64(16)) | (d >> np.uint64(48))
    d ^= c
    a += d
    d = (d << np.uint64(21)) | (d >> np.uint64(43))
    d ^= a
    c += b
    b = (b << np.uint64(17)) | (b >> np.uint64(47))
    b ^= c
    c = (c << np.uint64(32)) | (c >> np.uint64(32))
    return a, b, c, d


@part
def siphash(data: Bytes, start: int, size: int, key: np.uint64, secret: Words) -> np.uint64:
    """SipHash-1-3 (Aumasson, Bernstein: one round a word, three at the end)."""
    a = secret[0] ^ np.uint64(0x736F6D6570736575)
    b = secret[1] ^ np.uint64(0x646F72616E646F6D)
    c = secret[0] ^ np.uint64(0x6C7967656E657261)
    d = secret[1] ^ np.uint64(0x7465646279746573)
    whole = size & ~7
    for done in range(0, whole, 8):
        word = word_at(data, start + done, key)
        d ^= word
        a, b, c, d = _round(a, b, c, d)
        a ^= word
    word = np.uint64(size & 0xFF) << np.uint64(56)
    for done in range(whole, size):
        word |= np.uint64(byte_at(data, start + done, key)) << np.uint64((done - whole) << 3)
    d ^= word
    a, b, c, d = _round(a, b, c, d)
    a ^= word
    c ^= np.uint64(0xFF)
    for _ in range(3):
        a, b, c, d = _round(a, b, c, d)
    return np.uint64(a ^ b ^ c ^ d)


@part
def _same(data: Bytes, start: int, key: np.uint64, size: int, other: Bytes, at: int) -> bool:
    whole = size & ~7
    for done in range(0, whole, 8):
        if word_at(data, start + done, key) != word_at(other, at + done, _PLAIN):
            return False
    for done in range(whole, size):
        if byte_at(data, start + done, key) != other[at + done]:
            return False
    return True


@part
def find_script(table: ScriptTable, data: Bytes, start: int, size: int, key: np.uint64) -> int:
    """The entry of the script at `start`, or -1."""
    hashed = siphash(data, start, size, key, table.secret)
    mask = table.slots.size - 1
    at = integer(hashed & np.uint64(mask))
    while True:
        entry = integer(table.slots[at]) - 1
        if entry < 0:
            return -1
        begin = table.starts[entry]
        if (
            table.hashes[entry] == hashed
            and table.starts[entry + 1] - begin == size
            and _same(data, start, key, size, table.data, begin)
        ):
            return entry
        at = (at + 1) & mask


@part
def find_coin(table: CoinTable, data: Bytes, start: int, key: np.uint64) -> int:
    """The entry of the outpoint (36 bytes) at `start`, or -1."""
    hashed = siphash(data, start, 36, key, table.secret)
    mask = table.slots.size - 1
    at = integer(hashed & np.uint64(mask))
    while True:
        entry = integer(table.slots[at]) - 1
        if entry < 0:
            return -1
        if table.hashes[entry] == hashed and _same(data, start, key, 36, table.names, entry * 36):
            return entry
        at = (at + 1) & mask
