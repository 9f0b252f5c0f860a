"""What kernels stand on: reads through the key, tables, and how they are kept on disk."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.scans import ALL_SCRIPTS

from erario.chain.kernels import byte_at, copy_bytes, half_at, kernel, word_at
from erario.chain.kernels_table import find_coin, find_script, siphash
from erario.chain.script_table import MAX_SCRIPT, Coins, build_scripts


@kernel
def reads(data, position, key):
    return byte_at(data, position, key), half_at(data, position, key), word_at(data, position, key)


@kernel
def copied(data, start, size, key):
    out = np.zeros(size + 2, np.uint8)
    copy_bytes(data, start, size, key, out, 1)
    return out


@kernel
def script_entry(table, data):
    return find_script(table, data, 0, data.size, np.uint64(0))


@kernel
def coin_entry(table, data):
    return find_coin(table, data, 0, np.uint64(0))


@kernel
def sip(data, secret):
    return siphash(data, 0, data.size, np.uint64(0), secret)


def as_array(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8)


@given(st.binary(min_size=16, max_size=40), st.binary(min_size=8, max_size=8), st.data())
def test_reads_undo_the_key_by_the_offset_in_the_file(plain, key, data) -> None:
    hidden = as_array(bytes(b ^ key[i % 8] for i, b in enumerate(plain)))
    word = np.uint64(int.from_bytes(key, "little"))
    at = data.draw(st.integers(0, len(plain) - 8))
    expected = tuple(int.from_bytes(plain[at : at + n], "little") for n in (1, 4, 8))
    assert tuple(map(int, reads(hidden, at, word))) == expected
    size = data.draw(st.integers(0, len(plain) - at))
    assert copied(hidden, at, size, word).tobytes() == b"\0" + plain[at : at + size] + b"\0"


def test_siphash_is_the_published_one() -> None:
    """SipHash-1-3 of 00, 00 01, ... under the key 00 01 ... 0f, from CPython, whose `hash` of
    bytes it is (seed 0 gives a zero key)."""
    program = (
        "import sys; print(sys.hash_info.algorithm, *(hash(bytes(range(n))) for n in range(1, 40)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONHASHSEED": "0"},
        check=True,
    )
    algorithm, *hashes = ran.stdout.split()
    if algorithm != "siphash13":
        pytest.skip("this Python hashes bytes in another way")
    secret = np.zeros(2, np.uint64)
    for n, expected in enumerate(map(int, hashes), start=1):
        got = int(sip(as_array(bytes(range(n))), secret))
        assert got == expected % 2**64


@given(
    st.lists(st.one_of(st.sampled_from(ALL_SCRIPTS), st.binary(max_size=40)), max_size=60),
    st.data(),
)
def test_a_table_knows_its_scripts_and_no_others(scripts, data) -> None:
    table = build_scripts(scripts)
    asked = data.draw(st.one_of(st.sampled_from(ALL_SCRIPTS), st.binary(max_size=40)))
    for script in [*scripts, asked]:
        known = script in scripts and script[:1] != b"\x6a" and len(script) <= MAX_SCRIPT
        assert (script_entry(table, as_array(script)) >= 0) == known


def test_coins_keep_their_first_birth_while_the_table_grows() -> None:
    coins = Coins()
    names = np.arange(36 * 1000, dtype=np.uint32).view(np.uint8)[: 36 * 1000].copy()
    for start in range(0, 1000, 50):
        part = names[36 * start : 36 * (start + 50)]
        coins.add(part, np.arange(start, start + 50))
        coins.add(part, np.arange(5000, 5050))
    assert coins.count == 1000
    for i in range(0, 1000, 37):
        assert coin_entry(coins.table, names[36 * i : 36 * i + 36].copy()) == i
        assert coins.table.births[i] == i
    assert coin_entry(coins.table, np.zeros(36, np.uint8) + np.uint8(255)) == -1


def test_checked_and_unchecked_code_never_share_a_cache(tmp_path) -> None:
    """Numba's cache does not ask whether indexes are checked; the name of what is kept does."""
    (tmp_path / "small.py").write_text(
        "import sys, numpy as np\n"
        "from erario.chain.kernels import kernel\n"
        "@kernel\n"
        "def member(data, index):\n"
        "    return data[index]\n"
        "try:\n"
        "    member(np.zeros(4, np.uint8), int(sys.argv[1]))\n"
        "    print('read')\n"
        "except IndexError:\n"
        "    print('refused')\n"
    )

    def run(checked: str, index: str) -> str:
        environment = {"NUMBA_BOUNDSCHECK": checked, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        command = [sys.executable, str(tmp_path / "small.py"), index]
        ran = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | environment, check=True
        )
        return ran.stdout.strip()

    assert run("0", "3") == "read"
    assert run("1", "4") == "refused"
