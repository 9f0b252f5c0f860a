"""Servers that lie about headers, each in one way, and those whose chain changes meanwhile."""

from __future__ import annotations

import pytest
from tests.strategies.header_servers import FakeServer
from tests.strategies.headers import SlowTree, genesis, mine, sha256d
from tests.strategies.served_chains import (
    CHAIN,
    LENGTH,
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

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Height
from erario.chain.errors import ServerCode
from erario.errors import SourceError


def refused(server, code, *words, pins=PINS, name=REGTEST, now=2e9) -> None:
    with pytest.raises(SourceError) as caught:
        opened(server, pins, name=name, now=now)
    assert caught.value.code is code
    assert server.name in caught.value.what
    for word in words:
        assert word in caught.value.what


def extended(raw: bytes) -> list[bytes]:
    """The chain with one more header, and one that follows it."""
    return [*CHAIN, raw, mine(raw, START + 600 * (len(CHAIN) + 1))]


NEXT = START + 600 * len(CHAIN)
BOTH = pytest.mark.parametrize("pins", [PINS, NO_PINS])


@BOTH
def test_a_header_without_work(pins):
    lie = extended(mine(CHAIN[-1], NEXT, works=False))
    refused(FakeServer(lie), ServerCode.LIED_WORK, f"height {len(CHAIN)}", pins=pins)


@BOTH
def test_a_target_above_the_limit(pins):
    lie = extended(mine(CHAIN[-1], NEXT, 0x2100FFFF))
    refused(FakeServer(lie), ServerCode.LIED_WORK, f"height {len(CHAIN)}", pins=pins)


@BOTH
def test_a_wrong_difficulty(pins):
    harder = next(
        made
        for tag in range(1000)
        if SlowTree.number(made := mine(CHAIN[-1], NEXT, 0x207FFFFE, tag=tag)) < 0x7FFFFE << 232
    )
    refused(FakeServer(extended(harder)), ServerCode.LIED_DIFFICULTY, f"{len(CHAIN)}", pins=pins)


@BOTH
def test_a_time_before_the_median(pins):
    lie = extended(mine(CHAIN[-1], NEXT - 600 * 6))
    refused(FakeServer(lie), ServerCode.LIED_TIME, f"height {len(CHAIN)}", pins=pins)


@BOTH
def test_a_time_ahead_of_the_clock(pins):
    raw = mine(CHAIN[-1], NEXT)
    now = NEXT - 7200
    assert opened(FakeServer([*CHAIN, raw]), pins, now=now).tip == len(CHAIN)
    refused(
        FakeServer([*CHAIN, raw]), ServerCode.LIED_TIME, f"{len(CHAIN)}", pins=pins, now=now - 1
    )


@BOTH
def test_an_old_version(pins):
    lie = extended(mine(CHAIN[-1], NEXT, version=3))
    refused(FakeServer(lie), ServerCode.LIED_VERSION, f"height {len(CHAIN)}", pins=pins)


@BOTH
def test_headers_that_do_not_link(pins):
    lie = [*CHAIN[:-4], mine(CHAIN[-6], NEXT), *CHAIN[-3:]]
    refused(FakeServer(lie), ServerCode.LIED_LINK, f"height {len(CHAIN) - 4}", pins=pins)


@BOTH
def test_a_tip_that_is_not_the_end(pins):
    server = FakeServer(CHAIN)
    server.named_tip = (len(CHAIN) - 1, bytes(32))
    refused(server, ServerCode.LIED_TIP, pins=pins)


@BOTH
def test_a_tip_that_is_higher_than_its_headers(pins):
    server = FakeServer(CHAIN)
    server.named_tip = (len(CHAIN), bytes(32))
    refused(server, ServerCode.LIED_TIP, f"height {len(CHAIN)}", pins=pins)


@pytest.mark.parametrize("height", [-1, 1 << 40])
def test_a_tip_that_no_chain_has(height):
    server = FakeServer(CHAIN)
    server.named_tip = (height, bytes(32))
    refused(server, ServerCode.GARBAGE)


@BOTH
def test_another_network(pins):
    other = [genesis(NetworkName.SIGNET), *CHAIN[1:]]
    refused(FakeServer(other), ServerCode.OTHER_NETWORK, pins=NO_PINS)
    wholly = [genesis(NetworkName.SIGNET)]
    while len(wholly) < len(CHAIN):
        wholly.append(mine(wholly[-1], START + 600 * len(wholly)))
    refused(FakeServer(wholly), ServerCode.OTHER_NETWORK, "regtest", pins=pins)


@pytest.mark.parametrize("pinned", [LENGTH * PERIODS - 1, LENGTH * PERIODS + 4])
def test_another_block_than_the_pinned_one(pinned):
    lie = list(CHAIN[:pinned])
    while len(lie) < len(CHAIN):
        lie.append(mine(lie[-1], START + 600 * len(lie), tag=3))
    refused(FakeServer(lie), ServerCode.LIED_LINK, f"height {pinned}", "pinned")


def test_another_stretch_than_the_pinned_one():
    server = FakeServer(CHAIN)
    chain = opened(server)
    server.chain[52] = mine(CHAIN[51], START + 600 * 52, tag=4)
    with pytest.raises(SourceError, match="height 52") as caught:
        chain.header(Height(45))
    assert caught.value.code is ServerCode.LIED_LINK
    server.chain[59] = server.chain[52]
    with pytest.raises(SourceError, match="height 59") as caught:
        chain.header(Height(45))
    assert caught.value.code is ServerCode.LIED_LINK
    server.chain = list(CHAIN)
    assert chain.header(Height(45)) == CHAIN[45]


@pytest.mark.parametrize("answer", [b"x", CHAIN[0] * 3000, CHAIN[5] + b"y"])
def test_other_bytes_than_headers(answer):
    server = FakeServer(CHAIN)
    server.headers = lambda _start, _count: answer
    refused(server, ServerCode.GARBAGE)


# A chain that changes


@BOTH
def test_a_reorganisation_while_it_is_asked(pins):
    server = FakeServer(CHAIN)
    asked = iter(range(1000))

    def change() -> None:
        if next(asked) == 1:
            server.chain = list(OTHER)

    server.before_answer = change
    assert_same(opened(server, pins), best_of(OTHER))


class Refuses(FakeServer):
    """Names its tip so often, then no more: after a lie it will not be asked about it."""

    left = 1

    def tip(self):
        self.left -= 1
        if self.left < 0:
            raise SourceError(ServerCode.REFUSED, f"{self.name} is busy", remedy="")
        return super().tip()


@BOTH
def test_a_tip_that_is_another_each_time_is_a_lie(pins):
    """Named four times, and never shown: no chain changes as often as it is looked at."""
    server = FakeServer(CHAIN)
    tips = iter(range(1000))
    honest = server.tip
    server.tip = lambda: (honest()[0], next(tips).to_bytes(32, "little"))
    refused(server, ServerCode.LIED_TIP, bytes(32).hex(), pins=pins)


@BOTH
def test_a_liar_that_hangs_up_has_lied_all_the_same(pins):
    work = Refuses(extended(mine(CHAIN[-1], NEXT, works=False)))
    refused(work, ServerCode.LIED_WORK, pins=pins)
    tip = Refuses(CHAIN)
    tip.named_tip = (len(CHAIN) - 1, bytes(32))
    refused(tip, ServerCode.LIED_TIP, pins=pins)


@BOTH
def test_a_liar_that_falls_below_the_pins_has_lied_all_the_same(pins):
    server = FakeServer(CHAIN)
    tips = iter([(len(CHAIN) - 1, bytes(32)), *[(1, sha256d(CHAIN[1]))] * 9])
    server.tip = lambda: next(tips)
    if pins is PINS:
        refused(server, ServerCode.LIED_TIP, pins=pins)
    else:
        assert opened(server, pins).tip == 1
