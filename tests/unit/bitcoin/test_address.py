"""Addresses: the published vectors of BIP 173 and BIP 350, and every network beside the others."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.bitcoin.address import networks_of, read_address, show_address
from erario.bitcoin.errors import AddressError, BitcoinCode
from erario.bitcoin.network import NetworkName, network

MAIN, REGTEST = NetworkName.MAIN, NetworkName.REGTEST
TESTS = (NetworkName.TESTNET3, NetworkName.TESTNET4, NetworkName.SIGNET)

# BIP 350, "Test vectors for v0-v16 native segregated witness addresses".
VALID = [
    ("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "0014751e76e8199196d454941c45d1b3a323f1433bd6"),
    (
        "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
        "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262",
    ),
    (
        "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
        "5128751e76e8199196d454941c45d1b3a323f1433bd6751e76e8199196d454941c45d1b3a323f1433bd6",
    ),
    ("BC1SW50QGDZ25J", "6002751e"),
    ("bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs", "5210751e76e8199196d454941c45d1b3a323"),
    (
        "tb1qqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesrxh6hy",
        "0020000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433",
    ),
    (
        "tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c",
        "5120000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433",
    ),
    (
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
    ),
]

LENGTH, CHARACTERS = BitcoinCode.ADDRESS_LENGTH, BitcoinCode.ADDRESS_CHARACTERS
CHECKSUM, PROGRAM = BitcoinCode.ADDRESS_CHECKSUM, BitcoinCode.ADDRESS_PROGRAM
UNKNOWN = BitcoinCode.ADDRESS_UNKNOWN

# BIP 350 and BIP 173, invalid addresses with the reason that is given there.
INVALID = [
    ("tc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq5zuyut", CHARACTERS),  # hrp
    ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd", CHECKSUM),  # Bech32
    ("tb1z0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqglt7rf", CHECKSUM),
    ("BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL", CHECKSUM),
    ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh", CHECKSUM),  # Bech32m for version 0
    ("tb1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq24jc47", CHECKSUM),
    ("bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4", CHARACTERS),
    ("BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R", PROGRAM),  # version 17
    ("bc1pw5dgrnzv", PROGRAM),  # 1 byte
    ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav", PROGRAM),
    ("BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P", PROGRAM),  # version 0 with 16 bytes
    ("tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq47Zagq", CHARACTERS),  # mixed case
    ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf", PROGRAM),  # padding
    ("tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vpggkg4j", PROGRAM),  # padding
    ("bc1gmk9yu", PROGRAM),  # empty
    ("tc1qw508d6qejxtdg4y5r3zarvary0c5xw7kg3g4ty", CHARACTERS),
    ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", CHECKSUM),
    ("BC13W508D6QEJXTDG4Y5R3ZARVARY0C5XW7KN40WF2", PROGRAM),
    ("bc1rw5uspcuh", CHECKSUM),
    ("bc10w508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kw5rljs90", CHECKSUM),
    ("tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sL5k7", CHARACTERS),
    ("bc1zw508d6qejxtdg4y5r3zarvaryvqyzf3du", CHECKSUM),  # Bech32, as BIP 350 sees it
    ("tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3pjxtptv", PROGRAM),
    # BIP 173 had these as valid; BIP 350 withdrew Bech32 for version 1 and above.
    ("bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7k7grplx", CHECKSUM),
    ("BC1SW50QA3JX3S", CHECKSUM),
    ("bc1zw508d6qejxtdg4y5r3zarvaryvg6kdaj", CHECKSUM),
]

# Each with the script that its network writes for the same twenty bytes.
BASE58 = [
    (
        MAIN,
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac",
    ),
    (MAIN, "3P14159f73E4gFr7JterCCQh9QjiTjiZrG", "a914e9c3dd0c07aac76179ebc76a6c78d4d67c6c160a87"),
    (
        REGTEST,
        "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn",
        "76a914243f1394f44554f4ce3fd68649c19adc483ce92488ac",
    ),
    (
        REGTEST,
        "2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc",
        "a9144e9f39ca4688ff102128ea4ccda34105324305b087",
    ),
]

BASE58_INVALID = [
    ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", CHECKSUM),
    ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfN", CHECKSUM),
    ("1A1zP1eP5QGefi2DMPTfTL5SLmv7Divf0a", CHARACTERS),
    ("11A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", CHECKSUM),  # a zero byte too many
    (" 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", CHARACTERS),
    ("LM2WMpR1Rp6j3Sa59cMXMs1SPzj9eXpGc1", UNKNOWN),  # Litecoin's first byte
    ("3QJmnh", LENGTH),  # the checksum of no bytes at all
    ("1", CHECKSUM),
    ("", LENGTH),
    ("1" * 91, LENGTH),
    ("１A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", CHARACTERS),  # a full-width digit
]


@pytest.mark.parametrize(("text", "script"), VALID)
def test_published_addresses(text, script):
    name = MAIN if text.lower().startswith("bc") else NetworkName.TESTNET4
    assert read_address(text, name).hex() == script
    assert show_address(bytes.fromhex(script), name) == text.lower()


@pytest.mark.parametrize(("text", "code"), INVALID + BASE58_INVALID)
def test_what_is_no_address(text, code):
    for ask in (networks_of, lambda t: read_address(t, MAIN), lambda t: read_address(t, REGTEST)):
        with pytest.raises(AddressError) as caught:
            ask(text)
        assert caught.value.code is code
        assert caught.value.remedy


@pytest.mark.parametrize(("name", "text", "script"), BASE58)
def test_base58(name, text, script):
    assert read_address(text, name).hex() == script
    assert show_address(bytes.fromhex(script), name) == text


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", (MAIN,)),
        ("bc1pfeessrawgf", (MAIN,)),
        ("mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", (*TESTS, REGTEST)),
        ("2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc", (*TESTS, REGTEST)),
        ("tb1pfees9rn5nz", TESTS),
        ("bcrt1pfeesnyr2tx", (REGTEST,)),
    ],
)
def test_networks_share_prefixes(text, names):
    assert networks_of(text) == names
    for name in NetworkName:
        if name in names:
            assert read_address(text, name)
            continue
        with pytest.raises(AddressError) as caught:
            read_address(text, name)
        assert caught.value.code is BitcoinCode.ADDRESS_NETWORK
        assert all(other in caught.value.what for other in names)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        # The key 1, compressed and not, of main and of the test networks.
        ("KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWn", BitcoinCode.ADDRESS_PRIVATE_KEY),
        ("5HpHagT65TZzG1PH3CSu63k8DbpvD8s5ip4nEB3kEsreAnchuDf", BitcoinCode.ADDRESS_PRIVATE_KEY),
        ("cMahea7zqjxrtgAbB7LSGbcQUr1uX1ojuat9jZodMN87JcbXMTcA", BitcoinCode.ADDRESS_PRIVATE_KEY),
        ("KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWo", CHECKSUM),
        ("KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHno0n", CHARACTERS),
    ],
)
def test_a_private_key_is_refused_and_never_echoed(text, code):
    with pytest.raises(AddressError) as caught:
        networks_of(text)
    error = caught.value
    assert error.code is code
    assert text[:8] not in f"{error} {error.what} {error.remedy} {error.args}"


def test_pay_to_anchor():
    assert read_address("bc1pfeessrawgf", MAIN).hex() == "51024e73"
    assert show_address(bytes.fromhex("51024e73"), MAIN) == "bc1pfeessrawgf"


@pytest.mark.parametrize(
    "script",
    ["", "6a", "51", "21" + "02" + "11" * 32 + "ac", "0015" + "66" * 21, "76a914" + "33" * 20],
)
def test_scripts_without_an_address(script):
    assert show_address(bytes.fromhex(script), MAIN) is None


@given(
    st.sampled_from(NetworkName),
    st.one_of(
        st.binary(min_size=20, max_size=20).map(lambda h: b"\x76\xa9\x14" + h + b"\x88\xac"),
        st.binary(min_size=20, max_size=20).map(lambda h: b"\xa9\x14" + h + b"\x87"),
        st.binary(min_size=20, max_size=20).map(lambda h: b"\x00\x14" + h),
        st.binary(min_size=32, max_size=32).map(lambda h: b"\x00\x20" + h),
        st.tuples(st.integers(1, 16), st.binary(min_size=2, max_size=40)).map(
            lambda p: bytes((0x50 + p[0], len(p[1]))) + p[1]
        ),
    ),
)
def test_addresses_read_back(name, script):
    text = show_address(script, name)
    assert text is not None
    assert read_address(text, name) == script
    assert name in networks_of(text)


ALPHABET = (
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ \u00e9\u0130\u212a\u01311"
)


@given(
    st.text(max_size=100)
    | st.text(ALPHABET, max_size=95)
    | st.tuples(st.sampled_from(["bc1", "TB1", "bcrt1", "1", "3"]), st.text(ALPHABET)).map("".join)
)
def test_other_text_is_refused_with_our_own_error(text):
    with pytest.raises(AddressError):
        networks_of(text)


@given(st.sampled_from([text for text, _ in VALID] + [text for _, text, _ in BASE58]), st.data())
def test_one_wrong_character_is_noticed(text, data):
    position = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(ALPHABET).filter(lambda c: c != text[position]))
    with pytest.raises(AddressError):
        networks_of(text[:position] + other + text[position + 1 :])


def test_importing_does_not_load_the_library():
    code = "import sys, erario.bitcoin.address; sys.exit('embit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_network_has_prefixes():
    for name in NetworkName:
        assert network(name).hrp in {"bc", "tb", "bcrt"}
