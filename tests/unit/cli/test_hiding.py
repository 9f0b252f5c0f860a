"""No private key or seed phrase is echoed, wherever on the command line it stands."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from tests.unit.cli.conftest import World

from erario.cli import main as entry
from erario.cli.hiding import hide
from erario.cli.main import run
from erario.cli.printer import Printer
from erario.errors import DeclarationError, OutputError, Place, Problem

WIF = "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ"
XPRV = (
    "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3"
    "TGtRBeJgk33yuGBxrMPHi"
)
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"
SECRETS = (WIF, XPRV, PHRASE)
SOURCE = ("--source", "blocks:blocks")
LINES = (
    ("audit", "--source", "{}"),
    ("audit", "--source", "blocks:{}"),
    ("audit", *SOURCE, "--at", "{}"),
    ("audit", *SOURCE, "--since", "{}"),
    ("audit", *SOURCE, "--state", "{}"),
    ("audit", *SOURCE, "-o", "{}/x"),
    ("audit", "list.txt", *SOURCE, "--network", "{}"),
    ("audit", "list.txt", *SOURCE, "--holds", "{}"),
    ("audit", "{}", *SOURCE),
    ("coins", *SOURCE, "--wallet", "{}"),
    ("check", "{}"),
    ("init", "hh", "--addresses", "list.txt", "--holder", "{}"),
    ("init", "{}"),
    ("store", "--state", "{}"),
    ("why", "{}", *SOURCE),
    ("{}",),
    ("--{}",),
    ("audit", "--json", "--at", "{}", *SOURCE),
)


@pytest.mark.parametrize("secret", SECRETS, ids=["wif", "xprv", "phrase"])
@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_no_command_line_echoes_a_secret(
    line: tuple[str, ...], secret: str, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([arg.format(secret) for arg in line]) == 2
    out, err = capsys.readouterr()
    assert secret not in out + err
    assert "winner" not in out + err
    assert "stands on the command line" in out + err
    assert "cli.secret" in out + err
    assert not (world.folder / "hh").exists()


def test_a_phrase_without_quotes(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["why", *PHRASE.split(), *SOURCE]) == 2
    err = capsys.readouterr().err
    assert "winner" not in err
    assert "a seed phrase stands on the command line" in err


@pytest.mark.parametrize("secret", SECRETS, ids=["wif", "xprv", "phrase"])
@pytest.mark.parametrize("as_json", [False, True])
def test_no_message_lets_a_secret_out(
    secret: str,
    as_json: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ERARIO_DEBUG", "1")
    monkeypatch.setattr(entry, "refuse_secrets", lambda _args: None)
    problem = Problem(entry.CliCode.USAGE, Place(secret, 1), f"is {secret}", f"Drop {secret}.")
    for error in (
        click.UsageError(f"no {secret!r}"),
        ValueError(secret),
        DeclarationError(entry.CliCode.USAGE, (problem, problem)),
        OSError(2, "no such file", secret),
    ):

        def fail(error: Exception = error, **_: object) -> None:
            raise error

        json_flag = click.Option(["--json"], is_flag=True)
        command = click.Command("audit", callback=fail, params=[json_flag])
        monkeypatch.setattr(entry.LazyGroup, "get_command", lambda *_, it=command: it)
        assert run(["audit", "--json"] if as_json else ["audit"]) == 2
    monkeypatch.undo()
    Printer().text(f"{secret}\n")
    Printer().remark(f"Wrote {secret}.")
    with pytest.raises(OutputError):
        Printer().deliver(b"", Path(secret) / "x")
    out, err = capsys.readouterr()
    assert secret not in out + err
    assert "winner" not in out + err
    assert "xxxxxx" in out + err
    if as_json:
        assert json.loads(out.splitlines()[0])["error"]["code"] == "cli.usage"


def test_what_is_no_secret_stays() -> None:
    assert hide("reserve.toml:3: line 3 is wrong") == "reserve.toml:3: line 3 is wrong"
    assert hide("") == ""
