"""Codes of the errors of the observation room."""

from __future__ import annotations

from enum import StrEnum


class ChainCode(StrEnum):
    """JSON and tests use these, never the wording."""

    SCHEME_UNKNOWN = "source.scheme-unknown"
    EXTRA_MISSING = "source.extra-missing"
    PATH_MISSING = "source.path-missing"
    UNREADABLE = "source.unreadable"
    TOO_MANY_FILES = "source.too-many-files"
    HEIGHT_UNKNOWN = "source.height-unknown"

    NO_BLOCK_FILES = "blocks.no-files"
    NO_BLOCKS = "blocks.none"
    OTHER_NETWORK = "blocks.other-network"
    BAD_KEY = "blocks.bad-key"
    DAMAGED = "blocks.damaged"
    UNPACKS_TOO_LARGE = "blocks.unpacks-too-large"
    TOO_MUCH_GARBAGE = "blocks.too-much-garbage"
    FILE_CHANGED = "blocks.file-changed"
    BLOCK_MISSING = "blocks.missing"
    BLOCK_BAD = "blocks.bad"
