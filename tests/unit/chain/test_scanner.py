"""The scanner against its slow twin, on blocks good and hostile."""

from __future__ import annotations

import bz2
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.naive import Cut, naive_scan, read_block
from tests.strategies.chains import Tx, obfuscated, sha256d
from tests.strategies.scans import (
    NO_COIN,
    ScanCase,
    block_of,
    committed,
    damaged,
    scan_cases,
)

from erario.chain import scanner_windows, script_table
from erario.chain.kernels_table import NEAR_WORDS
from erario.chain.scanner import (
    BLOCK_DTYPE,
    PAYS,
    SPENDS,
    BlockFileView,
    ScanResult,
    list_transactions,
    scan,
)

P2WPKH = b"\x00\x14" + b"\x03" * 20
KEY = bytes.fromhex("0102030405060708")


def views(files, key=None) -> list[BlockFileView]:
    return [
        BlockFileView(f"blk{i}.dat", np.frombuffer(obfuscated(data, key), np.uint8), key)
        for i, data in enumerate(files)
    ]


def run(files, places, scripts, key=None, **how) -> ScanResult:
    blocks = np.array(list(places), BLOCK_DTYPE)
    return scan(views(files, key), blocks, list(scripts), **how)


def shape(result: ScanResult):
    return result.hits.tolist(), [(index, str(fault)) for index, fault in result.bad]


def in_one_file(blocks: list[bytes]):
    places, data = [], b""
    for height, block in enumerate(blocks, start=1):
        places.append((0, len(data), len(block), height))
        data += block
    return (data,), tuple(places)


def compare(case: ScanCase, **how) -> None:
    expected = naive_scan(
        list(case.files),
        list(case.places),
        list(case.scripts),
        check_roots=how["check_roots"],
        segwit_height=case.segwit_height,
    )
    result = run(
        case.files,
        case.places,
        case.scripts,
        case.key,
        segwit_height=case.segwit_height,
        **how,
    )
    assert shape(result) == expected


@pytest.fixture
def narrow(monkeypatch):
    """Windows of a block or two, and room for one match, so that every seam is met."""
    monkeypatch.setattr(scanner_windows, "WINDOW_BYTES", 400)
    monkeypatch.setattr(scanner_windows, "WINDOW_BLOCKS", 2)
    monkeypatch.setattr(scanner_windows, "FIRST_ROWS", 1)


@given(scan_cases(), st.booleans())
def test_finds_what_the_slow_twin_finds(case, check_roots) -> None:
    compare(case, check_roots=check_roots, threads=1)


@pytest.mark.usefixtures("narrow")
def test_finds_the_same_in_small_windows() -> None:
    @given(scan_cases(), st.booleans(), st.integers(1, 3))
    def compare_narrow(case, check_roots, threads) -> None:
        compare(case, check_roots=check_roots, threads=threads)

    compare_narrow()


def test_finds_the_same_behind_a_door_that_is_asked_ahead(monkeypatch) -> None:
    monkeypatch.setattr(script_table, "_NEAR_SCRIPTS", 0)
    monkeypatch.setattr(script_table, "_FAR_BITS", 1 << 20)
    assert script_table.build_scripts([b"\x51"]).door.size > NEAR_WORDS

    @given(scan_cases(), st.booleans())
    def compare_far(case, check_roots) -> None:
        compare(case, check_roots=check_roots, threads=1)

    compare_far()


def spend(txid: bytes, number: int = 0) -> Tx:
    return Tx(((txid, number),), ((1, b"\x52"),))


def pay(tag: bytes, script: bytes = P2WPKH) -> Tx:
    return Tx(((b"\x09" * 32, 7),), ((1, b"\x51"), (2, script)), (tag,))


def head(tag: bytes) -> Tx:
    return Tx((NO_COIN,), ((50, b"\x51"),), (tag,))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.usefixtures("narrow")
def test_a_coin_is_found_however_far_its_spend_is(threads) -> None:
    paid = pay(b"a")
    blocks = [block_of([head(b"0"), paid, spend(paid.txid, 0)])]
    blocks += [block_of([head(bytes([1, i]))]) for i in range(200)]
    blocks += [block_of([head(b"2"), spend(paid.txid, 1), spend(paid.txid, 1)])]
    result = run(*in_one_file(blocks), [P2WPKH], check_roots=True, threads=threads)
    assert result.hits.tolist() == [(1, 1, PAYS), (202, 1, SPENDS), (202, 2, SPENDS)]
    assert result.bad == ()


def test_a_spend_before_the_coin_exists_is_none() -> None:
    paid = pay(b"a")
    blocks = [
        block_of([head(b"0"), spend(paid.txid, 1)]),
        block_of([head(b"1"), spend(paid.txid, 1), paid, spend(paid.txid, 1)]),
    ]
    result = run(*in_one_file(blocks), [P2WPKH], check_roots=True, threads=1)
    assert result.hits.tolist() == [(2, 2, PAYS), (2, 3, SPENDS)]


def test_a_transaction_that_pays_and_spends_is_one_hit() -> None:
    paid = pay(b"a")
    both = Tx(((paid.txid, 1),), ((1, P2WPKH), (1, P2WPKH)))
    result = run(*in_one_file([block_of([head(b"0"), paid, both])]), [P2WPKH], check_roots=False)
    assert result.hits.tolist() == [(1, 1, PAYS), (1, 2, PAYS | SPENDS)]


def test_coins_that_were_known_before() -> None:
    name = b"\x05" * 32 + (3).to_bytes(4, "little")
    blocks = [block_of([head(b"0"), spend(b"\x05" * 32, 3)])]
    known = np.frombuffer(name, np.uint8)
    result = run(*in_one_file(blocks), [], check_roots=False, known_coins=known)
    assert result.hits.tolist() == [(1, 1, SPENDS)]


def test_unspendable_scripts_are_never_watched() -> None:
    scripts = [b"\x6a\x01", b"\x51" * 10_001]
    blocks = [block_of([head(b"0"), *(pay(b"a", s) for s in scripts)])]
    assert run(*in_one_file(blocks), scripts, check_roots=False).hits.size == 0


def test_scripts_that_share_the_bytes_they_are_keyed_by() -> None:
    like = [b"\x00\x14\x03" + b"\x03" * 8 + i.to_bytes(11, "little") for i in range(3000)]
    blocks = [block_of([head(b"0"), *(pay(b"a", s) for s in like[1000:1010]), pay(b"b")])]
    result = run(*in_one_file(blocks), like[:1005], check_roots=False)
    assert result.hits["position"].tolist() == [1, 2, 3, 4, 5]


def test_no_blocks_and_no_scripts() -> None:
    assert shape(run((), (), [], check_roots=True)) == ([], [])
    assert shape(run((b"",), [(0, 0, 0, 1)], [P2WPKH], check_roots=True)) == (
        [],
        [(0, "block.unreadable")],
    )


@pytest.mark.parametrize("check_roots", [True, False])
@given(st.data())
def test_damaged_blocks_end_in_a_fault_or_a_right_answer(check_roots, data) -> None:
    paid = pay(b"a")
    witness = Tx(((paid.txid, 1),), ((3, P2WPKH),), witnesses=((b"\x30" * 71, b""),))
    raw = data.draw(damaged(block_of([head(b"0"), paid, witness])))
    case = ScanCase(
        (raw,), data.draw(st.sampled_from((None, KEY))), ((0, 0, len(raw), 1),), (P2WPKH,), 100
    )
    compare(case, check_roots=check_roots, threads=1)


@pytest.mark.parametrize("width", [2, 4, 8])
@pytest.mark.parametrize("place", [80, 81 + 4, 81 + 41])
def test_lengths_that_lie(width, place) -> None:
    raw = block_of([head(b"0"), pay(b"a")])
    for size in (0, 252, 253, 65535, 65536, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1):
        if size >= 1 << (8 * width):
            continue
        lie = bytes([{2: 0xFD, 4: 0xFE, 8: 0xFF}[width]]) + size.to_bytes(width, "little")
        bad = raw[:place] + lie + raw[place + 1 :]
        compare(
            ScanCase((bad,), KEY, ((0, 0, len(bad), 1),), (P2WPKH,), 0), check_roots=True, threads=1
        )


OUTPOINT = b"\x09" * 32 + b"\x07\0\0\0"
INPUT = OUTPOINT + b"\0" + b"\xff" * 4
OUTPUT = bytes(8) + b"\x16" + P2WPKH


@pytest.mark.parametrize(
    ("what", "body", "good"),
    [
        ("legacy", b"\x01" + INPUT + b"\x01" + OUTPUT, True),
        ("witness", b"\0\x01\x01" + INPUT + b"\x01" + OUTPUT + b"\x01\x01\x05", True),
        ("an empty item is a witness", b"\0\x01\x01" + INPUT + b"\x01" + OUTPUT + b"\x01\0", True),
        ("record without a witness", b"\0\x01\x01" + INPUT + b"\x01" + OUTPUT + b"\0", False),
        ("record without inputs", b"\0\x01\0\x01" + OUTPUT, False),
        ("nothing at all", b"\0\0", True),
        ("flag 2", b"\0\x02\x01" + INPUT + b"\x01" + OUTPUT, False),
        ("flag 3", b"\0\x03\x01" + INPUT + b"\x01" + OUTPUT + b"\x01\x01\x05", False),
        ("no outputs", b"\x01" + INPUT + b"\0", True),
        ("wide count of inputs", b"\xfd\x01\0" + INPUT + b"\x01" + OUTPUT, False),
        ("wide count of outputs", b"\x01" + INPUT + b"\xfe\x01\0\0\0" + OUTPUT, False),
        ("wide script", b"\x01" + INPUT + b"\x01" + bytes(8) + b"\xfd\x16\0" + P2WPKH, False),
        (
            "wide signature script",
            b"\x01" + OUTPOINT + b"\xff" + bytes(8) + b"\xff" * 4 + b"\x01" + OUTPUT,
            False,
        ),
        (
            "wide witness",
            b"\0\x01\x01" + INPUT + b"\x01" + OUTPUT + b"\x01\xfd\x01\0\x05",
            False,
        ),
        (
            "a script of 253 bytes",
            b"\x01" + INPUT + b"\x02" + OUTPUT + bytes(8) + b"\xfd\xfd\0" + b"\x52" * 253,
            True,
        ),
    ],
)
def test_rules_of_reading(what, body, good) -> None:
    raw = bytes(80) + b"\x01" + b"\x02\0\0\0" + body + bytes(4)
    result = run((raw,), [(0, 0, len(raw), 1)], [P2WPKH], KEY, check_roots=False)
    assert (result.bad == ()) == good, what
    assert result.hits.size == (good and OUTPUT in body), what
    compare(
        ScanCase((raw,), KEY, ((0, 0, len(raw), 1),), (P2WPKH,), 0), check_roots=False, threads=1
    )


MAGIC = bytes.fromhex("6a24aa21a9ed")
CARRIER = Tx(((b"\x09" * 32, 7),), ((1, P2WPKH),), witnesses=((b"\x05",),))


def first(*outputs: bytes, nonce: bytes | None = b"\x07" * 32) -> Tx:
    """A coinbase with these scripts; the commitment to `CARRIER` stands for an empty one."""
    right = committed(head(b"0"), [CARRIER]).outputs[-1][1]
    scripts = tuple((0, script or right) for script in outputs)
    return Tx((NO_COIN,), scripts, (b"0",), () if nonce is None else ((nonce,),))


@pytest.mark.parametrize(
    ("fault", "block"),
    [
        (None, [first(b""), CARRIER]),
        (None, [first(MAGIC + bytes(32), b""), CARRIER]),
        (None, [first(b"", MAGIC + bytes(31)), CARRIER]),
        (None, [first(b"\x51", nonce=None), pay(b"a")]),
        ("block.commitment-wrong", [first(b"", MAGIC + bytes(32)), CARRIER]),
        ("block.commitment-wrong", [first(b"", nonce=b"\x08" * 32), CARRIER]),
        ("block.commitment-nonce", [first(b"", nonce=b"\x07" * 31), CARRIER]),
        ("block.commitment-nonce", [first(b"", nonce=None), pay(b"a")]),
        ("block.commitment-missing", [first(b"\x51", nonce=None), CARRIER]),
        ("block.commitment-missing", [first(MAGIC + bytes(31), nonce=None), CARRIER]),
        ("block.merkle-mutated", [head(b"0"), pay(b"a"), pay(b"b"), pay(b"b")]),
        ("block.no-coinbase", [pay(b"a"), head(b"0")]),
        ("block.no-coinbase", [pay(b"a")]),
        ("block.more-coinbases", [head(b"0"), head(b"1")]),
        ("block.no-transaction", []),
    ],
)
def test_faults_of_content(fault, block) -> None:
    raw = block_of(block)
    place = [(0, 0, len(raw), 5)]
    result = run((raw,), place, [P2WPKH], KEY, check_roots=True, segwit_height=5)
    assert [str(reason) for _, reason in result.bad] == ([] if fault is None else [fault])
    assert naive_scan([raw], place, [], check_roots=True, segwit_height=5)[1] == [
        (index, str(reason)) for index, reason in result.bad
    ]


def test_witnesses_below_the_segwit_height() -> None:
    raw = block_of([first(b""), CARRIER])
    result = run((raw,), [(0, 0, len(raw), 5)], [], check_roots=True, segwit_height=6)
    assert [str(reason) for _, reason in result.bad] == ["block.commitment-missing"]


def test_a_wrong_root_is_found_whatever_byte_is_wrong() -> None:
    raw = block_of([head(b"0"), pay(b"a"), pay(b"b")])
    for at in range(36, 68):
        wrong = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        result = run((wrong,), [(0, 0, len(raw), 1)], [P2WPKH], check_roots=True)
        assert [str(reason) for _, reason in result.bad] == ["block.merkle-root"]
        assert result.hits.size == 0


@pytest.mark.parametrize(("extra", "fault"), [(0, None), (1, "block.too-heavy")])
def test_a_block_weighs_at_most_four_million(extra, fault) -> None:
    def block(size: int) -> bytes:
        return block_of([head(b"0"), Tx(((b"\x09" * 32, 7),), ((1, P2WPKH),), (bytes(size),))])

    raw = block(1_000_000 - len(block(70_000)) + 70_000 + extra)
    result = run((raw,), [(0, 0, len(raw), 1)], [], check_roots=True)
    assert len(raw) == 1_000_000 + extra
    assert [str(reason) for _, reason in result.bad] == ([] if fault is None else [fault])


def test_progress_counts_bytes_and_heights() -> None:
    files, places = in_one_file([block_of([head(bytes([i]))]) for i in range(5)])
    seen = []
    run(files, places, [], check_roots=False, threads=1, progress=lambda *at: seen.append(at))
    assert seen[-1] == (sum(size for _, _, size, _ in places), 5)


def test_an_interrupt_stops_the_threads() -> None:
    files, places = in_one_file([block_of([head(bytes([i]))]) for i in range(50)])

    def interrupt(*_at) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(files, places, [], check_roots=False, threads=2, progress=interrupt)


@given(scan_cases())
def test_lists_the_transactions_of_a_block(case) -> None:
    for place in case.places:
        block = np.array([place], BLOCK_DTYPE)[0]
        listing = list_transactions(views(case.files, case.key), block)
        file, offset, size, _ = place
        raw = case.files[file][offset : offset + size]
        twin = expected_listing(raw) if len(raw) == size else []
        got = [
            (t.tobytes(), raw[o : o + n])
            for t, o, n in zip(listing.txids, listing.offsets, listing.lengths, strict=True)
        ]
        assert got == twin


def expected_listing(raw: bytes) -> list[tuple[bytes, bytes]]:
    try:
        return [(sha256d(tx.stripped), tx.raw) for tx in read_block(raw)]
    except Cut:
        return []


PIZZA = bytes.fromhex(
    "410411db93e1dcdb8a016b49840f8c53bc1eb68a382e97b1482ecad7b148a6909a5cb2e0eaddfb84ccf9744464f82e"
    "160bfa9b8b64f9d4c03f999b8643f656b412a3ac"
)


@pytest.mark.shared
def test_the_first_spends_of_mainnet(shared_data) -> None:
    data = bz2.decompress((shared_data / "blocks" / "mainnet-1-256.bz2").read_bytes())
    places, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        places.append((0, at + 8, size, len(places) + 1))
        at += 8 + size
    result = run((data,), places, [PIZZA], check_roots=True, segwit_height=481_824)
    assert result.hits.tolist() == [
        (9, 0, PAYS),
        *((height, 1, PAYS | SPENDS) for height in (170, 181, 182, 183, 248)),
    ]
    assert result.bad == ()


@pytest.mark.shared
@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize(
    "name",
    [
        "mainnet-300025",
        "testnet3-045e0b16",
        "testnet3-928816",
        "testnet3-928828",
        "testnet3-928848",
    ],
)
def test_real_blocks(shared_data, key, name) -> None:
    data = (shared_data / "blocks" / f"{name}.raw").read_bytes()
    twin = expected_listing(data)
    scripts = [script for tx in read_block(data) for script in tx.outputs][::7]
    place = [(0, 0, len(data), 1)]
    assert shape(
        run((data,), place, scripts, key, check_roots=True, segwit_height=0)
    ) == naive_scan([data], place, scripts, check_roots=True)
    listing = list_transactions(views((data,), key), np.array(place, BLOCK_DTYPE)[0])
    assert [t.tobytes() for t in listing.txids] == [txid for txid, _ in twin]


@pytest.mark.slow
@pytest.mark.skipif("NUMBA_BOUNDSCHECK" in os.environ, reason="this is that run")
def test_no_kernel_indexes_past_an_array(tmp_path) -> None:
    """The whole again, where numba checks every index; in its own process, since numba decides
    that when it is imported."""
    here = Path(__file__)
    environment = os.environ | {
        "NUMBA_BOUNDSCHECK": "1",
        "NUMBA_CACHE_DIR": str(tmp_path),
        "ERARIO_HYPOTHESIS": "default",
    }
    tests = [
        str(here),
        str(here.with_name("test_sha256.py")),
        str(here.with_name("test_kernels.py")),
    ]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]
