"""A verified bundle as somebody with more than the file sees it: with the proofs that it has
sealed, or by another maximum age of its proofs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from erario.bundle.errors import BundleCode, BundleError, ReadingCode
from erario.bundle.verifying import VerifiedBundle, assess_bundle, with_proofs
from erario.bundle.writing import proof_digest
from erario.errors import RequestError
from erario.statement.evidence import ControlProof


def open_sealed(found: VerifiedBundle, proofs: Sequence[ControlProof]) -> VerifiedBundle:
    """A bundle with the proofs that it has sealed, judged.

    Raises:
        BundleError: they are not those that were sealed, all of them, or one does not hold.
        RequestError: none were sealed, or they cannot be judged here.
    """
    check_sealed(found)
    wanted, given = set(found.sealed), {proof_digest(one) for one in proofs}
    if given != wanted:
        raise BundleError(
            BundleCode.SEAL,
            f"the proofs given are not those that were sealed: of {len(wanted):,} sealed, "
            f"{len(wanted - given):,} not given; of {len(given):,} given, {len(given - wanted):,} "
            "not sealed",
            remedy="Give the file that --seal-proofs wrote for this very bundle; if it is that "
            "one, ask whoever gave it to you for the right one.",
        )
    evidence = with_proofs(found.evidence, tuple(proofs), found.headers)
    return replace(found, evidence=evidence, statement=assess_bundle(evidence), sealed=())


def check_sealed(found: VerifiedBundle) -> None:
    """Check that there is something to open.

    Raises:
        RequestError: the bundle has sealed no proofs.
    """
    if not found.sealed:
        raise RequestError(
            ReadingCode.NOTHING_SEALED,
            "the bundle has sealed no proofs, so there are none to open",
            remedy="Leave out --proofs: the proofs that are in a bundle are always judged.",
        )


def count_proofs_within(found: VerifiedBundle, days: int) -> VerifiedBundle:
    """A bundle as whoever counts no proofs older than that at the cut-off sees it."""
    evidence = replace(found.evidence, proofs_within_days=days)
    return replace(found, evidence=evidence, statement=assess_bundle(evidence))
