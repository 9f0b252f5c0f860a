"""Commands as people run them: exit code, stdout and stderr, on a small chain."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
from importlib.resources import files
from pathlib import Path

import click
import jsonschema
import pytest
from tests.unit.cli.conftest import TILL_ADDRESS, VAULT_ADDRESS, World

from erario.cli.main import COMMANDS, cli, run

Captured = pytest.CaptureFixture[str]


def schema() -> object:
    return json.loads(files("erario.statement").joinpath("statement.schema.json").read_text())


def test_audit_answers_the_claim(world: World, capsys: Captured) -> None:
    assert run(["audit", "--source", world.source, "--at", "2025-04-03"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == "Treasury of Exampleland".ljust(62) + "2 scripts, regtest"
    assert lines[1].startswith("Cut-off  block 3 ")
    assert lines[1].endswith(", end of 2025-04-03 UTC, settled")
    assert lines[5:9] == [
        'KEPT     minister  "> 4 BTC" on 2025-04-03                       reserve.toml:15',
        "         4.90000000 to 50.00000000 BTC in blocks 2 to 3, margin 0.90000000",
        "         rests on: unspent, on the word of every block up to the cut-off",
        "",
    ]
    assert "holding, declared                       1       4.90000000  unspent" in lines
    assert "transit, declared                       1      20.00000000  unspent" in lines
    assert all(len(line) <= 80 for line in lines)


def test_a_broken_claim_exits_1(world: World, capsys: Captured) -> None:
    reserve = world.folder / "reserve.toml"
    reserve.write_text(reserve.read_text().replace('"> 4 BTC"', '"> 60 BTC"'))
    assert run(["audit", "--source", world.source, "--at", "2025-04-03"]) == 1
    assert "\nBROKEN   minister" in capsys.readouterr().out


def test_a_claim_after_the_cutoff_exits_3(world: World, capsys: Captured) -> None:
    assert run(["audit", "reserve.toml", "--source", world.source, "--at", "1"]) == 3
    assert "\nUNKNOWN  minister" in capsys.readouterr().out


def test_the_roll_forward(world: World, capsys: Captured) -> None:
    run(["audit", "--source", world.source, "--since", "1", "--at", "2025-04-03"])
    out = capsys.readouterr().out
    assert "Roll-forward from the end of block 1 to the end of block 3\n" in out
    assert "opening                     50.00000000          50.00000000\n" in out
    assert "- fees                       0.10000000           0.10000000\n" in out
    assert "= closing                   24.90000000           4.90000000\n" in out


def test_audit_json_is_canonical_and_by_the_schema(
    world: World, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    args = ["audit", "--source", world.source, "--at", "2025-04-03", "--json"]
    assert run(args) == 0
    out, err = capsysbinary.readouterr()
    assert err == b""
    statement = json.loads(out)
    jsonschema.validate(statement, schema())
    assert [claim["outcome"] for claim in statement["claims"]] == ["kept"]
    assert run(args) == 0
    assert capsysbinary.readouterr().out == out
    assert run([*args, "-o", "statement.json"]) == 0
    assert capsysbinary.readouterr() == (b"", b"Wrote statement.json.\n")
    assert Path("statement.json").read_bytes() == out


def test_schema_is_what_statements_answer_to(capsys: Captured) -> None:
    assert run(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == schema()


def test_audit_csv_has_a_row_for_each_script(world: World, capsys: Captured) -> None:
    run(["audit", "--source", world.source, "--csv"])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["wallet"], row["address"], row["balance_sats"]) for row in rows] == [
        ("vault", VAULT_ADDRESS, "490000000"),
        ("till", TILL_ADDRESS, "2000000000"),
    ]


def test_two_formats_are_refused(world: World, capsys: Captured) -> None:
    assert run(["audit", "--source", world.source, "--csv", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "cli.usage"


def test_the_user_s_own_node_is_named(world: World, capsys: Captured) -> None:
    run(["audit", "--source", world.source, "--own", "--at", "2025-04-03"])
    assert "rests on: unspent, on the word of the user's own node\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("holds", "verdict"),
    [
        ("> 4 BTC", "UNKNOWN: KEPT if these addresses are the holder's"),
        ("< 4 BTC", "UNKNOWN: BROKEN if these addresses are the holder's"),
    ],
)
def test_a_plain_list_is_inferred(holds: str, verdict: str, world: World, capsys: Captured) -> None:
    args = ["audit", "list.txt", "--holds", holds, "--at", "2025-04-03", "--source", world.source]
    assert run(args) == 3
    lines = capsys.readouterr().out.splitlines()
    assert verdict in lines
    said = "Nothing here is counted: there are only inferred wallets, which somebody"
    assert lines.index(said) < next(n for n, line in enumerate(lines) if "0000 BTC" in line)


def test_a_plain_list_with_its_document_stands(world: World, capsys: Captured) -> None:
    Path("gazette.txt").write_text(f"We hold {VAULT_ADDRESS} and {TILL_ADDRESS}.\n")
    args = ["audit", "list.txt", "--holds", "> 4 BTC", "--at", "2025-04-03"]
    args += ["--document", "gazette.txt", "--source", world.source, "--save", "saved"]
    assert run(args) == 0
    out, err = capsys.readouterr()
    assert '\nKEPT     claim  "> 4 BTC" on 2025-04-03' in out
    assert "Wrote saved/gazette.txt.\n" in err
    assert err.endswith("Wrote saved/reserve.toml.\n")
    assert run(["audit", "saved", "--source", world.source, "--at", "2025-04-03"]) == 0
    assert "\nKEPT     claim" in capsys.readouterr().out
    assert run(args) == 2
    assert "[save.exists]" in capsys.readouterr().err


def test_a_plain_list_without_a_claim_shows_what_is_there(world: World, capsys: Captured) -> None:
    assert run(["audit", "list.txt", "--source", world.source]) == 3
    assert "holding, inferred, not counted          2      24.90000000" in capsys.readouterr().out


def test_options_of_lists_are_refused_for_reserves(world: World, capsys: Captured) -> None:
    assert run(["audit", ".", "--holds", "> 4 BTC", "--source", world.source]) == 2
    assert "are for a plain list" in capsys.readouterr().err


def test_check_counts_what_is_declared(world: World, capsys: Captured) -> None:
    assert run(["check", "reserve.toml"]) == 0
    assert capsys.readouterr().out == (
        "reserve.toml: no problems; 1 holder, 2 wallets, 0 documents, 1 claim (wallets: 2"
        " declared)\n"
    )
    assert run(["check", "-q"]) == 0
    assert capsys.readouterr() == ("", "")
    assert run(["check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "declared": {"claims": 1, "documents": 0, "holders": 1, "wallets": 2},
        "problems": [],
    }


def test_check_reports_every_problem_with_line_and_remedy(world: World, capsys: Captured) -> None:
    reserve = world.folder / "reserve.toml"
    text = reserve.read_text().replace("transit", "transti").replace("> 4 BTC", "> 4.123456789 BTC")
    reserve.write_text(text)
    assert run(["check", "reserve.toml"]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0].startswith("reserve.toml:12: ")
    assert lines[2].startswith("reserve.toml:17: ")
    assert all(line.startswith("    ") for line in (lines[1], lines[3]))
    assert lines[4] == "reserve.toml: 2 problems"
    assert run(["check", "--json", "reserve.toml"]) == 1
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert [problem["place"]["line"] for problem in problems] == [12, 17]
    assert all(problem["remedy"] and problem["code"] for problem in problems)
    assert run(["audit", "--source", world.source]) == 2
    assert capsys.readouterr().err.splitlines()[0] == lines[0]


def test_a_reserve_that_is_not_there_could_not_be_checked(world: World, capsys: Captured) -> None:
    assert run(["check", "nothing.toml"]) == 2
    assert "[reserve.unreadable]" in capsys.readouterr().err


def test_coins_are_those_unspent_at_the_cutoff(world: World, capsys: Captured) -> None:
    assert run(["coins", "--source", world.source]) == 0
    out = capsys.readouterr().out
    assert f"    {world.payment}:0\n" in out
    assert f"    {world.payment}:2\n" in out
    assert world.mined not in out
    assert out.endswith("\n2 unspent coins, 24.90000000 BTC\n")
    assert run(["coins", "--source", world.source, "--spent", "--wallet", "vault"]) == 0
    out = capsys.readouterr().out
    assert "vault        1  50.00000000             spent in 3\n" in out
    assert f"    spent by {world.payment},\n    input 0\n" in out
    assert out.endswith("\n1 unspent coin, 4.90000000 BTC\n")


def test_coins_as_csv_and_json(world: World, capsys: Captured) -> None:
    run(["coins", "--source", world.source, "--csv"])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["wallet"], row["vout"], row["btc"]) for row in rows] == [
        ("till", "0", "20.00000000"),
        ("vault", "2", "4.90000000"),
    ]
    run(["coins", "--source", world.source, "--json"])
    record = json.loads(capsys.readouterr().out)
    assert (record["network"], record["cutoff"]["height"], record["findings"]) == (
        "regtest",
        16,
        [],
    )
    assert [coin["sats"] for coin in record["coins"]] == [2_000_000_000, 490_000_000]


def test_a_wallet_that_is_not_there(world: World, capsys: Captured) -> None:
    assert run(["coins", "--wallet", "x", "--source", world.source]) == 2
    assert "there are: vault, till" in capsys.readouterr().err


def test_history_has_each_wallet_s_balance(world: World, capsys: Captured) -> None:
    assert run(["history", "--source", world.source]) == 0
    out = capsys.readouterr().out
    assert out.split("\n\n", 1)[1] == (
        "wallet  height    change BTC  balance BTC  movement\n"
        "vault        1  +50.00000000  50.00000000  mined\n"
        f"    {world.mined}\n"
        "vault        3  -45.10000000   4.90000000  out, between\n"
        f"    {world.payment}\n"
        "    of it fee 0.10000000 BTC\n"
        "till         3  +20.00000000  20.00000000  between\n"
        f"    {world.payment}\n"
        "\n"
        "3 movements\n"
    )


def test_history_since_a_cutoff_and_of_one_wallet(world: World, capsys: Captured) -> None:
    run(["history", "--source", world.source, "--since", "2025-04-01", "--wallet", "till"])
    out = capsys.readouterr().out
    assert world.mined not in out
    assert out.endswith("\n1 movement\n")
    run(["history", "--source", world.source, "--since", "2", "--csv"])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["wallet"], row["change_btc"]) for row in rows] == [
        ("vault", "-45.10000000"),
        ("till", "20.00000000"),
    ]
    run(["history", "--source", world.source, "--wallet", "vault", "--json"])
    movements = json.loads(capsys.readouterr().out)["movements"]
    assert [[entry["wallet"] for entry in moved["entries"]] for moved in movements] == [
        ["vault"],
        ["vault"],
    ]


@pytest.mark.parametrize("command", ["audit", "coins", "history"])
@pytest.mark.parametrize("output", ["nowhere/x.txt", "list.txt/x", "pipe", "a" * 300 + "/x"])
def test_a_bad_output_is_noticed_before_anything_is_read(
    command: str, output: str, world: World, capsys: Captured
) -> None:
    os.mkfifo("pipe")
    assert run([command, "--source", "blocks:nothing-there", "-o", output]) == 2
    assert "[cli.no-output]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["audit", "list.txt", "--within", "1 BTC"], "--within goes with --holds"),
        (["audit", "--state", "s", "--no-state"], "--state and --no-state cannot be combined"),
    ],
)
def test_options_that_contradict_each_other(
    line: list[str], said: str, world: World, capsys: Captured
) -> None:
    assert run([*line, "--source", world.source]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Usage: erario" in err


@pytest.mark.parametrize("command", ["audit", "coins", "history"])
def test_what_csv_has_no_room_for_is_told_beside_it(
    command: str, world: World, capsys: Captured
) -> None:
    # The last day of the chain, which blocks to come can still belong to.
    line = [command, "--csv", "--source", world.source, "--at", "2025-04-07"]
    assert run(line) == 3
    assert "UNKNOWN  cutoff.settled" in capsys.readouterr().err
    assert run([*line, "-q"]) == 3
    assert capsys.readouterr().err == ""


def test_history_as_csv_has_each_wallet_s_balance(world: World, capsys: Captured) -> None:
    run(["history", "--csv", "--source", world.source])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["wallet"], row["balance_btc"]) for row in rows] == [
        ("vault", "50.00000000"),
        ("vault", "4.90000000"),
        ("till", "20.00000000"),
    ]


def examples() -> list[str]:
    """Every command line in the epilogs of the help."""
    context = click.Context(cli)
    epilogs = [cli.epilog, *(getattr(cli.get_command(context, n), "epilog", "") for n in COMMANDS)]
    lines = "\n".join(str(epilog) for epilog in epilogs).replace("\\\n", " ").splitlines()
    return [" ".join(line.split()) for line in lines if line.startswith("  erario ")]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_ends_with_an_example(name: str, capsys: Captured) -> None:
    assert run([name, "--help"]) == 0
    out = capsys.readouterr().out
    _, _, shown = out.partition("  Example")
    assert f"    erario {name}" in shown
    assert max(len(line) for line in out.splitlines()) <= 80


def needs_more(line: str) -> bool:
    """Whether an example asks a server, mainnet, or a file that another command makes."""
    command = line.split()[1]
    return "://" in line or command in {"headers", "verify", "prove"} or "--previous" in line


@pytest.mark.parametrize("line", [line for line in examples() if not needs_more(line)])
def test_the_examples_of_the_help_run(line: str, world: World, capsys: Captured) -> None:
    assert run(shlex.split(line)[1:]) in {0, 3}, capsys.readouterr()


@pytest.mark.parametrize("line", [line for line in examples() if needs_more(line)])
def test_the_other_examples_are_understood(line: str, world: World) -> None:
    name, *args = shlex.split(line)[1:]
    context = click.Context(cli)
    command = cli.get_command(context, name)
    assert command is not None
    if isinstance(command, click.Group):
        inner = command.get_command(context, args[0])
        assert inner is not None
        command, args = inner, args[1:]
    command.make_context(name, args)
