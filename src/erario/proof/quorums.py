"""What a signature shows of the scripts that it is of: how many signatures they need, of how many
keys. Nothing is judged: of a proof that does not hold, it is what its bytes would have needed.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from erario.bitcoin.values import Script
from erario.proof.checking import read_form, read_to_sign
from erario.proof.errors import ProofError
from erario.proof.messages import BadSignatureError, SignedInput, encode_message
from erario.proof.result import Form, Template
from erario.proof.templates import judge, read_leaf, read_multisig
from erario.proof.unwrapping import Kind, unwrap

_SINGLE: Final = {Template.P2PKH, Template.P2WPKH, Template.P2SH_P2WPKH, Template.P2TR_KEY}


class Quorum(NamedTuple):
    """How many signatures are needed, of how many keys: of the whole script, or of the leaf of it
    that was signed."""

    needed: int
    keys: int


def read_quorums(
    script: Script, message: str, signature: str
) -> tuple[Form | None, dict[Script, Quorum | None]]:
    """The form of a signature, None where it cannot be read; and the quorum of each script that it
    is of, its own first, None where that is no plain quorum."""
    try:
        form, payload = read_form(script, signature)
        if form is Form.LEGACY:
            return form, {script: Quorum(1, 1)}
        to_sign, _ = read_to_sign(form, payload, script, encode_message(message))
    except (BadSignatureError, ProofError):
        return None, {script: None}
    found: dict[Script, Quorum | None] = {}
    for spend in to_sign.inputs:
        found.setdefault(Script(spend.script), _quorum(spend))
    return form, found


def _quorum(spend: SignedInput) -> Quorum | None:
    judged, parts = judge(spend), unwrap(spend)
    if judged is not None and judged.template in _SINGLE:
        return Quorum(1, 1)
    if parts is None:
        return None
    read = read_leaf if parts.kind is Kind.TAPSCRIPT else read_multisig
    found = read(parts.script)
    return None if found is None else Quorum(found[0], len(found[1]))
