"""What a ceremony asks of people, and what a published proof reveals; said before it starts.

A proof shows the public keys of a script, as a spend does. Coins behind a hash count as exposed
from then on (`holdings.exposure`), those of other scripts of the same key too. It is what an audit
with the proofs comes to (`assess.exposure`), but where only an address is known a lower bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from erario.bitcoin.script import ScriptType, classify
from erario.bitcoin.values import Sats, Script, total
from erario.ceremony.plan import Ask, Ceremony, Signer
from erario.ceremony.quorum import origins, ways
from erario.holdings.exposure import Revealed
from erario.proof.psbt import REDEEM_SCRIPT, Fields
from erario.proof.scripts import write_push
from erario.statement.model import Statement

_BEHIND_A_SCRIPT = frozenset({ScriptType.P2SH, ScriptType.P2WSH})


@dataclass(frozen=True, slots=True)
class WalletForecast:
    """One wallet: how many PSBTs to sign and scripts to prove, and who can sign each.

    `quorums` are the ways: how many, None where only the wallet knows, of which signers. There is
    none where only addresses are known.
    """

    wallet: str
    psbts: int
    scripts: int
    quorums: tuple[tuple[int | None, tuple[Signer, ...]], ...]


@dataclass(frozen=True, slots=True)
class Forecast:
    """Everything that is said before anything is written.

    Attributes:
        wallets: in the order of the reserve.
        approvals: the most PSBTs that a signer is asked to approve.
        newly_exposed: coins whose public keys a published proof shows for the first time.
        exposed_already: coins of the asked scripts whose keys are visible anyway.
        revealed_scripts: script hashes whose script, with all its keys, a proof shows.
    """

    wallets: tuple[WalletForecast, ...]
    approvals: Mapping[Signer, int]
    newly_exposed: Sats
    exposed_already: Sats
    revealed_scripts: int


def foresee(ceremony: Ceremony, statement: Statement) -> Forecast:
    """What a ceremony that was worked out, and not yet written, asks and reveals."""
    approvals: dict[Signer, int] = {}
    wallets: dict[str, list[Ask]] = {}
    for ask in ceremony.asks:
        wallets.setdefault(ask.wallet, []).append(ask)
        for signer in _signers(ceremony, ask):
            approvals[signer] = approvals.get(signer, 0) + 1
    asked = {
        script: fields
        for ask in ceremony.asks
        for script, fields in zip(ask.scripts, ask.psbt.inputs, strict=True)
    }
    coins = [coin for coin in statement.coins if coin.unspent and coin.script in asked]
    hidden = {coin.script for coin in coins if not coin.exposed}
    revealed = Revealed()
    for script, fields in asked.items():
        revealed.spend(script, write_push(fields.get(REDEEM_SCRIPT, b"")))
    newly = [
        coin
        for coin in statement.coins
        if coin.unspent and not coin.exposed and revealed.exposes(coin.script)
    ]
    return Forecast(
        tuple(_wallet(ceremony, name, asks) for name, asks in wallets.items()),
        {one: approvals[one] for one in _in_order(list(approvals))},
        total(coin.sats for coin in newly),
        total(coin.sats for coin in coins if coin.exposed),
        sum(_is_behind_a_script(one, asked[one]) for one in hidden),
    )


def _wallet(ceremony: Ceremony, name: str, asks: list[Ask]) -> WalletForecast:
    first = asks[0]
    fields = first.psbt.inputs[0]
    known = origins(fields)
    quorums = [
        (way.needed, [ceremony.signer(known[key]) for key in way.keys if key in known])
        for way in ways(first.scripts[0], fields)
    ]
    return WalletForecast(
        name,
        len(asks),
        sum(len(ask.scripts) for ask in asks),
        tuple((needed, _in_order(signers)) for needed, signers in quorums if signers),
    )


def _in_order(signers: list[Signer]) -> tuple[Signer, ...]:
    """By fingerprint: sorted multisig has another order at each index."""
    return tuple(sorted(dict.fromkeys(signers), key=lambda one: one.fingerprint))


def _signers(ceremony: Ceremony, ask: Ask) -> list[Signer]:
    found = (one for fields in ask.psbt.inputs for one in origins(fields).values())
    return [ceremony.signer(one) for one in dict.fromkeys(found)]


def _is_behind_a_script(script: Script, fields: Fields) -> bool:
    if classify(script) not in _BEHIND_A_SCRIPT:
        return False
    found = ways(script, fields)
    # A P2WPKH inside P2SH is no script with keys of its own.
    return not found or any(len(way.keys) > 1 for way in found)
