"""The control proofs of a verified bundle, one by one: what was signed, over which block, by how
many keys of how many, and whether the statement counts it. Alike ones are told together.

Nothing here decides: the statement says what is proved, and its findings why a proof is not
counted. A proof is judged once more only where the statement does not tell its keys.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from erario.bitcoin.values import Height, Script
from erario.bundle.verifying import VerifiedBundle
from erario.proof.checking import check_message
from erario.proof.control_message import ControlMessage, read_control_message
from erario.proof.quorums import Quorum, read_quorums
from erario.proof.result import Form
from erario.statement.evidence import BlockPoint, ControlProof
from erario.statement.model import ScriptProof


class ProofStanding(StrEnum):
    """What became of a proof."""

    COUNTED = "counted"
    TOO_OLD = "too old"
    """Older than whoever asks allows."""
    ANOTHER = "another"
    """Another proof of the script is the one that counts."""
    NOT_COUNTED = "not counted"


class _Alike(NamedTuple):
    """What proofs have in common that are told together."""

    text: str
    wallet: str | None
    form: Form | None
    keys: int
    quorum: Quorum | None
    standing: ProofStanding


@dataclass(slots=True)
class ProofGroup:
    """Proofs that differ in their scripts alone.

    Attributes:
        text: the message that was signed.
        said: what it says; None where it is no control message.
        point: the block that it names; None where that is not on the bundle's chain, up to its
            cut-off.
        holder: the id of the holder that it names; None where nobody signs by that name.
        wallet: of the scripts; None where they are in no wallet.
        form: how the signatures are written; None where one cannot be read.
        keys: distinct keys whose signatures each script needed; 0 where none was.
        quorum: what the script asks for; None where it is no plain quorum.
        standing: whether the statement counts them.
        proofs: how many signatures; a proof of funds is one for several scripts.
        scripts: that they are of.
    """

    text: str
    said: ControlMessage | None
    point: BlockPoint | None
    holder: str | None
    wallet: str | None
    form: Form | None
    keys: int
    quorum: Quorum | None
    standing: ProofStanding
    proofs: int = 0
    scripts: list[Script] = field(default_factory=list)


def list_proofs(found: VerifiedBundle) -> tuple[ProofGroup, ...]:
    """The open proofs of a bundle in groups, those of one message beside each other: what counts
    first, and the largest.

    Raises:
        ProofError: no engine is installed.
    """
    desk = _Desk(found)
    groups: dict[_Alike, ProofGroup] = {}
    for proof in found.evidence.proofs:
        seen = set()
        for script, alike in desk.look(proof):
            if alike not in groups:
                groups[alike] = desk.open_group(alike)
            groups[alike].scripts.append(script)
            seen.add(alike)
        for alike in seen:
            groups[alike].proofs += 1
    order = {text: at for at, text in enumerate(dict.fromkeys(one.text for one in groups))}
    standings = list(ProofStanding)
    return tuple(
        sorted(
            groups.values(),
            key=lambda one: (order[one.text], standings.index(one.standing), -len(one.scripts)),
        )
    )


class _Desk:
    def __init__(self, found: VerifiedBundle) -> None:
        evidence = found.evidence
        declared = evidence.declaration
        self._points = {(one.height, one.block_hash): one for one in evidence.named}
        self._holders = {one.signs_as or one.name: one.id for one in declared.holders}
        self._owners = {one.id: one.holder for one in declared.wallets}
        self._wallets = {each.script: one.id for one in declared.wallets for each in one.scripts}
        self._counted: dict[Script, ScriptProof] = {
            one.script: one.proof
            for holder in found.statement.holders
            for wallet in holder.wallets
            for one in wallet.scripts
            if one.proof is not None
        }
        self._said: dict[str, ControlMessage | None] = {}
        self._read = {
            one: read_quorums(one.script, one.message, one.signature) for one in evidence.proofs
        }
        self._claims = Counter(
            (script, self._height(one.message))
            for one, (_, quorums) in self._read.items()
            for script in quorums
        )

    def open_group(self, alike: _Alike) -> ProofGroup:
        """A group without scripts."""
        said = self._say(alike.text)
        return ProofGroup(
            alike.text,
            said,
            self._point(said),
            None if said is None else self._holders.get(said.holder),
            *alike[1:],
        )

    def look(self, proof: ControlProof) -> Iterator[tuple[Script, _Alike]]:
        """Each script that a proof is of, and what is to be said of it."""
        form, quorums = self._read[proof]
        judged: Mapping[Script, int] | None = None
        for script, quorum in quorums.items():
            known = self._known(script, proof.message)
            if known is None:
                judged = _judge_again(proof) if judged is None else judged
                keys, standing = judged.get(script, 0), self._standing(script, proof, judged)
            else:
                keys = known.keys
                standing = ProofStanding.TOO_OLD if known.too_old else ProofStanding.COUNTED
            wallet = self._wallets.get(script)
            yield script, _Alike(proof.message, wallet, form, keys, quorum, standing)

    def _known(self, script: Script, text: str) -> ScriptProof | None:
        """What the statement counts of a script, where that can only be by this message's proof."""
        counted, height = self._counted.get(script), self._height(text)
        if counted is None or counted.height != height or self._claims[script, height] > 1:
            return None
        return counted

    def _standing(
        self, script: Script, proof: ControlProof, judged: Mapping[Script, int]
    ) -> ProofStanding:
        """What became of a proof that the statement does not tell by itself."""
        said, counted = self._say(proof.message), self._counted.get(script)
        is_good = judged.get(script) and self._point(said) and self._is_of_holder(script, said)
        if counted is None or said is None or not is_good:
            return ProofStanding.NOT_COUNTED
        if (counted.height, counted.keys) != (said.height, judged[script]):
            return ProofStanding.ANOTHER
        return ProofStanding.TOO_OLD if counted.too_old else ProofStanding.COUNTED

    def _is_of_holder(self, script: Script, said: ControlMessage | None) -> bool:
        wallet = self._wallets.get(script)
        if wallet is None or said is None:
            return False
        return self._holders.get(said.holder) == self._owners[wallet]

    def _point(self, said: ControlMessage | None) -> BlockPoint | None:
        return None if said is None else self._points.get((said.height, said.block_hash))

    def _height(self, text: str) -> Height | None:
        said = self._say(text)
        return None if said is None else said.height

    def _say(self, text: str) -> ControlMessage | None:
        if text not in self._said:
            self._said[text] = read_control_message(text)
        return self._said[text]


def _judge_again(proof: ControlProof) -> Mapping[Script, int]:
    """Distinct keys by script, of a proof that both engines judged to be valid."""
    result = check_message(proof.script, proof.message, proof.signature)
    if not result.is_proved:
        return {}
    return {**{coin.script: coin.keys for coin in result.coins}, proof.script: result.keys}
