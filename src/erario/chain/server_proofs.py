"""Transactions that a server gives, each shown to stand in its block before anything rests on it.

Branches are asked for and checked before bytes: once a branch leads from a transaction's hash to
a verified header, only the real bytes can follow, so that no server can make us hold more than the
chain itself has. Invariant: what `Proofs` hold stands in the chain of headers that it was made
with, by `inclusion.branch_fault`; nothing else is ever added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, TypeVar

from erario.bitcoin.block import check_transaction
from erario.bitcoin.errors import DecodeError
from erario.bitcoin.inclusion import MAX_BRANCH, BranchFault, branch_fault
from erario.bitcoin.merkle import root_of_branch
from erario.bitcoin.transaction import Transaction, read_transaction
from erario.bitcoin.values import Height, Txid, show_hash
from erario.chain.errors import ServerCode
from erario.chain.history_server import Branch, HistoryEntry, HistoryServer
from erario.chain.source import HeaderChain
from erario.errors import SourceError
from erario.statement.evidence import BlockEvidence, TransactionEvidence

_ROOT: Final = slice(36, 68)
_FIRST: Final = 64
"""Transactions; twice as many with each portion, so that whoever lists what touches nothing is
found out before much is fetched."""
_BRANCHES_AT_ONCE: Final = 2_000
_TRANSACTIONS_AT_ONCE: Final = 500
"""Their bytes are all held before the first is looked at."""
_FAULTS: Final = {
    BranchFault.NODE_SIZED: (
        # No lie: some honest transactions have.
        ServerCode.LACKS,
        "has 64 bytes without witnesses: no branch can show it, since it may be a node of the tree",
    ),
    BranchFault.LENGTH: (
        ServerCode.LIED_BRANCH_LENGTH,
        "comes with a Merkle branch that is not as long as that of the block's coinbase",
    ),
    BranchFault.POSITION: (
        ServerCode.LIED_BRANCH,
        "comes with a Merkle branch that does not fit its position",
    ),
    BranchFault.ROOT: (
        ServerCode.LIED_BRANCH,
        "comes with a Merkle branch that does not lead to the header of its block",
    ),
}

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Proved:
    """A transaction, and where it was shown to stand."""

    height: Height
    position: int
    transaction: Transaction
    branch: tuple[bytes, ...]

    @property
    def evidence(self) -> TransactionEvidence:
        """The same, as evidence of its block."""
        return TransactionEvidence(self.position, self.transaction.raw, self.branch)


class Proofs:
    """What a server has shown so far.

    Args:
        server: who is asked.
        chain: the verified headers that everything is held against.
    """

    def __init__(self, server: HistoryServer, chain: HeaderChain) -> None:
        self._server = server
        self._chain = chain
        self._coinbases: dict[Height, Proved] = {}
        self._proved: dict[HistoryEntry, Proved] = {}

    def __getitem__(self, entry: HistoryEntry) -> Proved:
        return self._proved[entry]

    def upto(self, height: Height) -> list[tuple[HistoryEntry, Proved]]:
        """All that was shown up to a height, in order of the chain."""
        known = [item for item in self._proved.items() if item[0].height <= height]
        return sorted(known, key=lambda item: (item[1].height, item[1].position))

    def add(
        self,
        entries: Iterable[HistoryEntry],
        counted: Callable[[int], None],
        check: Callable[[Sequence[tuple[HistoryEntry, Proved]]], None] = lambda _: None,
    ) -> None:
        """Fetch and prove those that are not known yet, in order of their blocks.

        Args:
            entries: where they stand by the server's word.
            counted: hears of their number.
            check: sees each portion, of whole blocks, before it is held and more is fetched; what
                it raises ends this.

        Raises:
            SourceError: the server fails, or what it shows does not hold.
        """
        new = sorted(
            (entry for entry in set(entries) if entry not in self._proved),
            key=lambda entry: (entry.height, entry.txid),
        )
        done = 0
        for some in _whole_blocks(new, lambda e: e.height, _FIRST, _BRANCHES_AT_ONCE):
            self._add_coinbases(sorted({e.height for e in some if e.height not in self._coinbases}))
            wanted = list(zip(some, self._branches(some), strict=True))
            for part in _whole_blocks(
                wanted, lambda one: one[0].height, _TRANSACTIONS_AT_ONCE, _TRANSACTIONS_AT_ONCE
            ):
                proved = self._transactions(part, done, counted)
                check(proved)
                self._proved.update(proved)
                done += len(part)
                counted(done)

    def block(self, height: Height, transactions: Sequence[Proved]) -> BlockEvidence:
        """What the block at `height` shows of `transactions`, which are in order."""
        return BlockEvidence(
            height,
            self._chain.header(height),
            self._coinbases[height].evidence,
            tuple(one.evidence for one in transactions),
        )

    def _add_coinbases(self, heights: list[Height]) -> None:
        """The first transactions of these blocks, whose branches measure all others."""
        asked = [(height, self._chain.block_hash(height)) for height in heights]
        named = self._server.coinbases(asked) if asked else []
        entries = []
        for height, (txid, branch) in zip(heights, named, strict=True):
            entry = HistoryEntry(txid, height)
            self._check_branch(entry, branch, len(branch.hashes))
            if branch.position != 0:
                raise self._coinbase_lie(height, "stands at another place than the first")
            entries.append((entry, branch))
        for part in _portions(entries, _TRANSACTIONS_AT_ONCE):
            for (entry, branch), raw in zip(part, self._bytes_of(part, _unheard), strict=True):
                proved = self._prove(entry, branch, raw, len(branch.hashes))
                if not proved.transaction.is_coinbase:
                    raise self._coinbase_lie(entry.height, "is no coinbase")
                self._coinbases[entry.height] = proved

    def _branches(self, entries: Sequence[HistoryEntry]) -> list[Branch]:
        """The branches of these entries, which lead from their hashes to their headers."""
        found: list[Branch] = []
        # A block may be named with more transactions than it has: the first false one ends it.
        for some in _portions(entries, _BRANCHES_AT_ONCE):
            wanted = [(entry.txid, entry.height) for entry in some]
            branches = self._server.branches(wanted, _unheard)
            for entry, branch in zip(some, branches, strict=True):
                self._check_branch(entry, branch, len(self._coinbases[entry.height].branch))
            found += branches
        return found

    def _check_branch(self, entry: HistoryEntry, branch: Branch, length: int) -> None:
        """Whether a branch holds, by what can be known without the transaction's bytes."""
        hashes = branch.hashes
        if len(hashes) != length or length > MAX_BRANCH:
            raise self._lie(entry, BranchFault.LENGTH)
        if not 0 <= branch.position < 1 << length or any(len(node) != 32 for node in hashes):
            raise self._lie(entry, BranchFault.POSITION)
        if root_of_branch(entry.txid, branch.position, hashes) != self._root(entry.height):
            raise self._lie(entry, BranchFault.ROOT)

    def _transactions(
        self,
        part: Sequence[tuple[HistoryEntry, Branch]],
        done: int,
        counted: Callable[[int], None],
    ) -> list[tuple[HistoryEntry, Proved]]:
        """The transactions of these entries, proved."""
        found = []
        given = self._bytes_of(part, lambda number: counted(done + number))
        for (entry, branch), raw in zip(part, given, strict=True):
            length = len(self._coinbases[entry.height].branch)
            proved = self._prove(entry, branch, raw, length)
            if proved.transaction.is_coinbase != (proved.position == 0):
                raise self._coinbase_lie(entry.height, "is not its only coinbase")
            found.append((entry, proved))
        return found

    def _bytes_of(
        self, part: Sequence[tuple[HistoryEntry, Branch]], counted: Callable[[int], None]
    ) -> list[bytes]:
        return self._server.transactions([(e.txid, e.height) for e, _ in part], counted)

    def _prove(self, entry: HistoryEntry, branch: Branch, raw: bytes, length: int) -> Proved:
        try:
            transaction = read_transaction(raw)
        except DecodeError as error:
            raise self._error(
                ServerCode.LIED_TRANSACTION, entry.txid, f"cannot be read: {error.what}"
            ) from None
        if transaction.txid != entry.txid:
            raise self._error(
                ServerCode.LIED_TRANSACTION,
                entry.txid,
                f"was answered with the bytes of {show_hash(transaction.txid)}",
            )
        fault = branch_fault(
            transaction, branch.position, branch.hashes, self._root(entry.height), length
        )
        if fault is not None:
            raise self._lie(entry, fault)
        faults = check_transaction(transaction)
        if faults:
            raise self._error(
                ServerCode.LIED_COIN, entry.txid, f"cannot be in any block: {faults[0]}"
            )
        return Proved(entry.height, branch.position, transaction, branch.hashes)

    def _root(self, height: Height) -> bytes:
        return self._chain.header(height)[_ROOT]

    def _lie(self, entry: HistoryEntry, fault: BranchFault) -> SourceError:
        code, what = _FAULTS[fault]
        return self._error(code, entry.txid, f"{what} (height {entry.height})")

    def _error(self, code: ServerCode, txid: Txid, what: str) -> SourceError:
        return SourceError(
            code,
            f"{self._server.name}: transaction {show_hash(txid)} {what}",
            remedy=_REMEDIES.get(code, "Ask another server, and believe this one nothing."),
        )

    def _coinbase_lie(self, height: Height, what: str) -> SourceError:
        return SourceError(
            ServerCode.LIED_COINBASE,
            f"{self._server.name}: the first transaction that it names of block {height} {what}",
            remedy="Ask another server, and believe this one nothing.",
        )


_REMEDIES: Final = {
    ServerCode.LACKS: (
        "Such a transaction is shown only by its whole block: read that from a node or from "
        "block files. A handful of them are on the main chain."
    )
}


def _portions(items: Sequence[_T], size: int) -> list[Sequence[_T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _whole_blocks(
    items: Sequence[_T], height_of: Callable[[_T], Height], size: int, largest: int
) -> Iterator[list[_T]]:
    """Portions of items, which are in order of their blocks, none of which is split: of `size`,
    then twice as many each, to `largest`; or of one block if that has more."""
    portion: list[_T] = []
    for _, block in groupby(items, key=height_of):
        portion += block
        if len(portion) >= size:
            yield portion
            portion, size = [], min(2 * size, largest)
    if portion:
        yield portion


def _unheard(_number: int) -> None:
    """Nobody counts these."""
