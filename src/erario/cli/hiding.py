"""Private keys and seed phrases never leave through a message.

Two lines of defence: a command line that holds one is refused before anything is done with it, and
every message passes `hide` on its way out, whatever it was made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from erario.errors import RequestError

SHORTEST_SECRET: Final = 16
"""No text with fewer characters holds one: it needs no look, and help needs no wordlist."""
SHORTEST_WORDS: Final = 8
"""Nor do fewer arguments, all of them short, make up a seed phrase."""


class HidingCode(StrEnum):
    """Codes of the errors of this module."""

    SECRET = "cli.secret"  # noqa: S105 - a code, no password


def hide(text: str) -> str:
    """`text` with the letters and digits of every secret in it turned into `x`."""
    if len(text) < SHORTEST_SECRET:
        return text
    from erario.bitcoin.descriptor_secrets import mask_secrets  # noqa: PLC0415 - costs 60 ms

    return mask_secrets(text)


def refuse_secrets(args: Sequence[str]) -> None:
    """Refuse a command line that holds a secret, in one argument or as words of several.

    Raises:
        RequestError: it does; the sentence says what kind of secret, and never which.
    """
    together = " ".join(args)
    if len(args) < SHORTEST_WORDS and all(len(arg) < SHORTEST_SECRET for arg in args):
        return
    from erario.bitcoin.descriptor_secrets import find_secrets  # noqa: PLC0415 - see above

    found = find_secrets(together)
    if found:
        raise RequestError(
            HidingCode.SECRET,
            f"{found[0].kind.value} stands on the command line, which other programs and the "
            "shell's history can read; nothing was done",
            remedy="erario never needs one. Hold it for known to others, and move its coins.",
        )
