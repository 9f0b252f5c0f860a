"""The walk through one file: which records count, where it resumes, what it calls garbage."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.chains import (
    GENESIS,
    MAGIC,
    mine,
    mine_many,
    obfuscated,
    record,
)

from erario.bitcoin.network import NetworkName, network
from erario.chain import block_walk
from erario.chain.block_files import open_block_file
from erario.chain.block_walk import BlockWalk
from erario.chain.errors import ChainCode
from erario.chain.file_records import FileRecords
from erario.chain.whole_block import is_whole_block
from erario.errors import SourceError

A, B, C = mine_many(GENESIS, 3)
KEY = bytes.fromhex("a1b2c3d4e5f60718")
MAIN_MAGIC = bytes.fromhex("f9beb4d9")


def walked(folder: Path, data: bytes, key: bytes | None = None, zeros: int = 0) -> FileRecords:
    path = folder / "blk00000.dat"
    path.write_bytes(obfuscated(data, key) + bytes(zeros))
    regtest = network(NetworkName.REGTEST)
    with open_block_file(path, key) as file:
        return BlockWalk(
            file, regtest.magic, regtest.pow_limit, is_whole_block, lambda _: None
        ).run()


def hashes(records: FileRecords) -> list[bytes]:
    return [bytes(records.hashes[i : i + 32]) for i in range(0, len(records.hashes), 32)]


def sized(size: int, raw: bytes) -> bytes:
    """A record whose length lies."""
    return MAGIC + struct.pack("<I", size) + raw


CUT = record(A.raw)[:-30]

CASES: dict[str, tuple[list[bytes], list[bytes], int | None]] = {
    # what lies in the file; the blocks found; the offset of the first garbage
    "nothing": ([], [], None),
    "plain": ([record(A.raw), record(B.raw)], [A.block_hash, B.block_hash], None),
    "noise first": ([b"noise", record(A.raw)], [A.block_hash], 0),
    "noise last": ([record(A.raw), b"noise"], [A.block_hash], len(record(A.raw))),
    "noise between": (
        [record(A.raw), b"noise", record(B.raw)],
        [A.block_hash, B.block_hash],
        len(record(A.raw)),
    ),
    "magic between": (
        [record(A.raw), MAGIC, record(B.raw)],
        [A.block_hash, B.block_hash],
        len(record(A.raw)),
    ),
    "zeros between": ([bytes(9), record(A.raw)], [A.block_hash], 0),
    "cut first": ([CUT, record(B.raw)], [B.block_hash], 0),
    "cut last": ([record(B.raw), CUT], [B.block_hash], None),
    "cut after its magic": ([record(B.raw), MAGIC], [B.block_hash], None),
    "cut in its magic": ([record(B.raw), MAGIC[:2]], [B.block_hash], None),
    "cut in its length": ([record(B.raw), record(A.raw)[:6]], [B.block_hash], None),
    "cut by five bytes": ([record(B.raw), record(A.raw)[:-5]], [B.block_hash], None),
    # The last four bytes of the cut block become the magic of the next: it still parses.
    "cut where it still parses": ([record(A.raw)[:-4], record(B.raw)], [B.block_hash], 0),
    "length too small": ([sized(80, A.raw), record(B.raw)], [B.block_hash], 0),
    "length too large": ([sized(4_000_001, A.raw), record(B.raw)], [B.block_hash], 0),
    "length past the end": ([sized(3_999_999, A.raw), record(B.raw)], [B.block_hash], 0),
    "length into the next": ([sized(len(A.raw) + 40, A.raw), record(B.raw)], [B.block_hash], 0),
    "length short": ([sized(len(A.raw) - 1, A.raw), record(B.raw)], [B.block_hash], 0),
    "another network's block": (
        [record(A.raw, MAIN_MAGIC), record(B.raw)],
        [B.block_hash],
        0,
    ),
    "same block twice": ([record(A.raw), record(A.raw)], [A.block_hash] * 2, None),
}


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "obfuscated"])
@pytest.mark.parametrize("zeros", [0, 5000], ids=["", "zeros"])
@pytest.mark.parametrize("case", CASES)
def test_records_and_garbage(tmp_path: Path, case: str, zeros: int, key: bytes | None) -> None:
    pieces, expected, garbage = CASES[case]
    records = walked(tmp_path, b"".join(pieces), key, zeros)
    assert hashes(records) == expected
    assert (records.garbage.offset if records.garbage else None) == garbage


def test_positions_sizes_and_headers(tmp_path: Path) -> None:
    records = walked(tmp_path, b"??" + record(A.raw) + record(B.raw), KEY, zeros=100)
    behind = 2 + len(record(A.raw))
    assert list(records.offsets) == [10, behind + 8]
    assert list(records.sizes) == [len(A.raw), len(B.raw)]
    assert bytes(records.headers) == A.header + B.header
    assert list(records.ends_open) == [0, 1]
    assert records.extent == behind + len(record(B.raw))


def test_several_stretches_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    records = walked(tmp_path, b"x" + record(A.raw) + b"yy" + record(B.raw) + b"zzz")
    assert records.garbage is not None
    assert (records.garbage.offset, records.garbage.stretches) == (0, 3)
    assert records.garbage.file == "blk00000.dat"


def test_a_header_without_its_proof_of_work_does_not_count(tmp_path: Path) -> None:
    header = bytearray(A.header)
    while True:
        header[76] += 1
        if block_walk.sha256d(bytes(header))[31] > 0x80:
            break
    raw = bytes(header) + A.raw[80:]
    assert hashes(walked(tmp_path, record(raw) + record(B.raw))) == [B.block_hash]


def test_a_block_whose_transactions_hold_a_record_is_one_block(tmp_path: Path) -> None:
    inner = record(C.raw)[:200]
    outer = mine(B, pay=((0, b"\x6a" + inner),))
    records = walked(tmp_path, record(outer.raw) + b"noise" + record(A.raw))
    assert hashes(records) == [outer.block_hash, A.block_hash]


@pytest.mark.parametrize("window", [1, 4, 7, 64])
def test_a_magic_is_found_across_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    monkeypatch.setattr(block_walk, "_FIRST_WINDOW", max(4, window))
    monkeypatch.setattr(block_walk, "_WINDOW", max(4, window))
    for shift in range(9):
        data = b"n" * shift + record(A.raw) + b"noise" + record(B.raw)
        assert hashes(walked(tmp_path, data, KEY)) == [A.block_hash, B.block_hash]


def test_a_file_made_of_hostile_lengths_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each of these has proof of work and room for its length, and would be hashed whole.
    monkeypatch.setattr(block_walk, "_TRIALS_FLOOR", 1 << 20)
    hostile = b"".join(sized(500_000, A.header) for _ in range(6000))
    with pytest.raises(SourceError) as refused:
        walked(tmp_path, hostile + bytes(b"\x01" * 500_000))
    assert refused.value.code is ChainCode.TOO_MUCH_GARBAGE


@given(data=st.data())
def test_any_bytes_end_in_records_or_a_typed_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    piece = st.one_of(
        st.binary(max_size=60),
        st.just(MAGIC),
        st.sampled_from([record(A.raw), record(B.raw), CUT, MAGIC + bytes(4)]),
        st.integers(0, 2**32 - 1).map(lambda n: sized(n, A.raw)),
        st.integers(0, 400).map(bytes),
    )
    content = b"".join(data.draw(st.lists(piece, max_size=12)))
    records = walked(tmp_path_factory.getbasetemp(), content)
    for offset, size in zip(records.offsets, records.sizes, strict=True):
        assert content[offset - 8 : offset - 4] == MAGIC
        assert offset + size <= len(content)
    assert records.extent <= len(content)
