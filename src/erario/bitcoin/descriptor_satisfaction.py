"""How many operations and witness items the costliest satisfaction of a miniscript takes.

Two limits bound them (201 operations by consensus, 100 items by relay policy), and a script
beyond them cannot be spent: such coins are lost, so the descriptor is refused. Sources: BIP 379,
"Resource limitations"; the tables of Bitcoin Core's miniscript.h (`Ops`, and stack items of its
release 23).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple


class Ways(NamedTuple):
    """The cost of satisfying and of dissatisfying; None where there is no way to."""

    sat: int | None
    dsat: int | None


@dataclass(frozen=True, slots=True)
class Cost:
    """`count` operations always; `ops` more of them, and witness `items`, by the way taken."""

    count: int
    ops: Ways
    items: Ways

    @property
    def most_ops(self) -> int:
        """Operations of the costliest satisfaction."""
        return self.count + (self.ops.sat or 0)

    @property
    def most_items(self) -> int:
        """Witness items of the costliest satisfaction, the script itself apart."""
        return self.items.sat or 0

    @property
    def is_possible(self) -> bool:
        """Whether anything satisfies it."""
        return self.items.sat is not None


_FREE: Final = Ways(0, 0)
_SAT_ONLY: Final = Ways(0, None)

TRUE: Final = Cost(0, _SAT_ONLY, _SAT_ONLY)
FALSE: Final = Cost(0, Ways(None, 0), Ways(None, 0))
PK_K: Final = Cost(0, _FREE, Ways(1, 1))
PK_H: Final = Cost(3, _FREE, Ways(2, 2))
LOCK: Final = Cost(1, _SAT_ONLY, _SAT_ONLY)
HASH: Final = Cost(4, _SAT_ONLY, Ways(1, None))

Rule = Callable[..., Ways]


def multi(k: int, n: int) -> Cost:
    """CHECKMULTISIG counts its keys as operations."""
    return Cost(1, Ways(n, n), Ways(k + 1, k + 1))


def multi_a(n: int) -> Cost:
    """One item a key, signature or empty."""
    return Cost(n + 1, _FREE, Ways(n, n))


def combine(rule: Rule, count: int, *costs: Cost, items: int = 0) -> Cost:
    """Fragments under a rule, with `count` operations and `items` of the rule's own."""
    more = rule(*(cost.items for cost in costs))
    return Cost(
        count + sum(cost.count for cost in costs),
        rule(*(cost.ops for cost in costs)),
        Ways(_plus(more.sat, items), _plus(more.dsat, items)),
    )


def wrap(letter: str, x: Cost, *, is_expensive: bool) -> Cost:
    """A wrapped fragment; `is_expensive` where `v` cannot merge into the last opcode."""
    if letter in "dj":
        # An empty item skips what is inside; d: takes an item to enter, too.
        entry = 1 if letter == "d" else 0
        items = Ways(_plus(x.items.sat, entry), 1)
        return Cost(x.count + (3 if letter == "d" else 4), Ways(x.ops.sat, 0), items)
    if letter == "v":
        return Cost(x.count + is_expensive, Ways(x.ops.sat, None), Ways(x.items.sat, None))
    return Cost(x.count + (2 if letter == "a" else 1), x.ops, x.items)


def and_v(x: Ways, y: Ways) -> Ways:
    """Both."""
    return Ways(_plus(x.sat, y.sat), None)


def and_b(x: Ways, y: Ways) -> Ways:
    """Both, or neither."""
    return Ways(_plus(x.sat, y.sat), _plus(x.dsat, y.dsat))


def or_b(x: Ways, z: Ways) -> Ways:
    """One of two; both are run."""
    return Ways(_most(_plus(x.sat, z.dsat), _plus(x.dsat, z.sat)), _plus(x.dsat, z.dsat))


def or_c(x: Ways, z: Ways) -> Ways:
    """The first, or the second behind it, without a way to neither."""
    return Ways(or_d(x, z).sat, None)


def or_d(x: Ways, z: Ways) -> Ways:
    """The first, or the second behind it."""
    return Ways(_most(x.sat, _plus(x.dsat, z.sat)), _plus(x.dsat, z.dsat))


def or_i(x: Ways, z: Ways) -> Ways:
    """One of two, chosen by an item that the caller counts."""
    return Ways(_most(x.sat, z.sat), _most(x.dsat, z.dsat))


def andor(x: Ways, y: Ways, z: Ways) -> Ways:
    """The first two, or the third."""
    return Ways(
        _most(_plus(x.sat, y.sat), _plus(x.dsat, z.sat)),
        _plus(x.dsat, z.dsat),
    )


def thresh(k: int) -> Rule:
    """k of many; each can be dissatisfied, by its type."""

    def rule(*subs: Ways) -> Ways:
        none = sum(sub.dsat or 0 for sub in subs)
        extra = sorted(sub.sat - (sub.dsat or 0) for sub in subs if sub.sat is not None)
        return Ways(none + sum(extra[-k:]) if len(extra) >= k else None, none)

    return rule


def _plus(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def _most(*ways: int | None) -> int | None:
    return max((way for way in ways if way is not None), default=None)
