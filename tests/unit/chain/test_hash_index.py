"""The table of positions by hash, beside a dict."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from erario.chain.hash_index import HashIndex


def digest(number: int) -> bytes:
    return hashlib.sha256(number.to_bytes(4, "little")).digest()


@given(st.lists(st.integers(0, 50).map(digest)))
def test_takes_each_hash_once(hashes):
    column, twin = bytearray(), {}
    index = HashIndex(column)
    for value in hashes:
        assert index.find(value) == twin.get(value)
        assert index.take_in(value) is (value not in twin)
        if value not in twin:
            twin[value] = len(twin)
            column += value
    assert all(index.find(value) == position for value, position in twin.items())


def test_grows_with_the_column_and_reads_one_that_is_there():
    hashes = [digest(number) for number in range(20_000)]
    column = bytearray()
    grown = HashIndex(column)
    for value in hashes:
        assert grown.take_in(value)
        column += value
    made = HashIndex(bytes(column))
    for position, value in enumerate(hashes):
        assert grown.find(value) == made.find(value) == position
    assert made.find(bytes(32)) is None
