"""`erario prove` as people run it, from the reserve to an audit that takes the proofs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.unit.ceremony.kit import FINGERPRINTS, PURPOSE, REGTEST, VAULT, A, Treasury, build
from tests.unit.proof.signers import sign

from erario.bitcoin.address import show_address
from erario.bitcoin.descriptor import read_descriptor
from erario.cli.main import run
from erario.proof.descriptor_fields import script_fields
from erario.proof.making import finalise, signature_text, start_message
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


def test_nobody_is_asked_without_a_yes(treasury: Treasury, capsys: Captured) -> None:
    asked = ["prove", "start", "reserve.toml", "--source", treasury.source, "--no-state"]
    assert run([*asked, "--at", "8", "--purpose", PURPOSE, "-o", "ceremony"]) == 2
    out, err = capsys.readouterr()
    assert "What published proofs reveal" in out
    assert "prove.not-confirmed" in err
    assert not Path("ceremony").exists()
    assert run([*asked, "--purpose", PURPOSE, "-o", "ceremony", "--yes"]) == 2
    assert "prove.no-cutoff" in capsys.readouterr().err


@pytest.mark.parametrize("answer", [True, False])
def test_a_person_is_asked(
    treasury: Treasury, monkeypatch: pytest.MonkeyPatch, answer: bool
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.confirm", lambda *_args, **_more: answer)
    asked = ["prove", "start", "reserve.toml", "--source", treasury.source, "--no-state"]
    code = run([*asked, "--at", "8", "--purpose", PURPOSE, "-o", "ceremony"])
    assert (code, Path("ceremony").exists()) == ((0, True) if answer else (2, False))


def test_the_tip_is_refused(treasury: Treasury, capsys: Captured) -> None:
    tip = str(len(treasury.blocks) - 1)
    assert start(treasury, at=tip) == 2
    assert "ceremony.not-settled" in capsys.readouterr().err


def test_started_twice(treasury: Treasury, capsys: Captured) -> None:
    assert start(treasury) == 0
    assert start(treasury) == 0
    assert "is of this very ceremony" in capsys.readouterr().err
    assert start(treasury, at="7") == 2
    assert "ceremony.folder-other" in capsys.readouterr().err


def test_a_file_that_is_none_of_ours(treasury: Treasury, capsys: Captured) -> None:
    start(treasury, "--wallet", "hot")
    for name in ("hot-001", "hot-002"):
        bring_back(name, 0)
    key = "cMahea7zqjxrtgAbB7LSGbcQUr1uX1ojuat9jZodMN87JcbXMTcA"
    Path("ceremony/signed/oops.txt").write_text(f"{key}\n")
    capsys.readouterr()
    assert run(["prove", "finish", "ceremony", "-o", "proofs.json"]) == 1
    out, err = capsys.readouterr()
    assert "REFUSED   ceremony/signed/oops.txt: a private key" in out
    assert key not in out + err + Path("proofs.json").read_text()
    assert audit(treasury, capsys) == {"proved": 2, "none": 1}


def test_an_entry_that_cannot_be_read_stops_nobody_else(
    treasury: Treasury, capsys: Captured
) -> None:
    start(treasury, "--wallet", "hot")
    for name in ("hot-001", "hot-002"):
        bring_back(name, 0)
    Path("ceremony/signed/gone.psbt").symlink_to("nowhere")
    os.mkfifo("ceremony/signed/pipe")
    capsys.readouterr()
    assert run(["prove", "status", "ceremony"]) == 1
    out = capsys.readouterr().out
    assert "REFUSED   ceremony/signed/gone.psbt: the file cannot be read" in out
    assert "REFUSED   ceremony/signed/pipe: the file cannot be read: it is no file" in out
    assert run(["prove", "finish", "ceremony", "-o", "proofs.json"]) == 1
    assert audit(treasury, capsys) == {"proved": 2, "none": 1}
    assert run(["prove", "status", "ceremony", "ceremony/signed/gone.psbt"]) == 2
    assert "returned.unreadable" in capsys.readouterr().err


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_nearly_a_private_key_is_not_echoed(
    treasury: Treasury, capsys: Captured, as_json: tuple[str, ...]
) -> None:
    """With a typing error it is no key by its checksum, and nearly the key all the same."""
    start(treasury)
    key = "cMahea7zqjxrtgAbB7LSGbcQUr1uX1ojuat9jZodMN87JcbXMTcB"
    Path("ceremony/signed/oops.txt").write_text(f"{key} smpAA==\n{key}\n")
    assert run(["prove", "status", "ceremony", *as_json]) == 1
    out, err = capsys.readouterr()
    assert key[5:20] not in out + err


def test_nothing_is_proved_and_nothing_written(treasury: Treasury, capsys: Captured) -> None:
    start(treasury)
    assert run(["prove", "finish", "ceremony", "-o", "proofs.json"]) == 3
    assert "nothing written" in capsys.readouterr().err
    assert not Path("proofs.json").exists()
    Path("proofs.json").write_text("{}")
    run(["prove", "finish", "ceremony", "-o", "proofs.json", "--quiet"])
    assert "is of an earlier run" in capsys.readouterr().err


def test_pasted_signatures_are_told_script_by_script(treasury: Treasury, capsys: Captured) -> None:
    start(treasury, "--wallet", "hot", "--batches")
    message = Path("ceremony/message.txt").read_text()
    lines = []
    for index in range(2):
        script, fields = script_fields(read_descriptor(f"wpkh({A})", REGTEST), 0, index)
        (raw,) = sign(start_message(script, message, fields=fields), 0)
        signed = signature_text(finalise(read_psbt(raw)))
        lines.append(f"{show_address(script, REGTEST)} {signed}\n")
    Path("ceremony/signed/strings.txt").write_text(lines[0])
    capsys.readouterr()
    assert run(["prove", "status", "ceremony"]) == 3
    said = " ".join(capsys.readouterr().out.split())
    assert "PARTLY hot-001: 1 of 2 scripts proved, a signature that holds came back" in said
    assert f"to sign still: {lines[1].split()[0]}, by a string each or all by the PSBT" in said
    assert "Next put what signers send back into ceremony/signed" in said
    assert run(["prove", "status", "ceremony", "--json"]) == 3
    (one,) = json.loads(capsys.readouterr().out)["asks"]
    assert (one["proved"], one["proved_scripts"]) == (False, one["scripts"][:1])
    assert run(["prove", "finish", "ceremony", "-o", "proofs.json"]) == 3
    assert "Wrote proofs.json. It has what is proved so far." in capsys.readouterr().err
    Path("ceremony/signed/more.txt").write_text(lines[1])
    assert run(["prove", "status", "ceremony"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "PROVED hot-001: 2 signatures that hold came back 1 of 1 proof complete" in said
    assert "Next erario prove finish ceremony -o proofs.json" in said
    assert run(["prove", "finish", "ceremony", "-o", "proofs.json"]) == 0
    assert "erario bundle, with --proofs proofs.json" in capsys.readouterr().err


def test_merged_psbts_come_and_go(treasury: Treasury) -> None:
    start(treasury)
    bring_back("vault-001", 2)
    finish = ["prove", "finish", "ceremony", "-o", "proofs.json", "--merged", "merged"]
    assert run(finish) == 3
    assert [path.name for path in Path("merged").iterdir()] == ["vault-001.psbt"]
    bring_back("vault-001", 0)
    assert run(finish) == 3
    assert list(Path("merged").iterdir()) == []


def test_the_answers_as_json(treasury: Treasury, capsys: Captured) -> None:
    start(treasury)
    bring_back("vault-001", 2, 0)
    capsys.readouterr()
    assert run(["prove", "status", "ceremony", "--combinations", "--json"]) == 3
    status = json.loads(capsys.readouterr().out)
    proved = {one["name"]: one["proved"] for one in status["asks"]}
    assert proved == {"hot-001": False, "hot-002": False, "vault-001": True}
    assert [one["complete"] for one in status["combinations"]["vault-001"]].count(True) == 1
    source = ["--source", treasury.source]
    assert run(["prove", "finish", "ceremony", "-o", "proofs.json", "--json", *source]) == 3
    done = json.loads(capsys.readouterr().out)
    assert (done["written"], done["block_gone"], done["complete"]) == ("proofs.json", False, False)


def test_a_block_that_is_gone(treasury: Treasury, capsys: Captured) -> None:
    start(treasury)
    bring_back("vault-001", 2, 0)
    other = build(Path("other"), {"hot": (f"wpkh({A})", 9)})
    capsys.readouterr()
    finish = ["prove", "finish", "ceremony", "-o", "proofs.json", "--source", other.source]
    assert run(finish) == 1
    assert "is no longer on the chain" in capsys.readouterr().err


def test_a_plain_list_is_nobodys_to_prove(treasury: Treasury, capsys: Captured) -> None:
    """Its addresses are inferred: somebody must declare them first."""
    address = show_address(treasury.scripts[0], REGTEST)
    Path("list.txt").write_text(f"{address}\n")
    asked = ["prove", "start", "list.txt", "--source", treasury.source, "--no-state", "--yes"]
    assert run([*asked, "--at", "8", "--purpose", PURPOSE, "-o", "ceremony"]) == 2
    assert "declared or documented" in capsys.readouterr().err


def test_no_ceremony(treasury: Treasury, capsys: Captured) -> None:
    assert run(["prove", "status", "."]) == 2
    assert "ceremony.folder-none" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["start", "status", "finish"])
def test_help(name: str, capsys: Captured) -> None:
    assert run(["prove", name, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"erario prove {name}" in out.partition("  Example")[2]
    assert max(map(len, out.splitlines())) <= 80
