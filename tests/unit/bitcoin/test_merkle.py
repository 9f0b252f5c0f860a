"""Merkle roots beside a plain recursive twin, and the trees that two lists share."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.bitcoin.merkle import merkle_branch, merkle_root, root_of_branch


def leaf(number: int) -> bytes:
    return hashlib.sha256(number.to_bytes(4, "little")).digest()


def pair(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(left + right).digest()).digest()


def slow_root(hashes: list[bytes], depth: int | None = None) -> bytes:
    """By halves from the top: the right half repeats its last leaf to fill the tree."""
    if depth is None:
        depth = (len(hashes) - 1).bit_length()
    if depth == 0:
        return hashes[0]
    half = 1 << (depth - 1)
    left = slow_root(hashes[:half], depth - 1)
    return pair(left, slow_root(hashes[half:], depth - 1) if hashes[half:] else left)


@pytest.mark.parametrize("count", range(1, 40))
def test_root_and_branches(count):
    hashes = [leaf(i) for i in range(count)]
    root, mutated = merkle_root(hashes)
    assert root == slow_root(hashes)
    assert not mutated
    for position, own in enumerate(hashes):
        branch = merkle_branch(hashes, position)
        assert len(branch) == (count - 1).bit_length()
        assert root_of_branch(own, position, branch) == root


def test_nothing_has_a_root_of_zeros():
    assert merkle_root([]) == (bytes(32), False)


def test_there_is_no_branch_to_a_leaf_that_is_not_there():
    for position in (-1, 2):
        with pytest.raises(IndexError):
            merkle_branch([leaf(0), leaf(1)], position)


@pytest.mark.parametrize(
    ("honest", "twin"),
    [
        # CVE-2012-2459: repeating the end of a list with an odd level gives the same root.
        ([1, 2, 3], [1, 2, 3, 3]),
        ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 5]),
        ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 5, 5, 5]),
        ([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 5, 6]),
    ],
)
def test_mutations_are_told(honest, twin):
    root, mutated = merkle_root([leaf(i) for i in honest])
    assert not mutated
    assert merkle_root([leaf(i) for i in twin]) == (root, True)


def test_equal_hashes_that_are_no_neighbours_are_no_mutation():
    assert not merkle_root([leaf(1), leaf(2), leaf(1), leaf(3)])[1]
    assert not merkle_root([leaf(1), leaf(2), leaf(2), leaf(3)])[1]


@given(st.lists(st.integers(0, 3).map(leaf), min_size=1, max_size=20), st.data())
def test_lists_with_one_root_are_equal_or_mutated(hashes, data):
    tail = data.draw(st.integers(0, len(hashes)))
    longer = hashes + hashes[len(hashes) - tail :]
    if longer != hashes and merkle_root(longer)[0] == merkle_root(hashes)[0]:
        assert merkle_root(longer)[1]


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=33, unique=True))
def test_a_wrong_leaf_or_position_leads_elsewhere(hashes):
    root, _ = merkle_root(hashes)
    position = len(hashes) // 2
    branch = merkle_branch(hashes, position)
    wrong = bytes((hashes[position][0] ^ 1,)) + hashes[position][1:]
    assert root_of_branch(wrong, position, branch) != root
    if branch and branch[0] != hashes[position]:
        assert root_of_branch(hashes[position], position ^ 1, branch) != root
