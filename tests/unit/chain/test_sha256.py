"""SHA-256 in kernels against hashlib, with the processor's instructions and without."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.chain.kernels import kernel
from erario.chain.kernels_hash import hash_transactions, merkle_root
from erario.chain.kernels_room import BODY_END, HAS_WITNESS, START, STOP
from erario.chain.scanner_windows import new_room
from erario.chain.sha256 import digests, has_sha_instructions, node_two

LONGEST = 4500
NATIVE = [
    False,
    pytest.param(
        True,
        marks=pytest.mark.skipif(
            not has_sha_instructions(), reason="this processor has no SHA instructions"
        ),
    ),
]


@kernel
def hash_spans(data, key, spans, out, room, native):
    hash_transactions(data, key, spans, spans.shape[0], out, room, native)


@kernel
def root_of(nodes, count, native):
    return merkle_root(nodes, count, native)


@kernel
def two_nodes(data, native):
    out = np.zeros(64, np.uint8)
    node_two(data, 0, out, 0, native)
    return out


def sha256d(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def noise(size: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)


@pytest.mark.parametrize("native", NATIVE)
def test_every_length_up_to_some_thousands(native) -> None:
    data = noise(LONGEST)
    made = digests(data, np.arange(LONGEST + 1, dtype=np.uint32), native)
    whole = data.tobytes()
    assert all(made[i].tobytes() == hashlib.sha256(whole[:i]).digest() for i in range(LONGEST + 1))


@pytest.mark.parametrize("native", NATIVE)
def test_two_nodes_at_once(native) -> None:
    data = noise(128)
    expected = sha256d(data[:64].tobytes()) + sha256d(data[64:].tobytes())
    assert two_nodes(data, native).tobytes() == expected


SIZES = st.one_of(
    st.integers(10, 200),
    st.integers(10, 9000),
    st.sampled_from((55, 56, 63, 64, 65, 119, 120, 4095, 4096, 4097, 8192)),
)


@pytest.mark.parametrize("native", NATIVE)
@given(st.lists(st.tuples(SIZES, st.booleans()), max_size=9), st.integers(0, 2**64 - 1))
def test_messages_side_by_side(native, messages, key) -> None:
    """Transactions of any size in any company, whole or without marker and witnesses."""
    plain = noise(sum(size for size, _ in messages) + 8)
    mask = np.resize(np.frombuffer(key.to_bytes(8, "little"), np.uint8), plain.size)
    spans = np.zeros((len(messages), 4), np.int64)
    expected, at = b"", 3
    for i, (size, witness) in enumerate(messages):
        raw = plain[at : at + size].tobytes()
        body_end = max(6, size // 2)
        spans[i, [START, BODY_END, STOP, HAS_WITNESS]] = at, at + body_end, at + size, witness
        expected += sha256d(raw[:4] + raw[6:body_end] + raw[-4:] if witness else raw)
        at += size
    out = np.zeros(32 * len(messages), np.uint8)
    room = new_room(np.array([plain.size]))
    hash_spans(plain ^ mask, np.uint64(key), spans, out, room, native)
    assert out.tobytes() == expected


@pytest.mark.parametrize("native", NATIVE)
@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40), st.booleans())
def test_merkle_roots(native, hashes, twice) -> None:
    if twice:
        hashes = [*hashes, hashes[-1]]
    nodes = np.frombuffer(b"".join(hashes) + bytes(32), np.uint8).copy()
    mutated = root_of(nodes, len(hashes), native)
    level, expected = hashes, False
    while len(level) > 1:
        expected |= any(a == b for a, b in zip(level[::2], level[1::2], strict=False))
        level = [*level, level[-1]] if len(level) % 2 else level
        level = [sha256d(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
    assert (nodes[:32].tobytes(), bool(mutated)) == (level[0], expected)
