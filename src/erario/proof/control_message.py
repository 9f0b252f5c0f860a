"""The message of a control proof: one line that a device can show, and that names a block.

    PURPOSE | HOLDER | block HEIGHT HASH | coins DIGEST

Printable ASCII, at most 240 bytes. The block bounds the proof's age from above: nobody could know
its hash before. The digest (`erario.assess.coins_digest`) says which coins the holder meant. The
purpose says what the signature is for, so that nobody can use it for something else; it names no
block of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from erario.bitcoin.values import BlockHash, Height, read_hash, show_hash
from erario.proof.errors import ProofError, ProofErrorCode

MAX_CONTROL_MESSAGE: Final = 240
"""Bytes that hardware signers show and sign without refusing or cutting."""

_LINE: Final = re.compile(
    r"(?P<purpose>[^|]+) \| (?P<holder>[^|]+) \| "
    r"block (?P<height>0|[1-9][0-9]{0,7}) (?P<hash>[0-9a-f]{64}) \| "
    r"coins (?P<digest>[0-9a-f]{64})"
)
_NAMES_A_BLOCK: Final = re.compile(r"\bblock\b|[0-9a-f]{16}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ControlMessage:
    """What a control message says. `coins_digest` has 32 bytes, in the order in which it is
    printed."""

    purpose: str
    holder: str
    height: Height
    block_hash: BlockHash
    coins_digest: bytes

    @property
    def text(self) -> str:
        """The line that is signed."""
        return (
            f"{self.purpose} | {self.holder} | block {self.height} {show_hash(self.block_hash)}"
            f" | coins {self.coins_digest.hex()}"
        )


def write_control_message(
    purpose: str, holder: str, height: Height, block_hash: BlockHash, coins_digest: bytes
) -> ControlMessage:
    """The message for a holder's coins at a block.

    Args:
        purpose: what the signature is for, such as "Reserve audit 2026".
        holder: the holder's name in ASCII (`signs_as`).
        height: of the block.
        block_hash: of the block, internal order.
        coins_digest: of the holder's coins there.

    Raises:
        ProofError: the line would be too long, is not printable ASCII on one line, or its purpose
            names a block.
    """
    for what, text in (("purpose", purpose), ("holder", holder)):
        is_plain = text.isascii() and text.isprintable() and "|" not in text
        if not is_plain or not text or text != text.strip():
            raise ProofError(
                ProofErrorCode.NOT_PLAIN,
                f"the {what} is empty, or not of printable ASCII without | and outer spaces",
                remedy="Write it in plain letters: devices show it."
                + (" A holder can have a signs_as." if what == "holder" else ""),
            )
    if _NAMES_A_BLOCK.search(purpose):
        raise ProofError(
            ProofErrorCode.NAMES_A_BLOCK,
            "the purpose speaks of a block, or holds a long number, which could pass for the one "
            "that the message names",
            remedy="Leave it out: the message names its block by itself.",
        )
    message = ControlMessage(purpose, holder, height, block_hash, coins_digest)
    excess = len(message.text) - MAX_CONTROL_MESSAGE
    if excess > 0:
        raise ProofError(
            ProofErrorCode.MESSAGE_TOO_LONG,
            f"the message is {excess} bytes longer than devices show",
            remedy=f"Shorten the purpose or the holder's name (signs_as) by {excess} letters.",
        )
    return message


def read_control_message(text: str) -> ControlMessage | None:
    """What a line says; None where it is no control message as `write_control_message` makes."""
    match = _LINE.fullmatch(text)
    if match is None:
        return None
    try:
        return write_control_message(
            match["purpose"],
            match["holder"],
            Height(int(match["height"])),
            BlockHash(read_hash(match["hash"])),
            bytes.fromhex(match["digest"]),
        )
    except ProofError:
        return None
