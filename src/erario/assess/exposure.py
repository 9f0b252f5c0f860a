"""Exposure by proofs: coins whose public keys the chain hides, and a control proof shows.

A published proof shows what a spend would: `holdings.exposure` says what follows from that. It does
so whatever it is worth as a proof, be it too old, or over a block that left the chain.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from erario.holdings.exposure import Revealed
from erario.statement.evidence import ControlProof
from erario.statement.model import Coin, Exposure


def expose_by_proofs(coins: tuple[Coin, ...], proofs: Iterable[ControlProof]) -> tuple[Coin, ...]:
    """The coins, those marked whose keys the proofs show and the chain does not."""
    from erario.proof.showing import shown_inputs  # noqa: PLC0415 - only where there are proofs

    revealed = Revealed()
    for proof in dict.fromkeys(proofs):
        for one in shown_inputs(proof.script, proof.message, proof.signature):
            revealed.spend(one.script, one.script_sig)
    hidden = {coin.script for coin in coins if not coin.exposed}
    shown = {script for script in hidden if revealed.exposes(script)}
    return tuple(
        replace(coin, exposed=Exposure.PROOF) if coin.script in shown else coin for coin in coins
    )
