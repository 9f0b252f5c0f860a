"""What shows that a server has gone over to another branch, and what only pretends to."""

from __future__ import annotations

import pytest
from tests.strategies.header_servers import FakeServer
from tests.strategies.headers import mine
from tests.strategies.served_chains import CHAIN, OTHER, START, best_of

from erario.bitcoin.values import Height
from erario.chain import other_branch
from erario.chain.other_branch import shows_other_branch

TIP = Height(len(CHAIN) - 1)
FORK = len(CHAIN) - 7
"""The last block that the chain has in common with `OTHER`."""


def shows(headers: list[bytes], upto: int = TIP) -> bool:
    return shows_other_branch(FakeServer(headers), best_of(CHAIN), Height(upto))


def test_another_branch_with_its_work() -> None:
    assert shows(OTHER)
    assert shows(OTHER, FORK + 1)


def test_the_same_branch() -> None:
    assert not shows(CHAIN)
    assert not shows([*CHAIN, mine(CHAIN[-1], START + 600 * len(CHAIN))])
    assert not shows(OTHER, FORK)
    assert not shows(OTHER, 0)


def test_a_chain_that_ends_below() -> None:
    assert not shows(CHAIN[:-1])
    assert not shows([])


def test_headers_that_nobody_worked_for() -> None:
    assert not shows([*CHAIN[:-1], mine(CHAIN[-2], START, works=False)])


def test_an_old_header_again() -> None:
    assert not shows([*CHAIN[:-1], CHAIN[5]])


def test_headers_that_do_not_lead_there() -> None:
    assert not shows([*OTHER[: FORK + 2], *OTHER[FORK + 3 :]])


def test_cheap_headers_are_no_branch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a fourth of the work and more; what they have in common does not count."""
    works = iter([10, 41])
    monkeypatch.setattr(other_branch, "work_of_headers", lambda _: next(works))
    assert not shows(OTHER)
    works = iter([10, 40])
    assert shows(OTHER)


def test_a_branch_that_parts_too_far_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_branch, "_DEEPEST", 3)
    assert not shows(OTHER)
