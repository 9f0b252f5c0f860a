"""Signature strings that were pasted: each is held against the script of its address, or against
every script that is not proved yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from erario.bitcoin.address import read_address
from erario.bitcoin.values import Script
from erario.ceremony.errors import CeremonyCode, CeremonyError
from erario.ceremony.plan import Ceremony
from erario.ceremony.returned import SignedText
from erario.ceremony.standing import Standing, record_proof
from erario.errors import ErarioError, Place

MAX_TRIALS: Final = 100_000
"""Of strings without an address: a string against a script is one."""
_SIGN_AGAIN: Final = "Sign what message.txt holds, letter by letter, without a line end."


def take_texts(
    ceremony: Ceremony, standings: Sequence[Standing], texts: Iterable[tuple[str, SignedText]]
) -> list[ErarioError]:
    """Take over the signatures of some files, each with the file's name; what is refused, and why.

    Raises:
        ProofError: what checks signatures is not installed.
    """
    desk = _Desk(ceremony, standings)
    refused: list[ErarioError] = []
    for name, text in texts:
        error = desk.take(text, name)
        if error is not None:
            refused.append(error)
    return refused


class _Desk:
    def __init__(self, ceremony: Ceremony, standings: Sequence[Standing]) -> None:
        self._ceremony = ceremony
        self._homes = {script: one for one in standings for script in one.ask.scripts}
        self._trials = MAX_TRIALS

    def take(self, text: SignedText, name: str) -> ErarioError | None:
        """Take over a signature; why not, where it is refused."""
        message = self._ceremony.message.text
        place = Place(name)
        if text.message is not None and text.message != message:
            return CeremonyError(
                CeremonyCode.OTHER_MESSAGE,
                "another message was signed than the one that was asked for",
                remedy=_SIGN_AGAIN,
                place=place,
            )
        try:
            wanted = self._wanted(text)
        except ErarioError as error:
            error.place = place
            return error
        reason = ""
        for script in wanted:
            result = record_proof(self._homes[script], script, message, text.signature)
            if result.is_proved:
                return None
            reason = result.sentence if text.address else "it is of none of the scripts in question"
        if not reason:
            # All is proved already, by this signature or another: nothing is missing, or wrong.
            return None
        return CeremonyError(
            CeremonyCode.BAD_SIGNATURE,
            f"a signature proves nothing: {reason}",
            remedy=_SIGN_AGAIN,
            place=place,
        )

    def _wanted(self, text: SignedText) -> list[Script]:
        """The scripts that a signature may be of."""
        if text.address is not None:
            script = read_address(text.address, self._ceremony.network)
            if script in self._homes:
                return [script]
            raise CeremonyError(
                CeremonyCode.FOREIGN,
                f"nobody asked {text.address[:100]} for a signature",
                remedy="Give signatures of the addresses that were asked.",
            )
        wanted = [script for script, home in self._homes.items() if script not in home.proofs]
        self._trials -= len(wanted)
        if self._trials < 0:
            raise CeremonyError(
                CeremonyCode.TOO_MANY,
                "there are too many signatures without an address to try each on every script",
                remedy="Write the address before each signature, with a blank between them.",
            )
        return wanted
