"""The official vectors of BIP-322, valid and error ones, through both paths.

Without `thorough` a template is judged by the kernel and by byte rules; with it by btclib too,
which must say the same.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from erario.bitcoin.address import read_address
from erario.bitcoin.network import NetworkName
from erario.bitcoin.transaction import TxInput, read_transaction
from erario.bitcoin.values import Outpoint, Txid, show_hash
from erario.proof import Form, State, check_message
from erario.proof.messages import message_hash, serialise, to_spend_txid

pytestmark = pytest.mark.shared

FILES = ("basic", "generated")
FORMS = {"simple": Form.SIMPLE, "full": Form.FULL, "proof_of_funds": Form.PROOF_OF_FUNDS}


def read(shared_data: Path, name: str) -> dict:
    return json.loads((shared_data / "bips" / f"bip-0322-{name}-test-vectors.json").read_text())


def script_of(address: str) -> bytes:
    return read_address(address, NetworkName.MAIN)


@pytest.mark.parametrize("thorough", [False, True])
@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("name", FILES)
def test_valid(shared_data: Path, name: str, kind: str, thorough: bool) -> None:
    checked = 0
    for vector in read(shared_data, name).get(kind, []):
        for signature in vector["bip322_signatures"]:
            script = script_of(vector["address"])
            result = check_message(script, vector["message"], signature, thorough=thorough)
            assert result.state is State.VALID, (vector, result.code)
            assert result.is_proved
            assert result.form is FORMS[kind]
            assert result.locktime == vector.get("lock_time", 0)
            assert result.sequence == vector.get("sequence", 0)
            checked += 1
    assert checked or name == "basic"


@pytest.mark.parametrize("thorough", [False, True])
@pytest.mark.parametrize("name", FILES)
def test_errors(shared_data: Path, name: str, thorough: bool) -> None:
    for vector in read(shared_data, name)["error"]:
        script = script_of(vector["address"])
        result = check_message(script, vector["message"], vector["signature"], thorough=thorough)
        assert result.state is State.INVALID, (vector, result.code)
        assert not result.is_proved


def test_hashes(shared_data: Path) -> None:
    for vector in read(shared_data, "basic")["tx_hashes"]:
        script, message = script_of(vector["address"]), vector["message"].encode()
        assert message_hash(message).hex() == vector["message_hash"]
        txid = to_spend_txid(script, message)
        assert show_hash(txid) == vector["to_spend_tx_hash"]
        to_sign = serialise(0, [TxInput(Outpoint(Txid(txid), 0), b"", 0, ())], 0)
        assert show_hash(read_transaction(to_sign).txid) == vector["to_sign_tx_hash"]
