"""Headers from servers: what is fetched, what is kept, each lie; beside `BestChain`."""

from __future__ import annotations

import errno
import os
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.strategies.header_servers import FakeServer, pins_of
from tests.strategies.headers import (
    SlowTree,
    header,
    mine,
    sha256d,
    short_periods,
    without_work,
)
from tests.strategies.served_chains import (
    CHAIN,
    LENGTH,
    MAIN,
    NO_PINS,
    OTHER,
    PERIODS,
    PINS,
    REGTEST,
    START,
    assert_same,
    best_of,
    opened,
)

from erario.auditing.moments import find_cutoff
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Height, show_hash
from erario.chain import served_chain
from erario.chain.errors import ChainCode, ServerCode
from erario.chain.header_pins import header_pins, snapshot_pins
from erario.chain.served_chain import ServedChain, stored_chain
from erario.chain.state_folder import StateFolder
from erario.chain.stretch_store import FILE_NAME
from erario.errors import RequestError, SourceError


def state_in(folder: Path, name=REGTEST) -> StateFolder:
    return StateFolder(folder, name)


@pytest.mark.parametrize("pins", [PINS, NO_PINS])
def test_the_same_as_all_headers(pins):
    times = [int.from_bytes(raw[68:72], "little") for raw in CHAIN]
    instants = [datetime.fromtimestamp(t + d, UTC) for t in times[::7] for d in (-1, 0, 1)]
    assert_same(opened(FakeServer(CHAIN), pins), best_of(CHAIN), instants)


@pytest.mark.parametrize("pins", [PINS, NO_PINS])
def test_heights_beyond_the_tip(pins):
    chain = opened(FakeServer(CHAIN), pins)
    for height in (-1, len(CHAIN)):
        for ask in (chain.header, chain.block_hash, chain.point):
            with pytest.raises(IndexError):
                ask(Height(height))
        with pytest.raises(IndexError):
            chain.cutoff(datetime.now(UTC), Height(height))


@st.composite
def retargeting(draw: st.DrawFn) -> tuple[list[bytes], int, list[int]]:
    """A chain of main's rules with periods of 16 blocks and times that run back now and then."""
    source = random.Random(draw(st.integers(0, 1 << 30)))
    slow = SlowTree(MAIN, period=16, work=False)
    made = [slow.root]
    time = int.from_bytes(made[0][68:72], "little")
    total = draw(st.integers(16, 100))
    while len(made) <= total:
        recent = sorted(int.from_bytes(raw[68:72], "little") for raw in made[-11:])
        step = source.choice([600, 100, 1, 3000, -700, -300])
        time = max(time + step, recent[len(recent) // 2] + 1)
        bits = slow.needed([*made, header(made[-1], time, 0)])
        made.append(header(made[-1], time, bits, version=4))
    seconds = draw(st.lists(st.integers(-2000, total * 700), min_size=1, max_size=4))
    return made, draw(st.integers(1, total // 16)), seconds


@settings(max_examples=60, deadline=None)
@given(retargeting(), st.data())
def test_every_answer_is_that_of_all_headers(made, data):
    headers, periods, seconds = made
    start = int.from_bytes(headers[0][68:72], "little")
    with without_work(), short_periods(16):
        periods = min(periods, (len(headers) - 1) // 16)
        pins = pins_of(headers, MAIN, length=16, periods=periods)
        best = best_of(headers, MAIN)
        assert best.tip == len(headers) - 1
        server = FakeServer(headers)
        chain = opened(server, pins, name=MAIN)
        assert isinstance(chain, ServedChain)
        assert server.asked <= 12 + len(headers) - 16 * periods
        upto = Height(data.draw(st.integers(0, best.tip)))
        for second in seconds:
            instant = datetime.fromtimestamp(start + second, UTC)
            fresh = opened(FakeServer(headers), pins, name=MAIN)
            assert fresh.cutoff(instant, upto) == best.cutoff(instant, upto)
            assert fresh.reached(instant, upto) == best.reached(instant, upto)
        height = Height(data.draw(st.integers(0, best.tip)))
        assert chain.point(height) == best.point(height)
        assert_same(chain, best)


def test_a_header_costs_no_more_than_those_up_to_the_next_pin():
    server = FakeServer(CHAIN)
    chain = opened(server)
    before = server.asked
    chain.header(Height(2 * LENGTH + 12))
    assert server.asked - before == LENGTH - 12
    chain.header(Height(2 * LENGTH + 15))
    chain.block_hash(Height(3 * LENGTH - 1))
    chain.header(Height(0))
    assert server.asked - before == LENGTH - 12
    chain.header(Height(2 * LENGTH + 11))
    assert server.asked - before == 2 * (LENGTH - 12)


def test_an_old_block_is_not_called_stale_where_nobody_can_say_its_height(tmp_path):
    chain = opened(FakeServer(CHAIN), state=state_in(tmp_path))
    wanted = sha256d(CHAIN[30])
    for block_hash in (wanted, bytes(32)):
        with pytest.raises(RequestError) as caught:
            find_cutoff(show_hash(block_hash), "UTC", chain)
        assert caught.value.code is ChainCode.HEIGHT_UNKNOWN
        assert "height" in caught.value.remedy
    chain.header(Height(28))
    assert chain.height_of(wanted) == 30
    tail = PINS.end(PERIODS - 1) + 1
    assert [chain.height_of(sha256d(CHAIN[at])) for at in (0, tail, len(CHAIN) - 1)] == [
        0, tail, len(CHAIN) - 1
    ]  # fmt: skip


class KnowingServer(FakeServer):
    """One that is asked for heights by hash, and says of any other block that it is at `lie`."""

    lie: int | None = None

    def height_of(self, block_hash):
        known = {sha256d(raw): height for height, raw in enumerate(self.chain)}
        found = known.get(block_hash, self.lie)
        return None if found is None else Height(found)


def test_an_old_block_is_found_where_the_server_can_say_its_height():
    for height in range(len(CHAIN)):
        assert opened(KnowingServer(CHAIN)).height_of(sha256d(CHAIN[height])) == height
    for lie in (None, 0, 30, len(CHAIN) - 1, len(CHAIN), 1 << 30):
        server = KnowingServer(CHAIN)
        server.lie = lie
        assert opened(server).height_of(bytes(32)) is None


# What is kept


def test_the_next_run_fetches_only_what_is_new(tmp_path):
    server = FakeServer(CHAIN[:-3])
    chain = opened(server, state=state_in(tmp_path))
    chain.point(Height(50))
    server = FakeServer(CHAIN)
    again = opened(server, state=state_in(tmp_path))
    again.point(Height(50))
    # The header that both have, and the three that are new.
    assert server.asked == 4
    assert_same(again, best_of(CHAIN))
    assert not state_in(tmp_path).troubles


def test_without_pins_the_whole_chain_is_kept(tmp_path):
    opened(FakeServer(CHAIN[:-3]), NO_PINS, state_in(tmp_path))
    server = FakeServer(CHAIN)
    chain = opened(server, NO_PINS, state_in(tmp_path))
    assert server.asked == 4
    assert_same(chain, best_of(CHAIN))
    stored = stored_chain(REGTEST, state_in(tmp_path))
    assert_same(stored, best_of(CHAIN))


@pytest.mark.parametrize("pins", [PINS, NO_PINS])
def test_a_reorganisation_unwinds_what_is_kept(tmp_path, pins):
    opened(FakeServer(CHAIN), pins, state_in(tmp_path))
    assert_same(opened(FakeServer(OTHER), pins, state_in(tmp_path)), best_of(OTHER))
    server = FakeServer(OTHER)
    assert_same(opened(server, pins, state_in(tmp_path)), best_of(OTHER))


@pytest.mark.parametrize("pins", [PINS, NO_PINS])
@pytest.mark.parametrize("lagging", [CHAIN[:-2], CHAIN[:-1]])
def test_less_work_takes_nothing_from_what_is_kept(tmp_path, pins, lagging):
    opened(FakeServer(OTHER), pins, state_in(tmp_path))
    assert opened(FakeServer(lagging), pins, state_in(tmp_path)).tip == len(lagging) - 1
    server = FakeServer(OTHER)
    opened(server, pins, state_in(tmp_path))
    assert server.asked == 0


def test_a_server_far_behind_the_pins(tmp_path):
    for upto in (1, 7, LENGTH - 1, LENGTH, LENGTH + 5, 3 * LENGTH):
        chain = opened(FakeServer(CHAIN[: upto + 1]), state=state_in(tmp_path))
        assert_same(chain, best_of(CHAIN[: upto + 1]))


def test_whatever_is_damaged_is_fetched_again(tmp_path):
    opened(FakeServer(CHAIN), state=state_in(tmp_path)).point(Height(50))
    path = tmp_path / REGTEST / FILE_NAME
    whole = path.read_bytes()
    for at in range(0, len(whole), 97):
        path.write_bytes(whole[:at] + bytes((whole[at] ^ 4,)) + whole[at + 1 :])
        state = state_in(tmp_path)
        chain = opened(FakeServer(CHAIN), state=state)
        assert_same(chain, best_of(CHAIN))
        assert state.troubles
        path.with_name(path.name + ".aside").unlink(missing_ok=True)
    for size in range(0, len(whole), 61):
        path.write_bytes(whole[:size])
        state = state_in(tmp_path)
        assert_same(opened(FakeServer(CHAIN), state=state), best_of(CHAIN))
        assert not state.troubles
        server = FakeServer(CHAIN)
        opened(server, state=state_in(tmp_path))
        assert server.asked == 0


def test_what_is_kept_is_not_believed(tmp_path):
    """A file that somebody wrote with good checksums and other headers in it."""
    false = list(CHAIN[:45])
    while len(false) < len(CHAIN):
        false.append(mine(false[-1], START + 600 * len(false), tag=5))
    opened(
        FakeServer(false),
        pins_of(false, REGTEST, length=LENGTH, periods=PERIODS),
        state_in(tmp_path),
    ).point(Height(50))
    assert_same(opened(FakeServer(CHAIN), state=state_in(tmp_path)), best_of(CHAIN))


def test_a_state_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    state = state_in(tmp_path / "file")
    assert_same(opened(FakeServer(CHAIN), state=state), best_of(CHAIN))
    assert state.troubles


def test_what_is_kept_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(served_chain, "header_pins", lambda _: PINS)
    assert stored_chain(REGTEST, state_in(tmp_path)) is None
    opened(FakeServer(CHAIN), state=state_in(tmp_path)).point(Height(50))
    chain = stored_chain(REGTEST, state_in(tmp_path))
    best = best_of(CHAIN)
    assert (chain.tip, chain.work) == (best.tip, best.work)
    assert chain.point(Height(50)) == best.point(Height(50))
    assert chain.block_hash(Height(2 * LENGTH - 1)) == best.block_hash(Height(2 * LENGTH - 1))
    with pytest.raises(SourceError) as caught:
        chain.header(Height(30))
    assert caught.value.code is ServerCode.LACKS


@pytest.mark.parametrize("pins", [PINS, NO_PINS])
@pytest.mark.parametrize("room", [0, 1, 90, 500, 3000])
def test_a_disk_that_is_full(tmp_path, monkeypatch, pins, room):
    """The answer is right all the same, and once there is room the next run goes on."""
    opened(FakeServer(CHAIN[:-8]), pins, state_in(tmp_path)).point(Height(50))
    left, write = [room], os.pwrite

    def write_what_fits(handle, data, offset):
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        data = bytes(data)[: left[0]]
        left[0] -= len(data)
        return write(handle, data, offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", write_what_fits)
        state = state_in(tmp_path)
        assert_same(opened(FakeServer(CHAIN), pins, state), best_of(CHAIN))
        assert not state.troubles or "No space left" in str(state.troubles[0])
    state = state_in(tmp_path)
    assert_same(opened(FakeServer(OTHER), pins, state), best_of(OTHER))
    assert not state.troubles
    server = FakeServer(OTHER)
    opened(server, pins, state_in(tmp_path))
    assert server.asked == 0


def test_a_connection_that_is_cut(tmp_path, monkeypatch):
    monkeypatch.setattr("erario.chain.header_follow._AT_ONCE", 10)
    server = FakeServer(CHAIN)
    answers = iter(range(1000))

    def cut() -> None:
        if next(answers) == 5:
            raise SourceError(ServerCode.UNREACHABLE, "gone", remedy="Ask again.")

    server.before_answer = cut
    with pytest.raises(SourceError, match="gone"):
        opened(server, NO_PINS, state_in(tmp_path))
    assert stored_chain(REGTEST, state_in(tmp_path)).tip == 40
    server.asked = 0
    assert_same(opened(server, NO_PINS, state_in(tmp_path)), best_of(CHAIN))
    assert server.asked == len(CHAIN) - 40


# The pins that ship


def test_the_pins_of_the_main_chain():
    pins = header_pins(MAIN)
    known = dict(pins.all())
    assert len(pins.periods) == 429
    assert pins.end(428) == 864_863
    assert len(known) == 429 + len(snapshot_pins(MAIN))
    assert pins.work(1) == 2016 * 0x100010001
    assert [pin.height for pin in snapshot_pins(MAIN)] == [840_000, 880_000, 910_000, 935_000]
    # No hash is above the target that the bits before it stand for.
    for period, (block_hash, _) in enumerate(pins.periods):
        bits = pins.bits(period)
        assert int.from_bytes(block_hash, "little") <= (bits & 0x7FFFFF) << 8 * ((bits >> 24) - 3)


@pytest.mark.parametrize("name", [name for name in NetworkName if name is not MAIN])
def test_other_networks_have_no_pins(name):
    assert header_pins(name).all() == ()
    assert snapshot_pins(name) == ()
