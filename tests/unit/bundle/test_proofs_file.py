"""`proofs.json` of a bundle: what is written is read."""

from __future__ import annotations

import pytest

from erario.bitcoin.values import Script
from erario.bundle.errors import BundleCode, BundleError
from erario.bundle.proofs_file import read_proofs
from erario.bundle.writing import write_proofs
from erario.proof.messages import MAX_SIGNATURE_TEXT
from erario.statement.evidence import ControlProof


def test_a_signature_may_be_as_long_as_in_a_proof_file():
    proof = ControlProof(Script(b"\x51"), "m", "s" * MAX_SIGNATURE_TEXT)
    assert read_proofs(write_proofs([proof])).proofs == (proof,)
    longer = ControlProof(Script(b"\x51"), "m", "s" * (MAX_SIGNATURE_TEXT + 1))
    with pytest.raises(BundleError) as refused:
        read_proofs(write_proofs([longer]))
    assert refused.value.code is BundleCode.FIELD
