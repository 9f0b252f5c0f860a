"""Stretches of headers in a flat file: appended by several runs, cut where they are damaged."""

from __future__ import annotations

import stat
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.bitcoin.network import NetworkName, network
from erario.chain import stretch_store
from erario.chain.header_keeping import HeaderKeeping
from erario.chain.state_folder import StateFolder
from erario.chain.store_errors import DamagedStoreError, StoreCode, StoreError
from erario.chain.stretch_store import FILE_NAME, StretchStore

ONE, TWO, THREE = (4, b"a" * 80), (0, b"b" * 240), (900_000, b"c" * 160)


def loaded(path: Path) -> StretchStore:
    store = StretchStore(path)
    store.load()
    return store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    store = loaded(tmp_path / FILE_NAME)
    store.append([ONE, TWO])
    return store.path


def test_what_was_kept_is_read_again_in_order(path: Path) -> None:
    store = loaded(path)
    assert store.stretches == [ONE, TWO]
    store.append([THREE])
    assert loaded(path).stretches == [ONE, TWO, THREE]
    assert path.stat().st_size == 16 + 3 * 12 + 6 * 80
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_runs_append_in_turns(path: Path) -> None:
    one, other = loaded(path), loaded(path)
    one.append([THREE])
    other.append([ONE])
    one.append([TWO])
    assert loaded(path).stretches == [ONE, TWO, THREE, ONE, TWO]


def test_a_torn_record_is_cut(path: Path) -> None:
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        store = loaded(path)
        assert store.stretches == [ONE][: size >= 16 + 92]
        store.append([THREE])
        assert loaded(path).stretches == [ONE, THREE][size < 16 + 92 :]


@given(at=st.integers(16, 16 + 92 + 252 - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int
) -> None:
    path = tmp_path_factory.mktemp("flip") / FILE_NAME
    StretchStore(path).append([ONE, TWO])
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(data)
    store = StretchStore(path)
    with suppress(DamagedStoreError):
        store.load()
    assert store.stretches == [ONE][: at >= 16 + 92]


@pytest.mark.parametrize(
    ("start", "code"),
    [(b"erario pinned\0\2\0", StoreCode.OTHER_VERSION), (b"something else..", StoreCode.FOREIGN)],
)
def test_a_file_that_is_not_ours_is_named_and_put_aside(
    path: Path, start: bytes, code: StoreCode
) -> None:
    theirs = start + path.read_bytes()[16:]
    path.write_bytes(theirs)
    store = StretchStore(path)
    with pytest.raises(StoreError) as caught:
        store.load()
    assert caught.value.code == code
    with pytest.raises(StoreError):
        store.append([ONE])
    assert path.read_bytes() == theirs


def test_a_file_that_grew_too_large_is_begun_anew(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stretch_store, "_MOST_BYTES", path.stat().st_size - 1)
    store = loaded(path)
    assert store.stretches == []
    store.append([THREE])
    assert loaded(path).stretches == [THREE]


def test_keeping_puts_aside_what_is_not_ours(tmp_path: Path) -> None:
    state = StateFolder(tmp_path, NetworkName.MAIN)
    state.path.mkdir()
    for name in (FILE_NAME, "headers.dat"):
        (state.path / name).write_bytes(b"something else altogether")
    keeping = HeaderKeeping(state)
    keeping.load()
    assert (keeping.whole, list(keeping.stretches)) == (b"", [])
    assert {error.code for error in state.troubles} == {StoreCode.FOREIGN}
    keeping.keep_stretches([ONE])
    assert loaded(state.path / FILE_NAME).stretches == [ONE]


def test_headers_of_another_chain_are_not_ours(tmp_path: Path) -> None:
    state = StateFolder(tmp_path, NetworkName.MAIN)
    keeping = HeaderKeeping(state)
    keeping.load()
    keeping.keep_whole(network(NetworkName.SIGNET).genesis[:80])
    assert keeping.whole == b""
    assert HeaderKeeping(None).whole == b""
