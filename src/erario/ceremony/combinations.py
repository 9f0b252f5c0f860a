"""Every combination of a quorum, so that a dead key is found while the others still live.

A quorum of 3 of 5 has ten combinations. Each is complete once all its members signed, in one
sitting or in several; complete ones are finalised by themselves and verified by both engines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, islice
from typing import Final

from erario.ceremony.gathering import finalised
from erario.ceremony.plan import Ceremony, Signer
from erario.ceremony.quorum import Way
from erario.ceremony.standing import InputStanding, Standing
from erario.errors import ErarioError
from erario.proof.checking import check_message
from erario.proof.making import signature_text

MAX_COMBINATIONS: Final = 1_000
"""Of one ask; 6 of 12 has fewer."""


@dataclass(frozen=True, slots=True)
class Combination:
    """So many signers as one way needs. `lacking` have not signed everything; `trouble` says why
    what is complete proves nothing, and is empty otherwise."""

    signers: tuple[Signer, ...]
    lacking: tuple[Signer, ...]
    trouble: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether these alone prove it."""
        return not self.lacking and not self.trouble


def combine_quorums(ceremony: Ceremony, standing: Standing) -> tuple[Combination, ...]:
    """Every combination by which an ask can be proved; none where only its wallet knows."""
    found: list[Combination] = []
    ways = standing.inputs[0].ways
    for number, way in enumerate(ways):
        if way.needed is None or any(len(one.ways) != len(ways) for one in standing.inputs):
            continue
        origins = standing.inputs[0].origins
        people = sorted({origins[key] for key in way.keys if key in origins})
        left = MAX_COMBINATIONS - len(found)
        found += [
            _combination(ceremony, standing, number, members)
            for members in islice(combinations(people, way.needed), left)
        ]
    return tuple(found)


def _combination(
    ceremony: Ceremony, standing: Standing, number: int, members: Sequence[bytes]
) -> Combination:
    chosen = [_only(one, one.ways[number], members) for one in standing.inputs]
    lacking = [
        member
        for member in members
        if not all(any(one.origins.get(key) == member for _, key in one.signed) for one in chosen)
    ]
    signers = tuple(map(ceremony.signer, members))
    if lacking:
        return Combination(signers, tuple(map(ceremony.signer, lacking)))
    try:
        text = signature_text(finalised(standing.ask, chosen))
    except ErarioError as error:
        return Combination(signers, (), error.what)
    result = check_message(standing.ask.scripts[0], ceremony.message.text, text)
    return Combination(signers, (), "" if result.is_proved else result.sentence)


def _only(one: InputStanding, way: Way, members: Sequence[bytes]) -> InputStanding:
    """An input as if only these had signed, in this way alone."""
    signed = {
        (leaf, key): signature
        for (leaf, key), signature in one.signed.items()
        if leaf == way.leaf and key in way.keys and one.origins.get(key) in members
    }
    return replace(one, ways=(way,), signed=signed, final={})
