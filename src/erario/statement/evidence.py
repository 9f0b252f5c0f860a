"""`Evidence`: all that a statement is assessed from, and nothing else.

`assess(evidence)` is pure, so whatever it needs stands here: who declared which scripts, the
blocks' headers, the transactions with their Merkle branches, which block an instant fell on, and
what the source vouches for. No descriptor, no local path, no line number, no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import BlockHash, Height, Outpoint, Sats, Script
from erario.reserve.model import Attribution, Comparator, Role
from erario.reserve.moment import AtHeight, AtInstant, ClaimMoment
from erario.statement.finding import Finding

MAX_PROOF_DAYS: Final = 36_500
"""The largest maximum age of control proofs that can be asked for."""


@dataclass(frozen=True, slots=True)
class DeclaredHolder:
    """A holder, as `reserve.Holder` without its place. `signs_as` is the name that its control
    proofs give; None for `name`."""

    id: str
    name: str
    complete: bool
    signs_as: str | None = None


@dataclass(frozen=True, slots=True)
class DeclaredDocument:
    """A document, as `reserve.Document` without its path."""

    id: str
    title: str
    issuer: str | None
    date: str | None
    url: str | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class DerivedBranch:
    """How far one ranged branch of a wallet was derived: indexes 0 to `derived - 1`.

    `last_used` is the highest index that the chain shows up to the cut-off, None where none is.
    """

    number: int
    derived: int
    last_used: int | None


@dataclass(frozen=True, slots=True)
class WatchedScript:
    """A script of a wallet. `branch` and `index` are None where it was written down as it is."""

    script: Script
    branch: int | None
    index: int | None


@dataclass(frozen=True, slots=True)
class DeclaredWallet:
    """A wallet with every script that was watched for it, each script in one wallet only.

    `since` is the first instant at which it counts, `until` the first at which it does not.
    """

    id: str
    holder: str
    role: Role
    attribution: Attribution
    document: str | None
    since: datetime | None
    until: datetime | None
    branches: tuple[DerivedBranch, ...]
    scripts: tuple[WatchedScript, ...]


@dataclass(frozen=True, slots=True)
class DeclaredClaim:
    """A claim, as `reserve.Claim` without its place."""

    id: str
    holds: str
    comparator: Comparator
    amount: Sats
    within: Sats
    moment: ClaimMoment
    holder: str
    wallets: tuple[str, ...]
    document: str | None


@dataclass(frozen=True, slots=True)
class Declaration:
    """What was declared, in the order of the file, ready to be assessed."""

    timezone: str
    holders: tuple[DeclaredHolder, ...]
    wallets: tuple[DeclaredWallet, ...]
    documents: tuple[DeclaredDocument, ...]
    claims: tuple[DeclaredClaim, ...]


@dataclass(frozen=True, slots=True)
class BlockPoint:
    """A block of the best chain. `time` is of its own header, `median_time_past` of the eleven
    headers that end with it; both aware, in UTC."""

    height: Height
    block_hash: BlockHash
    time: datetime
    median_time_past: datetime


@dataclass(frozen=True, slots=True)
class ResolvedInstant:
    """The highest block, up to the cut-off, whose own header time is before `instant`; None
    where even the genesis block is not before it."""

    instant: datetime
    point: BlockPoint | None


@dataclass(frozen=True, slots=True)
class TransactionEvidence:
    """A transaction's bytes, its position in the block and its Merkle branch, leaf to root."""

    position: int
    raw: bytes
    branch: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class BlockEvidence:
    """What one block shows: its header, its coinbase (position 0) and the transactions of
    interest, in order of position; the coinbase is repeated there only if it is of interest.

    That the block stands on the best chain, at this height, is shown by the headers beside it in
    the evidence; without them it is the word of whoever collected it.
    """

    height: Height
    header: bytes
    coinbase: TransactionEvidence
    transactions: tuple[TransactionEvidence, ...]


@dataclass(frozen=True, slots=True)
class HeaderRun:
    """Headers of the best chain that follow each other: 80 bytes each from the block at `start`
    on. A run ends at a pin, or where the evidence's knowledge of the chain ends."""

    start: Height
    headers: bytes

    @property
    def end(self) -> Height:
        """The height of its last block."""
        return Height(self.start + len(self.headers) // 80 - 1)


@dataclass(frozen=True, slots=True, order=True)
class ControlProof:
    """A signature (BIP-322) of a script over a message that names a block.

    Their order is by script, message and signature: that of a bundle, and of what is found.
    """

    script: Script
    message: str
    signature: str


class UnspentWord(StrEnum):
    """On whose word a coin counts as unspent (docs/explanation/axes.md)."""

    BLOCKS = "blocks"
    SNAPSHOT = "snapshot"
    OWN_NODE = "own_node"
    SERVERS = "servers"


class SourceKind(StrEnum):
    """What kind of source was read."""

    BLOCKS = "blocks"
    NODE = "node"
    ELECTRUM = "electrum"
    ESPLORA = "esplora"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True)
class SourceNote:
    """A source in words.

    Attributes:
        kind: what kind of source it is.
        own: the user says that it is their own.
        word: on whose word its unspent coins are unspent.
        caveat: one sentence on what it cannot show.
        name: who a server is (host and port); "" for files. No path, no credentials.
        history: whether it shows what was spent too, or only what is unspent.
    """

    kind: SourceKind
    own: bool
    word: UnspentWord
    caveat: str
    name: str = ""
    history: bool = True


@dataclass(frozen=True, slots=True)
class ListedCoin:
    """An unspent coin of the watched scripts in a list of all coins (a UTXO snapshot, or what a
    node scans of its own). No transaction shows it, and what was spent before is not listed."""

    outpoint: Outpoint
    sats: Sats
    script: Script
    height: Height
    coinbase: bool


@dataclass(frozen=True, slots=True)
class ChainNote:
    """The best chain that was seen. `work` is cumulative; `enough_work` says whether the tip has
    the network's minimum; `authenticated` is false where proof of work alone proves nothing
    (signet): an assessment takes that from the network, whatever stands here."""

    tip: BlockPoint
    work: int
    enough_work: bool
    authenticated: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a statement rests on.

    Without `headers`, what it says of the best chain (`cutoff`, `chain`, where
    each block and each instant stands, and that no block is missing) is the word of whoever
    collected it. Only the proof of work of each header, the links between neighbours and what a
    block contains are checked again.

    `cutoff` is the block that was asked for by `asked`, which is an `AtHeight` or an
    `AtInstant`: a tip or a hash has become its height, so that the way of asking does not show.
    `settled` is None where a height was asked for. `since` is the opening of the roll-forward.
    `instants` resolves every instant that the declaration names and that is reached: the cut-
    off was asked as that instant or a later one, or the median time past of its block is not
    before it. `findings` are what the sources saw while they were read, in their order.
    `listed` are the unspent coins at the cut-off by a source that lists coins, in order of
    outpoint. `headers` are those that show where its blocks stand, if they were asked for:
    without pins all, else those of every period between pins that has something of interest in
    it, and all after the last pin up to the tip. `unseen` are watched scripts of which no
    source could show anything. `named` are the blocks that the messages of `proofs` name and
    that stand on the best chain, up to the cut-off, in order of height. Proofs more than
    `proofs_within_days` old at the cut-off are too old for the asker; None for no maximum.
    """

    network: NetworkName
    declaration: Declaration
    asked: AtHeight | AtInstant
    cutoff: BlockPoint
    settled: bool | None
    asked_since: AtHeight | AtInstant | None
    since: BlockPoint | None
    instants: tuple[ResolvedInstant, ...]
    blocks: tuple[BlockEvidence, ...]
    chain: ChainNote
    sources: tuple[SourceNote, ...]
    findings: tuple[Finding, ...]
    listed: tuple[ListedCoin, ...] = ()
    unseen: tuple[Script, ...] = ()
    headers: tuple[HeaderRun, ...] = ()
    proofs: tuple[ControlProof, ...] = ()
    named: tuple[BlockPoint, ...] = ()
    proofs_within_days: int | None = None

    @property
    def has_history(self) -> bool:
        """Whether any source shows what was spent; else all that is known is what is listed."""
        return any(source.history for source in self.sources) or not self.sources
