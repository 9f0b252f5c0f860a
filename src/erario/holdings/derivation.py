"""Which scripts a wallet has: those written down, and those derived from its descriptors.

Each ranged branch starts with 2,000 indexes, or with more where the wallet's `derive` says so, and
goes on until it ends at least 1,000 behind the last index that the chain shows: wallets hand out
addresses that are never paid. An extension doubles what was derived, since every pass reads the
chain again: the number of passes grows with the logarithm of the last index that was used. Branches
are followed each by itself: change runs ahead of receipts, or the other way round.

Invariant: a script belongs to one wallet. The loader looked at the first indexes only; here all
that is derived is held against all that is watched.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from erario.bitcoin.descriptor import Branch
from erario.bitcoin.values import Script
from erario.errors import DeclarationError, Place, Problem
from erario.holdings.errors import HoldingsCode
from erario.reserve.model import Reserve, Wallet
from erario.statement.evidence import DeclaredWallet, DerivedBranch, WatchedScript

GAP: Final = 1_000
"""How many indexes are watched behind the last one that was used."""
FIRST: Final = 2 * GAP
"""How many indexes are derived at first, so that a wallet in its first thousand needs one pass."""
MAX_INDEX: Final = 2**31
"""Unhardened indexes end here (BIP 32)."""
WITHOUT_HISTORY: Final = 10_000
"""How many indexes are derived where no use can be seen, unless the wallet's `derive` says so."""
_CHUNK: Final = 500

DerivationCallback = Callable[[int, int], None]
"""Takes how many indexes are derived so far, and how many are wanted."""


@dataclass(slots=True)
class _Ranged:
    """A ranged branch while it grows; `scripts` also holds those that another branch has."""

    number: int
    branch: Branch
    place: Place
    wanted: int
    derived: int = 0
    last_used: int | None = None
    scripts: list[WatchedScript] = field(default_factory=list)


@dataclass(slots=True)
class _Growing:
    """A wallet while it grows; `watched` holds each of its scripts once, whoever named it."""

    wallet: Wallet
    number: int
    branches: list[_Ranged] = field(default_factory=list)
    watched: list[WatchedScript] = field(default_factory=list)


class Derivation:
    """The scripts of all wallets of a reserve, derived as far as the chain is seen to use them.

    Create it, trace `scripts`, then call `follow` with all that was paid, and trace what it
    returns, until it returns nothing.
    """

    def __init__(
        self,
        reserve: Reserve,
        progress: DerivationCallback | None = None,
        *,
        has_history: bool = True,
    ) -> None:
        """Derive every branch for the first time; `has_history`: the chain shows which were used.

        Raises:
            DeclarationError: two wallets have a script in common.
        """
        self._progress = progress
        self._has_history = has_history
        self._owners: dict[Script, int] = {}
        self._conflicts: dict[tuple[int, Place], Problem] = {}
        self._wallets = [_Growing(wallet, number) for number, wallet in enumerate(reserve.wallets)]
        for growing in self._wallets:
            self._start(growing)
        self._extend()

    @property
    def scripts(self) -> Collection[Script]:
        """Every script watched so far, in the order in which they were found."""
        return self._owners.keys()

    @property
    def is_ranged(self) -> bool:
        """Whether there is a branch to follow at all."""
        return any(growing.branches for growing in self._wallets)

    def follow(self, paid: Collection[Script]) -> tuple[Script, ...]:
        """Extend each branch that was used close to its end.

        Args:
            paid: every watched script that the chain pays to, up to the cut-off; a set.

        Returns:
            The scripts that were added, still to be traced; empty once every branch is far enough.

        Raises:
            DeclarationError: two wallets have a script in common.
        """
        for _, branch in self._branches():
            used = [s.index for s in branch.scripts if s.index is not None and s.script in paid]
            branch.last_used = max(used, default=None)
            if branch.last_used is not None and branch.last_used + GAP >= branch.derived:
                branch.wanted = min(branch.last_used + 1 + max(GAP, branch.derived), MAX_INDEX)
        return self._extend()

    def wallets(self) -> tuple[DeclaredWallet, ...]:
        """The wallets as evidence names them: written scripts first, then by branch and index."""
        return tuple(_declare(growing) for growing in self._wallets)

    def _start(self, growing: _Growing) -> None:
        for declared in growing.wallet.scripts:
            self._watch(growing, WatchedScript(declared.script, None, None), declared.place)
        for described in growing.wallet.descriptors:
            for branch in described.descriptor.branches:
                if branch.is_ranged:
                    wanted = self._first(growing.wallet.derive)
                    number = len(growing.branches)
                    growing.branches.append(_Ranged(number, branch, described.place, wanted))
                    continue
                for _, script in branch.scripts(0, 1):
                    self._watch(growing, WatchedScript(script, None, None), described.place)

    def _first(self, derive: int | None) -> int:
        if not self._has_history:
            return derive or WITHOUT_HISTORY
        return max(FIRST, derive or 0)

    def _extend(self) -> tuple[Script, ...]:
        """Derive every branch as far as it is wanted; the scripts that are new."""
        total = sum(branch.wanted - branch.derived for _, branch in self._branches())
        done = 0
        added: list[Script] = []
        for growing, branch in self._branches():
            while branch.derived < branch.wanted:
                count = min(_CHUNK, branch.wanted - branch.derived)
                for index, script in branch.branch.scripts(branch.derived, count):
                    watched = WatchedScript(script, branch.number, index)
                    branch.scripts.append(watched)
                    if self._watch(growing, watched, branch.place):
                        added.append(script)
                branch.derived += count
                done += count
                if self._progress is not None:
                    self._progress(done, total)
        if self._conflicts:
            problems = sorted(self._conflicts.values(), key=lambda problem: problem.place)
            raise DeclarationError(HoldingsCode.SCRIPT_TWICE, tuple(problems))
        return tuple(added)

    def _branches(self) -> Iterator[tuple[_Growing, _Ranged]]:
        for growing in self._wallets:
            for branch in growing.branches:
                yield growing, branch

    def _watch(self, growing: _Growing, watched: WatchedScript, place: Place) -> bool:
        """Watch a script for a wallet; whether nobody watched it before."""
        owner = self._owners.get(watched.script)
        if owner is None:
            self._owners[watched.script] = growing.number
            growing.watched.append(watched)
            return True
        if owner != growing.number:
            self._note_conflict(self._wallets[owner], growing, watched, place)
        return False

    def _note_conflict(
        self, owner: _Growing, other: _Growing, watched: WatchedScript, place: Place
    ) -> None:
        if (owner.number, place) in self._conflicts:
            return  # ranges that overlap share thousands of scripts: one problem says it
        first = _place_of(owner, watched.script)
        self._conflicts[owner.number, place] = Problem(
            HoldingsCode.SCRIPT_TWICE,
            place,
            f"the script {watched.script.hex()} of wallet {other.wallet.id!r} also belongs to "
            f"wallet {owner.wallet.id!r} ({first})",
            "Leave it in one of the two wallets: a coin cannot be held twice.",
        )


def _place_of(growing: _Growing, script: Script) -> Place:
    """Where a script that a wallet watches was declared."""
    for declared in growing.wallet.scripts:
        if declared.script == script:
            return declared.place
    for branch in growing.branches:
        if any(watched.script == script for watched in branch.scripts):
            return branch.place
    for described in growing.wallet.descriptors:
        for branch_of in described.descriptor.branches:
            if not branch_of.is_ranged and any(s == script for _, s in branch_of.scripts(0, 1)):
                return described.place
    return growing.wallet.place


def _declare(growing: _Growing) -> DeclaredWallet:
    wallet = growing.wallet
    branches = tuple(
        DerivedBranch(branch.number, branch.derived, branch.last_used)
        for branch in growing.branches
    )
    written = [watched for watched in growing.watched if watched.branch is None]
    derived = [watched for watched in growing.watched if watched.branch is not None]
    derived.sort(key=lambda watched: (watched.branch or 0, watched.index or 0))
    return DeclaredWallet(
        id=wallet.id,
        holder=wallet.holder,
        role=wallet.role,
        attribution=wallet.attribution,
        document=wallet.document,
        since=wallet.since,
        until=wallet.until,
        branches=branches,
        scripts=(*written, *derived),
    )
