"""A statement as JSON, and its digest.

The JSON is canonical by RFC 8785 (JCS). Only strings, whole numbers below 2^53, booleans, null,
lists and objects with ASCII keys are in it, so that sorted keys without spaces are that form.
`statement.schema.json` beside this module describes every field.

`observed` is what depends on the asker's moment. The digest is SHA-256 over the canonical JSON of
everything else.

The version rises with any change of the members, of their values or of their meaning, since two
statements of one version that say the same must have the same digest. A reader refuses a version
that it does not know.
"""

from __future__ import annotations

import hashlib
import json
from typing import Final

from erario.statement.json_claims import claim_json
from erario.statement.json_values import (
    Json,
    JsonObject,
    chain_json,
    coin_json,
    document_json,
    finding_json,
    holder_json,
    movement_json,
    point_in_time_json,
    point_json,
    source_json,
)
from erario.statement.model import Observed, Statement

FORMAT: Final = "erario-statement"
VERSION: Final = 1


def statement_json(statement: Statement) -> bytes:
    """The statement as canonical JSON (RFC 8785), UTF-8, without a newline at its end."""
    return canonical_json({**_fixed(statement), "observed": _observed(statement.observed)})


def digest(statement: Statement) -> bytes:
    """SHA-256 over the canonical JSON without `observed`: 32 bytes."""
    return hashlib.sha256(canonical_json(_fixed(statement))).digest()


def canonical_json(value: Json) -> bytes:
    """The bytes of RFC 8785 for values as this room makes them: no floats, ASCII keys."""
    text = json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )
    return text.encode()


def _fixed(statement: Statement) -> JsonObject:
    """All that the digest covers."""
    since, asked_since = statement.since, statement.asked_since
    return {
        "format": FORMAT,
        "version": VERSION,
        "network": statement.network.value,
        "timezone": statement.timezone,
        "asked": point_in_time_json(statement.asked),
        "cutoff": point_json(statement.cutoff),
        "asked_since": None if asked_since is None else point_in_time_json(asked_since),
        "since": None if since is None else point_json(since),
        "proofs_within_days": statement.proofs_within_days,
        "existence": statement.existence.value,
        "word": statement.word.value,
        "findings": [finding_json(finding) for finding in statement.findings],
        "claims": [claim_json(claim) for claim in statement.claims],
        "holders": [holder_json(holder) for holder in statement.holders],
        "documents": [document_json(document) for document in statement.documents],
        "coins": [coin_json(coin) for coin in statement.coins],
        "movements": [movement_json(movement) for movement in statement.movements],
    }


def _observed(observed: Observed) -> JsonObject:
    return {
        "chain": chain_json(observed.chain),
        "depth": observed.depth,
        "settled": observed.settled,
        "sources": [source_json(source) for source in observed.sources],
        "findings": [finding_json(finding) for finding in observed.findings],
    }
