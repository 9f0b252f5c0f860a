"""`Statement`: everything assessed at one cut-off, and the values that it is made of.

Only `observed` depends on the asker's moment; everything else is the same for whoever assesses
the same evidence, and is what the statement's digest covers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from erario.bitcoin.network import NetworkName
from erario.bitcoin.script import ScriptType
from erario.bitcoin.values import Height, Outpoint, Sats, SatsDelta, Script, Txid
from erario.reserve.model import Attribution, Role
from erario.reserve.moment import AtHeight, AtInstant
from erario.statement.evidence import (
    BlockPoint,
    ChainNote,
    DeclaredClaim,
    DeclaredDocument,
    DerivedBranch,
    SourceNote,
    UnspentWord,
)
from erario.statement.finding import Finding, FindingCode

AFTER_BLOCK: Final = 0xFFFF_FFFF
"""The position of a movement without a transaction: behind every transaction of its block."""


class Existence(StrEnum):
    """How well a coin is shown to exist, weakest first (docs/explanation/axes.md)."""

    REPORTED = "reported"
    INCLUDED = "included"
    UNSPENT = "unspent"


class Control(StrEnum):
    """Whether somebody showed that they can move what a script holds, weakest first."""

    NONE = "none"
    STALE = "stale"
    """Shown, but before the coin arrived, or too long ago for the asker."""
    PROVED = "proved"


class Exposure(StrEnum):
    """What shows the public key behind a coin."""

    CHAIN = "chain"
    PROOF = "proof"
    """A control proof, and the chain does not."""


class Outcome(StrEnum):
    """What a claim came to."""

    KEPT = "kept"
    BROKEN = "broken"
    UNCLEAR = "unclear"
    UNKNOWN = "unknown"


class MovementKind(StrEnum):
    """Why a balance changed. All but the first are movements without a transaction."""

    TRANSACTION = "transaction"
    OVERWRITTEN = "overwritten"
    """A coinbase was created again under the same txid (BIP 30): the first coin is lost."""
    SINCE = "since"
    """A wallet began to count, with what it then held."""
    UNTIL = "until"
    """A wallet ceased to count, with what it then held."""


@dataclass(frozen=True, slots=True)
class Spend:
    """Which input spent a coin."""

    txid: Txid
    input: int
    height: Height


@dataclass(frozen=True, slots=True)
class Coin:
    """One transaction output that paid to a watched script, unspent at the cut-off or spent.

    `position` is the transaction's in its block, None for a coin that a source only listed. `lost`
    is true for a coinbase that was overwritten (BIP 30). `exposed` is what shows the
    public key behind it, None where nothing does.
    """

    outpoint: Outpoint
    sats: Sats
    script: Script
    wallet: str
    height: Height
    position: int | None
    coinbase: bool
    immature: bool
    spent: Spend | None
    lost: bool
    exposed: Exposure | None
    existence: Existence

    @property
    def unspent(self) -> bool:
        """Whether the coin is still there at the cut-off."""
        return self.spent is None and not self.lost


@dataclass(frozen=True, slots=True)
class WalletEntry:
    """What one movement booked on one wallet; all amounts are positive.

    `between_in` and `between_out` are what came from and went to wallets of the same holder.
    """

    wallet: str
    received: Sats
    between_in: Sats
    sent: Sats
    between_out: Sats
    fee: Sats

    @property
    def change(self) -> SatsDelta:
        """The wallet's net change."""
        gained = self.received + self.between_in
        return SatsDelta(gained - self.sent - self.between_out - self.fee)


@dataclass(frozen=True, slots=True)
class Movement:
    """One transaction's effect on one holder's books, or a change without a transaction.

    A holder has up to three books that are outsiders to each other: `counted` (declared and
    documented wallets), `inferred`, and `origin`. `fee` is the whole transaction's fee where
    every input is the book's, else None. `coinbase` marks income that was mined. Kinds `since`
    and `until` stand between the block at `height` and the next, at an `instant`, which the others
    lack: their `position` is `AFTER_BLOCK` and they have no `txid`. `entries` are losers in the
    order of their first input, gainers in the order of their first output, then wallets that were
    touched and kept even.
    """

    kind: MovementKind
    height: Height
    position: int
    instant: datetime | None
    txid: Txid | None
    holder: str
    book: Book
    coinbase: bool
    fee: Sats | None
    entries: tuple[WalletEntry, ...]


class Book(StrEnum):
    """Which of a holder's books a movement stands in."""

    COUNTED = "counted"
    INFERRED = "inferred"
    ORIGIN = "origin"


@dataclass(frozen=True, slots=True)
class RollForward:
    """opening + received + between_in - sent - between_out - fees = closing, exactly."""

    opening: Sats
    received: Sats
    between_in: Sats
    sent: Sats
    between_out: Sats
    fees: Sats
    closing: Sats


@dataclass(frozen=True, slots=True)
class Balance:
    """Coins of one label. Right stays at its lowest until it can be shown. `exposed_by_proof_sats`
    are a part of `exposed_sats`."""

    sats: Sats
    coins: int
    immature_sats: Sats
    exposed_sats: Sats
    exposed_by_proof_sats: Sats


@dataclass(frozen=True, slots=True)
class ScriptProof:
    """A control proof that holds: over which block, how many seconds that block's time lies before
    the cut-off's, how many distinct keys signed, and whether that is too old for the asker."""

    height: Height
    age: int
    keys: int
    too_old: bool = False


@dataclass(frozen=True, slots=True)
class ControlTotal:
    """Counted coins of one label of control, and the scripts that they are on. `too_old` are those
    stale coins that would be proved if their proof were not too old for the asker."""

    control: Control
    sats: Sats
    coins: int
    scripts: int
    too_old: bool = False


@dataclass(frozen=True, slots=True)
class ScriptStatement:
    """One script of a wallet: written down, or derived and used.

    `received_in` is the number of transactions that paid to it: above one, it was reused.
    `first_height` and `last_height` are of the blocks that touched it first and last. `control` is
    the weakest of its unspent coins', `proof` the latest that holds, before any that is too old.
    """

    script: Script
    address: str | None
    type: ScriptType
    branch: int | None
    index: int | None
    balance: Balance
    first_height: Height | None
    last_height: Height | None
    received_in: int
    spent_from: bool
    control: Control = Control.NONE
    proof: ScriptProof | None = None


@dataclass(frozen=True, slots=True)
class WalletStatement:
    """One wallet at the cut-off. It counts from the instant `since` on, and from `until` on no
    more; None where it has no such bound. `counts` is false outside of them: `balance` is what it
    holds all the same, but that is in no total. `first_height` and `last_height` are of the blocks
    that touched its scripts first and last, whether it counted then or not. `watched` is the number
    of scripts that were looked for."""

    id: str
    role: Role
    attribution: Attribution
    document: str | None
    since: datetime | None
    until: datetime | None
    counts: bool
    balance: Balance
    first_height: Height | None
    last_height: Height | None
    roll_forward: RollForward | None
    watched: int
    branches: tuple[DerivedBranch, ...]
    scripts: tuple[ScriptStatement, ...]


@dataclass(frozen=True, slots=True)
class Total:
    """One line of a holder's totals, split along the axes that are never merged."""

    role: Role
    attribution: Attribution
    existence: Existence
    balance: Balance


@dataclass(frozen=True, slots=True)
class TypeTotal:
    """Counted coins behind one type of script."""

    type: ScriptType
    sats: Sats
    coins: int


@dataclass(frozen=True, slots=True)
class HolderStatement:
    """One holder at the cut-off.

    `totals` are by role, attribution and existence, zero lines left out. `types`, `control`,
    what is exposed, `reused_scripts`, `largest_script` and `coins_digest` speak of the counted
    coins only, roles holding, custody and transit together. `digest_coins` is the number of coins
    in the digest.
    """

    id: str
    name: str
    complete: bool
    totals: tuple[Total, ...]
    roll_forward: RollForward | None
    types: tuple[TypeTotal, ...]
    exposed_sats: Sats
    exposed_by_proof_sats: Sats
    reused_scripts: int
    largest_script: Script | None
    largest_sats: Sats
    coins_digest: bytes
    digest_coins: int
    first_height: Height | None
    last_height: Height | None
    wallets: tuple[WalletStatement, ...]
    control: tuple[ControlTotal, ...] = ()


@dataclass(frozen=True, slots=True)
class ClaimStatement:
    """A claim and what it came to.

    `lowest` and `highest` are the balances found over its moment, None where none could be found;
    `highest` alone is None where a list of later coins shows how much there was at least.
    `from_height` and `to_height` are the blocks that the moment fell on. `margin` is the distance
    from the claim's bound to the balance that decided (negative where it is missed). `would_be` is
    the outcome if inferred wallets are the holder's. `existence` is the weakest that the outcome
    rests on; `reason` says in one sentence why it is what it is, `settle` what would settle it, or
    "".
    """

    claim: DeclaredClaim
    outcome: Outcome
    would_be: Outcome | None
    lowest: Sats | None
    highest: Sats | None
    from_height: Height | None
    to_height: Height | None
    margin: SatsDelta | None
    existence: Existence
    reason: str
    settle: str


@dataclass(frozen=True, slots=True)
class Observed:
    """What depends on the asker's moment; outside the statement's digest.

    `depth` is the number of blocks on top of the cut-off.
    """

    chain: ChainNote
    depth: int
    settled: bool | None
    sources: tuple[SourceNote, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """Everything assessed at one cut-off.

    `word` says on whose word unspent coins are unspent; `existence` is the weakest label that a
    total rests on, for a statement with no coins as well. `proofs_within_days` is how old a control
    proof may be at the cut-off, None where the asker set no maximum.
    """

    network: NetworkName
    timezone: str
    asked: AtHeight | AtInstant
    cutoff: BlockPoint
    asked_since: AtHeight | AtInstant | None
    since: BlockPoint | None
    existence: Existence
    word: UnspentWord
    findings: tuple[Finding, ...]
    claims: tuple[ClaimStatement, ...]
    holders: tuple[HolderStatement, ...]
    documents: tuple[DeclaredDocument, ...]
    coins: tuple[Coin, ...]
    movements: tuple[Movement, ...]
    observed: Observed
    proofs_within_days: int | None = None

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """What the evidence fixes and what was observed, as they are shown: that the chain has too
        little work comes before everything, since it lowers everything."""
        findings = (*self.findings, *self.observed.findings)
        return tuple(sorted(findings, key=lambda one: one.code is not FindingCode.CHAIN_WORK))
