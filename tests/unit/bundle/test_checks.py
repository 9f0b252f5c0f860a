"""What a verification came to, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.bundle import kit

from erario.bundle.checks import Standing, list_checks
from erario.bundle.making import make_verified
from erario.statement.evidence import ControlProof

TOLD = "; what does not count, or differs, is in the findings"


@pytest.mark.parametrize(
    ("good", "junk", "what"),
    [
        (1, 0, "1 proof judged by BIP-322: control is shown of 1 script"),
        (1, 50, f"51 proofs judged by BIP-322: control is shown of 1 script{TOLD}"),
        (0, 2, f"2 proofs judged by BIP-322: control is shown of no script{TOLD}"),
    ],
)
def test_proofs_that_show_nothing_are_not_told_as_if_they_did(good, junk, what):
    evidence = kit.proved()
    script = evidence.proofs[0].script
    more = [ControlProof(script, f"no control message {at}", "smpAAAA") for at in range(junk)]
    _, found = make_verified(replace(evidence, proofs=(*evidence.proofs[:good], *more)))
    (control,) = (one for one in list_checks(found) if one.about == "control")
    assert (control.standing, control.what) == (Standing.CHECKED, what)
