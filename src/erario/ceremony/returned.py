"""What came back from signers, as hostile input: PSBTs and signature strings in files.

A file is a PSBT (binary, or base64 over any number of lines), several PSBTs in base64 one a line,
or text of signature strings: one a line, alone or behind its address, or in the frame
`-----BEGIN BITCOIN SIGNED MESSAGE-----`. A private key in any of them is refused and never echoed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from erario.ceremony.errors import CeremonyCode, CeremonyError
from erario.errors import Place
from erario.proof.messages import MAX_SIGNATURE_TEXT
from erario.proof.private_keys import holds_private_key
from erario.proof.psbt import MAGIC, MAX_PSBT, Psbt, read_psbt

MAX_FILE: Final = 2 * MAX_PSBT
MAX_LINES: Final = 10_000
_PSBT_TEXT: Final = "cHNidP"
"""How every PSBT begins in base64."""
_FRAME: Final = re.compile(
    r"-----BEGIN BITCOIN SIGNED MESSAGE-----\r?\n(?P<message>.*?)\r?\n"
    r"-----BEGIN (?:BITCOIN )?SIGNATURE-----\r?\n(?P<signed>.*?)"
    r"-----END (?:BITCOIN )?(?:SIGNATURE|SIGNED MESSAGE)-----",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class SignedText:
    """A signature string; with the address and the message that stood beside it, where they did."""

    signature: str
    address: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Returned:
    """What one file holds; `name` is the file's, as people know it."""

    name: str
    psbts: tuple[Psbt, ...] = ()
    texts: tuple[SignedText, ...] = ()


def read_returned(data: bytes, name: str) -> Returned:
    """What a file called `name` holds.

    Raises:
        CeremonyError: it is too large, holds a private key, or is no text.
        ProofError: it is a PSBT that cannot be read.
    """
    if len(data) > MAX_FILE:
        raise CeremonyError(
            CeremonyCode.TOO_LARGE,
            f"the file has more than {MAX_FILE:,} bytes",
            remedy="Give what a signer sent back: a PSBT, or signature strings.",
            place=Place(name),
        )
    if data.startswith(MAGIC[:4]):
        _refuse_secrets(data, name)
        return Returned(name, (read_psbt(data),))
    _refuse_secrets(data, name)
    try:
        text = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise _unreadable(name, "it is neither a PSBT nor text in UTF-8") from None
    if text.startswith(_PSBT_TEXT):
        lines = text.split()
        many = lines if all(line.startswith(_PSBT_TEXT) for line in lines) else [text]
        psbts = tuple(read_psbt(line) for line in many[:MAX_LINES])
        for psbt in psbts:
            _refuse_secrets(psbt.to_bytes(), name)
        return Returned(name, psbts)
    return Returned(name, texts=tuple(_texts(text, name)))


def _texts(text: str, name: str) -> list[SignedText]:
    framed = [_framed(match) for match in _FRAME.finditer(text)]
    rest = _FRAME.sub("", text)
    lines = [line.split() for line in rest.splitlines() if line.strip()]
    if len(lines) + len(framed) > MAX_LINES:
        raise CeremonyError(
            CeremonyCode.TOO_MANY,
            f"the file has more than {MAX_LINES:,} lines",
            remedy="Give one signature a line, and nothing else.",
            place=Place(name),
        )
    if any(len(words) > 2 or len(words[-1]) > MAX_SIGNATURE_TEXT for words in lines):
        raise _unreadable(name, "a line is neither a signature nor an address and a signature")
    found = framed + [
        SignedText(words[-1], words[0] if len(words) == 2 else None) for words in lines
    ]
    if not found:
        raise _unreadable(name, "it is empty")
    return found


def _framed(match: re.Match[str]) -> SignedText:
    # Headers such as Version: stand before an empty line; then address, if any, and signature.
    words = match["signed"].rpartition("\n\n")[2].split()
    signature = words[-1] if words else ""
    return SignedText(signature, words[0] if len(words) > 1 else None, match["message"])


def _refuse_secrets(data: bytes, name: str) -> None:
    if holds_private_key(data):
        raise CeremonyError(
            CeremonyCode.SECRET,
            "a private key, or a part of one, stands in the file; nothing of it was used",
            remedy="erario never needs one. Hold it for known to others, and move its coins.",
            place=Place(name),
        )


def _unreadable(name: str, why: str) -> CeremonyError:
    return CeremonyError(
        CeremonyCode.UNREADABLE,
        f"the file is nothing that a signer sends back: {why}",
        remedy="Give signed PSBTs, or text with one signature a line, its address before it.",
        place=Place(name),
    )
