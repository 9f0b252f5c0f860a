"""Writing what `headers`, `transactions` and `proofs_file` read; the formats stand there.

The same values always give the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from erario.bitcoin.encoding import write_compact_size
from erario.bitcoin.header import HEADER_SIZE
from erario.bundle.proofs_file import FORMAT, VERSION
from erario.statement.codec import canonical_json
from erario.statement.evidence import BlockEvidence, ControlProof, HeaderRun, TransactionEvidence
from erario.statement.json_values import Json, JsonObject


def write_headers(runs: Sequence[HeaderRun]) -> bytes:
    """The bytes of these runs."""
    parts = [write_compact_size(len(runs))]
    for run in runs:
        count = len(run.headers) // HEADER_SIZE
        parts += [run.start.to_bytes(4, "little"), count.to_bytes(4, "little"), run.headers]
    return b"".join(parts)


def write_transactions(blocks: Sequence[BlockEvidence]) -> bytes:
    """The bytes of these blocks, which are in order of height."""
    parts = [write_compact_size(len(blocks))]
    for block in blocks:
        wanted = block.transactions[:1] == (block.coinbase,)
        others = block.transactions[1:] if wanted else block.transactions
        known: dict[bytes, int] = {}
        levels = len(block.coinbase.branch)
        parts.append(block.height.to_bytes(4, "little") + bytes((wanted, levels)))
        parts += _raw(block.coinbase, known)
        parts.append(write_compact_size(len(others)))
        for one in others:
            parts.append(one.position.to_bytes(4, "little"))
            parts += _raw(one, known)
    return b"".join(parts)


def write_proofs(proofs: Iterable[ControlProof], *, seal: bool = False) -> bytes:
    """The file for these proofs, each once, in order of script, message and signature."""
    ordered = sorted(set(proofs))
    sealed: list[Json] = [*sorted(proof_digest(one).hex() for one in ordered)]
    return canonical_json(
        {
            "format": FORMAT,
            "version": VERSION,
            "proofs": [] if seal else [_proof_json(one) for one in ordered],
            "sealed": sealed if seal and sealed else None,
        }
    )


def proof_digest(proof: ControlProof) -> bytes:
    """What a sealed bundle publishes of a proof."""
    return hashlib.sha256(canonical_json(_proof_json(proof))).digest()


def _proof_json(proof: ControlProof) -> JsonObject:
    """One proof as it stands in the file."""
    return {
        "script": proof.script.hex(),
        "message": proof.message,
        "signature": proof.signature,
    }


def _raw(one: TransactionEvidence, known: dict[bytes, int]) -> list[bytes]:
    parts = [write_compact_size(len(one.raw)), one.raw]
    for node in one.branch:
        is_new = node not in known
        parts.append(write_compact_size(known.setdefault(node, len(known))))
        if is_new:
            parts.append(node)
    return parts
