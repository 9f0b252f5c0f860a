"""Codes of refusals of what lies beside a bundle."""

from __future__ import annotations

from enum import StrEnum


class BesideCode(StrEnum):
    """Why a signature or a timestamp is refused."""

    SIGNATURE_FORM = "signature.form"
    SIGNATURE_NAMESPACE = "signature.namespace"
    SIGNATURE_ALGORITHM = "signature.algorithm"
    SIGNATURE_WRONG = "signature.wrong"
    SIGNATURE_SIGNER = "signature.signer"
    SIGNERS_FORM = "signature.allowed-signers"
    TIMESTAMP_FORM = "timestamp.form"
    TIMESTAMP_OTHER = "timestamp.other-digest"
    TIMESTAMP_WRONG = "timestamp.wrong"
