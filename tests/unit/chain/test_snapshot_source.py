"""The snapshot as a source: pins, heights, headers, and what it says of itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.unit.chain.snapshot_twin import Each, hash_coins, write_snapshot

from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.values import Height, Outpoint, Script, Txid, sha256d, show_hash
from erario.chain.access import Access
from erario.chain.best_chain import BestChain
from erario.chain.errors import ChainCode, ServerCode
from erario.chain.header_pins import snapshot_pins
from erario.chain.snapshot_errors import SnapshotCode
from erario.chain.snapshot_pin import find_pin, read_pin
from erario.chain.snapshot_source import SnapshotSource
from erario.chain.sources import open_source
from erario.errors import ErarioError, RequestError, SourceError
from erario.statement.evidence import ListedCoin, SourceKind, UnspentWord

HEIGHT = 3
SCRIPT = Script(b"\x00\x14" + bytes(20))


def make_headers(blocks: int) -> bytes:
    headers = network(NetworkName.REGTEST).genesis[:80]
    for number in range(blocks):
        headers += (
            (1).to_bytes(4, "little") + sha256d(headers[-80:]) + bytes([number]) * 32 + bytes(12)
        )
    return headers


CHAIN = BestChain(NetworkName.REGTEST, headers=make_headers(5), work=12)
BASE = CHAIN.block_hash(Height(HEIGHT))
COINS = [
    Each(b"\x11" * 32, 0, 3, 50 * 10**8, SCRIPT),
    Each(b"\x22" * 32, 0, 4, 10**8, b"\x51"),
    Each(b"\x22" * 32, 7, 4, 2 * 10**8, SCRIPT),
]
PIN = f"{HEIGHT}:{show_hash(BASE)}:{show_hash(hash_coins(COINS))}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "utxo.dat"
    path.write_bytes(write_snapshot(COINS, BASE))
    return path


def open_one(path: Path, pin: str | None = PIN) -> SnapshotSource:
    source = open_source(f"snapshot:{path}", NetworkName.REGTEST, access=Access(pin=pin))
    assert isinstance(source, SnapshotSource)
    return source


def trace_fails(source: SnapshotSource, height: int = HEIGHT) -> ErarioError:
    with pytest.raises(ErarioError) as caught:
        source.trace([SCRIPT], Height(height), lambda _: None)
    assert caught.value.remedy
    return caught.value


def test_lists_the_coins_of_its_block(path: Path) -> None:
    source = open_one(path)
    source.rest_on(CHAIN)
    assert source.chain(lambda _: None) is CHAIN
    assert source.only_height() == HEIGHT
    trace = source.trace([SCRIPT], Height(HEIGHT), lambda _: None)
    assert trace.blocks == ()
    assert trace.listed == (
        ListedCoin(Outpoint(Txid(b"\x11" * 32), 0), 50 * 10**8, SCRIPT, Height(1), coinbase=True),  # type: ignore[arg-type]
        ListedCoin(Outpoint(Txid(b"\x22" * 32), 7), 2 * 10**8, SCRIPT, Height(2), coinbase=False),  # type: ignore[arg-type]
    )
    again = source.trace([Script(b"\x51")], Height(HEIGHT), lambda _: None)
    assert [coin.sats for coin in again.listed] == [10**8]
    source.close()


def test_what_it_says_of_itself(path: Path) -> None:
    (note,) = open_one(path).notes()
    assert (note.kind, note.word) == (SourceKind.SNAPSHOT, UnspentWord.SNAPSHOT)
    assert not note.history
    assert "invisible" in note.caveat
    assert str(path) not in note.caveat


def test_no_pin(path: Path) -> None:
    with pytest.raises(RequestError) as caught:
        open_one(path, None)
    assert caught.value.code == SnapshotCode.PIN_MISSING
    assert "gettxoutsetinfo" in caught.value.remedy


@pytest.mark.parametrize(
    "pin", ["", "3", "3:00:00", "-1" + PIN[1:], PIN + "0", PIN + ":", "x" + PIN]
)
def test_bad_pins(pin: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_pin(pin)
    assert caught.value.code == SnapshotCode.PIN_BAD


def test_a_pin_of_another_block(path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        open_one(path, f"{HEIGHT}:{'00' * 32}:{'00' * 32}")
    assert caught.value.code == ServerCode.LIED_SNAPSHOT


def test_a_pin_of_other_coins(path: Path) -> None:
    source = open_one(path, f"{HEIGHT}:{show_hash(BASE)}:{'00' * 32}")
    assert trace_fails(source).code == ServerCode.LIED_SNAPSHOT
    # It is not taken for verified the second time.
    assert trace_fails(source).code == ServerCode.LIED_SNAPSHOT


def test_another_list_is_not_taken_on_the_word_of_the_first(path: Path) -> None:
    source = open_one(path)
    assert len(source.trace([SCRIPT], Height(HEIGHT), lambda _: None).listed) == 2
    before = path.stat()
    data = write_snapshot([*COINS[:2], Each(b"\x22" * 32, 7, 4, 3 * 10**8, SCRIPT)], BASE)
    assert len(data) == before.st_size
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert trace_fails(source).code == ServerCode.LIED_SNAPSHOT


def test_carried_pins_are_found_by_their_block() -> None:
    pins = snapshot_pins(NetworkName.MAIN)
    assert pins
    for pin in pins:
        assert find_pin("utxo.dat", pin.block_hash, NetworkName.MAIN, None) == pin


def test_another_height(path: Path) -> None:
    error = trace_fails(open_one(path), HEIGHT - 1)
    assert isinstance(error, RequestError)
    assert error.code == ChainCode.ONE_HEIGHT


@pytest.mark.parametrize("tip", [None, HEIGHT - 1])
def test_no_headers(path: Path, tip: int | None) -> None:
    source = open_one(path)
    if tip is not None:
        source.rest_on(BestChain(NetworkName.REGTEST, headers=make_headers(tip), work=9))
    with pytest.raises(SourceError) as caught:
        source.chain(lambda _: None)
    assert caught.value.code == ChainCode.NO_HEADERS
    assert "--source" in caught.value.remedy
    assert "erario headers" in caught.value.remedy


def test_a_block_that_is_not_on_the_chain(path: Path) -> None:
    source = open_one(path, f"{HEIGHT + 1}{PIN[1:]}")
    source.rest_on(CHAIN)
    with pytest.raises(SourceError) as caught:
        source.chain(lambda _: None)
    assert caught.value.code == ServerCode.LIED_SNAPSHOT
    assert trace_fails(source, HEIGHT + 1).code == ServerCode.LIED_SNAPSHOT


def test_more_coins_than_were_paid_out(path: Path) -> None:
    rich = [*COINS[:2], Each(b"\x22" * 32, 7, 4, 99 * 10**8 + 1, SCRIPT)]
    path.write_bytes(write_snapshot(rich, BASE))
    pin = f"{HEIGHT}:{show_hash(BASE)}:{show_hash(hash_coins(rich))}"
    assert trace_fails(open_one(path, pin)).code == ServerCode.LIED_SUPPLY


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(RequestError) as caught:
        open_one(tmp_path / "none.dat")
    assert caught.value.code == ChainCode.PATH_MISSING
