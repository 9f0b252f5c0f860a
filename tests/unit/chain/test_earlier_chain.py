"""New blocks on an old tip, judged as the tree of all headers judges them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.headers import genesis, mine_chain

from erario.bitcoin.network import NetworkName
from erario.chain.best_chain import BestChain
from erario.chain.earlier_chain import extend_chain
from erario.chain.header_tree import HeaderTree


def best_of(name: NetworkName, headers: list[bytes]) -> BestChain:
    tree = HeaderTree(name)
    tree.add_many(b"".join(headers))
    return tree.best()


@given(count=st.integers(1, 30), old=st.integers(0, 30))
def test_blocks_that_follow_the_tip(count: int, old: int) -> None:
    name = NetworkName.REGTEST
    chain = [genesis(name), *mine_chain(count)]
    old = min(old, count)
    best, whole = best_of(name, chain[: old + 1]), best_of(name, chain)
    extended = extend_chain(best, {header[4:36]: header for header in chain[old + 1 :]})
    assert extended is not None
    assert (extended.headers, extended.work, extended.tip) == (whole.headers, whole.work, count)


def test_blocks_that_do_not_follow_it() -> None:
    name = NetworkName.REGTEST
    chain = [genesis(name), *mine_chain(6)]
    best = best_of(name, chain[:4])
    assert extend_chain(best, {header[4:36]: header for header in chain[5:]}) is None
    assert extend_chain(best, {chain[4][4:36]: chain[4], chain[2][4:36]: chain[2]}) is None


@given(place=st.integers(0, 79), bit=st.integers(0, 7))
def test_a_header_that_breaks_a_rule(place: int, bit: int) -> None:
    name = NetworkName.REGTEST
    chain = [genesis(name), *mine_chain(20)]
    best = best_of(name, chain[:-1])
    turned = bytearray(chain[-1])
    turned[place] ^= 1 << bit
    tree = HeaderTree(name)
    tree.add_many(b"".join(chain[:-1]) + bytes(turned))
    extended = extend_chain(best, {bytes(turned[4:36]): bytes(turned)})
    if tree.best().tip == 20:
        assert extended is not None
        assert extended.headers == tree.best().headers
    else:
        assert extended is None
