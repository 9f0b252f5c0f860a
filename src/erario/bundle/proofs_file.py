"""`proofs.json`: control proofs, whole or sealed.

    {"format": "erario-bundle-proofs", "version": 1, "proofs": [{"script", "message", "signature"}],
     "sealed": null}
    {"format": "erario-bundle-proofs", "version": 1, "proofs": [], "sealed": ["SHA-256", ...]}

What a proof shows is for `erario.proof` to say. The digest of one is SHA-256 over its canonical
JSON. The files in which people pass proofs on have a format of their own (`erario.proof`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from erario.bundle.errors import BundleCode, BundleError
from erario.bundle.evidence_reading import check_format
from erario.bundle.names import PROOFS
from erario.bundle.strict_json import Fields, read_json
from erario.proof.messages import MAX_SIGNATURE_TEXT
from erario.statement.evidence import ControlProof
from erario.statement.json_values import Json

FORMAT: Final = "erario-bundle-proofs"
VERSION: Final = 1
_KEYS: Final = ("script", "message", "signature")
_DIGEST: Final = 32


@dataclass(frozen=True, slots=True)
class Proofs:
    """The control proofs of a bundle, or the digests of those that only the auditor has, in
    order; None where none is sealed."""

    proofs: tuple[ControlProof, ...]
    sealed: tuple[bytes, ...] | None


def read_proofs(data: bytes) -> Proofs:
    """The proofs of the file.

    Raises:
        BundleError: it is not of this format, or not in its order.
    """
    fields = Fields(read_json(data, PROOFS), PROOFS, ("format", "version", "proofs", "sealed"))
    check_format(fields, FORMAT, VERSION)
    proofs = tuple(map(_proof, fields.items("proofs")))
    if tuple(sorted(set(proofs))) != proofs:
        raise BundleError(BundleCode.PROOF_TWICE, "its proofs are out of order, or one is twice")
    if fields.is_null("sealed"):
        return Proofs(proofs, None)
    sealed = fields.texts("sealed")
    if proofs or not sealed or sorted(set(sealed)) != list(sealed):
        raise BundleError(BundleCode.SEAL, "its sealed proofs are not some, each once, alone")
    digests = [Fields({"sha256": one}, "a sealed proof", ("sha256",)) for one in sealed]
    return Proofs((), tuple(one.hexes("sha256", least=_DIGEST, most=_DIGEST) for one in digests))


def _proof(value: Json) -> ControlProof:
    fields = Fields(value, "a proof", _KEYS)
    signature = fields.text("signature", MAX_SIGNATURE_TEXT)
    return ControlProof(fields.script("script"), fields.text("message", 10_000), signature)
