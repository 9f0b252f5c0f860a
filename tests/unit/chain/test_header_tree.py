"""The tree of headers: any order, every rule, ties, holes; beside a slow twin and the kernel."""

from __future__ import annotations

import bz2
import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.headers import (
    REGTEST_BITS,
    SlowChain,
    SlowTree,
    genesis,
    header,
    mine,
    mine_chain,
    sha256d,
    short_periods,
    without_work,
)

from erario.bitcoin.errors import DecodeError
from erario.bitcoin.header_rules import HeaderFault
from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.values import Height, show_hash
from erario.chain.header_tree import HeaderTree, InvalidHeader
from erario.statement.finding import FindingCode, Severity, Verdict

REGTEST = NetworkName.REGTEST
START = 1296688602


def tree_of(*headers: bytes, name: NetworkName = REGTEST) -> HeaderTree:
    tree = HeaderTree(name)
    tree.add_many(b"".join(headers))
    return tree


def headers_of(tree: HeaderTree) -> list[bytes]:
    chain = tree.best()
    return [chain.header(Height(height)) for height in range(chain.tip + 1)]


@pytest.mark.parametrize("name", NetworkName)
def test_genesis_is_known(name):
    chain = HeaderTree(name).best()
    assert chain.tip == 0
    assert chain.header(Height(0)) == network(name).genesis[:80]
    assert chain.enough_work is (name is REGTEST)
    assert HeaderTree(name).missing_height is None


def test_genesis_may_come_again():
    tree = tree_of(genesis(REGTEST), *mine_chain(3), genesis(REGTEST))
    assert tree.best().tip == 3
    assert (tree.findings, tree.missing_height) == ((), None)


def test_in_order():
    made = mine_chain(30)
    tree = tree_of(*made)
    chain = tree.best()
    assert headers_of(tree) == [genesis(REGTEST), *made]
    assert [chain.block_hash(Height(h)) for h in range(1, 31)] == [sha256d(raw) for raw in made]
    assert chain.work == 2 * 31
    assert chain.network is REGTEST


@pytest.mark.parametrize("order", ["reversed", "shuffled", "one by one", "halves"])
def test_in_any_order(order):
    made = mine_chain(60)
    tree = HeaderTree(REGTEST)
    if order == "halves":
        tree.add_many(b"".join(made[30:]))
        assert tree.missing_height == 1
        tree.add_many(b"".join(made[:30]))
    else:
        mixed = made[::-1] if order == "reversed" else list(made)
        if order != "reversed":
            random.Random(5).shuffle(mixed)
        for raw in mixed:
            tree.add(raw)
            tree.add(raw)
    assert headers_of(tree) == [genesis(REGTEST), *made]
    assert tree.missing_height is None


def test_a_longer_branch_wins_whenever_it_comes():
    trunk = mine_chain(5)
    short, long = [trunk[-1]], [trunk[-1]]
    for step in range(1, 4):
        short.append(mine(short[-1], START + 600 * (5 + step), tag=1))
    for step in range(1, 6):
        long.append(mine(long[-1], START + 600 * (5 + step), tag=2))
    for order in ((short, long), (long, short)):
        tree = tree_of(*trunk, *order[0][1:], *order[1][1:])
        assert headers_of(tree) == [genesis(REGTEST), *trunk, *long[1:]]
        assert tree.findings == ()


def test_equal_work_goes_to_the_lower_hash_and_is_told():
    trunk = mine_chain(4)
    twins = [mine(trunk[-1], START + 3000, tag=tag) for tag in range(3)]
    ranked = sorted(twins, key=SlowTree.number)
    for tips in (twins, twins[::-1]):
        tree = tree_of(*trunk, *tips)
        assert headers_of(tree)[-1] == ranked[0]
        (finding,) = tree.findings
        assert finding.code is FindingCode.CHAIN_EQUAL_WORK
        assert (finding.verdict, finding.severity) == (Verdict.UNKNOWN, Severity.WARNING)
        assert finding.subject in {show_hash(sha256d(raw)) for raw in ranked[1:]}
        assert show_hash(sha256d(ranked[0])) in finding.what
        assert "after height 4" in finding.what
        assert finding.what.startswith("This block at height 5 ")
        assert finding.what.endswith("; 1 more like it.")
        assert "1 more" in finding.what
    tree.add(mine(ranked[2], START + 3600))
    assert headers_of(tree)[5] == ranked[2]
    assert tree.findings == ()


def test_a_hole_is_named_by_its_height():
    made = mine_chain(20)
    tree = tree_of(*made[:7], *made[8:])
    assert tree.best().tip == 7
    assert tree.missing_height == 8
    tree.add(made[7])
    assert (tree.best().tip, tree.missing_height) == (20, None)


def broken(fault: HeaderFault, previous: bytes, time: int) -> bytes:
    """A regtest header that breaks one rule and keeps the others."""
    match fault:
        case HeaderFault.BITS_INVALID:
            return mine(previous, time, 0x2100FFFF)
        case HeaderFault.WORK_MISSING:
            return mine(previous, time, works=False)
        case HeaderFault.BITS_WRONG:
            return mine_harder(previous, time)
        case HeaderFault.TIME_TOO_OLD:
            return mine(previous, time - 600 * 6)
        case HeaderFault.VERSION_TOO_OLD:
            return mine(previous, time, version=3)
    raise AssertionError(fault)


def mine_harder(previous: bytes, time: int) -> bytes:
    """With bits that are harder than regtest's, and the work for them."""
    target = 0x7FFFFE << 232
    for tag in range(1000):
        made = mine(previous, time, 0x207FFFFE, tag=tag)
        if SlowTree.number(made) <= target:
            return made
    raise AssertionError("no luck in a thousand tries")


REGTEST_FAULTS = [
    HeaderFault.BITS_INVALID,
    HeaderFault.WORK_MISSING,
    HeaderFault.BITS_WRONG,
    HeaderFault.TIME_TOO_OLD,
    HeaderFault.VERSION_TOO_OLD,
]


@pytest.mark.parametrize("fault", REGTEST_FAULTS)
@pytest.mark.parametrize("late", [False, True], ids=["in order", "children first"])
def test_each_rule_broken_alone(fault, late):
    trunk = mine_chain(15)
    bad = broken(fault, trunk[-1], START + 600 * 16)
    child = mine(bad, START + 600 * 17)
    grandchild = mine(child, START + 600 * 18)
    tree = HeaderTree(REGTEST)
    rest = [grandchild, child, bad] if late else [bad, child, grandchild]
    for raw in [*rest, *trunk] if late else [*trunk, *rest]:
        tree.add(raw)
    assert headers_of(tree) == [genesis(REGTEST), *trunk]
    by_itself = fault in {HeaderFault.BITS_INVALID, HeaderFault.WORK_MISSING}
    height = None if by_itself else Height(16)
    assert tree.invalid == (InvalidHeader(sha256d(bad), height, fault),)
    assert tree.missing_height is None
    (finding,) = tree.findings
    assert finding.code is FindingCode.CHAIN_INVALID_HEADER
    assert finding.verdict is Verdict.FAIL
    assert finding.subject == show_hash(sha256d(bad))
    assert fault in finding.what
    assert finding.what.startswith("A block header")
    assert finding.what.endswith("was used.")
    # What comes after an invalid header is invalid, whenever it comes.
    tree.add(mine(grandchild, START + 600 * 19))
    assert (tree.best().tip, tree.missing_height) == (15, None)
    assert len(tree.invalid) == 1


def test_a_median_is_a_bound_and_no_time_before_it_is():
    trunk = mine_chain(11)
    at_median = mine(trunk[-1], START + 600 * 6)
    above = mine(trunk[-1], START + 600 * 6 + 1)
    tree = tree_of(*trunk, at_median, above)
    assert headers_of(tree)[-1] == above
    assert [i.fault for i in tree.invalid] == [HeaderFault.TIME_TOO_OLD]


def test_sizes_that_are_no_headers():
    tree = HeaderTree(REGTEST)
    for size in (0, 79, 81):
        with pytest.raises(DecodeError):
            tree.add(bytes(size))
    with pytest.raises(DecodeError):
        tree.add_many(b"".join(mine_chain(2))[:-1])
    tree.add_many(b"")
    assert tree.best().tip == 0


def test_views_are_as_good_as_bytes():
    data = b"".join(mine_chain(4))
    tree = HeaderTree(REGTEST)
    tree.add_many(memoryview(data))
    assert tree.best().tip == 4


@st.composite
def regtest_headers(draw: st.DrawFn) -> list[bytes]:
    """A small tree of regtest headers, some of them broken, in any order, some left out."""
    made = [genesis(REGTEST)]
    for tag in range(draw(st.integers(0, 25))):
        parent = draw(st.sampled_from(made[-3:]) | st.sampled_from(made))
        time = int.from_bytes(parent[68:72], "little") + draw(st.integers(-1500, 2500))
        kind = draw(st.sampled_from(["good"] * 9 + ["version", "work", "bits"]))
        made.append(
            mine(
                parent,
                time,
                0x207FFFFE if kind == "bits" else REGTEST_BITS,
                version=3 if kind == "version" else 4,
                works=kind != "work",
                tag=tag,
            )
        )
    shown = draw(st.permutations(made[1:])) if draw(st.booleans()) else made[1:]
    return [raw for raw in shown if draw(st.integers(0, 9))]


@given(regtest_headers(), st.integers(1, 9))
def test_regtest_beside_the_slow_twin(headers, step):
    assert_same_as_twin(REGTEST, headers, step, SlowTree(REGTEST))


def assert_same_as_twin(name, headers, step, slow):
    tree = HeaderTree(name)
    for start in range(0, len(headers), step):
        tree.add_many(b"".join(headers[start : start + step]))
        if start % 3 == 0:
            tree.best()
    for raw in headers:
        slow.add(raw)
    best = slow.best()
    chain = tree.best()
    assert headers_of(tree) == best
    assert chain.work == slow.work_of(best)
    has_hole = any(waits(slow, raw) for raw in headers)
    assert tree.missing_height == (len(best) if has_hole else None)


def waits(slow, raw):
    """Whether a header waits for an ancestor that was not seen, and not after a known bad one."""
    while raw != slow.root:
        target_met = not slow.work or meets_its_target(raw)
        if not target_met:
            return False
        parent = slow.headers.get(raw[4:36])
        if parent is None:
            return True
        raw = parent
    return False


def meets_its_target(raw):
    bits = int.from_bytes(raw[72:76], "little")
    return SlowTree.number(raw) <= (bits & 0x7FFFFF) << 8 * ((bits >> 24) - 3)


@st.composite
def workless_headers(draw: st.DrawFn, name: NetworkName) -> list[bytes]:
    """A tree over several periods of eight, most headers with the bits that they need."""
    slow = SlowTree(name, period=8, work=False)
    made = [slow.root]
    floor = network(name).easiest_bits
    for tag in range(draw(st.integers(1, 40))):
        parent = draw(st.sampled_from(made[-1:] * 6 + made[-4:]))
        last = int.from_bytes(parent[68:72], "little")
        time = last + draw(st.sampled_from([600, 200, 1200, 1201, 1, -300, -601, 5000]))
        path = slow.path(parent)
        bits = slow.needed([*path, header(parent, time, 0)])
        if not draw(st.integers(0, 20)):
            bits = draw(st.sampled_from([floor, bits - 1, 0x1C00FFFF]))
        raw = header(parent, time, bits, version=draw(st.sampled_from([4] * 12 + [1])), tag=tag)
        made.append(raw)
        slow.add(raw)
    return draw(st.permutations(made[1:])) if draw(st.booleans()) else made[1:]


@pytest.mark.parametrize("name", [n for n in NetworkName if n is not REGTEST])
@given(data=st.data(), step=st.integers(1, 50))
def test_every_network_beside_the_slow_twin(name, data, step):
    headers = data.draw(workless_headers(name))
    with without_work(), short_periods(8):
        assert_same_as_twin(name, headers, step, SlowTree(name, period=8, work=False))


def test_timewarp_on_testnet4():
    name = NetworkName.TESTNET4
    with without_work(), short_periods(8):
        for early, fault in ((600, None), (601, HeaderFault.TIMEWARP)):
            slow, made = SlowTree(name, period=8, work=False), [genesis(name)]
            time = int.from_bytes(made[0][68:72], "little")
            for height in range(1, 9):
                time += 600 if height < 8 else -early
                raw = header(made[-1], time, slow.needed([*made, header(made[-1], time, 0)]))
                made.append(raw)
            tree = tree_of(*made[1:], name=name)
            assert [i.fault for i in tree.invalid] == ([fault] if fault else [])
            assert tree.best().tip == (7 if fault else 8)


@pytest.mark.parametrize("name", [n for n in NetworkName if n is not REGTEST])
def test_long_chains_with_real_periods(name):
    """Three periods of 2016, with easy blocks where the network has them, shown backwards."""
    source = random.Random(7)
    made = [genesis(name)]
    time = int.from_bytes(made[0][68:72], "little")
    slow = SlowChain(network(name), time, network(name).easiest_bits)
    for _ in range(3 * 2016 + 5):
        time += source.choice([100, 300, 700]) if source.random() > 0.03 else 1300
        slow.add(time)
        made.append(header(made[-1], time, slow.blocks[-1][1]))
    wrong = header(made[-1], time + 600, slow.next_bits(time + 600) - 1)
    with without_work():
        tree = tree_of(wrong, *made[:0:-1], name=name)
    assert headers_of(tree) == made
    assert [i.fault for i in tree.invalid] == [HeaderFault.BITS_WRONG]
    assert len({bits for _, bits in slow.blocks}) > 2


@pytest.mark.shared
def test_the_first_255_headers_of_mainnet(shared_data):
    made = first_headers(shared_data)
    tree = tree_of(*made[::-1], name=NetworkName.MAIN)
    chain = tree.best()
    assert headers_of(tree) == [genesis(NetworkName.MAIN), *made]
    assert chain.work == 256 * 0x100010001
    assert not chain.enough_work
    assert (tree.findings, tree.missing_height) == ((), None)


def first_headers(shared_data):
    data = bz2.decompress((shared_data / "blocks" / "mainnet-1-256.bz2").read_bytes())
    made, offset = [], 0
    while offset < len(data):
        made.append(data[offset + 8 : offset + 88])
        offset += 8 + struct.unpack_from("<I", data, offset + 4)[0]
    return made


@pytest.mark.shared
def test_mainnet_beside_the_kernel(shared_data, tmp_path):
    kernel = pytest.importorskip("tests.oracles.kernel", exc_type=ImportError)
    judge = kernel.KernelHeaders(NetworkName.MAIN, tmp_path)
    tree = HeaderTree(NetworkName.MAIN)
    for height, raw in enumerate(first_headers(shared_data), 1):
        damaged = raw[:76] + bytes((raw[76] ^ 1,)) + raw[77:]
        assert not judge.accepts(damaged)
        tree.add(damaged)
        assert tree.best().tip == height - 1
        assert judge.accepts(raw)
        tree.add(raw)
        assert tree.best().tip == height


@pytest.fixture(scope="module")
def regtest_kernel(tmp_path_factory):
    kernel = pytest.importorskip("tests.oracles.kernel", exc_type=ImportError)
    return kernel.KernelHeaders(REGTEST, tmp_path_factory.mktemp("kernel"))


@given(headers=regtest_headers())
def test_regtest_beside_the_kernel(regtest_kernel, headers):
    # The kernel does not wait for parents, so they come first, and nothing comes after a hole.
    slow = SlowTree(REGTEST)
    for raw in headers:
        slow.add(raw)
    paths = sorted((path for raw in headers if (path := slow.path(raw))), key=len)
    for path in paths:
        assert regtest_kernel.accepts(path[-1]) is slow.is_valid(path)


@pytest.mark.parametrize("fault", REGTEST_FAULTS)
def test_the_kernel_refuses_the_same_headers(tmp_path, fault):
    kernel = pytest.importorskip("tests.oracles.kernel", exc_type=ImportError)
    judge = kernel.KernelHeaders(REGTEST, tmp_path)
    trunk = mine_chain(15)
    assert all(judge.accepts(raw) for raw in trunk)
    bad = broken(fault, trunk[-1], START + 600 * 16)
    assert not judge.accepts(bad)
    assert not judge.accepts(mine(bad, START + 600 * 17))
    assert judge.accepts(mine(trunk[-1], START + 600 * 16))


@given(st.lists(st.binary(min_size=80, max_size=80), max_size=20))
def test_garbage_is_never_on_the_best_chain(data):
    tree = tree_of(*data)
    chain = tree.best()
    assert chain.tip == 0 or all(chain.header(Height(h)) in data for h in range(1, chain.tip + 1))
