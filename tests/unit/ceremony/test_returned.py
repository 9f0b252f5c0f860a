"""Files that signers send back, read as hostile input."""

from __future__ import annotations

import struct
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.ceremony.kit import VAULT, A, build, signed

from erario.bitcoin.encoding import write_compact_size
from erario.ceremony.errors import CeremonyCode, CeremonyError
from erario.ceremony.gathering import gather
from erario.ceremony.returned import MAX_LINES, SignedText, read_returned
from erario.errors import ErarioError
from erario.proof.psbt import MAGIC, Psbt

WIF = "cMahea7zqjxrtgAbB7LSGbcQUr1uX1ojuat9jZodMN87JcbXMTcA"
XPRV = (
    "tprv8ZgxMBicQKsPeDgjzdC36fs6bMjGApWDNLR9erAXMs5skhMv36j9MV5ecvfavji5khqjWaWSFhN3YcCUUdiKH6isR4"
    "Pwy3U5y5egddBr16m"
)
FRAMED = """\
-----BEGIN BITCOIN SIGNED MESSAGE-----
Hello
-----BEGIN BITCOIN SIGNATURE-----
Version: Something

bcrt1qaddress
c21wQUE9PQ==
-----END BITCOIN SIGNATURE-----
"""


@pytest.fixture
def psbt(tmp_path: Path) -> Psbt:
    (ask,) = build(tmp_path, {"vault": (VAULT, 1)}).start().asks
    return signed(ask.psbt, 0)[0]


def test_psbts_in_every_dress(psbt: Psbt) -> None:
    text = psbt.to_text()
    broken = "\r\n".join(text[at : at + 76] for at in range(0, len(text), 76))
    for data in (psbt.to_bytes(), text.encode(), broken.encode(), f"\ufeff {text}\n".encode()):
        assert read_returned(data, "x").psbts == (psbt,)
    assert read_returned(f"{text}\n{text}\n".encode(), "x").psbts == (psbt, psbt)


def test_version_2(psbt: Psbt) -> None:
    assert read_returned(as_version_2(psbt), "x").psbts == (psbt,)


def as_version_2(psbt: Psbt) -> bytes:
    """The same as BIP 370 writes it."""
    transaction = psbt.transaction
    fields = {
        b"\xfb": struct.pack("<I", 2),
        b"\x02": struct.pack("<i", transaction.version),
        b"\x03": struct.pack("<I", transaction.locktime),
        b"\x04": write_compact_size(len(transaction.inputs)),
        b"\x05": write_compact_size(len(transaction.outputs)),
        **psbt.fields,
    }
    inputs = [
        {
            **given,
            b"\x0e": one.outpoint.txid,
            b"\x0f": struct.pack("<I", one.outpoint.vout),
            b"\x10": struct.pack("<I", one.sequence),
        }
        for one, given in zip(transaction.inputs, psbt.inputs, strict=True)
    ]
    outputs = [
        {b"\x03": struct.pack("<q", one.sats), b"\x04": one.script} for one in transaction.outputs
    ]
    return MAGIC + b"".join(map(write_map, (fields, *inputs, *outputs)))


def write_map(fields: dict[bytes, bytes]) -> bytes:
    pairs = (item for pair in fields.items() for item in pair)
    return b"".join(write_compact_size(len(one)) + one for one in pairs) + b"\x00"


def test_strings() -> None:
    assert read_returned(b"smpAA==\n\nbcrt1q  AkE=\n", "x").texts == (
        SignedText("smpAA=="),
        SignedText("AkE=", "bcrt1q"),
    )
    for text in (FRAMED, FRAMED.replace("\n", "\r\n").replace("\r\n\r\n", "\n\n")):
        assert read_returned(text.encode(), "x").texts == (
            SignedText("c21wQUE9PQ==", "bcrt1qaddress", "Hello"),
        )


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", CeremonyCode.UNREADABLE),
        (b"\xff\xfe", CeremonyCode.UNREADABLE),
        (b"one two three", CeremonyCode.UNREADABLE),
        (b"a\n" * (MAX_LINES + 1), CeremonyCode.TOO_MANY),
        (bytes(16_000_001), CeremonyCode.TOO_LARGE),
        (f"bcrt1q {WIF}".encode(), CeremonyCode.SECRET),
        (XPRV.encode(), CeremonyCode.SECRET),
        (" ".join(["abandon"] * 11 + ["about"]).encode(), CeremonyCode.SECRET),
    ],
)
def test_refused(data: bytes, code: CeremonyCode) -> None:
    with pytest.raises(CeremonyError) as caught:
        read_returned(data, "signed/x.txt")
    assert caught.value.code is code
    assert str(caught.value.place) == "signed/x.txt"
    told = f"{caught.value} {caught.value.remedy}"
    assert not any(word in told for word in (WIF, XPRV, "abandon"))


@pytest.mark.parametrize("version", ["0488ade4", "04358394", "04b2430c", "045f18bc"])
def test_an_extended_private_key_in_a_psbt(psbt: Psbt, version: str) -> None:
    private = bytes.fromhex(version) + b"\x07" * 41 + b"\x00" + b"\x09" * 32
    for extra in ({b"\x01" + private: bytes(4)}, {b"\xfc\x03abc": private}):
        bad = Psbt(psbt.transaction, {**psbt.fields, **extra}, psbt.inputs, psbt.outputs)
        for data in (bad.to_bytes(), b64encode(bad.to_bytes())):
            with pytest.raises(CeremonyError) as caught:
                read_returned(data, "x")
            assert caught.value.code is CeremonyCode.SECRET
    public = bytes.fromhex("043587cf") + b"\x07" * 41 + b"\x02" + b"\x09" * 32
    good = Psbt(psbt.transaction, {b"\x01" + public: bytes(4)}, psbt.inputs, psbt.outputs)
    assert read_returned(good.to_bytes(), "x").psbts == (good,)


def test_a_private_key_as_text_in_a_psbt(psbt: Psbt) -> None:
    bad = Psbt(psbt.transaction, {b"\xfc\x01a": WIF.encode()}, psbt.inputs, psbt.outputs)
    for data in (bad.to_bytes(), b64encode(bad.to_bytes())):
        with pytest.raises(CeremonyError):
            read_returned(data, "x")


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_junk(data: bytes) -> None:
    for one in (data, MAGIC + data, b64encode(MAGIC + data)):
        with suppress(ErarioError):
            read_returned(one, "x")


def test_no_mutation_of_a_signed_psbt_proves_anything_else(tmp_path: Path) -> None:
    ceremony = build(tmp_path, {"hot": (f"wpkh({A})", 1)}).start()
    (ask,) = ceremony.asks
    whole = signed(ask.psbt, 0)[0].to_bytes()
    right = gather(ceremony, [read_returned(whole, "x")]).proofs
    for at in range(5, len(whole), 3):
        data = whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :]
        try:
            found = gather(ceremony, [read_returned(data, "x")]).proofs
        except ErarioError:
            continue
        assert found in {(), right}
