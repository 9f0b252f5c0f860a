"""Private keys and seed phrases in text that people hand over: found, so that they can be hidden.

Found by shape, not by checksum: a key with a typing error is still nearly the key. What is found
is never echoed; callers mask it before anything else reads the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from embit.wordlists.bip39 import WORDLIST

SHORTEST_PHRASE: Final = 12
"""BIP-39 phrases have 12 to 24 words; longer runs are refused all the same."""

_BASE58: Final = "[1-9A-HJ-NP-Za-km-z]"
_WORD = re.compile(r"[A-Za-z]+")
_WORDS: Final = frozenset(WORDLIST)


class SecretKind(StrEnum):
    """What kind of secret was found, in words."""

    EXTENDED_KEY = "an extended private key"
    PRIVATE_KEY = "a private key"
    ENCRYPTED_KEY = "an encrypted private key"
    SHARE = "a share of a seed"
    SEED_PHRASE = "a seed phrase"


# SLIP-132 names extended private keys by these prefixes; WIF begins with 5, K, L (main) or 9, c
# (test) and has 51 or 52 characters; BIP-38 keys have 58; BIP-93 shares are bech32 behind ms1.
_SHAPES: Final = tuple(
    (kind, re.compile(rf"(?<![0-9A-Za-z])(?:{shape})(?![0-9A-Za-z])"))
    for kind, shape in (
        (SecretKind.EXTENDED_KEY, rf"[xyzYZtuvUV]prv{_BASE58}{{16,}}"),
        (SecretKind.PRIVATE_KEY, rf"[5KL9c]{_BASE58}{{50,51}}"),
        (SecretKind.ENCRYPTED_KEY, rf"6P{_BASE58}{{56}}"),
        (SecretKind.SHARE, r"(?:ms1|MS1)[0-9a-zA-Z]{40,}"),
    )
)


@dataclass(frozen=True, slots=True)
class Secret:
    """Where in a text a secret stands; never what it is."""

    start: int
    end: int
    kind: SecretKind


def find_secrets(text: str) -> tuple[Secret, ...]:
    """All secrets in a text, in order of their place."""
    found = [
        Secret(match.start(), match.end(), kind)
        for kind, shape in _SHAPES
        for match in shape.finditer(text)
    ]
    found += _seed_phrases(text)
    return tuple(sorted(found, key=lambda secret: secret.start))


def mask_secrets(text: str) -> str:
    """The text with the letters and digits of every secret turned into `x`; places stay."""
    for secret in find_secrets(text):
        hidden = re.sub("[0-9A-Za-z]", "x", text[secret.start : secret.end])
        text = text[: secret.start] + hidden + text[secret.end :]
    return text


def _seed_phrases(text: str) -> Iterator[Secret]:
    run: list[re.Match[str]] = []
    for match in _WORD.finditer(text):
        if match.group().lower() in _WORDS:
            run.append(match)
            continue
        if len(run) >= SHORTEST_PHRASE:
            yield Secret(run[0].start(), run[-1].end(), SecretKind.SEED_PHRASE)
        run = []
    if len(run) >= SHORTEST_PHRASE:
        yield Secret(run[0].start(), run[-1].end(), SecretKind.SEED_PHRASE)
