"""What wallets export, each format as a person would have it in a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from embit import base58

from erario.bitcoin.descriptor import read_descriptor
from erario.bitcoin.network import NetworkName
from erario.errors import DeclarationError, RequestError
from erario.reserve.export_formats import ExportCode
from erario.reserve.loader import load
from erario.reserve.model import Attribution
from erario.reserve.problems import ProblemCode
from erario.reserve.wallet_exports import read_export, reserve_from_export

MAIN = NetworkName.MAIN
XPUB = "xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL"
XPUB_2 = "xpub661MyMwAqRbcFW31YEwpkMuc5THy2PSt5bDMsktWQcFF8syAmRUapSCGu8ED9W6oDMSgv6Zz8idoc4a6mr8BDzTJY47LJhkJ8UB7WEGuduB"
XPRV = "xprvA1RpRA33e1JQ7ifknakTFpgNXPmW2YvmhqLQYMmrj4xJXXWYpDPS3xz7iAxn8L39njGVyuoseXzU6rcxFLJ8HFsTjSyQbLYnMpCqE2VbFWc"
# BIP 129, the keys and the address of its vector without encryption.
BIP_129_KEYS = (
    "[1cf0bf7e/48'/0'/0'/2']xpub6FL8FhxNNUVnG64YurPd16AfGyvFLhh7S2uSsDqR3Qfcm6o9jtcMYwh6DvmcBF9qozxNQmTCVvWtxLpKTnhVLN3Pgnu2D3pAoXYFgVyd8Yz",
    "[4fc1dd4a/48'/0'/0'/2']xpub6EebMbEps7ZcV3FYEnddRsvrFWDrt2tiPmCeM7pPXQEmphvq9ZfJ1LWFUDjf3vxCeBuPrfyGrMazWUsYsetrnHatQZVLJH7LsgCjtMqdzgj",
)
BIP_129_FIRST = "bc1qrgc6p3kylfztu06ysl752gwwuekhvtfh9vr7zg43jvu60mutamcsv948ej"
# BIP 129, the vector with public keys.
BIP_129_FIXED = "wsh(sortedmulti(1,[59865f44/48'/0'/0'/2']026d15412460ba0d881c21837bb999233896085a9ed4e5445bd637c10e579768ba,[b7044ca6/48'/0'/0'/2']030baf0497ab406ff50cb48b4013abac8a0338758d2fd54cd934927afa57cc2062))#rzx9dffd"
BIP_129_FIXED_FIRST = "bc1quqy523xu3l8che3s8vja8n33qtg0uyugr9l5z092s3wa50p8t7rqy6zumf"
ORIGIN = "[d34db33f/84h/0h/0h]"
PAIR = f"wpkh({ORIGIN}{XPUB}/<0;1>/*)"


def summed(text: str) -> str:
    return read_descriptor(text, MAIN).text


def keyed(template: str, *steps: str) -> str:
    return template.format(*(f"{key}{step}" for key, step in zip(BIP_129_KEYS, steps, strict=True)))


MULTI = "wsh(sortedmulti(2,{},{}))"
MULTI_PAIR = keyed(MULTI, "/<0;1>/*", "/<0;1>/*").replace("'", "h")

CORE = json.dumps(
    {
        "wallet_name": "vault",
        "descriptors": [
            {"desc": summed(f"wpkh({ORIGIN}{XPUB}/0/*)"), "timestamp": 1, "active": True, "internal": False, "range": [0, 999], "next": 3},
            {"desc": summed(f"wpkh({ORIGIN}{XPUB}/1/*)"), "timestamp": 1, "active": True, "internal": True, "range": [0, 999], "next": 0},
            {"desc": summed(f"tr({XPUB_2}/7/*)"), "timestamp": 1, "active": True, "internal": False},
            {"desc": summed(f"tr({XPUB_2}/8/*)"), "timestamp": 1, "active": True, "internal": True},
            {"desc": summed(f"pkh({XPUB_2}/5)"), "timestamp": 1, "active": False},
        ],
    },
    indent=2,
)  # fmt: skip
SPARROW_TEXT = f"""\
# Receive and change descriptor (BIP389):
{summed(MULTI_PAIR)}

# Receive descriptor (Bitcoin Core):
{summed(keyed(MULTI, "/0/*", "/0/*"))}

# Change descriptor (Bitcoin Core):
{summed(keyed(MULTI, "/1/*", "/1/*"))}
"""
ZPUB_2 = base58.encode_check(
    bytes.fromhex("02aa7ed3") + base58.decode_check(BIP_129_KEYS[1][23:])[4:]
)
SPARROW_JSON = json.dumps(
    {
        "label": "Treasury",
        "policyType": "MULTI",
        "scriptType": "P2WSH",
        "defaultPolicy": {"name": "Default", "miniscript": {"script": "wsh(sortedmulti(2,a,b))"}},
        "keystores": [
            {
                "label": "a",
                "keyDerivation": {"masterFingerprint": "1cf0bf7e", "derivationPath": "m/48'/0'/0'/2'"},
                "extendedPublicKey": BIP_129_KEYS[0][23:],
            },
            {
                "label": "b",
                "keyDerivation": {"masterFingerprint": "4fc1dd4a", "derivationPath": "m/48'/0'/0'/2'"},
                "extendedPublicKey": ZPUB_2,
            },
        ],
    }
)  # fmt: skip
COLDCARD_TEXT = f"""\
# Coldcard Multisig setup file (created on 1CF0BF7E)
#
Name: Vault
Policy: 2 of 2
Format: P2WSH

Derivation: m/48'/0'/0'/2'
1CF0BF7E: {BIP_129_KEYS[0][23:]}

# derivation: m/48'/0'/0'/2'
4FC1DD4A: {ZPUB_2}
"""
BSMS = f"BSMS 1.0\n{keyed(MULTI, '/**', '/**')}\n/0/*,/1/*\n{BIP_129_FIRST}\n"

EXPORTS = [
    ("core", CORE, [PAIR, f"pkh({XPUB_2}/5)", f"tr({XPUB_2}/<7;8>/*)"]),
    ("core list", json.dumps(json.loads(CORE)["descriptors"][:2]), [PAIR]),
    ("plain", f"wpkh({ORIGIN}{XPUB}/0/*)\n\n# change\nwpkh({ORIGIN}{XPUB}/1/*)\n", [PAIR]),
    ("plain, change first", f"wpkh({XPUB}/1/*)\nwpkh({XPUB}/0/*)\n", [f"wpkh({XPUB}/<0;1>/*)"]),
    ("plain, no pair", f"wpkh({XPUB}/0/*)\nwpkh({XPUB}/2/*)\n", [f"wpkh({XPUB}/0/*)", f"wpkh({XPUB}/2/*)"]),
    ("plain, twice", f"wpkh({XPUB}/0/*)\n" * 2, [f"wpkh({XPUB}/0/*)"]),
    ("json", json.dumps({"descriptor": f"wpkh({XPUB}/0/*)", "change_descriptor": f"wpkh({XPUB}/1/*)", "blockheight": 1}), [f"wpkh({XPUB}/<0;1>/*)"]),
    ("specter", json.dumps({"label": "x", "descriptor": f"wpkh({XPUB}/0/*)", "devices": []}), [f"wpkh({XPUB}/0/*)"]),
    ("bsms", BSMS, [MULTI_PAIR]),
    ("bsms, windows", BSMS.replace("\n", "\r\n"), [MULTI_PAIR]),
    ("bsms, fixed keys", f"BSMS 1.0\n{BIP_129_FIXED}\nNo path restrictions\n{BIP_129_FIXED_FIRST}", [BIP_129_FIXED.partition("#")[0].replace("'", "h")]),
    ("sparrow text", SPARROW_TEXT, [MULTI_PAIR]),
    ("sparrow json", SPARROW_JSON, [MULTI_PAIR]),
    ("coldcard text", COLDCARD_TEXT, [MULTI_PAIR]),
]  # fmt: skip


@pytest.fixture
def given(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "export"
        path.write_bytes(text.encode())
        return path

    return write


@pytest.mark.parametrize(("name", "text", "bodies"), EXPORTS)
def test_exports(given, tmp_path: Path, name: str, text: str, bodies: list[str]) -> None:
    reserve, files = reserve_from_export(given(text), title=name)
    (wallet,) = reserve.wallets
    assert wallet.attribution is Attribution.DECLARED
    assert sorted(d.descriptor.text.partition("#")[0] for d in wallet.descriptors) == sorted(bodies)
    out = tmp_path / "out"
    out.mkdir()
    for file, data in files.items():
        (out / file).write_bytes(data)
    assert load(out) == reserve


# Coldcard's own example of its generic export, for account 123 of the simulator.
COLDCARD = {
    "chain": "XTN",
    "xfp": "0F056943",
    "xpub": "tpubD6NzVbkrYhZ4XzL5Dhayo67Gorv1YMS7j8pRUvVMd5odC2LBPLAygka9p7748JtSq82FNGPppFEz5xxZUdasBRCqJqXvUHq6xpnsMcYJzeh",
    "account": 123,
    "bip44": {
        "deriv": "m/44'/1'/123'",
        "first": "n44vs1Rv7T8SANrg2PFGQhzVkhr5Q6jMMD",
        "name": "p2pkh",
        "xpub": "tpubDCiHGUNYdRRGoSH22j8YnruUKgguCK1CC2NFQUf9PApeZh8ewAJJWGMUrhggDNK73iCTanWXv1RN5FYemUH8UrVUBjqDb8WF2VoKmDh9UTo",
    },
    "bip49": {
        "deriv": "m/49'/1'/123'",
        "first": "2N87V39riUUCd4vmXfDjMWAu9gUCiBji5jB",
        "name": "p2wpkh-p2sh",
        "xpub": "tpubDCDqt7XXvhAdy1MpSze5nMJA9x8DrdRaKALRRPasfxyHpiqWWEAr9cbDBQ9BcX7cB3up98Pk97U2QQ3xrvQsi5dNPmRYYhdcsKY9wwEY87T",
    },
    "bip84": {
        "deriv": "m/84'/1'/123'",
        "first": "tb1qc58ys2dphtphg6yuugdf3d0kufmk0tye044g3l",
        "name": "p2wpkh",
        "xpub": "tpubDC7jGaaSE66VDB6VhEDFYQSCAyugXmfnMnrMVyHNzW9wryyTxvha7TmfAHd7GRXrr2TaAn2HXn9T8ep4gyNX1bzGiieqcTUNcu2poyntrET",
    },
}


def test_coldcard_generic(given) -> None:
    path = given(json.dumps(COLDCARD, indent=1))
    with pytest.raises(RequestError):
        reserve_from_export(path)  # XTN may be testnet3, testnet4 or signet
    reserve, _ = reserve_from_export(path, network="testnet4")
    texts = [d.descriptor.text for d in reserve.wallets[0].descriptors]
    assert [t[: t.index("]") + 1] for t in texts] == [
        "pkh([0f056943/44h/1h/123h]",
        "sh(wpkh([0f056943/49h/1h/123h]",
        "wpkh([0f056943/84h/1h/123h]",
    ]
    assert [d.place.line for d in reserve.wallets[0].descriptors] == [6, 12, 18]


def test_a_first_address_that_does_not_fit(given) -> None:
    for text, network in (
        (json.dumps(COLDCARD).replace("tpubDC7j", "tpubDC7j"), "testnet3"),
        (BSMS.replace(BIP_129_FIRST, BIP_129_FIXED_FIRST), "main"),
    ):
        changed = text.replace(
            COLDCARD["bip84"]["first"], "tb1qs758ursh4q9z627kt3pp5yysm78ddny6txaqgw"
        )
        with pytest.raises(DeclarationError) as caught:
            reserve_from_export(given(changed), network=network)
        assert [p.code for p in caught.value.problems] == [ExportCode.FIRST_ADDRESS]


BAD = [
    ("", ExportCode.FORMAT),
    ("# nothing\n", ExportCode.FORMAT),
    ("{", ExportCode.FORMAT),
    ("{}", ExportCode.FORMAT),
    ("[]", ExportCode.FORMAT),
    ("[1, null, {}]", ExportCode.FORMAT),
    ('{"descriptors": 3}', ExportCode.FORMAT),
    ('{"descriptor": 3}', ExportCode.FORMAT),
    ('{"keystores": 3}', ExportCode.INCOMPLETE),
    ('{"keystores": [3, {"keyDerivation": 3}], "scriptType": 3}', "descriptor.key"),
    ('{"xfp": 3, "bip44": 3, "bip49": {}, "bip84": {"name": "p2wpkh"}}', "descriptor.key"),
    ("[" * 100_000, ExportCode.FORMAT),
    ('{"a":' * 100_000, ExportCode.FORMAT),
    ("BSMS 2.0\nx\ny\nz", ExportCode.FORMAT),
    ("BSMS 1.0", ExportCode.FORMAT),
    (f"BSMS 1.0\n00\n{BIP_129_KEYS[0]}\nSigner 1 key\nsig", ExportCode.FORMAT),
    (BSMS.replace("/0/*,/1/*", "/0/*,/1"), ExportCode.FORMAT),
    (BSMS.replace("/0/*,/1/*", "No path restrictions"), ExportCode.FORMAT),
    (BSMS.replace("/**))", "/**))#xxxxxxxx"), ExportCode.FORMAT),
    (COLDCARD_TEXT.replace("2 of 2", "2 of 3"), ExportCode.INCOMPLETE),
    (COLDCARD_TEXT.replace("Format: P2WSH", ""), ExportCode.INCOMPLETE),
    (COLDCARD_TEXT.replace("Format: P2WSH", "Format: P2TR"), ExportCode.INCOMPLETE),
    (COLDCARD_TEXT.replace("2 of 2", "all"), ExportCode.INCOMPLETE),
    (SPARROW_JSON.replace("sortedmulti", "multi"), ExportCode.INCOMPLETE),
    (SPARROW_JSON.replace("P2WSH", "P2TR"), ExportCode.INCOMPLETE),
    (f"wpkh({XPUB}/0/*)#xxxxxxxx", "descriptor.checksum"),
    ("hello", "descriptor.syntax"),
]


@pytest.mark.parametrize(("text", "code"), BAD)
def test_what_cannot_be_used(given, text: str, code: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        reserve_from_export(given(text), network=MAIN)
    assert caught.value.code == code
    assert all(problem.remedy for problem in caught.value.problems)


@pytest.mark.parametrize(
    "text",
    [
        CORE.replace(XPUB, XPRV),
        f"wpkh({XPRV}/0/*)",
        BSMS + XPRV,
        COLDCARD_TEXT.replace(ZPUB_2, XPRV),
        SPARROW_JSON.replace(ZPUB_2, XPRV),
        json.dumps({"descriptor": f"wpkh({XPRV}/0/*)"}),
    ],
)
def test_private_exports_are_refused(given, text: str) -> None:
    for read in (read_export, reserve_from_export):
        with pytest.raises(DeclarationError) as caught:
            read(given(text))
        assert {p.code for p in caught.value.problems} == {ProblemCode.SECRET}
        assert XPRV[4:20] not in repr(caught.value.problems)


def test_a_list_of_addresses_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("# mine\n32ixEdVJWo3kmvJGMTZq5jAQVZZeuwnqzo\n")
    with pytest.raises(DeclarationError) as caught:
        read_export(path)
    (problem,) = caught.value.problems
    assert "--addresses" in problem.remedy
