"""Whether the evidence shows what it says: each transaction in its block, each block as named.

For every transaction: its Merkle branch leads from its txid to the root in the header, and is as
long as the coinbase's branch, which is checked as well. That, and the refusal of transactions of
64 bytes without witnesses, keeps an inner node of the tree from passing as a transaction
(CVE-2017-12842). For every header: 80 bytes, a hash within its own target, the hash that the
evidence names for that height, and the hash that the next height's header points at.

What fails stays in the sums, at `reported`, and is a `fail`; what cannot be read at all, or cannot
be a transaction, has nothing to sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from erario.bitcoin.block import check_transaction
from erario.bitcoin.errors import DecodeError
from erario.bitcoin.header import Header, read_header
from erario.bitcoin.inclusion import BranchFault, branch_fault
from erario.bitcoin.network import network
from erario.bitcoin.transaction import Transaction, read_transaction
from erario.bitcoin.values import BlockHash, show_hash
from erario.bitcoin.work import target_of_bits
from erario.holdings.transactions import SeenTransaction
from erario.statement.evidence import BlockEvidence, Evidence, TransactionEvidence
from erario.statement.finding import Finding, FindingCode, Severity, Verdict

_FAULTS: Final = {
    BranchFault.NODE_SIZED: (
        "a transaction of 64 bytes cannot be told from a node of the Merkle tree"
    ),
    BranchFault.LENGTH: "the Merkle branches have different lengths",
    BranchFault.POSITION: "the Merkle branch does not fit the position",
    BranchFault.ROOT: "the Merkle branch does not lead to the header",
}


@dataclass(frozen=True, slots=True)
class Inclusion:
    """The transactions that can be read, whether each is proved, and what failed.

    `lost` is true where something could not be read, so that nobody knows what it would change.
    """

    transactions: tuple[SeenTransaction, ...]
    findings: tuple[Finding, ...]
    lost: bool


def check_inclusion(evidence: Evidence) -> Inclusion:
    """Read and check every block of the evidence."""
    checker = _Checker(evidence)
    for block in evidence.blocks:
        checker.check(block)
    return Inclusion(tuple(checker.transactions), tuple(checker.findings), checker.lost)


class _Checker:
    """Walks over the blocks in their order."""

    def __init__(self, evidence: Evidence) -> None:
        self.transactions: list[SeenTransaction] = []
        self.findings: list[Finding] = []
        self.lost = False
        self._pow_limit = network(evidence.network).pow_limit
        self._cutoff = evidence.cutoff.height
        self._named = dict(_named_blocks(evidence))
        self._height = -1
        self._hash: BlockHash | None = None

    def check(self, block: BlockEvidence) -> None:
        """Check one block, and read its transactions."""
        if not self._height < block.height <= self._cutoff:
            # Out of order, twice, or above the cut-off: reading it would count things twice.
            self._lose(block, "its height is out of order or above the cut-off")
            return
        header = self._check_header(block)
        self._height, self._hash = block.height, header.block_hash if header else None
        good = header is not None and self._check_coinbase(block, header)
        position = -1
        for one in block.transactions:
            if one.position <= position:
                self._lose(block, f"transaction {one.position} is out of order")
                continue
            position = one.position
            self._check_transaction(block, one, header if good else None)

    def _check_header(self, block: BlockEvidence) -> Header | None:
        try:
            header = read_header(block.header)
        except DecodeError:
            self._fail(block, "its header is not one")
            return None
        target = target_of_bits(header.bits)
        weak = target is None or target > self._pow_limit
        if weak or int.from_bytes(header.block_hash, "little") > (target or 0):
            self._fail(block, "its header has no proof of work")
            return None
        if self._named.get(block.height, header.block_hash) != header.block_hash:
            self._fail(block, "its header is not that of the block at this height")
            return None
        follows = self._height == block.height - 1 and self._hash is not None
        if follows and header.previous != self._hash:
            self._fail(block, "its header does not follow that of the block before")
            return None
        return header

    def _check_coinbase(self, block: BlockEvidence, header: Header) -> bool:
        coinbase = block.coinbase
        transaction = _read(coinbase)
        wrong = (
            "its coinbase cannot be read"
            if transaction is None
            else "its first transaction is no coinbase"
            if coinbase.position != 0 or not transaction.is_coinbase
            else _check_branch(transaction, coinbase, header, len(coinbase.branch))
        )
        if wrong:
            self._fail(block, wrong)
        return not wrong

    def _check_transaction(
        self, block: BlockEvidence, one: TransactionEvidence, header: Header | None
    ) -> None:
        transaction = _read(one)
        if transaction is None:
            self._lose(block, f"transaction {one.position} cannot be read")
            return
        if check_transaction(transaction):
            self._lose(block, f"transaction {one.position} breaks the rules for all transactions")
            return
        wrong = ""
        if header is not None:
            wrong = _check_branch(transaction, one, header, len(block.coinbase.branch))
            if not wrong and transaction.is_coinbase != (one.position == 0):
                wrong = "only the first transaction is a coinbase"
            if wrong:
                self._fail(block, f"transaction {one.position}: {wrong}")
        proved = header is not None and not wrong
        self.transactions.append(
            SeenTransaction(block.height, one.position, transaction, proved=proved)
        )

    def _lose(self, block: BlockEvidence, wrong: str) -> None:
        self.lost = True
        self._fail(block, wrong)

    def _fail(self, block: BlockEvidence, wrong: str) -> None:
        try:
            subject = show_hash(read_header(block.header).block_hash)
        except DecodeError:
            subject = ""
        self.findings.append(
            Finding(
                FindingCode.EVIDENCE_INCLUSION,
                Verdict.FAIL,
                Severity.ERROR,
                subject,
                f"The evidence of block {block.height} does not show what it says: {wrong}.",
                "Collect the evidence again, from another source.",
            )
        )


def _named_blocks(evidence: Evidence) -> Iterator[tuple[int, BlockHash]]:
    """The hashes that the evidence itself gives to heights."""
    for point in (
        evidence.cutoff,
        evidence.since,
        *(instant.point for instant in evidence.instants),
    ):
        if point is not None:
            yield point.height, point.block_hash


def _read(one: TransactionEvidence) -> Transaction | None:
    try:
        return read_transaction(one.raw)
    except DecodeError:
        return None


def _check_branch(
    transaction: Transaction, one: TransactionEvidence, header: Header, length: int
) -> str:
    """What is wrong with a branch, or ""."""
    fault = branch_fault(transaction, one.position, one.branch, header.merkle_root, length)
    return _FAULTS[fault] if fault else ""
