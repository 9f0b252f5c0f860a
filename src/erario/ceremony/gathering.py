"""Putting together what came back: each signature checked, each proof verified by both engines.

    gather(ceremony, returned) -> Gathered      what stands, by ask, and what was refused with why

Only signatures that hold are taken from a returned PSBT; everything else in it is left: the PSBT
that was given out stays what is signed. So a wrong file changes nothing, whatever its order, and
the same files give the same answer again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from erario.ceremony.errors import CeremonyCode, CeremonyError
from erario.ceremony.pasting import take_texts
from erario.ceremony.plan import Ask, Ceremony
from erario.ceremony.quorum import Kind, origins, ways
from erario.ceremony.returned import Returned, SignedText
from erario.ceremony.signatures import Checker, has_signature
from erario.ceremony.standing import InputStanding, Standing, record_proof
from erario.errors import ErarioError, Place
from erario.proof.errors import ProofError
from erario.proof.making import finalise, signature_text
from erario.proof.psbt import (
    DERIVATION,
    FINAL_SCRIPT_SIG,
    FINAL_WITNESS,
    MESSAGE,
    NON_WITNESS_UTXO,
    PARTIAL_SIG,
    REDEEM_SCRIPT,
    TAP_KEY_SIG,
    TAP_SCRIPT_SIG,
    WITNESS_SCRIPT,
    WITNESS_UTXO,
    Fields,
    Psbt,
)
from erario.statement.evidence import ControlProof

_LEARNED: Final = frozenset({DERIVATION, REDEEM_SCRIPT, WITNESS_SCRIPT})
"""Taken from a wallet's PSBT where only an address was known, since they show what it hashes."""
_SPENT: Final = frozenset({NON_WITNESS_UTXO, WITNESS_UTXO})


@dataclass(frozen=True, slots=True)
class Gathered:
    """What came back, put together. `refused` are the files that were no part of it, and why."""

    standings: tuple[Standing, ...]
    refused: tuple[ErarioError, ...]

    @property
    def proofs(self) -> tuple[ControlProof, ...]:
        """Every proof that holds."""
        found = (one for standing in self.standings for one in standing.proofs.values())
        return tuple(dict.fromkeys(found))

    @property
    def is_complete(self) -> bool:
        """Whether all that was asked is proved."""
        return all(standing.is_proved for standing in self.standings)


def gather(ceremony: Ceremony, returned: Iterable[Returned]) -> Gathered:
    """What stands once everything that came back was looked at.

    Raises:
        ProofError: what checks signatures is not installed.
    """
    refused: list[ErarioError] = []
    unsigned: list[tuple[_Desk, CeremonyError]] = []
    desks = {ask.psbt.transaction.raw: _Desk(ask) for ask in ceremony.asks}
    texts: list[tuple[str, SignedText]] = []
    for one in returned:
        texts += [(one.name, text) for text in one.texts]
        for psbt in one.psbts:
            desk = desks.get(psbt.transaction.raw)
            error = desk.take(psbt, one.name) if desk else _foreign(ceremony, psbt, one.name)
            if desk is not None and error is not None and error.code is CeremonyCode.UNSIGNED:
                unsigned.append((desk, error))
            elif error is not None:
                refused.append(error)
    for desk in desks.values():
        desk.close(ceremony.message.text)
    standings = tuple(desk.standing for desk in desks.values())
    refused += take_texts(ceremony, standings, texts)
    # Once signed, a copy that nobody signed is in nobody's way.
    refused += [error for desk, error in unsigned if not desk.standing.is_proved]
    return Gathered(standings, tuple(refused))


def finalised(ask: Ask, inputs: Sequence[InputStanding]) -> Psbt:
    """The finalised PSBT of an ask, from the signatures that stand, without extended keys.

    Raises:
        ProofError: they do not suffice.
    """
    done = finalise(merged(ask, inputs))
    message = {MESSAGE: done.fields[MESSAGE]}
    return replace(done, fields=message, inputs=tuple(map(_lean, done.inputs)))


def merged(ask: Ask, inputs: Sequence[InputStanding]) -> Psbt:
    """The PSBT of an ask with every signature that stands, for a wallet to go on with."""
    maps = [
        _signed_fields({**fields, **one.learned}, one)
        for fields, one in zip(ask.psbt.inputs, inputs, strict=True)
    ]
    return replace(ask.psbt, inputs=tuple(maps))


class _Desk:
    """Where the PSBTs that came back for one ask are put together."""

    def __init__(self, ask: Ask) -> None:
        self._checker: Checker | None = None
        self.standing = Standing(
            ask,
            [
                InputStanding(script, ways(script, fields), origins(fields))
                for script, fields in zip(ask.scripts, ask.psbt.inputs, strict=True)
            ],
        )

    def take(self, psbt: Psbt, name: str) -> CeremonyError | None:
        """Take over the signatures of a PSBT of this very transaction; why there are none."""
        ask = self.standing.ask
        if self._checker is None:
            self._checker = Checker(ask.psbt, ask.scripts)
        signed = [(number, one) for number, one in enumerate(psbt.inputs) if has_signature(one)]
        held = [self._take_input(number, one) for number, one in signed]
        if any(held):
            return None
        code, why = CeremonyCode.UNSIGNED, "nobody has signed it"
        if signed:
            code = CeremonyCode.BAD_SIGNATURE
            why = "no signature in it holds for its message"
        return CeremonyError(
            code,
            f"this is {ask.name}, and {why}",
            remedy="Sign the PSBT as it was given out, with the wallet that has its keys.",
            place=Place(name),
        )

    def close(self, message: str) -> None:
        """Finalise and verify, where the signatures suffice."""
        standing = self.standing
        if not all(one.is_complete for one in standing.inputs):
            return
        try:
            text = signature_text(finalised(standing.ask, standing.inputs))
        except ProofError as error:
            standing.trouble = error.what
            return
        result = record_proof(standing, standing.ask.scripts[0], message, text)
        if not result.is_proved:
            standing.trouble = result.sentence

    def _take_input(self, number: int, given: Fields) -> bool:
        """Take over what holds for one input; whether anything did."""
        assert self._checker is not None
        one = self.standing.inputs[number]
        found, learned = one.ways, one.learned
        if not one.origins:
            known = self.standing.ask.psbt.inputs[number]
            learned = {key: value for key, value in given.items() if key[:1] in _LEARNED}
            found = ways(one.script, {**learned, **known})
        holding = self._checker.holding(number, found, given)
        if holding and not one.origins:
            # Only what a signature confirms is believed: anybody can write keys into a PSBT.
            one.ways, one.learned, one.origins = found, learned, origins(learned)
        one.signed = {**holding, **one.signed}
        final = {key: given[key] for key in (FINAL_SCRIPT_SIG, FINAL_WITNESS) if key in given}
        if final and not one.final and self._checker.is_satisfied(number, final):
            one.final = final
        return bool(holding or one.final == final != {})


def _signed_fields(fields: Fields, one: InputStanding) -> Fields:
    """An input of the PSBT that was given out, with what signs it."""
    if one.final and not any(one.missing(way) == 0 for way in one.ways):
        kept = {key: value for key, value in fields.items() if key in _SPENT}
        return {**kept, **one.final}
    made = dict(fields)
    for way in one.ways:
        for key in way.keys:
            signature = one.signed.get((way.leaf, key))
            if signature is None:
                continue
            if way.kind is Kind.LEAF:
                made[TAP_SCRIPT_SIG + key + way.leaf] = signature
            elif way.kind is Kind.KEY_PATH:
                made[TAP_KEY_SIG] = signature
            else:
                made[PARTIAL_SIG + key] = signature
    return made


def _lean(fields: Fields) -> Fields:
    """Without the transaction that a coin came from, where its witness signs the amount."""
    if FINAL_WITNESS not in fields or WITNESS_UTXO not in fields:
        return fields
    return {key: value for key, value in fields.items() if key != NON_WITNESS_UTXO}


def _foreign(ceremony: Ceremony, psbt: Psbt, name: str) -> CeremonyError:
    """Why a PSBT is none of those that were given out."""
    points = {one.outpoint for one in psbt.transaction.inputs}
    for ask in ceremony.asks:
        first = ask.psbt.transaction.inputs[0].outpoint
        if first in points:
            return CeremonyError(
                CeremonyCode.CHANGED,
                f"this is {ask.name}, but its signer changed {_difference(ask.psbt, psbt)}: what "
                "was signed is another transaction",
                remedy="Sign the PSBT as it was given out, with a signer that leaves it as it is.",
                place=Place(name),
            )
    return CeremonyError(
        CeremonyCode.FOREIGN,
        "this PSBT is of another transaction, message or ceremony",
        remedy="Give only what came back for the PSBTs of this folder.",
        place=Place(name),
    )


def _difference(ours: Psbt, other: Psbt) -> str:
    one, two = ours.transaction, other.transaction
    if one.version != two.version:
        return f"the version from {one.version} to {two.version}"
    if one.locktime != two.locktime:
        return f"the lock time from {one.locktime} to {two.locktime}"
    if [i.outpoint for i in one.inputs] != [i.outpoint for i in two.inputs]:
        return "its inputs"
    if [i.sequence for i in one.inputs] != [i.sequence for i in two.inputs]:
        return "the sequence of an input"
    return "its outputs"
