"""`assess`: evidence in, statement out. Pure: no clock, no network, no disk.

Invariant: the same evidence gives the same statement, to the byte of its JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import Final

from erario.assess.claims import judge_claim
from erario.assess.coins_digest import coins_digest
from erario.assess.findings import observed_findings, statement_findings
from erario.assess.ground import Ground, lay_ground
from erario.assess.totals import (
    ScriptHistory,
    by_proof,
    largest_script,
    read_histories,
    state_wallet,
    totals_of,
    types_of,
)
from erario.bitcoin.values import Height, Sats, Script, total
from erario.errors import SourceError
from erario.holdings.errors import HoldingsCode
from erario.holdings.movements import happened_by
from erario.holdings.roll_forward import add_roll_forwards, roll_forward
from erario.holdings.timeline import since_state
from erario.statement.evidence import DeclaredHolder, Evidence
from erario.statement.model import (
    Book,
    Coin,
    HolderStatement,
    Observed,
    RollForward,
    Statement,
    WalletStatement,
)

_LARGEST: Final = 2**53 - 1
"""The largest whole number that every reader of JSON keeps exact (RFC 8259, section 6)."""


def assess(evidence: Evidence) -> Statement:
    """Everything that the evidence says at its cut-off.

    Raises:
        InvariantError: erario contradicts itself.
        SourceError: more coins at one time than can ever exist, or flows that are too large.
    """
    ground = lay_ground(evidence)
    histories = read_histories(ground.ledger)
    rolls = _roll_forwards(ground)
    own = _own_by_holder(ground)
    return Statement(
        network=evidence.network,
        timezone=evidence.declaration.timezone,
        asked=evidence.asked,
        cutoff=evidence.cutoff,
        asked_since=evidence.asked_since,
        since=evidence.since,
        proofs_within_days=evidence.proofs_within_days,
        existence=ground.existence,
        word=ground.word,
        findings=statement_findings(ground),
        claims=tuple(judge_claim(ground, claim) for claim in evidence.declaration.claims),
        holders=tuple(
            _state_holder(ground, holder, own[holder.id], histories, rolls)
            for holder in evidence.declaration.holders
        ),
        documents=evidence.declaration.documents,
        coins=ground.ledger.coins,
        movements=tuple(one for one in ground.movements if happened_by(one, ground.closing)),
        observed=Observed(
            chain=ground.chain,
            depth=evidence.chain.tip.height - evidence.cutoff.height,
            settled=evidence.settled,
            sources=evidence.sources,
            findings=observed_findings(ground),
        ),
    )


def _roll_forwards(ground: Ground) -> Mapping[str, RollForward] | None:
    """The roll-forward of each wallet since the opening, None where none was asked for."""
    ledger, members, movements = ground.ledger, ground.members, ground.movements
    if not ground.evidence.has_history:
        return None
    # From nothing to the cut-off as well, so that every statement has shown that it balances.
    roll_forward(ledger, members, movements, None, ground.closing)
    opening = since_state(ground.evidence)
    if opening is None:
        return None
    rolls = roll_forward(ledger, members, movements, opening, ground.closing)
    _check_flows(add_roll_forwards(rolls.values()))
    return rolls


def _check_flows(everything: RollForward) -> None:
    """Coins that go round and round can add up to more than JSON's numbers hold."""
    if max(astuple(everything)) > _LARGEST:
        raise SourceError(
            HoldingsCode.FLOWS_TOO_LARGE,
            "more has gone in and out since the opening than a statement can write down",
            remedy="Give a later opening (--since).",
        )


@dataclass(slots=True)
class _Own:
    """What is a holder's: unspent coins of wallets that count at the cut-off, in any book, and
    where the counted book has its first and its last movement."""

    coins: list[Coin] = field(default_factory=list)
    first_height: Height | None = None
    last_height: Height | None = None


def _own_by_holder(ground: Ground) -> dict[str, _Own]:
    own = {holder.id: _Own() for holder in ground.evidence.declaration.holders}
    for coin in ground.ledger.coins:
        if coin.unspent and ground.counts(coin.wallet):
            own[ground.wallets[coin.wallet].holder].coins.append(coin)
    for one in ground.movements:
        if one.book is Book.COUNTED and happened_by(one, ground.closing):
            its = own[one.holder]
            its.first_height = one.height if its.first_height is None else its.first_height
            its.last_height = one.height
    return own


def _state_holder(
    ground: Ground,
    holder: DeclaredHolder,
    own: _Own,
    histories: dict[Script, ScriptHistory],
    rolls: Mapping[str, RollForward] | None,
) -> HolderStatement:
    declared = ground.wallets_of[holder.id]
    in_book = [one.id for one in declared if ground.members[one.id].book is Book.COUNTED]
    counted = [coin for coin in own.coins if ground.is_counted(coin.wallet)]
    wallets = tuple(
        state_wallet(ground, wallet, histories, rolls[wallet.id] if rolls is not None else None)
        for wallet in declared
    )
    script, most = largest_script(counted)
    return HolderStatement(
        id=holder.id,
        name=holder.name,
        complete=holder.complete,
        totals=totals_of(own.coins, {w.id: (w.role, w.attribution) for w in declared}),
        roll_forward=add_roll_forwards(rolls[wallet] for wallet in in_book)
        if rolls is not None
        else None,
        types=types_of(counted),
        control=ground.control.totals(counted),
        exposed_sats=total(coin.sats for coin in counted if coin.exposed),
        exposed_by_proof_sats=by_proof(counted),
        reused_scripts=_reused(ground, wallets),
        largest_script=script,
        largest_sats=Sats(most),
        coins_digest=coins_digest(ground.evidence.network, ground.evidence.cutoff, counted),
        digest_coins=len(counted),
        first_height=own.first_height,
        last_height=own.last_height,
        wallets=wallets,
    )


def _reused(ground: Ground, wallets: tuple[WalletStatement, ...]) -> int:
    """How many scripts of counted wallets were paid by more than one transaction."""
    return sum(
        1
        for wallet in wallets
        if ground.is_counted(wallet.id)
        for script in wallet.scripts
        if script.received_in > 1
    )
