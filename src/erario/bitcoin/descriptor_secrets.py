"""Private keys and seed phrases in text that people hand over: found, so that they can be hidden.

Found by shape rather than checksum: a key with a typing error is still nearly the key. What is
found is never echoed; callers mask it before anything else reads the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final

from embit import base58
from embit.wordlists.bip39 import WORDLIST

SHORTEST_PHRASE: Final = 12
"""BIP-39 phrases have 12 to 24 words; longer runs are refused all the same."""
MAX_WINDOWS: Final = 100_000
"""Places that are tried for a key inside longer runs; 3 seconds of a hostile text, no more."""

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


_ALONE: Final = "(?<![0-9A-Za-z])(?:{})(?![0-9A-Za-z])"
# SLIP-132 names extended private keys by these prefixes; WIF begins with 5, K, L (main) or 9, c
# (test) and has 51 or 52 characters; BIP-38 keys have 58; BIP-93 shares are bech32 behind ms1.
_PRV: Final = "[xyzYZtuvUV]prv"
_SHAPES: Final = (
    (
        SecretKind.EXTENDED_KEY,
        re.compile(rf"(?<![0-9A-Za-z]){_PRV}{_BASE58}{{16,}}|{_PRV}{_BASE58}{{100,}}"),
    ),
    (SecretKind.PRIVATE_KEY, re.compile(_ALONE.format(rf"[5KL9c]{_BASE58}{{50,51}}"))),
    (SecretKind.ENCRYPTED_KEY, re.compile(_ALONE.format(rf"6P{_BASE58}{{56}}"))),
    (SecretKind.SHARE, re.compile(_ALONE.format(r"(?:ms1|MS1)[0-9a-zA-Z]{40,}"))),
)
_LONG_RUN: Final = re.compile(rf"{_BASE58}{{52,}}")
_WIF_START: Final = re.compile(rf"(?=[5KL9c]{_BASE58}{{50}})")


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
    found += _glued_keys(text)
    found += _seed_phrases(text)
    return tuple(sorted(set(found), key=lambda secret: (secret.start, secret.end)))


def mask_secrets(text: str) -> str:
    """The text with the letters and digits of every secret turned into `x`; places stay."""
    for secret in find_secrets(text):
        hidden = re.sub("[0-9A-Za-z]", "x", text[secret.start : secret.end])
        text = text[: secret.start] + hidden + text[secret.end :]
    return text


def _glued_keys(text: str) -> Iterator[Secret]:
    """Keys in WIF with letters stuck to them, as in `KEY=...n`: there the checksum decides."""
    for start, end in islice(_windows(text), MAX_WINDOWS):
        if _is_wif(text[start:end]):
            yield Secret(start, end, SecretKind.PRIVATE_KEY)


def _windows(text: str) -> Iterator[tuple[int, int]]:
    for run in _LONG_RUN.finditer(text):
        for start in _WIF_START.finditer(text, run.start(), run.end()):
            for size in (52, 51):
                if start.start() + size <= run.end():
                    yield start.start(), start.start() + size


def _is_wif(text: str) -> bool:
    try:
        data = base58.decode_check(text)
    except ValueError:
        return False
    return data[0] in {0x80, 0xEF} and len(data) in {33, 34}


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
