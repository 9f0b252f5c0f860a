"""Putting together what came back: each signature checked, each proof verified by both engines.

    gather(ceremony, returned) -> Gathered      what stands, by ask, and what was refused with why

Only signatures that hold are taken from a returned PSBT; everything else in it is left: the PSBT
that was given out stays what is signed. So a wrong file changes nothing, whatever its order, and
the same files give the same answer again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from erario.bitcoin.address import read_address
from erario.bitcoin.values import Script
from erario.ceremony.errors import CeremonyCode, CeremonyError
from erario.ceremony.plan import Ask, Ceremony
from erario.ceremony.quorum import Kind, Way, origins, ways
from erario.ceremony.returned import Returned, SignedText
from erario.ceremony.signatures import Checker, Slot, has_signature
from erario.errors import ErarioError, Place
from erario.proof.checking import check_message
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
    TAP_DERIVATION,
    TAP_INTERNAL_KEY,
    TAP_KEY_SIG,
    TAP_LEAF_SCRIPT,
    TAP_SCRIPT_SIG,
    WITNESS_SCRIPT,
    WITNESS_UTXO,
    Fields,
    Psbt,
)
from erario.proof.result import Result
from erario.statement.evidence import ControlProof

_LEARNED = {
    DERIVATION, REDEEM_SCRIPT, WITNESS_SCRIPT, TAP_DERIVATION, TAP_INTERNAL_KEY, TAP_LEAF_SCRIPT,
}  # fmt: skip
"""Taken from a wallet's PSBT where only an address was known: it shows which script was hashed."""
_SPENT = frozenset({NON_WITNESS_UTXO, WITNESS_UTXO})


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
    desks = {ask.psbt.transaction.raw: _Desk(ask) for ask in ceremony.asks}
    texts: list[tuple[str, SignedText]] = []
    for one in returned:
        texts += [(one.name, text) for text in one.texts]
        for psbt in one.psbts:
            try:
                desk = desks.get(psbt.transaction.raw)
                if desk is None:
                    raise _foreign(ceremony, psbt, one.name)
                desk.take(psbt, one.name)
            except CeremonyError as error:
                refused.append(error)
    for desk in desks.values():
        desk.close(ceremony.message.text)
    standings = tuple(desk.standing for desk in desks.values())
    refused += _take_texts(ceremony, standings, texts)
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

    def take(self, psbt: Psbt, name: str) -> None:
        """Take over the signatures of a PSBT of this very transaction.

        Raises:
            CeremonyError: it carries none, or one that does not hold.
        """
        ask = self.standing.ask
        if self._checker is None:
            self._checker = Checker(ask.psbt, ask.scripts)
        found = False
        for number, given in enumerate(psbt.inputs):
            if has_signature(given):
                found = self._take_input(number, given) or found
        if not found:
            signed = any(map(has_signature, psbt.inputs))
            raise CeremonyError(
                CeremonyCode.BAD_SIGNATURE if signed else CeremonyCode.UNSIGNED,
                f"this is {ask.name}, and no signature in it holds for its message"
                if signed
                else f"this is {ask.name}, and nobody has signed it",
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
        result = _record(standing, standing.ask.scripts[0], message, text)
        if not result.is_proved:
            standing.trouble = result.sentence

    def _take_input(self, number: int, given: Fields) -> bool:
        """Take over what holds for one input; whether anything did."""
        assert self._checker is not None
        one = self.standing.inputs[number]
        if not one.origins:
            known = self.standing.ask.psbt.inputs[number]
            one.learned = {key: value for key, value in given.items() if key[:1] in _LEARNED}
            one.ways, one.origins = ways(one.script, {**one.learned, **known}), origins(one.learned)
        holding = self._checker.holding(number, one.ways, given)
        one.signed = {**holding, **one.signed}
        final = {key: given[key] for key in (FINAL_SCRIPT_SIG, FINAL_WITNESS) if key in given}
        if final and not one.final and self._checker.is_satisfied(number, final):
            one.final = final
        return bool(holding or one.final == final != {})


def _record(standing: Standing, script: Script, message: str, text: str) -> Result:
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


def _take_texts(
    ceremony: Ceremony, standings: Sequence[Standing], texts: Sequence[tuple[str, SignedText]]
) -> list[ErarioError]:
    """Take over pasted signatures; what is refused."""
    homes = {script: one for one in standings for script in one.ask.scripts}
    refused: list[ErarioError] = []
    for name, text in texts:
        try:
            _take_text(ceremony, homes, text, name)
        except ErarioError as error:
            refused.append(error)
    return refused


def _take_text(
    ceremony: Ceremony, homes: Mapping[Script, Standing], text: SignedText, name: str
) -> None:
    message = ceremony.message.text
    if text.message is not None and text.message != message:
        raise CeremonyError(
            CeremonyCode.OTHER_MESSAGE,
            "another message was signed than the one that was asked for",
            remedy="Sign what message.txt holds, letter by letter, without a line end.",
            place=Place(name),
        )
    wanted = [one for one in homes if one not in homes[one].proofs]
    if text.address is not None:
        wanted = [read_address(text.address, ceremony.network)]
        if wanted[0] not in homes:
            raise CeremonyError(
                CeremonyCode.FOREIGN,
                f"nobody asked {text.address[:100]} for a signature",
                remedy="Give signatures of the addresses that were asked.",
                place=Place(name),
            )
    elif not wanted:
        # All is proved already, with this signature or another: nothing is missing, or wrong.
        return
    reason = "it holds for none of the scripts that were asked"
    for script in wanted:
        result = _record(homes[script], script, message, text.signature)
        if result.is_proved:
            return
        if text.address is not None:
            reason = result.sentence
    raise CeremonyError(
        CeremonyCode.BAD_SIGNATURE,
        f"a signature proves nothing: {reason}",
        remedy="Sign what message.txt holds, letter by letter, without a line end.",
        place=Place(name),
    )


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
