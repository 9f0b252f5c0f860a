"""The word lists of seed phrases: BIP-39 in all its languages, and SLIP-39.

This module wraps `mnemonic`, Trezor's reference implementation of BIP-39, for its lists alone.
Words are compared without case and accents: people leave them out, and keyboards lack them.
"""

from __future__ import annotations

import unicodedata
from functools import cache


def fold(word: str) -> str:
    """A word as the lists have it here: lower case, no accents."""
    lowered = word.lower()
    if lowered.isascii():
        return lowered
    parts = unicodedata.normalize("NFKD", lowered)
    return "".join(part for part in parts if not unicodedata.combining(part))


@cache
def lists_of_words() -> dict[str, int]:
    """Each folded word with the lists that have it, one bit a list; read when first asked for."""
    # Here, because most commands see no text with so many words in a row.
    from embit.wordlists.slip39 import SLIP39_WORDS  # noqa: PLC0415
    from mnemonic import Mnemonic  # noqa: PLC0415

    lists = [Mnemonic(language).wordlist for language in sorted(Mnemonic.list_languages())]
    known: dict[str, int] = {}
    for number, words in enumerate((*lists, SLIP39_WORDS)):
        for folded in fold("\n".join(words)).split("\n"):
            known[folded] = known.get(folded, 0) | 1 << number
    return known
