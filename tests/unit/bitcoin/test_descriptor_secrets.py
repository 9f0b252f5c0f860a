"""Secrets in text: found by shape, masked letter by letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.bitcoin.descriptor_secrets import (
    SecretKind,
    find_secrets,
    find_sure_secrets,
    mask_secrets,
)

# BIP 39's own vector, BIP 32's, BIP 38's and BIP 93's.
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"
SECRETS = [
    (PHRASE, SecretKind.SEED_PHRASE),
    (PHRASE.upper(), SecretKind.SEED_PHRASE),
    (PHRASE.replace(" ", '",\n  "'), SecretKind.SEED_PHRASE),
    (" 2. ".join(PHRASE.split()), SecretKind.SEED_PHRASE),
    (f"{PHRASE} {PHRASE}", SecretKind.SEED_PHRASE),
    ("L4rK1yDtCWekvXuE6oXD9jCYfFNV2cWRpVuPLBcCU2z8TrisoyY1", SecretKind.PRIVATE_KEY),
    ("5KYZdUEo39z3FPrtuX2QbbwGnNP5zTd7yyr2SC1j299sBCnWjss", SecretKind.PRIVATE_KEY),
    ("cMahea7zqjxrtgAbB7LSGbcQUr1uX1ojuat9jZodMN87JcbXMTcA", SecretKind.PRIVATE_KEY),
    (
        "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi",
        SecretKind.EXTENDED_KEY,
    ),
    ("Zprv" + "A" * 107, SecretKind.EXTENDED_KEY),
    ("6PRVWUbkzzsbcVac2qwfssoUJAN1Xhrg6bNk8J7Nzm5H7kxEbn2Nh2ZoGg", SecretKind.ENCRYPTED_KEY),
    ("S6c56bnXQiBjk9mqSYE7ykVQ7NzrRy", SecretKind.PRIVATE_KEY),
    ("L4rK1yDtCWekvXuE6oXD9jCY fFNV2cWRpVuPLBcCU2z8TrisoyY1", SecretKind.PRIVATE_KEY),
    ("5KYZdUEo39z3FPrtuX2Q\nbbwGnNP5zTd7yyr2 SC1j299sBCnWjss", SecretKind.PRIVATE_KEY),
    ("abbaglio " * 11 + "abete", SecretKind.SEED_PHRASE),
    ("abeja " * 11 + "ábaco", SecretKind.SEED_PHRASE),
    ("あいこくしん\u3000" * 11 + "あおぞら", SecretKind.SEED_PHRASE),
    ("가격 " * 11 + "가능", SecretKind.SEED_PHRASE),
    ("的 " * 11 + "在", SecretKind.SEED_PHRASE),
    (
        "academic acid acne acquire acrobat activity actress adapt adequate adjust admit adorn",
        SecretKind.SEED_PHRASE,
    ),
    ("ms10testsxxxxxxxxxxxxxxxxxxxxxxxxxx4nzvca9cmczlw", SecretKind.SHARE),
]


@pytest.mark.parametrize(("text", "kind"), SECRETS)
@pytest.mark.parametrize("around", ["{}", "# {} #", '"{}"', "zz={},", "/{}/"])
def test_found_and_masked(text: str, kind: SecretKind, around: str) -> None:
    whole = around.format(text)
    (secret,) = find_secrets(whole)
    assert secret.kind is kind
    assert whole[secret.start : secret.end] == text
    masked = mask_secrets(whole)
    assert len(masked) == len(whole)
    assert not find_secrets(masked)
    assert set(masked[secret.start : secret.end]) <= set('x \n",.\u3000')


@pytest.mark.parametrize("around", ["n{}", "{}n", "KEY{}", "n{}n", "Kk5{}"])
@pytest.mark.parametrize("secret", [SECRETS[5][0], SECRETS[6][0], SECRETS[7][0], SECRETS[8][0]])
def test_letters_stuck_to_a_key_do_not_hide_it(around: str, secret: str) -> None:
    masked = mask_secrets(around.format(secret))
    assert secret[1:-1] not in masked
    assert secret[10:40] not in masked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "32ixEdVJWo3kmvJGMTZq5jAQVZZeuwnqzo",
        "bc1qa5wkgaew2dkv56kfvj49j0av5nml45x9ek9hz6",
        "xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL",
        "ab" * 32,
        "legal winner thank year wave sausage worth useful legal winner",  # ten words
        "legal winner thank year wave zz sausage worth zz useful legal winner",
        "abaco legal abbaglio winner abbinato thank abete year abisso wave abolire worth",
        "S6c56bnXQiBjk9mqSYE7ykVQ7NzrRz",  # a mini key but for the last letter
        "the legal winner of the year will thank the useful sausage wave",
    ],
)
def test_nothing_secret(text: str) -> None:
    assert find_secrets(text) == ()
    assert mask_secrets(text) == text


@pytest.mark.parametrize("left_out", range(12))
@pytest.mark.parametrize("instead", [[], ["yelow"]])
def test_a_phrase_with_a_word_wrong_or_missing(left_out: int, instead: list[str]) -> None:
    words = PHRASE.split()
    words[left_out : left_out + 1] = instead
    text = " ".join(words)
    masked = mask_secrets(f"# so: {text}, it is")
    assert not any(word in masked for word in words)


@pytest.mark.parametrize("wrong", range(24))
def test_a_long_phrase_with_a_word_wrong(wrong: int) -> None:
    words = [*PHRASE.split(), *PHRASE.split()]
    words[wrong] = "yelow"
    masked = mask_secrets("network main timezone " + " ".join(words))
    assert not any(word in masked for word in words)


def test_a_page_of_others_needs_right_checksums() -> None:
    wif = SECRETS[5][0]
    assert len(find_sure_secrets(f"<p>{wif}</p> {PHRASE} {SECRETS[10][0]}")) == 3
    assert find_sure_secrets(f"base64,+{wif[:-1]}2/6P{'A' * 56}+") == ()


@given(st.text())
def test_masking_keeps_the_shape(text: str) -> None:
    masked = mask_secrets(text)
    assert len(masked) == len(text)
    assert masked.count("\n") == text.count("\n")


def test_a_phrase_among_scripts_in_hex_is_found() -> None:
    scripts = "".join(f"0014{number * 0x9E3779B97F4A7C15:040x}\n" for number in range(300))
    assert find_secrets(scripts) == ()
    for phrase in (PHRASE, " ".join([*PHRASE.split()[:5], "qqq", *PHRASE.split()[6:11]])):
        (found,) = find_secrets(f"{scripts}{phrase}\n{scripts}")
        assert found.start == len(scripts)
