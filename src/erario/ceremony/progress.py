"""Who signed an ask, and who still can: its inputs, by the people behind the keys."""

from __future__ import annotations

from dataclasses import dataclass

from erario.ceremony.plan import Ceremony, Signer
from erario.ceremony.standing import InputStanding, Standing


@dataclass(frozen=True, slots=True)
class Progress:
    """Where an ask stands.

    Attributes:
        signed: signers whose signatures hold in every input that has a key of theirs.
        partly: the same for some inputs only, with how many of how many.
        open: signers who have not signed at all.
        missing: signatures that are still needed; None where only the wallet knows.
    """

    signed: tuple[Signer, ...]
    partly: tuple[tuple[Signer, int, int], ...]
    open: tuple[Signer, ...]
    missing: int | None


def progress_of(ceremony: Ceremony, standing: Standing) -> Progress:
    """Where an ask stands."""
    counts: dict[bytes, list[int]] = {}
    for one in standing.inputs:
        for fingerprint in dict.fromkeys(one.origins.values()):
            done = counts.setdefault(fingerprint, [0, 0])
            done[0] += has_signed(one, fingerprint)
            done[1] += 1
    counts = dict(sorted(counts.items()))
    people = {fingerprint: ceremony.signer(fingerprint) for fingerprint in counts}
    lacking = [_missing(one) for one in standing.inputs if not one.is_complete]
    known = [one for one in lacking if one is not None]
    return Progress(
        tuple(people[one] for one, (done, of) in counts.items() if done == of),
        tuple((people[one], done, of) for one, (done, of) in counts.items() if 0 < done < of),
        tuple(people[one] for one, (done, _) in counts.items() if not done),
        None if len(known) < len(lacking) else max(known, default=0),
    )


def has_signed(one: InputStanding, fingerprint: bytes) -> bool:
    """Whether a key of this origin signed an input, in any way."""
    return any(one.origins.get(key) == fingerprint for _, key in one.signed)


def _missing(one: InputStanding) -> int | None:
    """The signatures that the nearest way still needs."""
    found = [one.missing(way) for way in one.ways]
    known = [number for number in found if number is not None]
    if not one.ways:
        return 1
    return min(known) if known else None
