"""Extended keys by themselves: SLIP-132's prefixes, and types for those that say nothing."""

from __future__ import annotations

import pytest
from embit import base58

from erario.bitcoin.address import show_address
from erario.bitcoin.descriptor import read_descriptor
from erario.bitcoin.descriptor_slip132 import KeyType, as_plain_key, descriptor_of_key
from erario.bitcoin.errors import BitcoinCode, DescriptorError
from erario.bitcoin.network import NetworkName

MAIN, TESTNET = NetworkName.MAIN, NetworkName.TESTNET3

# SLIP-132, "Bitcoin test vectors": the mnemonic "abandon ... about".
YPUB = "ypub6Ww3ibxVfGzLrAH1PNcjyAWenMTbbAosGNB6VvmSEgytSER9azLDWCxoJwW7Ke7icmizBMXrzBx9979FfaHxHcrArf3zbeJJJUZPf663zsP"
XPUB = "xpub6BosfCnifzxcFwrSzQiqu2DBVTshkCXacvNsWGYJVVhhawA7d4R5WSWGFNbi8Aw6ZRc1brxMyWMzG3DSSSSoekkudhUd9yLb6qx39T9nMdj"


def with_version(key: str, version: str) -> str:
    return base58.encode_check(bytes.fromhex(version) + base58.decode_check(key)[4:])


def test_a_zpub_is_wpkh() -> None:
    text = descriptor_of_key(with_version(XPUB, "04b24746"), None, MAIN)
    assert text == f"wpkh({XPUB}/<0;1>/*)"


def test_the_addresses_of_slip_132() -> None:
    for key, kind, address in (
        (XPUB, KeyType.PKH, "1LqBGSKuX5yYUonjxT5qGfpUsXKYYWeabA"),
        (YPUB, None, "37VucYSaXLCAsxYyAPfbSi9eh4iEcbShgf"),
    ):
        descriptor = read_descriptor(descriptor_of_key(key, kind, MAIN), MAIN)
        receive, change = descriptor.branches
        assert show_address(receive.scripts(0, 1)[0][1], MAIN) == address
        assert change.is_ranged


@pytest.mark.parametrize(
    ("kind", "start"),
    [
        (KeyType.PKH, "pkh("),
        (KeyType.WPKH, "wpkh("),
        (KeyType.SH_WPKH, "sh(wpkh("),
        (KeyType.TR, "tr("),
    ],
)
def test_types(kind: KeyType, start: str) -> None:
    text = descriptor_of_key(f"[d34db33f/84'/0H/0h]{XPUB}", kind, MAIN)
    assert text.startswith(f"{start}[d34db33f/")
    assert read_descriptor(text, MAIN).text.startswith(f"{start}[d34db33f/84h/0h/0h]{XPUB}/<0;1>/*")


VERSIONS = [
    # version, is main, implied type or None, is multisig: SLIP-132, "Registered HD version bytes"
    ("0488b21e", True, None, False),
    ("049d7cb2", True, KeyType.SH_WPKH, False),
    ("04b24746", True, KeyType.WPKH, False),
    ("0295b43f", True, None, True),
    ("02aa7ed3", True, None, True),
    ("043587cf", False, None, False),
    ("044a5262", False, KeyType.SH_WPKH, False),
    ("045f1cf6", False, KeyType.WPKH, False),
    ("024289ef", False, None, True),
    ("02575483", False, None, True),
]


@pytest.mark.parametrize(("version", "main", "implied", "multisig"), VERSIONS)
def test_versions(version: str, main: bool, implied: KeyType | None, multisig: bool) -> None:
    key = with_version(XPUB, version)
    right, wrong = (MAIN, TESTNET) if main else (TESTNET, MAIN)
    assert as_plain_key(key)[:4] == ("xpub" if main else "tpub")
    if multisig:
        with pytest.raises(DescriptorError, match="multisig"):
            descriptor_of_key(key, None, right)
        return
    if implied is None:
        with pytest.raises(DescriptorError, match="does not say"):
            descriptor_of_key(key, None, right)
    else:
        assert descriptor_of_key(key, None, right) == descriptor_of_key(key, implied, right)
        with pytest.raises(DescriptorError, match="the type says"):
            descriptor_of_key(key, KeyType.TR, right)
    with pytest.raises(DescriptorError) as caught:
        descriptor_of_key(key, implied or KeyType.TR, wrong)
    assert caught.value.code is BitcoinCode.DESCRIPTOR_NETWORK


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", BitcoinCode.DESCRIPTOR_KEY),
        (XPUB[:-1], BitcoinCode.DESCRIPTOR_KEY),
        (f"{XPUB}/0/*", BitcoinCode.DESCRIPTOR_KEY),
        (f"wpkh({XPUB})", BitcoinCode.DESCRIPTOR_KEY),
        (with_version(XPUB, "01020304"), BitcoinCode.DESCRIPTOR_KEY),
        ("ab" * 32, BitcoinCode.DESCRIPTOR_PRIVATE_KEY),
        (with_version(XPUB, "04b2430c"), BitcoinCode.DESCRIPTOR_PRIVATE_KEY),  # zprv
        ("1" * 200, BitcoinCode.DESCRIPTOR_KEY),
    ],
)
def test_refusals(text: str, code: BitcoinCode) -> None:
    with pytest.raises(DescriptorError) as caught:
        descriptor_of_key(text, KeyType.WPKH, MAIN)
    assert caught.value.code is code
    assert not text or text not in f"{caught.value!r}{caught.value.remedy}"
