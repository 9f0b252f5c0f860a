"""The snapshot kernels against their slow twin, and each thing that can be wrong with a file."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.chain.snapshot_twin import (
    FORMATS,
    REGTEST,
    Each,
    full_key_script,
    hash_coins,
    in_file_order,
    some_coins,
    write_snapshot,
)

from erario.bitcoin.compression import plain_script, write_number
from erario.bitcoin.values import Height, Sats, Script
from erario.chain import snapshot_file, snapshot_scan
from erario.chain.errors import ServerCode
from erario.chain.kernels_snapshot_write import Room
from erario.chain.snapshot_errors import SnapshotCode
from erario.chain.snapshot_file import SnapshotFile
from erario.chain.snapshot_scan import SnapshotScan, WatchedScripts, new_room, scan_snapshot
from erario.errors import SourceError

HEIGHT = 400
BASE = bytes(range(32))
SUPPLY = 10**15


def read(
    folder: Path, raw: bytes, scripts: list[bytes] | tuple[()] = (), *, hashed: bool = True,
    supply: int = SUPPLY,
) -> SnapshotScan:  # fmt: skip
    path = folder / "utxo.dat"
    path.write_bytes(raw)
    return scan_snapshot(
        SnapshotFile(path, REGTEST),
        WatchedScripts([Script(script) for script in scripts]),
        height=Height(HEIGHT),
        supply=Sats(supply),
        hashed=hashed,
    )


@given(seed=st.integers(0, 2**32), transactions=st.integers(0, 60), form=st.sampled_from(FORMATS))
def test_equals_its_slow_twin(
    tmp_path_factory: pytest.TempPathFactory, seed: int, transactions: int, form: str
) -> None:
    chance = random.Random(seed)
    coins = some_coins(chance, transactions, HEIGHT)
    watched = {coin.script for coin in coins if chance.random() < 0.3} | {b"\x51", b"\x6a"}
    raw = write_snapshot(coins, BASE, form)
    found = read(tmp_path_factory.getbasetemp(), raw, sorted(watched))
    assert found.coins_hash == hash_coins(coins)
    assert [
        (*coin.outpoint, 2 * coin.height + coin.coinbase, coin.sats, coin.script)
        for coin in found.coins
    ] == sorted((c.txid, c.vout, c.code, c.sats, c.script) for c in coins if c.script in watched)
    unhashed = read(tmp_path_factory.getbasetemp(), raw, sorted(watched), hashed=False)
    assert unhashed == SnapshotScan(found.coins, None)


@pytest.mark.parametrize("form", FORMATS)
def test_20_000_outputs_of_one_transaction(tmp_path: Path, form: str) -> None:
    coins = in_file_order(
        Each(BASE, vout, 2, vout, full_key_script(3) if vout % 4_000 == 7 else b"\x00\x14" + BASE[:20])
        for vout in range(20_000)
    )  # fmt: skip
    assert coins != sorted(coins, key=lambda coin: coin.vout)
    found = read(tmp_path, write_snapshot(coins, BASE, form), [full_key_script(3)])
    assert found.coins_hash == hash_coins(coins)
    assert [coin.outpoint.vout for coin in found.coins] == [7, 4_007, 8_007, 12_007, 16_007]


@pytest.mark.parametrize("form", FORMATS)
def test_more_coins_than_one_call_reads(tmp_path: Path, form: str) -> None:
    script = b"\x51\x20" + BASE
    coins = [
        Each(number.to_bytes(32, "big"), vout, 2 * HEIGHT, 5, script)
        for number in range(8)
        for vout in range(16_000)
    ]
    found = read(tmp_path, write_snapshot(coins, BASE, form), [script])
    assert found.coins_hash == hash_coins(coins)
    assert len(found.coins) == len(coins)


@pytest.mark.parametrize("form", FORMATS)
def test_windows_that_end_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    chance = random.Random(11)
    coins = some_coins(chance, 12, HEIGHT)
    watched = sorted({coin.script for coin in coins if chance.random() < 0.5})
    raw = write_snapshot(coins, BASE, form)
    whole = read(tmp_path, raw, watched)
    assert whole.coins_hash == hash_coins(coins)
    monkeypatch.setattr(snapshot_scan, "new_room", once(new_room()))
    for size in (*range(1, 99), *range(99, len(raw) + 2, 9)):
        monkeypatch.setattr(snapshot_file, "WINDOW", size)
        assert read(tmp_path, raw, watched) == whole, size


def once(room: Room) -> Callable[[], Room]:
    """The same room each time: a large one takes long to make."""
    return lambda: room


@pytest.mark.parametrize("form", FORMATS)
def test_the_largest_transaction_fits_into_the_largest_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(snapshot_file, "WINDOW", 1_000)
    coins = in_file_order(
        Each(txid, vout, 2 * HEIGHT, 1, b"\x51" if vout % 7 else b"")
        for txid in (b"\x01" * 32, BASE, b"\xff" * 32)
        for vout in range(100_000 if txid == BASE else 2)
    )
    found = read(tmp_path, write_snapshot(coins, BASE, form), [b""])
    assert found.coins_hash == hash_coins(coins)
    assert len(found.coins) == sum(not coin.script for coin in coins)


ONE = Each(b"\x11" * 32, 1, 21, 5_000, b"\x51")
TWO = Each(b"\x22" * 32, 0, 40, 10**8, b"\x00\x14" + bytes(20))
BOTH = [ONE, TWO]


def of(coin: Each, **changes: object) -> Callable[[str], bytes]:
    """A file in which the second coin is another."""
    return lambda form: write_snapshot([ONE, replace(coin, **changes)], BASE, form)  # type: ignore[arg-type]


def packed(data: bytes) -> Callable[[str], bytes]:
    """A file in which the second coin's script is written so."""
    return of(TWO, packed=data)


WRONG: list[tuple[str, Callable[[str], bytes], object]] = [
    ("one coin too few", lambda f: write_snapshot(BOTH, BASE, f, count=3), SnapshotCode.TRUNCATED),
    ("one coin too many", lambda f: write_snapshot(BOTH, BASE, f, count=1), SnapshotCode.TRAILING),
    ("endless coins", lambda f: write_snapshot(BOTH, BASE, f, count=2**64 - 1), SnapshotCode.TRUNCATED),
    ("bytes behind", lambda f: write_snapshot(BOTH, BASE, f) + b"\0", SnapshotCode.TRAILING),
    ("cut by a byte", lambda f: write_snapshot(BOTH, BASE, f)[:-1], SnapshotCode.TRUNCATED),
    ("txids backwards", lambda f: write_snapshot([TWO, ONE], BASE, f), SnapshotCode.TXID_ORDER),
    ("an output twice", lambda f: write_snapshot([ONE, ONE], BASE, f), SnapshotCode.OUTPUT_ORDER),
    ("outputs backwards", lambda f: write_snapshot([ONE, replace(ONE, vout=0)], BASE, f), SnapshotCode.OUTPUT_ORDER),
    ("in order of numbers", lambda f: write_snapshot([replace(ONE, vout=256), replace(ONE, vout=16_512)], BASE, f), SnapshotCode.OUTPUT_ORDER),
    ("output 111,112", of(TWO, vout=111_112), SnapshotCode.BAD_OUTPUT),
    ("output of 25 bits", of(TWO, vout=0x2000000), SnapshotCode.BAD_OUTPUT),
    ("block 0", of(TWO, code=1), SnapshotCode.BAD_HEIGHT),
    ("block 401", of(TWO, code=2 * HEIGHT + 2), SnapshotCode.BAD_HEIGHT),
    ("block 2^40", of(TWO, code=2**41), SnapshotCode.BAD_HEIGHT),
    ("21 million and a satoshi", of(TWO, sats=2_100_000_000_000_001), SnapshotCode.BAD_AMOUNT),
    ("22 million", of(TWO, sats=2_200_000_000_000_000), SnapshotCode.BAD_AMOUNT),
    ("2^70 satoshis", of(TWO, sats=2**70), SnapshotCode.BAD_AMOUNT),
    ("2^64 * 10^8 satoshis", of(TWO, sats=2**50 * 10**8 * 11), SnapshotCode.BAD_AMOUNT),
    ("more than was paid out", of(TWO, sats=SUPPLY), ServerCode.LIED_SUPPLY),
    ("a script of 10,001 bytes", of(TWO, script=b"\x51" * 10_001), SnapshotCode.BAD_SCRIPT),
    ("a script of 2^70 bytes", packed(write_number(2**70) + b"\x51"), SnapshotCode.BAD_SCRIPT),
    ("an endless number", packed(b"\xff" * 300), SnapshotCode.BAD_SCRIPT),
    ("OP_RETURN", of(TWO, script=b"\x6a\x01\x00"), SnapshotCode.UNSPENDABLE),
    ("P2PKH as it is", packed(plain_script(b"\x76\xa9\x14" + bytes(20) + b"\x88\xac")), SnapshotCode.NOT_PACKED),
    ("P2SH as it is", packed(plain_script(b"\xa9\x14" + bytes(20) + b"\x87")), SnapshotCode.NOT_PACKED),
    ("P2PK as it is", packed(plain_script(b"\x21\x03" + bytes(32) + b"\xac")), SnapshotCode.NOT_PACKED),
    ("a key off the curve", packed(b"\x05" + bytes(31) + b"\x05"), SnapshotCode.BAD_KEY),
    ("more scripts than a block", lambda f: write_snapshot([Each(ONE.txid, n, 2, 0, b"\x51" * 9_000) for n in range(112)], BASE, f), SnapshotCode.TOO_LARGE),
]  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("make", "code"), [row[1:] for row in WRONG], ids=[r[0] for r in WRONG])
def test_each_fault(tmp_path: Path, make: Callable[[str], bytes], code: object, form: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(tmp_path, make(form))
    if form != "oldest":
        assert caught.value.code == code
    assert caught.value.remedy
    assert "utxo.dat" in str(caught.value)


@pytest.mark.parametrize(
    ("counted", "code"),
    [
        (b"\x00", SnapshotCode.BAD_NUMBER),
        (b"\x03", SnapshotCode.BAD_COUNT),
        (b"\xfd\x01\x00", SnapshotCode.BAD_NUMBER),
        (b"\xfe\x01\x00\x00\x00", SnapshotCode.BAD_NUMBER),
        (b"\xff" * 9, SnapshotCode.BAD_NUMBER),
    ],
)
def test_counts_of_a_transaction(tmp_path: Path, counted: bytes, code: SnapshotCode) -> None:
    raw = write_snapshot(BOTH, BASE)
    with pytest.raises(SourceError) as caught:
        read(tmp_path, raw[: 51 + 32] + counted + raw[51 + 33 :])
    assert caught.value.code == code


@pytest.mark.parametrize("form", FORMATS)
def test_a_key_that_is_not_packed_is_found_all_the_same(tmp_path: Path, form: str) -> None:
    script = full_key_script(5)
    plain = replace(TWO, script=script, packed=plain_script(script))
    found = read(tmp_path, write_snapshot([ONE, plain], BASE, form), [script])
    assert found.coins_hash == hash_coins([ONE, plain])
    assert [coin.script for coin in found.coins] == [script]


@pytest.mark.parametrize("form", FORMATS)
def test_cut_anywhere(tmp_path: Path, form: str) -> None:
    raw = write_snapshot(some_coins(random.Random(7), 6, HEIGHT), BASE, form)
    for size in range(len(raw)):
        with pytest.raises(SourceError):
            read(tmp_path, raw[:size])


@pytest.mark.parametrize("form", FORMATS)
def test_any_byte_flipped(tmp_path: Path, form: str) -> None:
    """It is refused, or the hash or the block is another, so that no pin fits."""
    coins = some_coins(random.Random(8), 12, HEIGHT)
    raw, expected = write_snapshot(coins, BASE, form), hash_coins(coins)
    chance = random.Random(9)
    # The count of all the chain's transactions is in no hash, and means nothing.
    unused = range(40, 44) if form == "oldest" else range(0)
    for at in set(range(len(raw))) - set(unused):
        bad = bytearray(raw)
        bad[at] ^= chance.randint(1, 255)
        try:
            found = read(tmp_path, bytes(bad))
        except SourceError:
            continue
        head = SnapshotFile(tmp_path / "utxo.dat", REGTEST).head
        assert found.coins_hash != expected or head.base != BASE, at


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", SnapshotCode.NOT_ONE),
        (b"<html>", SnapshotCode.NOT_ONE),
        (b"utxo\xff\x02\x00", SnapshotCode.TRUNCATED),
        (b"utxo\xff\x01\x00" + bytes(44), SnapshotCode.VERSION),
        (b"utxo\xff\x02\x00" + bytes.fromhex("f9beb4d9") + bytes(40), SnapshotCode.OTHER_NETWORK),
    ],
)
def test_heads(tmp_path: Path, raw: bytes, code: SnapshotCode) -> None:
    with pytest.raises(SourceError) as caught:
        read(tmp_path, raw)
    assert caught.value.code == code


@given(st.binary(max_size=300), st.sampled_from(FORMATS))
def test_junk_is_refused(tmp_path_factory: pytest.TempPathFactory, junk: bytes, form: str) -> None:
    raw = write_snapshot((), BASE, form, count=5) + junk
    try:
        read(tmp_path_factory.getbasetemp(), raw, [b"\x51"])
    except SourceError:
        return
    raise AssertionError("five coins in junk")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("size", [1, 40, 100])
def test_each_fault_whatever_the_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, size: int
) -> None:
    monkeypatch.setattr(snapshot_file, "WINDOW", size)
    for what, make, code in WRONG:
        with pytest.raises(SourceError) as caught:
            read(tmp_path, make(form))
        if form != "oldest":
            assert caught.value.code == code, what


def test_a_file_that_is_cut_short_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_file, "WINDOW", 1_000)
    path = tmp_path / "utxo.dat"
    coins = [Each(number.to_bytes(32, "big"), 0, 2, 5, b"\x51") for number in range(1_000)]
    path.write_bytes(write_snapshot(coins, BASE))
    file = SnapshotFile(path, REGTEST)
    with pytest.raises(SourceError) as caught:
        scan_snapshot(
            file,
            WatchedScripts(()),
            height=Height(HEIGHT),
            supply=Sats(SUPPLY),
            hashed=True,
            progress=lambda step: os.truncate(path, 5_000) if step.done > 4_000 else None,
        )
    assert caught.value.code == SnapshotCode.CHANGED


def test_a_file_that_changes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "utxo.dat"
    path.write_bytes(write_snapshot(BOTH, BASE))
    file = SnapshotFile(path, REGTEST)
    path.write_bytes(write_snapshot([ONE], BASE))
    with pytest.raises(SourceError) as caught:
        scan_snapshot(
            file, WatchedScripts(()), height=Height(HEIGHT), supply=Sats(SUPPLY), hashed=True
        )
    assert caught.value.code == SnapshotCode.CHANGED
