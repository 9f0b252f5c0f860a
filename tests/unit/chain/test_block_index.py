"""Files whose records are known: they are opened once one of their blocks is read."""

from __future__ import annotations

import bz2
import os
from pathlib import Path

import numpy as np
import pytest
from tests.strategies.chains import genesis, mine, record

from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.values import Height
from erario.chain.block_files import open_block_file
from erario.chain.block_index import BlockIndex, read_block_index
from erario.chain.block_walk import BlockWalk
from erario.chain.errors import ChainCode
from erario.chain.file_records import FileRecords
from erario.chain.scanner import BLOCK_DTYPE, scan
from erario.chain.whole_block import is_whole_block
from erario.errors import SourceError

REGTEST = network(NetworkName.REGTEST)


def walk(path: Path) -> FileRecords:
    with open_block_file(path, None) as file:
        moved: list[int] = []
        walked = BlockWalk(file, REGTEST.magic, REGTEST.pow_limit, is_whole_block, moved.append)
        return walked.run()


def reread(folder: Path, *known: Path) -> BlockIndex:
    records = {path: walk(path) for path in known}
    return read_block_index(folder, NetworkName.REGTEST, lambda _: None, records)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Blocks 1 to 4, two in each of two files."""
    block = genesis()
    for name in ("blk00000.dat", "blk00001.dat"):
        data = b""
        for _ in range(2):
            block = mine(block)
            data += record(block.raw)
        (tmp_path / name).write_bytes(data)
    return tmp_path


def mapped(index: BlockIndex) -> list[bool]:
    return [view.is_mapped for view in index.views]


def test_only_files_that_are_read_are_mapped(folder: Path) -> None:
    first, second = sorted(folder.iterdir())
    index = reread(folder, first, second)
    assert mapped(index) == [False, False]
    assert index.check(3, Height(4)) is None
    assert mapped(index) == [False, True]
    places = np.zeros(1, BLOCK_DTYPE)
    places[0] = (1, *index.records[["offset", "size"]][2].tolist(), 3)
    assert scan(index.views, places, (), check_roots=True, threads=1).bad == ()
    assert mapped(index) == [False, True]


def test_known_and_walked_files_give_the_same_index(folder: Path) -> None:
    first, second = sorted(folder.iterdir())
    plain = read_block_index(folder, NetworkName.REGTEST, lambda _: None)
    for known in ((first,), (second,), (first, second)):
        index = reread(folder, *known)
        assert np.array_equal(index.records, plain.records)
        assert np.array_equal(index.headers, plain.headers)
        assert np.array_equal(index.hashes, plain.hashes)
        assert [index.read(n, 0, 500) for n in range(4)] == [
            plain.read(n, 0, 500) for n in range(4)
        ]


@pytest.mark.parametrize("damage", ["cut", "replaced"])
def test_a_file_that_is_another_one_once_it_is_read(folder: Path, damage: str) -> None:
    path = folder / "blk00000.dat"
    index = reread(folder, path)
    data = path.read_bytes()
    if damage == "cut":
        os.truncate(path, len(data) - 1)
    else:
        (folder / "other").write_bytes(data)
        (folder / "other").replace(path)
    with pytest.raises(SourceError) as raised:
        index.read_header(0)
    assert raised.value.code == ChainCode.FILE_CHANGED
    assert path.name in str(raised.value)


def test_a_file_that_is_gone_once_it_is_read(folder: Path) -> None:
    index = reread(folder, folder / "blk00000.dat")
    (folder / "blk00000.dat").unlink()
    with pytest.raises(SourceError) as raised:
        index.read_header(0)
    assert raised.value.code == ChainCode.UNREADABLE


def test_changes_to_files_that_nobody_read_do_not_count(folder: Path) -> None:
    first, second = sorted(folder.iterdir())
    index = reread(folder, first, second)
    for path in (first, second):
        with path.open("ab") as file:
            file.write(bytes(8))
    assert index.changed_files() == frozenset()
    index.read_header(2)
    with second.open("ab") as file:
        file.write(bytes(8))
    assert index.changed_files() == {1}


def test_a_packed_file_whose_records_are_known(folder: Path) -> None:
    path = folder / "blk00000.dat"
    data = path.read_bytes()
    path.write_bytes(bz2.compress(data))
    assert reread(folder, path).read_header(0) == data[8:88]


def test_a_packed_file_that_is_smaller_than_its_blocks_is_unpacked_at_once(folder: Path) -> None:
    path = folder / "blk00000.dat"
    data = path.read_bytes()
    size = 8 + int.from_bytes(data[4:8], "little")
    path.write_bytes(bz2.compress(data[:size] + bytes(20_000) + data[size:]))
    index = reread(folder, path)
    assert mapped(index) == [True, True]
    assert index.read_header(1) == data[size + 8 : size + 88]


def test_a_file_that_was_cut_before_it_is_looked_at(folder: Path) -> None:
    path = folder / "blk00000.dat"
    records = walk(path)
    os.truncate(path, records.extent - 1)
    with pytest.raises(SourceError) as raised:
        read_block_index(folder, NetworkName.REGTEST, lambda _: None, {path: records})
    assert raised.value.code == ChainCode.FILE_CHANGED
