"""How long it takes to make and to verify a bundle, and how large it is, by number of addresses.

    python benchmarks/bundle.py [--addresses 100 1000 10000] [--json FILE]

Each address has ten coins, of which it spent one; a transaction pays ten coins, and a block holds a
hundred transactions. Evidence is at hand: reading a chain is not in the figures. Both run on one
core, and everything is checked: headers, branches, sums, and the statement to the byte. What grows
in a straight line has the same time and the same bytes for each address in every row.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.strategies.chains import GENESIS, Made, Tx, coinbase, mine  # noqa: E402
from tests.strategies.evidence import Chain, best_chain, reserve, wallet  # noqa: E402

from erario.auditing import collect  # noqa: E402
from erario.bitcoin.merkle import merkle_branches  # noqa: E402
from erario.bitcoin.network import NetworkName  # noqa: E402
from erario.bitcoin.values import Height, Script  # noqa: E402
from erario.bundle.making import make_bundle, save_bundle  # noqa: E402
from erario.bundle.verifying import verify_bundle  # noqa: E402
from erario.chain.best_chain import BestChain  # noqa: E402
from erario.chain.source import ProgressCallback, Trace  # noqa: E402
from erario.statement.evidence import (  # noqa: E402
    BlockEvidence,
    Evidence,
    SourceKind,
    SourceNote,
    TransactionEvidence,
    UnspentWord,
)

COINS = 10
IN_BLOCK = 100
NOBODY = b"\x00\x14" + bytes(20)


@dataclass(frozen=True)
class Row:
    """Figures for one number of addresses: seconds, and bytes."""

    addresses: int
    coins: int
    transactions: int
    make: float
    verify: float
    size: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--addresses", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = []
    print("addresses    coins   make s  verify s       MB   verify ms and kB an address")
    for count in arguments.addresses:
        row = measure(count)
        rows.append(row)
        print(
            f"{row.addresses:9,} {row.coins:8,} {row.make:8.2f} {row.verify:9.2f} "
            f"{row.size / 1e6:8.1f}   {1e3 * row.verify / count:.2f} {row.size / 1e3 / count:.1f}"
        )
    for before, after in pairwise(rows):
        ratio = after.verify / after.addresses / (before.verify / before.addresses)
        print(
            f"an address at {after.addresses:,} costs {ratio:.2f} times one at {before.addresses:,}"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    return 0


def measure(count: int) -> Row:
    """Make and verify a bundle over so many addresses."""
    evidence = make_evidence(count)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bundle.erario"
        began = time.perf_counter()
        save_bundle(make_bundle(evidence), path)
        made = time.perf_counter()
        found = verify_bundle(path)
        done = time.perf_counter()
        size = path.stat().st_size
    coins = len(found.statement.coins)
    transactions = sum(len(block.transactions) for block in evidence.blocks)
    return Row(count, coins, transactions, made - began, done - made, size)


def make_evidence(count: int) -> Evidence:
    """Evidence of payments to so many scripts, and of one spend of each."""
    scripts = [b"\x00\x14" + hashlib.sha256(b"%d" % at).digest()[:20] for at in range(count)]
    paid = [
        Tx(
            inputs=((hashlib.sha256(b"in %d %d" % (at, turn)).digest(), 0),),
            outputs=tuple((10_000 + turn, scripts[(at + n) % count]) for n in range(COINS)),
        )
        for turn in range(COINS)
        for at in range(0, count, COINS)
    ]
    spent = [Tx(inputs=((one.txid, 0),), outputs=((9_000, NOBODY),)) for one in paid]
    chain = Chain([GENESIS], {f"s{at}": script for at, script in enumerate(scripts)})
    for body in (paid, spent):
        for start in range(0, len(body), IN_BLOCK):
            first = coinbase(len(chain.blocks), ((5_000_000_000, NOBODY),))
            chain.blocks.append(mine(chain.blocks[-1], body[start : start + IN_BLOCK], first=first))
    declared = reserve(chain, [wallet("vault", " ".join(chain.scripts))])
    return collect(declared, _Source(chain.blocks), headers=True)


class _Source:
    """All transactions but coinbases, with their branches."""

    network = NetworkName.REGTEST

    def __init__(self, blocks: list[Made]) -> None:
        self._blocks = blocks

    def chain(self, progress: ProgressCallback) -> BestChain:  # noqa: ARG002
        return best_chain(self._blocks)

    def trace(self, _: tuple[Script, ...], upto: Height, __: ProgressCallback) -> Trace:
        return Trace(tuple(map(_show, self._blocks[1 : upto + 1])), ())

    def only_height(self) -> Height | None:
        return None

    def notes(self) -> tuple[SourceNote, ...]:
        return (SourceNote(SourceKind.BLOCKS, own=False, word=UnspentWord.BLOCKS, caveat=""),)

    def close(self) -> None:
        pass


def _show(block: Made) -> BlockEvidence:
    txids = [one.txid for one in block.transactions]
    branches = merkle_branches(txids, range(len(txids)))
    shown = [
        TransactionEvidence(at, one.raw, branches[at]) for at, one in enumerate(block.transactions)
    ]
    return BlockEvidence(Height(block.height), block.header, shown[0], tuple(shown[1:]))


if __name__ == "__main__":
    sys.exit(main())
