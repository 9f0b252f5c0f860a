"""Straight runs of headers: the plain and the compiled way beside the rules, one by one."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.headers import (
    REGTEST_BITS,
    SlowTree,
    genesis,
    header,
    mine,
    mine_chain,
    sha256d,
    short_periods,
    without_work,
)

from erario.bitcoin.header_rules import HeaderFault
from erario.bitcoin.network import NetworkName, network
from erario.chain import header_run, header_tree
from erario.chain.header_run import HeaderRun, Piece, good_hashes
from erario.chain.header_tree import HeaderTree

REGTEST = NetworkName.REGTEST
RULES = network(REGTEST)
CHAIN = mine_chain(60)

try:
    from erario.chain.kernels_headers import good_hashes_compiled
except ImportError:  # numba is an extra
    good_hashes_compiled = None

ENGINES = [good_hashes] + ([good_hashes_compiled] if good_hashes_compiled else [])


def taken(headers: list[bytes], engine) -> tuple[HeaderRun, bytes, HeaderFault | None]:
    run = HeaderRun.from_genesis(RULES)
    run._engine = engine
    return run, *run.take(b"".join(headers))


def one_by_one(headers: list[bytes]) -> tuple[HeaderRun, bytes, HeaderFault | None]:
    run = HeaderRun.from_genesis(RULES)
    run._is_plain = False
    return run, *run.take(b"".join(headers))


def state(run: HeaderRun) -> dict[str, object]:
    kept = dict(vars(run))
    del kept["_engine"], kept["_is_plain"]
    return kept


@st.composite
def lines(draw: st.DrawFn) -> list[bytes]:
    """A line of headers whose times jump about; some break a rule or a link."""
    made = [genesis(REGTEST)]
    for tag in range(draw(st.integers(0, 30))):
        parent = made[-1] if draw(st.integers(0, 30)) else draw(st.sampled_from(made))
        kind = draw(st.sampled_from(["good"] * 25 + ["version", "work", "bits", "limit"]))
        time = int.from_bytes(made[-1][68:72], "little") + draw(
            st.sampled_from([600, 1, 0, -300, -900, -3000, 5000])
        )
        bits = {"bits": 0x207FFFFE, "limit": 0x2100FFFF}.get(kind, REGTEST_BITS)
        version = draw(st.sampled_from([3, -1])) if kind == "version" else 0x20000000
        made.append(mine(parent, time, bits, version=version, works=kind != "work", tag=tag))
    return made[1:]


@pytest.mark.parametrize("engine", ENGINES)
@given(headers=lines())
def test_any_line_beside_one_by_one(engine, headers):
    plain = one_by_one(headers)
    fast = taken(headers, engine)
    assert fast[1:] == plain[1:]
    assert state(fast[0]) == state(plain[0])


@pytest.mark.parametrize("engine", ENGINES)
@given(headers=lines(), cut=st.integers(0, 30))
def test_in_two_parts(engine, headers, cut):
    run, first, fault = taken(headers[:cut], engine)
    if fault is None and len(first) // 32 == len(headers[:cut]):
        second, fault = run.take(b"".join(headers[cut:]))
        whole = one_by_one(headers)
        assert (first + second, fault) == whole[1:]
        assert state(run) == state(whole[0])


@pytest.mark.parametrize("engine", ENGINES)
def test_every_flipped_bit_of_a_header(engine):
    piece = Piece(
        b"".join(CHAIN), sha256d(genesis(REGTEST)), [1296688602], REGTEST_BITS, 0x7FFFFF << 232, 4
    )
    assert engine(piece) == b"".join(map(sha256d, CHAIN))
    for bit in range(640):
        data = bytearray(piece.data)
        data[80 * 30 + bit // 8] ^= 1 << bit % 8
        flipped = Piece(bytes(data), piece.previous, piece.recent, piece.bits, piece.target, 4)
        assert engine(flipped) is None


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("count", [1, 2, 3, 11, 12, 59, 60])
def test_any_number_of_headers(engine, count):
    run, hashes, fault = taken(CHAIN[:count], engine)
    assert (run.height, fault) == (count, None)
    assert hashes == b"".join(map(sha256d, CHAIN[:count]))
    assert run.work == 2 * (count + 1)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_hash_beside_the_target(engine):
    """One above and one at a target that is the hash itself."""
    raw = CHAIN[0]
    number = SlowTree.number(raw)
    for target, is_good in ((number, True), (number - 1, False), (number + 1, True)):
        piece = Piece(raw, sha256d(genesis(REGTEST)), [0], REGTEST_BITS, target, 4)
        assert (engine(piece) is not None) is is_good


@pytest.mark.parametrize("name", [n for n in NetworkName if n is not REGTEST])
def test_several_periods_of_every_network(name):
    """With retargets, easy blocks, and one wrong header at the end of it all."""
    source = random.Random(3)
    with without_work(), short_periods(16):
        slow = SlowTree(name, period=16, work=False)
        made = [slow.root]
        time = int.from_bytes(made[0][68:72], "little")
        while len(made) < 80:
            time += source.choice([600, 100, 1300, 900])
            bits = slow.needed([*made, header(made[-1], time, 0)])
            made.append(header(made[-1], time, bits, version=4))
        run = HeaderRun.from_genesis(network(name))
        hashes, fault = run.take(b"".join(made[1:]))
        assert (len(hashes) // 32, fault) == (79, None)
        assert run.work == slow.work_of(made)
        wrong = header(made[-1], time + 600, 0x1C00FFFF, version=4)
        assert run.take(wrong) == (b"", HeaderFault.BITS_WRONG)
        assert run.take(made[-1]) == (b"", None)
        assert run.height == 79


@st.composite
def shown(draw: st.DrawFn) -> list[bytes]:
    """Lines with branches, in pieces that are mostly in order."""
    made = [genesis(REGTEST)]
    for tag in range(draw(st.integers(1, 40))):
        parent = made[-1] if draw(st.integers(0, 8)) else draw(st.sampled_from(made))
        time = int.from_bytes(parent[68:72], "little") + draw(st.sampled_from([600, 1, -500]))
        version = 3 if draw(st.integers(0, 15)) == 0 else 4
        made.append(
            mine(parent, time, version=version, tag=tag, works=bool(draw(st.integers(0, 20))))
        )
    order = list(range(1, len(made)))
    for _ in range(draw(st.integers(0, 3))):
        one, other = draw(st.integers(0, len(order) - 1)), draw(st.integers(0, len(order) - 1))
        order[one], order[other] = order[other], order[one]
    return [made[at] for at in order] + draw(st.lists(st.sampled_from(made), max_size=4))


@given(headers=shown(), step=st.integers(1, 12), ready=st.booleans())
def test_a_tree_with_runs_is_the_tree_without(headers, step, ready):
    if ready and good_hashes_compiled is None:
        ready = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(header_tree, "_RUN_FROM", 1)
        patch.setattr(header_tree, "is_fast_ready", lambda _: ready)
        fast = HeaderTree(REGTEST)
        grow(fast, headers, step)
        patch.setattr(HeaderTree, "_take_run", lambda *_: 0)
        slow = HeaderTree(REGTEST)
        grow(slow, headers, step)
    assert fast.best().headers == slow.best().headers
    assert fast.best().work == slow.best().work
    assert fast.findings == slow.findings
    assert fast.invalid == slow.invalid
    assert fast.missing_height == slow.missing_height


def grow(tree: HeaderTree, headers: list[bytes], step: int) -> None:
    for start in range(0, len(headers), step):
        tree.add_many(b"".join(headers[start : start + step]))


def test_without_numba_nothing_of_it_is_loaded():
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from erario.chain import served_chain, header_tree\n"
        "from erario.chain.header_run import is_fast_ready\n"
        "assert not is_fast_ready(1000)\n"
        "assert 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_compiled_code_is_loaded_only_for_many(monkeypatch):
    monkeypatch.setattr(header_run, "_KERNELS", "erario.chain.none_such")
    assert not header_run.is_fast_ready(header_run.FAST_FROM - 1)
    assert header_run.is_fast_ready(header_run.FAST_FROM) is (good_hashes_compiled is not None)
