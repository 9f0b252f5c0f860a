"""Block headers as values: 80 bytes, and the hash that names the block."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from erario.bitcoin.errors import BitcoinCode, DecodeError
from erario.bitcoin.values import BlockHash, sha256d

HEADER_SIZE: Final = 80
FIELDS: Final = struct.Struct("<i32s32sIII")
"""version, previous, merkle_root, time, bits, nonce."""


@dataclass(frozen=True, slots=True)
class Header:
    """A block header. Hashes are in internal order; `time` is in seconds since 1970."""

    version: int
    previous: BlockHash
    merkle_root: bytes
    time: int
    bits: int
    nonce: int
    raw: bytes
    block_hash: BlockHash


def read_header(data: bytes | memoryview) -> Header:
    """The header that 80 bytes hold.

    Raises:
        DecodeError: not 80 bytes.
    """
    raw = bytes(data)
    if len(raw) != HEADER_SIZE:
        code = (
            BitcoinCode.DECODE_TRUNCATED if len(raw) < HEADER_SIZE else BitcoinCode.DECODE_TRAILING
        )
        raise DecodeError(code, f"a block header has 80 bytes, not {len(raw)}")
    version, previous, merkle_root, time, bits, nonce = FIELDS.unpack(raw)
    return Header(
        version,
        BlockHash(previous),
        merkle_root,
        time,
        bits,
        nonce,
        raw,
        BlockHash(sha256d(raw)),
    )
