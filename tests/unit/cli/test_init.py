from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.cli.conftest import TILL_ADDRESS, VAULT_ADDRESS, World

from erario.cli.main import run
from erario.cli.saving import save_reserve
from erario.errors import OutputError

Captured = pytest.CaptureFixture[str]


def test_a_starter_that_checks(world: World, capsys: Captured) -> None:
    assert run(["init", "new"]) == 0
    assert capsys.readouterr().out == (
        "Wrote new/reserve.toml.\n"
        "Next: correct new/reserve.toml, then run\n"
        "    erario check new\n"
        "    erario audit new --source blocks:~/.bitcoin/blocks\n"
    )
    assert run(["check", "new"]) == 0


def test_the_next_commands_can_be_pasted(world: World, capsys: Captured) -> None:
    assert run(["init", "a b/u"]) == 0
    assert "    erario check 'a b/u'\n" in capsys.readouterr().out


def test_what_is_there_stays(world: World, capsys: Captured) -> None:
    before = Path("reserve.toml").read_bytes()
    assert run(["init"]) == 2
    assert (
        "reserve.toml: the file is there already, and is not overwritten [save.exists]"
        in capsys.readouterr().err
    )
    assert Path("reserve.toml").read_bytes() == before
    assert run(["init", "--force", "-q"]) == 0
    assert capsys.readouterr() == ("", "")
    assert Path("reserve.toml").read_bytes() != before


def test_from_a_plain_list(world: World, capsys: Captured) -> None:
    assert run(["init", "made", "--addresses", "list.txt", "--holder", "Exampleland"]) == 0
    text = Path("made/reserve.toml").read_text()
    assert 'name = "Exampleland"' in text
    assert 'attribution = "inferred"' in text
    assert run(["check", "made"]) == 0
    assert "(wallets: 1 inferred)" in capsys.readouterr().out


def test_from_a_list_and_its_document(world: World, capsys: Captured) -> None:
    Path("gazette.txt").write_text(f"{VAULT_ADDRESS}\n{TILL_ADDRESS}\n")
    args = ["init", "made", "--addresses", "list.txt", "--document", "gazette.txt"]
    assert run(args) == 0
    assert capsys.readouterr().out.splitlines()[-4] == "Wrote made/reserve.toml."
    assert 'attribution = "documented"' in Path("made/reserve.toml").read_text()
    Path("gazette.txt").write_text(f"{VAULT_ADDRESS}\n")
    assert run([*args, "--force"]) == 2
    assert "[reserve.not-in-document]" in capsys.readouterr().err


def test_from_descriptors(world: World, capsys: Captured) -> None:
    Path("export.txt").write_text(f"addr({VAULT_ADDRESS})\n")
    args = ["init", "made", "--descriptors", "export.txt"]
    assert run(args) == 2
    assert "[list.network-open]" in capsys.readouterr().err
    assert run([*args, "--network", "regtest"]) == 0
    assert run(["check", "made"]) == 0
    assert "(wallets: 1 declared)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "args",
    [
        ["--addresses", "list.txt", "--descriptors", "list.txt"],
        ["--document", "list.txt"],
        ["--holder", "Exampleland"],
        ["--network", "regtest"],
    ],
)
def test_options_that_do_not_go_together(args: list[str], world: World, capsys: Captured) -> None:
    assert run(["init", "made", *args]) == 2
    assert "Error: --" in capsys.readouterr().err
    assert not Path("made").exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        save_reserve(tmp_path / "file" / "below", {"reserve.toml": b""}, force=False)


@pytest.mark.parametrize("option", ["--addresses", "--descriptors"])
def test_of_two_files_none_is_dropped_in_silence(option, tmp_path, capsys):
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text("x")
    line = [option, str(tmp_path / "one.txt"), option, str(tmp_path / "two.txt")]
    assert run(["init", str(tmp_path / "new"), *line]) == 2
    assert f"give {option} once" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
