"""Errors of the room of control proofs: what keeps a question from being asked at all.

A signature that is no proof raises nothing: that is a `Result`. These are raised where the check
itself cannot be made, or where a PSBT that somebody gave cannot be used.
"""

from __future__ import annotations

from enum import StrEnum

from erario.errors import ErarioError


class ProofErrorCode(StrEnum):
    """Codes of the errors of this room."""

    NO_ENGINE = "proof.no-engine"
    FILE_BAD = "proof.file"
    FILE_VERSION = "proof.file-version"
    FILE_NETWORK = "proof.file-network"
    NOT_PLAIN = "proof.not-plain"
    NAMES_A_BLOCK = "proof.names-a-block"
    MESSAGE_TOO_LONG = "proof.message-too-long"
    MESSAGE_NOT_TEXT = "proof.message-not-text"
    SCRIPT_TOO_LONG = "proof.script-too-long"

    DESCRIPTOR = "proof.descriptor"

    PSBT_UNREADABLE = "psbt.unreadable"
    PSBT_TOO_LARGE = "psbt.too-large"
    PSBT_VERSION = "psbt.version"
    PSBT_DUPLICATE = "psbt.duplicate"
    PSBT_OTHER = "psbt.other"
    PSBT_UNSIGNED = "psbt.unsigned"


class ProofError(ErarioError):
    """A question about a proof that cannot be asked as it stands."""
