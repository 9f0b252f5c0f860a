"""Which headers travel with evidence: every period that matters, up to its pin, and the open end."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.evidence import MemorySource, best_chain, read_chain, reserve, wallet

from erario.auditing import collect
from erario.auditing.header_runs import header_runs
from erario.bitcoin.values import BlockHash
from erario.chain.header_pins import HeaderPins

BITS = 0x207FFFFF


def pins(chain, count: int, length: int) -> HeaderPins:
    ends = [chain.blocks[(at + 1) * length - 1] for at in range(count)]
    return HeaderPins(BITS, tuple((BlockHash(one.block_hash), BITS) for one in ends), length=length)


def runs_of(text: str, *, tip: int, count: int, length: int, at: int):
    chain = read_chain(text, length=tip)
    declared = reserve(chain, [wallet("a")])
    evidence = collect(declared, MemorySource(chain.blocks), at=at)
    runs = header_runs(evidence, best_chain(chain.blocks), pins(chain, count, length))
    for run in runs:
        expected = b"".join(one.header for one in chain.blocks[run.start : run.end + 1])
        assert run.headers == expected
    return [(run.start, run.end) for run in runs]


@pytest.mark.parametrize(
    ("block", "at", "expected"),
    [
        # Period 3 is 600 to 799; pins end periods 0 to 3, the tip is 999.
        (300, 320, [(200, 599)]),
        (200, 450, [(0, 599)]),
        (410, 411, [(200, 599)]),
        (300, 900, [(200, 599), (800, 999)]),
        (300, 655, [(200, 799)]),
        (300, 656, [(200, 999)]),
    ],
)
def test_the_periods_that_matter_are_there_to_their_pins(block, at, expected):
    text = f"{block} coinbase > 50 a"
    assert runs_of(text, tip=999, count=4, length=200, at=at) == expected


def test_without_pins_all_headers_are_there():
    chain = read_chain("3 coinbase > 50 a", length=30)
    evidence = collect(
        reserve(chain, [wallet("a")]), MemorySource(chain.blocks), at=5, headers=True
    )
    (run,) = evidence.headers
    assert (run.start, run.end) == (0, 30)
    assert collect(reserve(chain, [wallet("a")]), MemorySource(chain.blocks)).headers == ()


@given(st.integers(1, 60), st.integers(0, 60), st.integers(0, 4), st.integers(1, 20))
def test_every_block_of_interest_is_in_a_run_that_ends_at_a_pin_or_the_tip(
    block, at, count, length
):
    tip = max(61, count * length)
    runs = runs_of(f"{block} coinbase > 50 a", tip=tip, count=count, length=length, at=at)
    ends = {(number + 1) * length - 1 for number in range(count)} | {tip}
    assert all(end in ends for _, end in runs)
    for height in {at, *([block] if block <= at else [])}:
        assert any(start <= height <= end for start, end in runs)
    assert all(one[1] + 1 < other[0] for one, other in pairwise(runs))
