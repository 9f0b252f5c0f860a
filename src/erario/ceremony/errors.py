"""Errors of the ceremony: what cannot be asked, a folder that is none, a file that is refused."""

from __future__ import annotations

from enum import StrEnum

from erario.errors import ErarioError


class CeremonyCode(StrEnum):
    """Codes of the errors of this room."""

    HOLDER = "ceremony.holder"
    WALLET = "ceremony.wallet"
    NOTHING = "ceremony.nothing"
    NOT_SETTLED = "ceremony.not-settled"
    CONTRADICTED = "ceremony.contradicted"

    FOLDER_BUSY = "ceremony.folder-busy"
    FOLDER_OTHER = "ceremony.folder-other"
    FOLDER_NONE = "ceremony.folder-none"
    STATE = "ceremony.state"
    STATE_VERSION = "ceremony.state-version"

    UNREADABLE = "returned.unreadable"
    TOO_LARGE = "returned.too-large"
    TOO_MANY = "returned.too-many"
    SECRET = "returned.secret"  # noqa: S105 - a code, no password
    FOREIGN = "returned.foreign"
    CHANGED = "returned.changed"
    BAD_SIGNATURE = "returned.bad-signature"
    UNSIGNED = "returned.unsigned"
    OTHER_MESSAGE = "returned.other-message"


class CeremonyError(ErarioError):
    """A ceremony that cannot be started or gone on with, or a file that is no part of it."""
