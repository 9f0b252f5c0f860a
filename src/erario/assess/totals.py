"""Sums over coins: by script, wallet, role, attribution and existence. Whole satoshis only.

Invariant: an unspent coin is in the sum of one script, of one wallet and, if its wallet counts at
the cut-off, of one total; a coin that is spent or lost is in none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from erario.assess.ground import Ground
from erario.bitcoin.address import show_address
from erario.bitcoin.script import ScriptType, classify
from erario.bitcoin.values import Height, Sats, Script, Txid, total
from erario.holdings.coins import Ledger
from erario.reserve.model import Attribution, Role
from erario.statement.evidence import DeclaredWallet, WatchedScript
from erario.statement.model import (
    Balance,
    Coin,
    Existence,
    Exposure,
    RollForward,
    ScriptStatement,
    Total,
    TypeTotal,
    WalletStatement,
)

_NOTHING: Final = Balance(Sats(0), 0, Sats(0), Sats(0), Sats(0))


@dataclass(slots=True)
class ScriptHistory:
    """What happened on one script up to the cut-off; `coins` are those still unspent.

    `paid_by` are the transactions that paid to it. A coinbase that was created again (BIP 30) is
    one transaction: the same bytes pay to the script, and nobody gave the address out again.
    """

    first_height: Height
    last_height: Height
    paid_by: set[Txid] = field(default_factory=set)
    spent_from: bool = False
    coins: list[Coin] = field(default_factory=list)


def read_histories(ledger: Ledger) -> dict[Script, ScriptHistory]:
    """The history of every watched script that the chain pays to: of a script whose coins are only
    listed, what is left of it."""
    histories: dict[Script, ScriptHistory] = {}
    for touch in ledger.touches:
        height = touch.seen.height
        for script in {ledger.coins[index].script for index in touch.made}:
            history = histories.setdefault(script, ScriptHistory(height, height))
            history.paid_by.add(touch.seen.transaction.txid)
            history.last_height = height
        for _, index in touch.spent:
            history = histories[ledger.coins[index].script]
            history.spent_from = True
            history.last_height = height
    for coin in ledger.coins:
        if coin.position is None:
            history = histories.setdefault(coin.script, ScriptHistory(coin.height, coin.height))
            history.first_height = min(history.first_height, coin.height)
            history.last_height = max(history.last_height, coin.height)
            history.paid_by.add(coin.outpoint.txid)
        if coin.unspent:
            histories[coin.script].coins.append(coin)
    return histories


def balance_of(coins: Iterable[Coin]) -> Balance:
    """The sums over unspent coins."""
    coins = list(coins)
    if not coins:
        # Most scripts of a descriptor hold nothing.
        return _NOTHING
    return Balance(
        sats=total(coin.sats for coin in coins),
        coins=len(coins),
        immature_sats=total(coin.sats for coin in coins if coin.immature),
        exposed_sats=total(coin.sats for coin in coins if coin.exposed),
        exposed_by_proof_sats=by_proof(coins),
    )


def by_proof(coins: Iterable[Coin]) -> Sats:
    """The coins whose keys only a control proof shows."""
    return total(coin.sats for coin in coins if coin.exposed is Exposure.PROOF)


def state_wallet(
    ground: Ground,
    wallet: DeclaredWallet,
    histories: dict[Script, ScriptHistory],
    roll_forward: RollForward | None,
) -> WalletStatement:
    """A wallet at the cut-off, with the scripts that were written down or used."""
    seen = [histories[one.script] for one in wallet.scripts if one.script in histories]
    return WalletStatement(
        id=wallet.id,
        role=wallet.role,
        attribution=wallet.attribution,
        document=wallet.document,
        since=wallet.since,
        until=wallet.until,
        counts=ground.counts(wallet.id),
        balance=balance_of(coin for history in seen for coin in history.coins),
        first_height=min((history.first_height for history in seen), default=None),
        last_height=max((history.last_height for history in seen), default=None),
        roll_forward=roll_forward,
        watched=len(wallet.scripts),
        branches=wallet.branches,
        scripts=tuple(
            _state_script(ground, one, histories.get(one.script))
            for one in wallet.scripts
            if one.branch is None or one.script in histories
        ),
    )


def totals_of(
    coins: Iterable[Coin], labels: dict[str, tuple[Role, Attribution]]
) -> tuple[Total, ...]:
    """The lines of a holder's totals, in the order of the axes; those without coins left out.

    `labels` gives the role and the attribution of each wallet.
    """
    lines: dict[tuple[Role, Attribution, Existence], list[Coin]] = defaultdict(list)
    for coin in coins:
        lines[(*labels[coin.wallet], coin.existence)].append(coin)
    return tuple(
        Total(role, attribution, existence, balance_of(lines[role, attribution, existence]))
        for role in Role
        for attribution in Attribution
        for existence in Existence
        if (role, attribution, existence) in lines
    )


def types_of(coins: Sequence[Coin]) -> tuple[TypeTotal, ...]:
    """The coins by type of script."""
    by_type: dict[ScriptType, list[Coin]] = defaultdict(list)
    for coin in coins:
        by_type[classify(coin.script)].append(coin)
    return tuple(
        TypeTotal(kind, total(coin.sats for coin in by_type[kind]), len(by_type[kind]))
        for kind in ScriptType
        if kind in by_type
    )


def largest_script(coins: Iterable[Coin]) -> tuple[Script | None, int]:
    """The script that holds the most, of equal ones the first by its bytes; None without coins."""
    held: dict[Script, int] = defaultdict(int)
    for coin in coins:
        held[coin.script] += coin.sats
    if not held:
        return None, 0
    return min(held.items(), key=lambda item: (-item[1], item[0]))


def _state_script(
    ground: Ground, one: WatchedScript, history: ScriptHistory | None
) -> ScriptStatement:
    return ScriptStatement(
        script=one.script,
        address=show_address(one.script, ground.evidence.network),
        type=classify(one.script),
        branch=one.branch,
        index=one.index,
        balance=balance_of(history.coins if history else ()),
        first_height=history.first_height if history else None,
        last_height=history.last_height if history else None,
        received_in=len(history.paid_by) if history else 0,
        spent_from=history.spent_from if history else False,
        control=ground.control.weakest(one.script, history.coins if history else ()),
        proof=ground.control.proofs.get(one.script),
    )
