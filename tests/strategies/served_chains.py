"""Chains of regtest and their pins, for tests of headers from servers; and `BestChain` beside."""

from __future__ import annotations

from tests.strategies.header_servers import pins_of
from tests.strategies.headers import genesis, mine, mine_chain

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Height
from erario.chain.best_chain import BestChain
from erario.chain.header_pins import HeaderPins
from erario.chain.header_tree import HeaderTree
from erario.chain.served_chain import open_served_chain

REGTEST, MAIN = NetworkName.REGTEST, NetworkName.MAIN
START = 1296688602
LENGTH, PERIODS = 20, 5
CHAIN = [genesis(REGTEST), *mine_chain(LENGTH * PERIODS + 15)]
OTHER = list(CHAIN[:-6])
for _ in range(12):
    OTHER.append(mine(OTHER[-1], int.from_bytes(OTHER[-1][68:72], "little") + 60, tag=9))
PINS = pins_of(CHAIN, REGTEST, length=LENGTH, periods=PERIODS, extra=LENGTH * PERIODS + 4)
NO_PINS = HeaderPins(0x207FFFFF)


def opened(server, pins=PINS, state=None, name=REGTEST, now=2e9):
    return open_served_chain(name, server, state, lambda _: None, now=lambda: now, pins=pins)


def best_of(headers, name=REGTEST) -> BestChain:
    tree = HeaderTree(name)
    tree.add_many(b"".join(headers))
    return tree.best()


def assert_same(chain, best: BestChain, instants=()) -> None:
    assert (chain.network, chain.tip, chain.work) == (best.network, best.tip, best.work)
    assert chain.enough_work == best.enough_work
    heights = [Height(height) for height in range(best.tip + 1)]
    for height in heights:
        assert chain.header(height) == best.header(height)
        assert chain.block_hash(height) == best.block_hash(height)
        assert chain.point(height) == best.point(height)
        assert chain.height_of(best.block_hash(height)) == height
    for instant in instants:
        for upto in {heights[0], heights[-1], heights[len(heights) // 2]}:
            assert chain.cutoff(instant, upto) == best.cutoff(instant, upto)
            assert chain.reached(instant, upto) == best.reached(instant, upto)
