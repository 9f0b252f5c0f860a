"""The values of a ceremony: one message, and each PSBT that is to be signed for it.

A PSBT with one input proves one script. One with more is a proof of funds: its first script signs
the message, and each further one signs with a coin that it holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Script
from erario.proof.control_message import ControlMessage
from erario.proof.psbt import DERIVATION, TAP_DERIVATION, Psbt

MAX_ALONE: Final = 20
"""Scripts that are proved one by one, unless the asker wants otherwise."""
MAX_INPUTS: Final = 20
"""Of one proof of funds: what devices sign in one go."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who holds a key, by the fingerprint of its master key; name and site where the reserve has
    them."""

    fingerprint: str
    name: str | None = None
    site: str | None = None

    @property
    def title(self) -> str:
        """The signer for people."""
        if self.name is None:
            return self.fingerprint
        return f"{self.name} ({self.site})" if self.site else self.name


@dataclass(frozen=True, slots=True)
class Ask:
    """One PSBT to sign, called `name`: the wallet's id and a number. `scripts` are by input."""

    name: str
    wallet: str
    scripts: tuple[Script, ...]
    psbt: Psbt

    @property
    def has_origins(self) -> bool:
        """Whether it tells devices which keys are theirs."""
        return any(
            key[:1] in {DERIVATION, TAP_DERIVATION} for fields in self.psbt.inputs for key in fields
        )


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What was asked of whom. `signers` are the cosigners of the reserve."""

    network: NetworkName
    holder: str
    message: ControlMessage
    signers: Mapping[str, Signer]
    asks: tuple[Ask, ...]

    def signer(self, fingerprint: bytes) -> Signer:
        """Whoever has the key with this fingerprint."""
        text = fingerprint.hex()
        return self.signers.get(text, Signer(text))
