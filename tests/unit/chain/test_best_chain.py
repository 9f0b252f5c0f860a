"""Questions to a chain: cut-offs beside a brute-force twin, header times that run backwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.headers import genesis, mine, mine_chain, sha256d

from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.values import BlockHash, Height
from erario.chain.best_chain import BestChain
from erario.chain.header_tree import HeaderTree
from erario.statement.evidence import BlockPoint

REGTEST = NetworkName.REGTEST
START = 1296688602


def at(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def chain_with(times: list[int]) -> BestChain:
    """A verified regtest chain whose blocks after genesis have these times."""
    made = [genesis(REGTEST)]
    for time in times:
        made.append(mine(made[-1], time))
    tree = HeaderTree(REGTEST)
    tree.add_many(b"".join(made))
    assert tree.best().tip == len(times)
    return tree.best()


def unverified(times: list[int]) -> BestChain:
    """A chain of times alone."""
    medians = [
        sorted(times[max(0, h - 10) : h + 1])[min(h + 1, 11) // 2] for h in range(len(times))
    ]
    assert all(time > median for time, median in zip(times[1:], medians, strict=False))
    return BestChain(
        REGTEST,
        headers=b"".join(bytes(68) + time.to_bytes(4, "little") + bytes(8) for time in times),
        work=0,
    )


def slow_cutoff(times: list[int], instant: datetime, upto: int) -> int | None:
    before = [h for h in range(upto + 1) if at(times[h]) < instant]
    return before[-1] if before else None


# Blocks 3, 4 and 5 are earlier than block 2, and block 5 earlier than block 4.
BACKWARDS = [1000, 2000, 3000, 2500, 2600, 2550, 4000]


@pytest.mark.parametrize(
    ("instant", "upto", "expected"),
    [
        (at(1000), 6, None),
        (at(1000.5), 6, 0),
        (at(2500), 6, 1),
        (at(2501), 6, 3),
        # Blocks 2 and 4 are not before it, block 5 is: the highest one counts.
        (at(2551), 6, 5),
        (at(2551), 4, 3),
        (at(2551), 2, 1),
        (at(3001), 6, 5),
        (at(4000), 6, 5),
        (at(4001), 6, 6),
        (at(1 << 33), 6, 6),
        (at(1 << 33), 0, 0),
        (at(-1), 6, None),
        (datetime(1970, 1, 1, 2, 0, tzinfo=timezone(timedelta(hours=1))), 6, 5),
    ],
)
def test_cutoff_where_times_run_backwards(instant, upto, expected):
    chain = unverified(BACKWARDS)
    assert chain.cutoff(instant, Height(upto)) == expected
    assert slow_cutoff(BACKWARDS, instant, upto) == expected


@st.composite
def allowed_times(draw: st.DrawFn) -> list[int]:
    """Times that keep the one rule: each later than the median of the eleven before."""
    times = [draw(st.integers(0, 1 << 31))]
    for _ in range(draw(st.integers(0, 60))):
        recent = sorted(times[-11:])
        times.append(recent[len(recent) // 2] + draw(st.integers(1, 4) | st.integers(1, 3000)))
    return times


@given(times=allowed_times(), data=st.data())
def test_cutoff_beside_the_brute_force_twin(times, data):
    chain = unverified(times)
    upto = data.draw(st.integers(0, len(times) - 1))
    near = data.draw(st.sampled_from(times)) + data.draw(st.integers(-3, 3))
    instant = at(near) + timedelta(microseconds=data.draw(st.sampled_from([0, 1, 999_999])))
    assert chain.cutoff(instant, Height(upto)) == slow_cutoff(times, instant, upto)


@given(times=allowed_times(), data=st.data())
def test_once_reached_no_later_block_moves_a_cutoff(times, data):
    chain = unverified(times)
    upto = data.draw(st.integers(0, len(times) - 1))
    instant = at(data.draw(st.sampled_from(times)) + data.draw(st.integers(-2, 2)))
    if chain.reached(instant, Height(upto)):
        assert chain.cutoff(instant, Height(upto)) == chain.cutoff(instant, chain.tip)


@given(times=allowed_times(), data=st.data())
def test_a_lower_bound_asks_the_shorter_chain(times, data):
    """An early cut-off answers as if later blocks did not exist."""
    upto = data.draw(st.integers(0, len(times) - 1))
    instant = at(data.draw(st.sampled_from(times)) + 1)
    whole, cut = unverified(times), unverified(times[: upto + 1])
    assert whole.cutoff(instant, Height(upto)) == cut.cutoff(instant, cut.tip)
    assert whole.reached(instant, Height(upto)) == cut.reached(instant, cut.tip)


def test_reached_is_about_the_median():
    chain = unverified(BACKWARDS)
    # Sorted up to block 6: 1000 2000 2500 2550 2600 3000 4000.
    assert chain.reached(at(2550), Height(6))
    assert not chain.reached(at(2551), Height(6))
    assert not chain.reached(at(2501), Height(4))
    assert chain.reached(at(1000), Height(0))


def test_points_of_a_verified_chain():
    times = [START + 600, START + 1800, START + 1300, START + 1900]
    chain = chain_with(times)
    assert chain.point(Height(3)) == BlockPoint(
        Height(3),
        BlockHash(sha256d(chain.header(Height(3)))),
        at(START + 1300),
        # Of genesis, +600, +1300 and +1800 the upper of the middle two.
        at(START + 1300),
    )
    assert chain.point(Height(4)).median_time_past == at(START + 1300)
    assert chain.point(Height(0)).time.tzinfo is UTC


def test_medians_of_the_tree_are_those_of_eleven_headers():
    times = [START + 600 * h + (700 if h % 3 == 0 else 0) for h in range(1, 40)]
    chain = chain_with(times)
    everything = [START, *times]
    for height in range(40):
        window = sorted(everything[max(0, height - 10) : height + 1])
        median = chain.point(Height(height)).median_time_past
        assert median == at(window[len(window) // 2])


def test_hashes_and_heights():
    made = mine_chain(50)
    tree = HeaderTree(REGTEST)
    tree.add_many(b"".join(made))
    chain = tree.best()
    for height, raw in enumerate([genesis(REGTEST), *made]):
        assert chain.header(Height(height)) == raw
        assert chain.block_hash(Height(height)) == sha256d(raw)
        assert chain.height_of(BlockHash(sha256d(raw))) == height
    assert chain.height_of(BlockHash(bytes(32))) is None


@pytest.mark.parametrize("height", [-1, 4])
def test_heights_that_are_not_on_the_chain(height):
    chain = chain_with([START + 600, START + 1200, START + 1800])
    for ask in (
        chain.header,
        chain.block_hash,
        chain.point,
        lambda h: chain.cutoff(at(0), h),
        lambda h: chain.reached(at(0), h),
    ):
        with pytest.raises(IndexError):
            ask(Height(height))


def test_header_times_up_to_2106():
    chain = unverified([0xFFFFFFFE, 0xFFFFFFFF])
    assert chain.point(Height(1)).time == datetime(2106, 2, 7, 6, 28, 15, tzinfo=UTC)
    assert chain.cutoff(datetime(9999, 1, 1, tzinfo=UTC), chain.tip) == 1


def test_minimum_work_is_the_networks():
    least = network(NetworkName.MAIN).minimum_work
    for work, enough in ((least, True), (least - 1, False)):
        chain = BestChain(
            NetworkName.MAIN,
            headers=genesis(NetworkName.MAIN),
            work=work,
        )
        assert chain.enough_work is enough
