"""Errors and faults of the protocol room.

    ErarioError
    ├── DecodeError          bytes that are not what they were said to be
    ├── AddressError         text that is no address of the network asked about
    └── DescriptorError      text that is no usable output descriptor

`BlockFault` is not raised: the checks of a block's content return every fault that they find.
"""

from __future__ import annotations

from enum import StrEnum

from erario.errors import ErarioError


class BitcoinCode(StrEnum):
    """Codes of the errors of this room; JSON and tests use them, never the wording."""

    DECODE_TRUNCATED = "decode.truncated"
    DECODE_TRAILING = "decode.trailing"
    DECODE_NOT_CANONICAL = "decode.not-canonical"
    DECODE_TOO_LARGE = "decode.too-large"
    DECODE_WITNESS = "decode.witness"
    DECODE_FLAGS = "decode.flags"

    ADDRESS_LENGTH = "address.length"
    ADDRESS_CHARACTERS = "address.characters"
    ADDRESS_CHECKSUM = "address.checksum"
    ADDRESS_PROGRAM = "address.program"
    ADDRESS_UNKNOWN = "address.unknown"
    ADDRESS_NETWORK = "address.network"
    ADDRESS_PRIVATE_KEY = "address.private-key"

    DESCRIPTOR_SYNTAX = "descriptor.syntax"
    DESCRIPTOR_CHECKSUM = "descriptor.checksum"
    DESCRIPTOR_PRIVATE_KEY = "descriptor.private-key"
    DESCRIPTOR_KEY = "descriptor.key"
    DESCRIPTOR_NETWORK = "descriptor.network"
    DESCRIPTOR_RANGE = "descriptor.range"
    DESCRIPTOR_UNSUPPORTED = "descriptor.unsupported"


class BlockFault(StrEnum):
    """What can be wrong with the content of a block, one code for each rule."""

    NO_TRANSACTION = "block.no-transaction"
    NO_COINBASE = "block.no-coinbase"
    MORE_COINBASES = "block.more-coinbases"
    MERKLE_ROOT = "block.merkle-root"
    MERKLE_MUTATED = "block.merkle-mutated"
    TOO_HEAVY = "block.too-heavy"
    COINBASE_HEIGHT = "block.coinbase-height"
    COMMITMENT_MISSING = "block.commitment-missing"
    COMMITMENT_NONCE = "block.commitment-nonce"
    COMMITMENT_WRONG = "block.commitment-wrong"
    NO_INPUTS = "transaction.no-inputs"
    NO_OUTPUTS = "transaction.no-outputs"
    NEGATIVE_OUTPUT = "transaction.negative-output"
    OUTPUT_TOO_LARGE = "transaction.output-too-large"
    OUTPUTS_TOO_LARGE = "transaction.outputs-too-large"
    DUPLICATE_INPUTS = "transaction.duplicate-inputs"
    NULL_INPUT = "transaction.null-input"
    COINBASE_SCRIPT = "transaction.coinbase-script"


class DecodeError(ErarioError):
    """Bytes that Bitcoin's deserialisation rules refuse."""

    def __init__(self, code: BitcoinCode, what: str) -> None:
        super().__init__(
            code, what, remedy="Read the bytes again, or get them from another source."
        )


class AddressError(ErarioError):
    """Text that is no address, or an address of another network."""


class DescriptorError(ErarioError):
    """Text that is no output descriptor that can be watched. Never holds a private key."""
