"""Proof files: written and read back, and everything that is refused, by code."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Script
from erario.proof.errors import ProofError, ProofErrorCode
from erario.proof.proof_file import proofs_json, read_proofs
from erario.statement.evidence import ControlProof

MAIN = NetworkName.MAIN
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
PROOFS = st.builds(ControlProof, st.binary(min_size=1, max_size=40).map(Script), TEXT, TEXT)
ONE = {"script": "51", "message": "m", "signature": "s"}
WHOLE = {"format": "erario-proofs", "version": 1, "network": "main", "proofs": [ONE]}


@given(st.lists(PROOFS, max_size=5))
def test_what_is_written_is_read_back(proofs):
    data = proofs_json(MAIN, proofs)
    assert set(read_proofs(data, MAIN, "f")) == set(proofs)
    assert proofs_json(MAIN, reversed(proofs)) == data


def read(value: object) -> tuple[ControlProof, ...]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return read_proofs(data, MAIN, "proofs.json")


def test_a_whole_file():
    assert read(WHOLE) == (ControlProof(Script(b"\x51"), "m", "s"),)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"", ProofErrorCode.FILE_BAD),
        (b"\xff", ProofErrorCode.FILE_BAD),
        (b"[" * 100_000, ProofErrorCode.FILE_BAD),
        (b'{"format": "erario-proofs", "format": "erario-proofs"}', ProofErrorCode.FILE_BAD),
        ([], ProofErrorCode.FILE_BAD),
        ({**WHOLE, "format": "other"}, ProofErrorCode.FILE_BAD),
        ({**WHOLE, "version": 2}, ProofErrorCode.FILE_VERSION),
        ({**WHOLE, "version": True}, ProofErrorCode.FILE_VERSION),
        ({**WHOLE, "network": "regtest"}, ProofErrorCode.FILE_NETWORK),
        ({**WHOLE, "more": 1}, ProofErrorCode.FILE_BAD),
        ({**WHOLE, "proofs": {}}, ProofErrorCode.FILE_BAD),
        ({**WHOLE, "proofs": [1]}, ProofErrorCode.FILE_BAD),
        ({**WHOLE, "proofs": [{**ONE, "more": 1}]}, ProofErrorCode.FILE_BAD),
        ({**WHOLE, "proofs": [{**ONE, "script": "5"}]}, ProofErrorCode.FILE_BAD),
        ({**WHOLE, "proofs": [{**ONE, "script": ""}]}, ProofErrorCode.FILE_BAD),
        ({**WHOLE, "proofs": [{**ONE, "script": "51" * 10_001}]}, ProofErrorCode.FILE_BAD),
        ({**WHOLE, "proofs": [{**ONE, "message": 5}]}, ProofErrorCode.FILE_BAD),
        ({**WHOLE, "proofs": [{**ONE, "message": "m" * 10_001}]}, ProofErrorCode.FILE_BAD),
        ({**WHOLE, "proofs": [{**ONE, "message": "\ud800"}]}, ProofErrorCode.FILE_BAD),
        ({**WHOLE, "proofs": [{**ONE, "signature": "smp\udfff"}]}, ProofErrorCode.FILE_BAD),
        (b'{"format": NaN}', ProofErrorCode.FILE_BAD),
    ],
)
def test_what_is_refused(value, code):
    with pytest.raises(ProofError) as caught:
        read(value)
    assert caught.value.code is code
    assert caught.value.place.file == "proofs.json"


@given(st.binary(max_size=300))
def test_junk_is_an_error_of_ours(data):
    with pytest.raises(ProofError):
        read(data)
