"""A block's evidence as bytes and back, for the store only: the format is nobody's promise.

    header (80), coinbase, number of transactions (compact size), transactions
    transaction: position (u32), raw (sized), levels of the branch (u8), 32 bytes each

What is read here was sealed by the store; whether branches lead to their headers is checked by
whoever assesses the evidence, as it is for evidence that was just read.
"""

from __future__ import annotations

import struct

from erario.bitcoin.encoding import Reader, write_compact_size
from erario.bitcoin.header import HEADER_SIZE
from erario.bitcoin.values import Height
from erario.statement.evidence import BlockEvidence, TransactionEvidence

_HASH: int = 32
_POSITION = struct.Struct("<I")
_LEAST_TRANSACTION = 6


def encode_evidence(block: BlockEvidence) -> bytes:
    """The evidence of one block, without its height."""
    parts = [block.header, _encode_transaction(block.coinbase)]
    parts.append(write_compact_size(len(block.transactions)))
    parts.extend(map(_encode_transaction, block.transactions))
    return b"".join(parts)


def decode_evidence(height: Height, data: bytes) -> BlockEvidence:
    """The evidence of the block at `height`.

    Raises:
        DecodeError: these are not the bytes of `encode_evidence`.
    """
    reader = Reader(data)
    header = reader.take(HEADER_SIZE)
    coinbase = _decode_transaction(reader)
    count = reader.count(_LEAST_TRANSACTION)
    transactions = tuple(_decode_transaction(reader) for _ in range(count))
    reader.finish()
    return BlockEvidence(height, header, coinbase, transactions)


def _encode_transaction(one: TransactionEvidence) -> bytes:
    return b"".join(
        (
            _POSITION.pack(one.position),
            write_compact_size(len(one.raw)),
            one.raw,
            bytes((len(one.branch),)),
            *one.branch,
        )
    )


def _decode_transaction(reader: Reader) -> TransactionEvidence:
    position = reader.u32()
    raw = reader.sized_bytes()
    branch = tuple(reader.take(_HASH) for _ in range(reader.u8()))
    return TransactionEvidence(position, raw, branch)
