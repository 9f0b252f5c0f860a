"""The bounded reader: every number form, and what it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.bitcoin.encoding import MAX_SIZE, Reader, write_compact_size
from erario.bitcoin.errors import BitcoinCode, DecodeError
from erario.errors import ErarioError


@pytest.mark.parametrize(
    ("read", "data", "expected"),
    [
        ("u8", "ff", 255),
        ("u16", "0100", 1),
        ("u32", "ffffffff", 0xFFFFFFFF),
        ("i32", "ffffffff", -1),
        ("u64", "ffffffffffffffff", (1 << 64) - 1),
        ("i64", "ffffffffffffffff", -1),
        ("i64", "00f2052a01000000", 5_000_000_000),
        ("compact_size", "fc", 252),
        ("compact_size", "fdfd00", 253),
        ("compact_size", "fdffff", 65_535),
        ("compact_size", "fe00000100", 65_536),
        ("compact_size", "fe00000002", MAX_SIZE),
        ("sized_bytes", "020102", b"\x01\x02"),
    ],
)
def test_reads_and_moves_behind(read, data, expected):
    for form in (bytes.fromhex(data), memoryview(bytes.fromhex(data))):
        reader = Reader(form)
        assert getattr(reader, read)() == expected
        reader.finish()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("fdfc00", BitcoinCode.DECODE_NOT_CANONICAL),
        ("fd0000", BitcoinCode.DECODE_NOT_CANONICAL),
        ("feffff0000", BitcoinCode.DECODE_NOT_CANONICAL),
        ("ffffffffff00000000", BitcoinCode.DECODE_NOT_CANONICAL),
        ("fe01000002", BitcoinCode.DECODE_TOO_LARGE),
        ("ff0000000001000000", BitcoinCode.DECODE_TOO_LARGE),
        ("ffffffffffffffffff", BitcoinCode.DECODE_TOO_LARGE),
        ("fd01", BitcoinCode.DECODE_TRUNCATED),
        ("", BitcoinCode.DECODE_TRUNCATED),
    ],
)
def test_compact_sizes_that_are_refused(data, code):
    with pytest.raises(DecodeError) as caught:
        Reader(bytes.fromhex(data)).compact_size()
    assert caught.value.code is code
    assert caught.value.remedy


def test_a_count_is_held_against_the_bytes_that_are_left():
    assert Reader(b"\x02" + bytes(18)).count(9) == 2
    with pytest.raises(DecodeError) as caught:
        Reader(b"\x03" + bytes(18)).count(9)
    assert caught.value.code is BitcoinCode.DECODE_TRUNCATED


def test_nothing_may_follow():
    with pytest.raises(DecodeError) as caught:
        Reader(b"\x00").finish()
    assert caught.value.code is BitcoinCode.DECODE_TRAILING


@given(st.integers(0, MAX_SIZE) | st.sampled_from([252, 253, 65_535, 65_536, MAX_SIZE]))
def test_compact_sizes_read_back(size):
    reader = Reader(write_compact_size(size))
    assert reader.compact_size() == size
    reader.finish()


def test_writes_sizes_that_no_reader_takes():
    assert write_compact_size(1 << 32).hex() == "ff0000000001000000"


@given(
    st.binary(max_size=40),
    st.lists(
        st.sampled_from(
            ["u8", "u16", "u32", "i32", "u64", "i64", "compact_size", "sized_bytes", "finish"]
        )
    ),
)
def test_never_goes_past_its_bytes(data, steps):
    reader = Reader(data)
    try:
        for step in steps:
            getattr(reader, step)()
            assert 0 <= reader.position <= len(data)
    except ErarioError:
        assert reader.position <= len(data)
