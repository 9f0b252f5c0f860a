"""Which files a path means, and how their bytes are read."""

from __future__ import annotations

import bz2
import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.chains import obfuscated

from erario.bitcoin.network import NetworkName
from erario.chain.block_files import clear, open_block_file
from erario.chain.block_paths import find_block_files
from erario.chain.errors import ChainCode
from erario.errors import ErarioError, RequestError, SourceError

KEY = bytes.fromhex("0102030405060708")


def touch(path: Path, data: bytes = b"") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def names(folder: Path, network: NetworkName) -> list[str]:
    found = find_block_files(folder, network)
    return [str(path.relative_to(folder)) for path in found.paths]


@pytest.mark.parametrize(
    ("present", "network", "expected"),
    [
        (["blk00001.dat", "blk00000.dat"], "main", ["blk00000.dat", "blk00001.dat"]),
        (["blk9.dat", "blk0010.dat", "rev00000.dat"], "main", ["blk9.dat", "blk0010.dat"]),
        (["blocks/blk00000.dat"], "main", ["blocks/blk00000.dat"]),
        (["blocks/blk00000.dat", "regtest/blocks/blk00000.dat"], "main", ["blocks/blk00000.dat"]),
        (
            ["blocks/blk00000.dat", "regtest/blocks/blk00000.dat"],
            "regtest",
            ["regtest/blocks/blk00000.dat"],
        ),
        (["testnet3/blocks/blk00000.dat"], "testnet3", ["testnet3/blocks/blk00000.dat"]),
        (["blocks/blk00000.dat"], "signet", ["blocks/blk00000.dat"]),
    ],
)
def test_a_folder_means(
    tmp_path: Path, present: list[str], network: str, expected: list[str]
) -> None:
    for name in present:
        touch(tmp_path / name)
    assert names(tmp_path, NetworkName(network)) == expected


@pytest.mark.parametrize(
    ("present", "asked", "code"),
    [
        ([], "absent", ChainCode.PATH_MISSING),
        (["rev00000.dat", "blk.dat", "blk00000.dat.old"], ".", ChainCode.NO_BLOCK_FILES),
        (["blocks/index/000001.ldb"], ".", ChainCode.NO_BLOCK_FILES),
    ],
)
def test_a_path_without_blocks_is_refused(
    tmp_path: Path, present: list[str], asked: str, code: ChainCode
) -> None:
    for name in present:
        touch(tmp_path / name)
    with pytest.raises(RequestError) as refused:
        find_block_files(tmp_path / asked, NetworkName.MAIN)
    assert refused.value.code is code
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("stored", "key"), [(None, None), (bytes(8), None), (KEY, KEY)], ids=["none", "zero", "real"]
)
def test_the_key(tmp_path: Path, stored: bytes | None, key: bytes | None) -> None:
    path = touch(tmp_path / "blk00000.dat")
    if stored is not None:
        touch(tmp_path / "xor.dat", stored)
    assert find_block_files(tmp_path, NetworkName.MAIN).key == key
    assert find_block_files(path, NetworkName.MAIN).key == key


def test_a_single_file_by_another_name_has_no_key(tmp_path: Path) -> None:
    path = touch(tmp_path / "bootstrap.dat")
    touch(tmp_path / "xor.dat", KEY)
    assert find_block_files(path, NetworkName.MAIN).key is None


@pytest.mark.parametrize("stored", [b"", b"1234567", b"123456789"])
def test_a_key_of_another_length_is_refused(tmp_path: Path, stored: bytes) -> None:
    touch(tmp_path / "blk00000.dat")
    touch(tmp_path / "xor.dat", stored)
    with pytest.raises(SourceError) as refused:
        find_block_files(tmp_path, NetworkName.MAIN)
    assert refused.value.code is ChainCode.BAD_KEY


@given(
    data=st.binary(max_size=700),
    key=st.one_of(st.none(), st.binary(min_size=8, max_size=8)),
    start=st.integers(0, 700),
    length=st.integers(0, 700),
)
def test_any_part_of_a_file_reads_clear(
    data: bytes, key: bytes | None, start: int, length: int
) -> None:
    stored = obfuscated(data, key)
    part = stored[start : start + length]
    assert clear(part, key, start) == data[start : start + length]


def test_reading_past_the_end_gives_what_is_there(tmp_path: Path) -> None:
    path = touch(tmp_path / "blk00000.dat", b"abcdef")
    with open_block_file(path, None) as file:
        path.write_bytes(b"abcdefghi")  # grown since: what came later is not read
        assert (file.read(4, 10), file.read(6, 1), file.read(99, 1)) == (b"ef", b"", b"")
        os.truncate(path, 2)  # a node cuts the zeros that it kept in reserve
        assert file.read(0, 6) == b"ab"


CONTENT = bytes(range(256)) * 400


@pytest.mark.parametrize(
    "packed",
    [
        CONTENT,
        bz2.compress(CONTENT),
        bz2.compress(CONTENT[:777]) + bz2.compress(CONTENT[777:]),
        zstandard.compress(CONTENT),
        zstandard.compress(CONTENT[:777]) + zstandard.compress(CONTENT[777:]),
    ],
    ids=["plain", "bzip2", "bzip2 twice", "zstandard", "zstandard twice"],
)
def test_packed_files(tmp_path: Path, packed: bytes) -> None:
    with open_block_file(touch(tmp_path / "blocks", packed), None) as file:
        assert file.read(0, 1 << 20) == CONTENT
        mapped = file.map(len(CONTENT))
    assert bytes(mapped) == CONTENT


@pytest.mark.parametrize("pack", [bz2.compress, zstandard.compress])
@given(data=st.data())
def test_damaged_packed_files_end_in_a_typed_error(
    tmp_path_factory: pytest.TempPathFactory, pack: object, data: st.DataObject
) -> None:
    packed = bytearray(pack(CONTENT))  # type: ignore[operator]
    at = data.draw(st.integers(4, len(packed) - 1))
    if data.draw(st.booleans()):
        del packed[at:]
    else:
        packed[at] ^= data.draw(st.integers(1, 255))
    path = touch(tmp_path_factory.getbasetemp() / "damaged", bytes(packed))
    # Not all damage can be seen: a checksum is an option in Zstandard, a bit may mean nothing.
    with suppress(SourceError), open_block_file(path, None) as file:
        file.read(0, 10)


@pytest.mark.parametrize("kind", ["bz2", "zst"])
def test_a_file_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("erario.chain.block_files.UNPACKED_FLOOR", 1 << 20)
    zeros = bytes(8 << 20)
    packed = bz2.compress(zeros) if kind == "bz2" else zstandard.compress(zeros)
    with (
        pytest.raises(SourceError) as refused,
        open_block_file(touch(tmp_path / "bomb", packed), None),
    ):
        pass
    assert refused.value.code is ChainCode.UNPACKS_TOO_LARGE


@pytest.mark.parametrize("pack", [bz2.compress, zstandard.compress])
def test_a_cut_packed_file_is_refused(tmp_path: Path, pack: object) -> None:
    packed = pack(CONTENT)  # type: ignore[operator]
    path = touch(tmp_path / "cut", packed[:-20])
    with pytest.raises(SourceError) as refused, open_block_file(path, None):
        pass
    assert refused.value.code is ChainCode.DAMAGED


def test_zstandard_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = touch(tmp_path / "blocks.zst", zstandard.compress(CONTENT))
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(RequestError) as refused, open_block_file(path, None):
        pass
    assert refused.value.code is ChainCode.EXTRA_MISSING
    assert "erario[scan]" in refused.value.remedy


def test_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = touch(tmp_path / "blk00000.dat")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ErarioError) as refused, open_block_file(path, None):
        pass
    assert refused.value.code is ChainCode.UNREADABLE
    assert "Permission denied" in refused.value.what
