"""Private keys and seed phrases in text that people hand over: found, so that they can be hidden.

Found by shape rather than checksum: a key with a typing error is still nearly the key, and so is
a phrase that lacks a word. What is found is never echoed; callers mask it before anything else
reads the text. In pages of others, where much looks like keys, the checksum has to be right too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice, pairwise
from typing import Final

from embit import base58

from erario.bitcoin.seed_words import fold, lists_of_words

PHRASE_LENGTHS: Final = (12, 15, 18, 21, 24)
"""Words of BIP-39 phrases; longer runs are refused all the same."""
SHORTEST_RUN: Final = PHRASE_LENGTHS[0] - 1
"""So many words in a row, all but one of them in one list, are a phrase or nearly one."""
MAX_WINDOWS: Final = 100_000
"""Places that are tried for a key inside longer runs; 3 seconds of a hostile text, no more."""
MAX_BROKEN: Final = 10_000
"""The same for keys with blanks in them, each tried in two lengths."""

_BASE58: Final = "[1-9A-HJ-NP-Za-km-z]"
# The marks are those that Unicode splits from the letters of the lists.
_MARKS: Final = "\u0300-\u036f\u3099\u309a"
_WORD: Final = re.compile(rf"(?P<word>(?:[^\W\d_][{_MARKS}]*)+)(?P<assigned>[\"']?[ \t]*=)?")
_ASCII_WORD: Final = re.compile("[a-z]+")
_HIDDEN: Final = re.compile(rf"[^\W_]|[{_MARKS}]")


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
_GAP: Final = r"[\s\-]{0,3}"
_BROKEN_WIF: Final = re.compile(
    rf"(?<![0-9A-Za-z])(?=(?P<short>[5KL9c](?:{_GAP}{_BASE58}){{50}})(?P<last>{_GAP}{_BASE58})?)"
)
_SEPARATORS: Final = re.compile(r"[\s\-]")
# The mini private keys of physical coins: 22, 26 or 30 characters, by their own check.
_MINI_KEY: Final = re.compile(_ALONE.format(rf"S{_BASE58}{{21}}(?:{_BASE58}{{4}}){{0,2}}"))
_CHECKED: Final = frozenset({SecretKind.PRIVATE_KEY, SecretKind.ENCRYPTED_KEY})


@dataclass(frozen=True, slots=True)
class Secret:
    """Where in a text a secret stands; never what it is."""

    start: int
    end: int
    kind: SecretKind


def find_secrets(text: str) -> tuple[Secret, ...]:
    """All secrets in a text, in order of their place."""
    return _in_order([*_by_shape(text), *_by_content(text)])


def find_sure_secrets(text: str) -> tuple[Secret, ...]:
    """The same for a page of others: keys whose checksum is wrong may be pictures or hashes."""
    shaped = (
        secret
        for secret in _by_shape(text)
        if secret.kind not in _CHECKED or _has_checksum(text[secret.start : secret.end])
    )
    return _in_order([*shaped, *_by_content(text)])


def mask_secrets(text: str) -> str:
    """The text with the letters and digits of every secret turned into `x`; places stay."""
    for secret in find_secrets(text):
        hidden = _HIDDEN.sub("x", text[secret.start : secret.end])
        text = text[: secret.start] + hidden + text[secret.end :]
    return text


def _in_order(found: list[Secret]) -> tuple[Secret, ...]:
    return tuple(sorted(set(found), key=lambda secret: (secret.start, secret.end)))


def _by_shape(text: str) -> Iterator[Secret]:
    for kind, shape in _SHAPES:
        for match in shape.finditer(text):
            yield Secret(match.start(), match.end(), kind)


def _by_content(text: str) -> Iterator[Secret]:
    yield from _glued_keys(text)
    yield from _broken_keys(text)
    yield from _mini_keys(text)
    yield from _seed_phrases(text)


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


def _broken_keys(text: str) -> Iterator[Secret]:
    """Keys in WIF with blanks or line breaks in them, by their checksum."""
    for match in islice(_BROKEN_WIF.finditer(text), MAX_BROKEN):
        for end in (match.end("last"), match.end("short")):
            written = text[match.start() : max(end, match.start())]
            joined = _SEPARATORS.sub("", written)
            if joined != written and _is_wif(joined):
                yield Secret(match.start(), end, SecretKind.PRIVATE_KEY)
                break


def _mini_keys(text: str) -> Iterator[Secret]:
    for match in _MINI_KEY.finditer(text):
        if hashlib.sha256(f"{match.group()}?".encode()).digest()[0] == 0:
            yield Secret(match.start(), match.end(), SecretKind.PRIVATE_KEY)


def _is_wif(text: str) -> bool:
    try:
        data = base58.decode_check(text)
    except ValueError:
        return False
    return data[0] in {0x80, 0xEF} and len(data) in {33, 34}


def _has_checksum(text: str) -> bool:
    try:
        base58.decode_check(text)
    except ValueError:
        return False
    return True


def _seed_phrases(text: str) -> Iterator[Secret]:
    if text.isascii() and not _may_have_phrase(text):
        return
    words: list[re.Match[str]] = []
    for word in _WORD.finditer(text):
        words.append(word)
        if word["assigned"]:  # what stands before = is a key, and no phrase goes on behind it
            yield from _phrases_among(words)
            words = []
    yield from _phrases_among(words)


def _may_have_phrase(text: str) -> bool:
    """Whether half of the shortest run stands together: a quick look at ASCII text, since a list
    of scripts in hex has millions of words."""
    words = _ASCII_WORD.findall(text.lower())
    if len(words) < SHORTEST_RUN:
        return False
    known = bytes(map(lists_of_words().__contains__, words))
    return b"\1" * (SHORTEST_RUN // 2) in known


def _phrases_among(words: list[re.Match[str]]) -> Iterator[Secret]:
    if len(words) < SHORTEST_RUN:
        return
    known = lists_of_words()
    lists = [known.get(fold(word["word"]), 0) for word in words]
    spans: list[tuple[int, int]] = []
    for start, end in _runs(lists):
        present = 0
        for bits in lists[start:end]:
            present |= bits
        for number in range(present.bit_length()):
            in_one = [bits >> number & 1 for bits in lists[start:end]]
            spans += [(start + first, start + last) for first, last in _runs(in_one)]
    for start, end in _merged(spans):
        yield Secret(words[start].start(), words[end - 1].end("word"), SecretKind.SEED_PHRASE)


def _runs(known: list[int]) -> Iterator[tuple[int, int]]:
    """Long runs in which at most one is not known, each from its first to behind its last.

    What stands before or behind a whole phrase is left out where it looks like prose.
    """
    strangers = [-1, *(n for n, bits in enumerate(known) if not bits), len(known)]
    if len(strangers) == 2:
        yield from [(0, len(known))] if len(known) >= SHORTEST_RUN else []
    for (before, stranger), (_, after) in pairwise(pairwise(strangers)):
        start, end = before + 1, after
        if end - start < SHORTEST_RUN:
            continue
        left, right = stranger - start, end - stranger - 1
        has_phrase = max(left, right) >= PHRASE_LENGTHS[0] and min(left, right) <= 2
        if has_phrase and end - start not in PHRASE_LENGTHS:
            start, end = (start, stranger) if left > right else (stranger + 1, end)
        yield start, end


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
