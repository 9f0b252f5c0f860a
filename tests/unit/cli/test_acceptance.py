"""Mainnet's first blocks through the command line: the first coin that was ever spent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from erario.cli.main import run

Captured = pytest.CaptureFixture[str]

KEY = (
    "0411db93e1dcdb8a016b49840f8c53bc1eb68a382e97b1482ecad7b148a6909a5c"
    "b2e0eaddfb84ccf9744464f82e160bfa9b8b64f9d4c03f999b8643f656b412a3"
)
RESERVE = f"""\
erario = 1
network = "main"

[holders.first]
name = "The first to pay"

[wallets.block9]
descriptors = ["pk({KEY})"]
"""

pytestmark = pytest.mark.shared


@pytest.fixture
def source(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "reserve.toml").write_text(RESERVE)
    monkeypatch.chdir(tmp_path)
    return f"blocks:{shared_data / 'blocks' / 'mainnet-1-256.bz2'}"


def test_balances_after_block_9_and_at_the_tip(source: str, capsys: Captured) -> None:
    for cutoff, balance in ((["--at", "9"], "50.00000000"), ([], "18.00000000")):
        assert run(["audit", "--source", source, *cutoff]) == 3
        out = capsys.readouterr().out
        row = f"holding, declared                       1      {balance}  reported\n"
        assert row in out
        assert out.index("UNKNOWN  chain.work\n") < out.index(row)
        assert "Existence     reported: the chain has less than the network's minimum work\n" in out
        assert f"Exposed       {balance} BTC behind a public key that is already visible\n" in out


def test_the_movements(source: str, capsys: Captured) -> None:
    assert run(["history", "--source", source, "--json"]) == 3
    movements = json.loads(capsys.readouterr().out)["movements"]
    changes = [
        (
            moved["height"],
            sum(
                entry["received_sats"] - entry["sent_sats"] - entry["fee_sats"]
                for entry in moved["entries"]
            ),
        )
        for moved in movements
    ]
    btc = 100_000_000
    assert changes == [
        (9, 50 * btc),
        (170, -10 * btc),
        (181, -10 * btc),
        (182, -btc),
        (183, -btc),
        (248, -10 * btc),
    ]


def test_why_the_first_payment(source: str, capsys: Captured) -> None:
    txid = "f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16"
    assert run(["why", txid, "--source", source]) == 3
    out = capsys.readouterr().out
    assert "  in block 170 00000000...a2ee, position 1: a Merkle branch of 1 hash" in out
    assert "  block9: -10.00000000 BTC, out (holder first)\n" in out
    assert "UNKNOWN  chain.work\n" in out
    assert "\n  bitcoin-cli getblockhash 170\n" in out
