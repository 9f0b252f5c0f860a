"""Balances over time, of any set of wallets: what claims are held against.

All that happens in one block happens at once, and so does all that happens at one instant between
two blocks: such a *moment* is one step of a balance. The movements are gone over once, and each set
of wallets that is asked for is summed once, so that a hundred claims about a holder cost little
more than one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from erario.bitcoin.values import Sats
from erario.holdings.movements import happened_by, moment_of
from erario.holdings.timeline import State
from erario.statement.model import Movement


@dataclass(frozen=True, slots=True)
class _Course:
    """The balance of some wallets: `balances[0]` at first, `balances[n + 1]` after `moments[n]`."""

    moments: list[int]
    balances: list[int]


class Balances:
    """The balances of wallets over the movements of all books, which stand in their order."""

    def __init__(self, movements: Iterable[Movement]) -> None:
        self._moments: list[Movement] = []
        self._changes: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._courses: dict[frozenset[str], _Course] = {}
        for number, (_, group) in enumerate(groupby(movements, key=moment_of)):
            together = list(group)
            self._moments.append(together[0])
            for movement in together:
                for entry in movement.entries:
                    self._changes[entry.wallet].append((number, entry.change))

    def over(self, wallets: frozenset[str], start: State, end: State) -> tuple[Sats, Sats]:
        """The lowest and the highest balance at `start` and after all that happens up to `end`."""
        course = self._course(wallets)
        first = bisect_left(course.moments, self._happened_by(start))
        last = max(first, bisect_left(course.moments, self._happened_by(end)))
        found = course.balances[first : last + 1]
        return Sats(min(found)), Sats(max(found))

    def _course(self, wallets: frozenset[str]) -> _Course:
        known = self._courses.get(wallets)
        if known is not None:
            return known
        changes: dict[int, int] = defaultdict(int)
        for wallet in wallets & self._changes.keys():
            for number, change in self._changes[wallet]:
                changes[number] += change
        course = _Course(sorted(changes), [0])
        for number in course.moments:
            course.balances.append(course.balances[-1] + changes[number])
        self._courses[wallets] = course
        return course

    def _happened_by(self, state: State) -> int:
        """How many moments have happened: a state includes none without those before it."""
        return bisect_left(self._moments, 1, key=lambda one: 0 if happened_by(one, state) else 1)
