"""Headers of bundles: below pins and behind them, and what they say of moments."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.strategies.evidence import (
    MemorySource,
    best_chain,
    chains,
    read_chain,
    reserve,
    wallet,
)

from erario.auditing import collect, collecting
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import BlockHash, Height
from erario.bundle import headers as bundle_headers
from erario.bundle.errors import BundleCode, BundleError
from erario.bundle.headers import VerifiedHeaders, read_headers
from erario.bundle.making import make_verified
from erario.bundle.writing import write_headers
from erario.chain.header_pins import HeaderPins
from erario.statement.evidence import HeaderRun

BITS = 0x207FFFFF
LENGTH = 200
CHAIN = read_chain("300 coinbase > 50 a\n610 pay = 300.0 > 30 a, 20 x", length=999)


def pins(count: int = 4, others=()) -> HeaderPins:
    ends = [CHAIN.blocks[(at + 1) * LENGTH - 1] for at in range(count)]
    periods = tuple((BlockHash(one.block_hash), BITS) for one in ends)
    return HeaderPins(BITS, periods, others, LENGTH)


@contextmanager
def pinned(found: HeaderPins):
    with pytest.MonkeyPatch.context() as patch:
        for module in (bundle_headers, collecting):
            patch.setattr(module, "header_pins", lambda _name: found)
        yield


def run(start: int, end: int, blocks=CHAIN.blocks) -> HeaderRun:
    return HeaderRun(Height(start), b"".join(one.header for one in blocks[start : end + 1]))


def verify(*runs: HeaderRun) -> VerifiedHeaders:
    return VerifiedHeaders(NetworkName.REGTEST, read_headers(write_headers(runs)))


def code_of(*runs: HeaderRun) -> BundleCode:
    with pytest.raises(BundleError) as refused:
        verify(*runs)
    return BundleCode(refused.value.code)


def changed(one: HeaderRun, height: int, at: int, data: bytes) -> HeaderRun:
    place = 80 * (height - one.start) + at
    return HeaderRun(one.start, one.headers[:place] + data + one.headers[place + len(data) :])


@pytest.mark.parametrize("at", [320, 611, 655, 656, 700, 999])
@pytest.mark.parametrize("count", [0, 1, 3, 4])
def test_a_bundle_below_and_behind_pins(at, count):
    declared = reserve(CHAIN, [wallet("a")])
    with pinned(pins(count)):
        evidence = collect(declared, MemorySource(CHAIN.blocks), at=at, since=310, headers=True)
        _, found = make_verified(evidence)
        assert found.evidence == evidence
        reaches = evidence.headers[-1].end == 999
        assert found.headers.tip == (999 if reaches else None)
        assert found.headers.enough_work


def test_runs_that_lead_to_pins():
    with pinned(pins()):
        found = verify(run(200, 599), run(800, 999))
        assert found.tip == 999
        assert found.work == 2 * 1000
        assert verify(run(250, 399)).tip is None
        assert verify(run(0, 199)).enough_work
        assert verify(run(0, 999)).work == 2 * 1000


@pytest.mark.parametrize(
    ("runs", "code"),
    [
        ((run(200, 598),), BundleCode.HEADERS_END),
        ((run(200, 601),), BundleCode.HEADERS_END),
        ((run(801, 999),), BundleCode.HEADERS_LINK),
        ((run(850, 999),), BundleCode.HEADERS_LINK),
        ((HeaderRun(Height(201), run(200, 398).headers),), BundleCode.HEADERS_LINK),
        ((HeaderRun(Height(200), run(0, 199).headers),), BundleCode.HEADERS_LINK),
        ((changed(run(200, 399), 300, 36, b"\x00" * 32),), BundleCode.HEADERS_LINK),
        ((changed(run(200, 399), 399, 0, b"\x01"),), BundleCode.HEADERS_LINK),
        ((changed(run(800, 999), 850, 4, b"\x00" * 32),), BundleCode.HEADERS_LINK),
    ],
)
def test_runs_that_lead_nowhere(runs, code):
    with pinned(pins()):
        assert code_of(*runs) is code


def test_a_pin_in_the_middle_of_a_period():
    other = (Height(300), BlockHash(CHAIN.blocks[300].block_hash))
    wrong = (Height(300), BlockHash(bytes(32)))
    with pinned(pins(others=(other,))):
        verify(run(200, 399))
    with pinned(pins(others=(wrong,))):
        assert code_of(run(200, 399)) is BundleCode.HEADERS_PIN
        verify(run(400, 599))
    with pinned(pins(1, others=(wrong,))):
        assert code_of(run(200, 999)) is BundleCode.HEADERS_PIN


def test_another_chain_behind_the_last_pin_must_be_linked_to_it():
    other = read_chain("3 coinbase > 50 b", length=999).blocks
    with pinned(pins(1)):
        assert code_of(run(200, 999, other)) is BundleCode.HEADERS_LINK
        assert code_of(run(0, 199, other)) is BundleCode.HEADERS_LINK


def test_a_header_that_is_not_there():
    with pinned(pins()):
        found = verify(run(200, 399))
        assert found.has(200)
        assert not found.has(400)
        with pytest.raises(BundleError) as refused:
            found.header(Height(400))
        assert refused.value.code is BundleCode.HEADERS_MISSING


@given(chains(max_height=30), st.integers(0, 30), st.integers(-7_200, 400_000))
@settings(max_examples=200, deadline=None)
def test_instants_fall_where_a_chain_says(chain, upto, offset):
    """The twin is the chain that resolves them when evidence is collected."""
    best = best_chain(chain.blocks)
    found = VerifiedHeaders(NetworkName.REGTEST, (HeaderRun(Height(0), best.headers),))
    upto = Height(min(upto, best.tip))
    instant = datetime.fromtimestamp(chain.blocks[0].time + offset, UTC)
    right = best.cutoff(instant, upto)
    assert found.shows(right, instant, upto)
    assert found.reached(instant, upto) is best.reached(instant, upto)
    for height in range(upto + 1):
        assert found.point(Height(height)) == best.point(Height(height))
        if height != right:
            assert not found.shows(Height(height), instant, upto)
    if right is not None:
        assert not found.shows(None, instant, upto)
