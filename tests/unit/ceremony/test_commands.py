"""`erario prove` as people run it, from the reserve to an audit that takes the proofs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.ceremony.kit import FINGERPRINTS, PURPOSE, VAULT, A, Treasury, build
from tests.unit.proof.signers import sign

from erario.cli.main import run
from erario.proof.psbt import read_psbt

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def treasury(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Treasury:
    monkeypatch.chdir(tmp_path)
    return build(tmp_path, {"hot": (f"wpkh({A})", 2), "vault": (VAULT, 1)})


def start(treasury: Treasury, *more: str, folder: str = "ceremony", at: str = "8") -> int:
    return run(
        ["prove", "start", "reserve.toml", "--source", treasury.source, "--no-state", "--at", at,
         "--purpose", PURPOSE, "-o", folder, "--yes", *more]
    )  # fmt: skip


def bring_back(name: str, *signers: int) -> None:
    """Sign a PSBT of the folder, and put what comes back where it belongs."""
    psbt = read_psbt(Path("ceremony/to-sign", f"{name}.psbt").read_bytes())
    for number, raw in zip(signers, sign(psbt, *signers), strict=True):
        Path("ceremony/signed", f"{name}-{number}.psbt").write_bytes(raw)


def audit(treasury: Treasury, capsys: Captured, at: str = "8") -> dict[str, int]:
    capsys.readouterr()
    asked = ["audit", "--source", treasury.source, "--no-state", "--at", at, "--json"]
    run([*asked, "--proofs", "proofs.json"])
    (holder,) = json.loads(capsys.readouterr().out)["holders"]
    return {line["control"]: line["coins"] for line in holder["control"]}


def test_from_start_to_an_audit(treasury: Treasury, capsys: Captured) -> None:
    assert start(treasury) == 0
    out, err = capsys.readouterr()
    assert "hot: 2 scripts, each signed by 1 of Director (capital)." in out
    assert "vault: 1 script, each signed by 2 of Director (capital), 56c4fac3, Auditor." in out
    assert "Director (capital)" in out
    assert "150.00000000 BTC at least" in out
    assert "Wrote ceremony" in err
    assert sorted(path.name for path in Path("ceremony/to-sign").iterdir()) == [
        "hot-001.psbt", "hot-002.psbt", "vault-001.psbt",
    ]  # fmt: skip
    message = Path("ceremony/message.txt").read_bytes()
    assert message.startswith(b"Reserve audit 2026 | Treasury of Exampleland | block 8 ")
    assert not message.endswith(b"\n")

    assert run(["prove", "status", "ceremony"]) == 3
    out = capsys.readouterr().out
    assert "OPEN      hot-001: needs 1 more of Director (capital)" in out

    for name in ("hot-001", "hot-002"):
        bring_back(name, 0)
    bring_back("vault-001", 2)
    assert run(["prove", "finish", "ceremony", "-o", "proofs.json"]) == 3
    out = capsys.readouterr().out
    assert f"PARTLY    vault-001: signed by {FINGERPRINTS[2]}; needs 1 more of" in out
    assert "PROVED    hot-001: signed by Director (capital)" in out
    assert audit(treasury, capsys) == {"proved": 2, "none": 1}

    bring_back("vault-001", 1)
    assert run(["prove", "finish", "ceremony", "-o", "proofs.json"]) == 0
    first = Path("proofs.json").read_bytes()
    assert run(["prove", "finish", "ceremony", "-o", "proofs.json"]) == 0
    assert Path("proofs.json").read_bytes() == first
    assert audit(treasury, capsys) == {"proved": 3}
