"""Headers in a flat file: what is torn or flipped is cut, and a chain that parts is followed."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.chains import GENESIS, mine_many

from erario.chain.header_store import HeaderStore, common_headers
from erario.chain.store_errors import StoreCode, StoreError

CHAIN = [GENESIS, *mine_many(GENESIS, 30)]
OTHER = [*CHAIN[:21], *mine_many(CHAIN[20], 15, tag=b"other")]
START, RECORD, END = 16, 80, 8


def joined(blocks: list) -> bytes:
    return b"".join(block.header for block in blocks)


def loaded(path: Path) -> HeaderStore:
    store = HeaderStore(path)
    store.load()
    return store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    store = HeaderStore(tmp_path / "headers.dat")
    store.load()
    store.replace(joined(CHAIN))
    return store.path


def test_what_was_kept_is_read_again(path: Path) -> None:
    assert loaded(path).headers == joined(CHAIN)
    assert path.stat().st_size == START + RECORD * len(CHAIN) + END
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_is_there_at_first(tmp_path: Path) -> None:
    assert loaded(tmp_path / "headers.dat").headers == b""


@pytest.mark.parametrize("target", [CHAIN[:5], [*CHAIN, *mine_many(CHAIN[-1], 3)], OTHER])
def test_another_chain_takes_its_place(path: Path, target: list) -> None:
    store = loaded(path)
    store.replace(joined(target))
    assert store.headers == joined(target)
    assert loaded(path).headers == joined(target)
    assert path.stat().st_size == START + RECORD * len(target) + END


def test_a_file_is_read_again_only_where_another_run_has_written(path: Path) -> None:
    store = loaded(path)
    assert not store.load()
    loaded(path).replace(joined(OTHER))
    assert store.load()
    assert store.headers == joined(OTHER)


def test_a_torn_tail_is_cut(path: Path) -> None:
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        # The last header that is whole has none behind it that names it.
        count = max(0, (size - START) // RECORD - 1)
        store = loaded(path)
        assert store.headers == joined(CHAIN[:count])
        store.replace(joined(OTHER))
        assert loaded(path).headers == joined(OTHER)


@given(place=st.integers(START, START + RECORD * len(CHAIN) + END - 1), bit=st.integers(0, 7))
def test_what_follows_a_flipped_bit_is_cut_and_told(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
) -> None:
    path = tmp_path_factory.mktemp("flip") / "headers.dat"
    HeaderStore(path).replace(joined(CHAIN))
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << bit
    path.write_bytes(data)
    store = HeaderStore(path)
    record, within = divmod(place - START, RECORD)
    if 4 <= within < 36:
        record -= 1  # what it names as the one before is not that one
    last = len(CHAIN) - 1
    if record < last:
        with pytest.raises(StoreError) as caught:
            store.load()
        assert caught.value.code == StoreCode.DAMAGED
    else:
        store.load()
    assert store.headers == joined(CHAIN[: max(0, min(record, last))])


@pytest.mark.parametrize(
    ("start", "code"),
    [(b"erario headers\2\0", StoreCode.OTHER_VERSION), (b"something else..", StoreCode.FOREIGN)],
)
def test_a_file_that_is_not_ours_is_named(path: Path, start: bytes, code: StoreCode) -> None:
    path.write_bytes(start + path.read_bytes()[START:])
    store = HeaderStore(path)
    with pytest.raises(StoreError) as caught:
        store.load()
    assert caught.value.code == code
    assert store.headers == b""


def test_a_file_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    (tmp_path / "headers.dat").mkdir()
    store = HeaderStore(tmp_path / "headers.dat")
    with pytest.raises(StoreError) as caught:
        store.load()
    assert caught.value.code == StoreCode.UNREADABLE
    with pytest.raises(StoreError) as caught:
        store.replace(joined(CHAIN))
    assert caught.value.code == StoreCode.NOT_WRITTEN


@given(st.integers(0, 30), st.integers(0, 30))
def test_two_chains_part_where_they_part(one: int, other: int) -> None:
    assert common_headers(joined(CHAIN[:one]), joined(OTHER[:other])) == min(one, other, 21)
