"""What stands of an ask: the signatures that hold, by input, and the proofs that were verified."""

from __future__ import annotations

from dataclasses import dataclass, field

from erario.bitcoin.values import Script
from erario.ceremony.plan import Ask
from erario.ceremony.quorum import Way
from erario.ceremony.signatures import Slot
from erario.proof.checking import check_message
from erario.proof.psbt import Fields
from erario.proof.result import Result
from erario.statement.evidence import ControlProof


@dataclass(slots=True)
class InputStanding:
    """What is known of one input.

    Attributes:
        script: what it spends from.
        ways: in which it can be signed.
        origins: the fingerprint of each key.
        signed: the signatures that hold.
        final: what a wallet finalised, satisfied by the engine; empty without.
        learned: scripts and origins that a wallet's PSBT added, where only an address was known.
    """

    script: Script
    ways: tuple[Way, ...]
    origins: dict[bytes, bytes]
    signed: dict[Slot, bytes] = field(default_factory=dict)
    final: Fields = field(default_factory=dict)
    learned: Fields = field(default_factory=dict)

    def has(self, way: Way, key: bytes) -> bool:
        """Whether a key signed in a way."""
        return (way.leaf, key) in self.signed

    def missing(self, way: Way) -> int | None:
        """How many signatures a way still needs; None where only the wallet knows."""
        if way.needed is None:
            return None
        return max(0, way.needed - sum(self.has(way, key) for key in way.keys))

    @property
    def is_complete(self) -> bool:
        """Whether it can be finalised."""
        return bool(self.final) or any(self.missing(way) == 0 for way in self.ways)


@dataclass(slots=True)
class Standing:
    """What stands of one ask: its inputs, and the proofs that hold, by script."""

    ask: Ask
    inputs: list[InputStanding]
    proofs: dict[Script, ControlProof] = field(default_factory=dict)
    keys: dict[Script, int] = field(default_factory=dict)
    trouble: str = ""
    """Why what is complete makes no proof; empty otherwise."""

    @property
    def is_proved(self) -> bool:
        """Whether every script of it is proved."""
        return all(script in self.proofs for script in self.ask.scripts)


def record_proof(standing: Standing, script: Script, message: str, text: str) -> Result:
    """Verify a signature, and keep it for every script that it proves."""
    result = check_message(script, message, text)
    if not result.is_proved:
        return result
    standing.trouble = ""
    proof = ControlProof(script, message, text)
    proved = [(script, result.keys), *((coin.script, coin.keys) for coin in result.coins)]
    for one, keys in proved:
        if one in standing.ask.scripts and keys and one not in standing.proofs:
            standing.proofs[one] = proof
            standing.keys[one] = keys
    return result
