"""Look-ups in a column of hashes, beside a dict."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from erario.chain.hash_column import HashColumn

# Few keys and few tails, so that hashes repeat, and share their first eight bytes on purpose.
HASHES = st.tuples(st.integers(0, 3), st.integers(0, 3)).map(
    lambda pair: bytes([pair[0]]) * 8 + bytes([pair[1]]) * 24
)


def rows(hashes: list[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, 32)


@given(hashes=st.lists(HASHES, max_size=30), wanted=st.lists(HASHES, max_size=30))
def test_beside_a_dict(hashes: list[bytes], wanted: list[bytes]) -> None:
    places: dict[bytes, list[int]] = {}
    for number, each in enumerate(hashes):
        places.setdefault(each, []).append(number)
    column = HashColumn(rows(hashes))
    assert column.firsts().tolist() == sorted(numbers[0] for numbers in places.values())
    assert column.first(rows(wanted)).tolist() == [places.get(each, [-1])[0] for each in wanted]
    for each in wanted:
        assert list(column.all(each)) == places.get(each, [])
