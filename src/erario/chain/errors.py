"""Codes of the errors of the observation room."""

from __future__ import annotations

from enum import StrEnum


class ChainCode(StrEnum):
    """JSON and tests use these, never the wording."""

    HEADERS_INCOMPLETE = "chain.headers-incomplete"
