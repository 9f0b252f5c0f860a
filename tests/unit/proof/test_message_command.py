"""`erario message`: verify, start, finish; exit codes, files, JSON."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import click
import pytest
from tests.unit.proof.maker import (
    MESSAGE,
    by_key_hash,
    by_script,
    full,
    key,
    p2wpkh,
    p2wsh,
    sec,
    simple,
)
from tests.unit.proof.signers import account, sign

from erario.bitcoin.address import show_address
from erario.bitcoin.network import NetworkName
from erario.cli.commands.message import command
from erario.cli.main import run
from erario.proof import check_message
from erario.proof.psbt import read_psbt

SCRIPT = p2wpkh(sec(1))
ADDRESS = str(show_address(SCRIPT, NetworkName.MAIN))
SIGNATURE = simple(SCRIPT, by_key_hash(1))
ANYBODY = p2wsh(b"\x51")
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("subject", [ADDRESS, SCRIPT.hex(), ADDRESS.upper()])
def test_valid(subject: str, capsys: Captured) -> None:
    assert run(["message", "verify", subject, MESSAGE, SIGNATURE]) == 0
    out = capsys.readouterr().out
    assert out.startswith("VALID ")
    assert "shown by 1 distinct key" in out
    assert "which agree" in out


def test_every_network_s_addresses(capsys: Captured) -> None:
    for name in NetworkName:
        address = str(show_address(SCRIPT, name))
        assert run(["message", "verify", address, MESSAGE, SIGNATURE]) == 0
    capsys.readouterr()


def test_invalid(capsys: Captured) -> None:
    assert run(["message", "verify", ADDRESS, MESSAGE + "!", SIGNATURE]) == 1
    assert capsys.readouterr().out.startswith("INVALID ")


def test_inconclusive(capsys: Captured) -> None:
    signature = full(SCRIPT, by_key_hash(1), version=3)
    assert run(["message", "verify", ADDRESS, MESSAGE, signature]) == 3
    assert capsys.readouterr().out.startswith("INCONCLUSIVE ")


def test_valid_without_control_says_so(capsys: Captured) -> None:
    signature = full(ANYBODY, by_script(b"\x51"))
    assert run(["message", "verify", ANYBODY.hex(), MESSAGE, signature]) == 0
    assert "not shown: no signature was needed" in " ".join(capsys.readouterr().out.split())


def test_locks_are_told(capsys: Captured) -> None:
    signature = full(SCRIPT, by_key_hash(1), version=2, sequence=144, locktime=800_000)
    assert run(["message", "verify", ADDRESS, MESSAGE, signature]) == 0
    out = capsys.readouterr().out
    assert "from block 800000 on" in out
    assert "at least 144 blocks old" in out


def test_json(capsys: Captured) -> None:
    assert run(["message", "verify", ADDRESS, MESSAGE, SIGNATURE, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "state": "valid",
        "code": "valid",
        "sentence": "The script was satisfied for this message.",
        "input": 0,
        "form": "simple",
        "template": "p2wpkh",
        "engines": ["libbitcoinkernel", "template rules"],
        "keys": 1,
        "binds_key": True,
        "proved": True,
        "time": 0,
        "age": 0,
        "coins": [],
    }


def test_thorough(capsys: Captured) -> None:
    assert run(["message", "verify", ADDRESS, MESSAGE, SIGNATURE, "--thorough", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["engines"][-1] == "btclib"


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_texts_from_files(end: str, capsys: Captured) -> None:
    Path("message.txt").write_bytes((MESSAGE + end).encode())
    Path("signature.txt").write_text(SIGNATURE + "\n")
    assert run(["message", "verify", ADDRESS, "@message.txt", "@signature.txt"]) == 0
    capsys.readouterr()


def test_only_one_line_end_is_taken_away(capsys: Captured) -> None:
    Path("message.txt").write_text(MESSAGE + "\n\n")
    assert run(["message", "verify", ADDRESS, "@message.txt", SIGNATURE]) == 1
    signature = simple(SCRIPT, by_key_hash(1), MESSAGE + "\n")
    assert run(["message", "verify", ADDRESS, "@message.txt", signature]) == 0
    capsys.readouterr()


def test_a_message_that_starts_with_at(capsys: Captured) -> None:
    signature = simple(SCRIPT, by_key_hash(1), "@home")
    assert run(["message", "verify", ADDRESS, "@@home", signature]) == 0
    capsys.readouterr()


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["verify", ADDRESS, "@nowhere", SIGNATURE], "message.unreadable"),
        (["verify", ADDRESS, "@.", SIGNATURE], "message.unreadable"),
        (["verify", ADDRESS, "@latin1", SIGNATURE], "message.not-text"),
        (["verify", "00" * 10_001, "x", SIGNATURE], "message.script"),
        (["verify", ADDRESS[:-1] + "q", "x", SIGNATURE], "address.checksum"),
        (["verify", "", "x", SIGNATURE], "address.length"),
        (["start", "wpkh(nonsense)", "x"], "descriptor.key"),
        (["finish", "latin1"], "psbt.unreadable"),
        (["finish", "foreign.psbt"], "message.no-message"),
        (["finish", "unsigned.psbt"], "psbt.unsigned"),
        (["finish", "unsigned.psbt", "foreign.psbt"], "psbt.other"),
    ],
)
def test_could_not_run(args: list[str], code: str, capsys: Captured) -> None:
    Path("latin1").write_bytes("señor".encode("latin-1"))
    run(["message", "start", ADDRESS, "x", "-o", "unsigned.psbt"])
    foreign = "cHNidP8BAAoCAAAAAAAAAAAAAA=="
    Path("foreign.psbt").write_text(foreign)
    capsys.readouterr()
    assert run(["message", *args]) == 2
    assert f"[{code}]" in capsys.readouterr().err


def test_from_start_to_finish(capsys: Captured) -> None:
    text = f"wsh(sortedmulti(2,{account(0)},{account(1)},{account(2)}))"
    started = ["message", "start", text, MESSAGE, "--branch", "1", "--index", "7"]
    assert run([*started, "-o", "to-sign.psbt"]) == 0
    err = capsys.readouterr().err
    assert "Nobody has signed it yet." in err
    assert "to erario message finish" in err
    assert "names no key" not in err
    assert run(started) == 0
    printed = capsys.readouterr().out
    psbt = read_psbt(Path("to-sign.psbt").read_bytes())
    assert read_psbt(printed) == psbt
    for number, raw in enumerate(sign(psbt, 0, 2)):
        Path(f"signed-{number}.psbt").write_bytes(raw)
    # One of them as text, broken into lines.
    Path("signed-1.psbt").write_text(
        "\n".join(read_psbt(Path("signed-1.psbt").read_bytes()).to_text().partition("A"))
    )
    assert run(["message", "finish", "signed-0.psbt", "signed-1.psbt"]) == 0
    signature = capsys.readouterr().out.strip()
    assert check_message(psbt.spent(0).script, MESSAGE, signature).keys == 2
    assert run(["message", "finish", "signed-0.psbt", "signed-1.psbt", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["signature"] == signature


def test_an_address_gives_signers_no_key(capsys: Captured) -> None:
    assert run(["message", "start", ADDRESS, MESSAGE]) == 0
    assert "needs one made of a descriptor" in capsys.readouterr().err
    assert run(["message", "start", ADDRESS, MESSAGE, "--quiet"]) == 0
    assert not capsys.readouterr().err


def test_a_wrong_signature_is_not_printed(capsys: Captured) -> None:
    run(["message", "start", f"wpkh({account(0)})", MESSAGE, "-o", "a.psbt"])
    psbt = read_psbt(Path("a.psbt").read_bytes())
    raw = bytearray(sign(psbt, 0)[0])
    raw[raw.index(b"\x30\x44\x02\x20") + 10] ^= 1
    Path("bad.psbt").write_bytes(raw)
    capsys.readouterr()
    assert run(["message", "finish", "bad.psbt"]) == 1
    assert capsys.readouterr().out.startswith("INVALID")


def test_private_keys_are_refused(capsys: Captured) -> None:
    run(["message", "start", f"wpkh({account(0)})", MESSAGE, "-o", "a.psbt"])
    psbt = read_psbt(sign(read_psbt(Path("a.psbt").read_bytes()), 0)[0])
    private = bytes.fromhex("0488ade4") + b"\x07" * 41 + b"\x00" + b"\x09" * 32
    wif = key(1).wif()
    for extra in (
        {b"\x01" + private: bytes(4)},
        {b"\xfc\x03abc": private},
        {b"\xfc\x03abc": f"{wif}\n".encode()},
    ):
        bad = replace(psbt, fields={**psbt.fields, **extra})
        for data in (bad.to_bytes(), bad.to_text().encode()):
            Path("bad.psbt").write_bytes(data)
            capsys.readouterr()
            assert run(["message", "finish", "bad.psbt"]) == 2
            out, err = capsys.readouterr()
            assert "[message.secret]" in err
            assert "bad.psbt" in err
            assert not out
            assert wif not in err
    Path("bad.psbt").write_text(wif)
    assert run(["message", "finish", "bad.psbt"]) == 2
    assert "[message.secret]" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["verify", "start", "finish"])
def test_help_ends_with_an_example_that_runs(name: str, capsys: Captured) -> None:
    assert run(["message", name, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"    erario message {name}" in out
    assert max(len(line) for line in out.splitlines()) <= 80
    example = "bc1q9vza2e8x573nczrlzms0wvx3gsqjx7vavgkx0l"
    Path("message.txt").write_text("Hello World\n")
    Path("signature.txt").write_text(
        "smpAkcwRAIgZRfIY3p7/DoVTty6YZbWS71bc5Vct9p9Fia83eRmw2QCICK/ENGfwLtptFluMGs2KsqoNSk89pO7"
        "F29zJLUx9a/sASECx/EgAxlkQpQ9hYjgGu6EBCPMVPwVIVJqO4XCsMvViHI=\n"
    )
    run(["message", "start", f"wsh(multi(2,{account(0)},{account(1)}))", "x", "-o", "both.psbt"])
    for letter, raw in zip(
        "ab", sign(read_psbt(Path("both.psbt").read_bytes()), 0, 1), strict=True
    ):
        Path(f"signed-{letter}.psbt").write_bytes(raw)
    inner = command.get_command(click.Context(command), name)
    lines = str(inner.epilog).replace("\\\n", " ").splitlines()
    shown = [line for line in lines if line.startswith("  erario ")]
    assert shown
    assert example in shown[0] or name == "finish"
    assert run(shlex.split(shown[0])[1:]) == 0
