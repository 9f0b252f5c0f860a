"""Which time locks a proof must carry: those of scripts that nobody can satisfy without one.

Where a path without a lock exists, none is carried: the usual quorum signs. Else the highest lock
of each kind is, which satisfies the lower ones too (BIP 65, BIP 68). Heights and clock times do not
mix in one transaction: where both occur, the heights count.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from erario.bitcoin.descriptor_tree import Node, parse
from erario.ceremony.quorum import NOBODYS_KEY

_AGE_IN_TIME: Final = 1 << 22
"""In a sequence: the age is in units of 512 seconds (BIP 68)."""
_FIRST_TIME: Final = 500_000_000
"""Lock times from here on are moments, below it heights (BIP 65)."""


class Locks(NamedTuple):
    """nLockTime of to_sign, and nSequence of an input."""

    locktime: int = 0
    sequence: int = 0


@lru_cache(maxsize=64)
def needed_locks(descriptor: str) -> Locks:
    """The locks that a script of this descriptor cannot be satisfied without."""
    tree = parse(descriptor.partition("#")[0])
    if _is_free(tree):
        return Locks()
    nodes = list(_walk(tree))
    after = [_number(node) for node in nodes if _name(node) == "after"]
    older = [_number(node) for node in nodes if _name(node) == "older"]
    heights = [one for one in after if one < _FIRST_TIME]
    ages = [one for one in older if not one & _AGE_IN_TIME]
    return Locks(max(heights or after, default=0), max(ages or older, default=0))


def _is_free(node: Node) -> bool:
    """Whether it can be satisfied without a time lock, as far as its form tells."""
    name, args = _name(node), node.args or ()
    if name in {"older", "after"}:
        return False
    if name in {"and_v", "and_b", "and_n"}:
        return all(map(_is_free, args))
    if name == "thresh":
        return sum(map(_is_free, args[1:])) >= int(args[0].text)
    if name == "andor":
        return (_is_free(args[0]) and _is_free(args[1])) or _is_free(args[2])
    if name in {"or_b", "or_c", "or_d", "or_i", "tr", "{"}:
        return any(_is_free(one) for one in args if not _is_nobodys(one))
    return all(_is_free(one) for one in args if not one.is_atom)


def _is_nobodys(node: Node) -> bool:
    """Whether it is the key of BIP 341 that nobody has, so that a key path is closed."""
    return node.is_atom and node.text.lower().endswith(NOBODYS_KEY.hex())


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for one in node.args or ():
        yield from _walk(one)


def _name(node: Node) -> str:
    """The function, without the wrappers before it."""
    return "" if node.is_atom else node.text.rpartition(":")[2]


def _number(node: Node) -> int:
    return int((node.args or ())[0].text)
