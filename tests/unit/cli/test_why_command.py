"""`erario why`: what it tells, and what it refuses before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.cli.conftest import VAULT_ADDRESS, World

from erario.cli.main import run

NOWHERE = "0014" + "77" * 20
"""A script that nobody in this world has."""

Captured = pytest.CaptureFixture[str]


def test_why_a_transaction(world: World, capsys: Captured) -> None:
    assert run(["why", world.payment, "--source", world.source]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"transaction {world.payment}\n  in block 3 ")
    assert "a Merkle branch of 1 hash leads" in out
    assert "  vault: -45.10000000 BTC, out, between (holder treasury)\n" in out
    assert f"\nspends {world.mined}:0\n" in out
    assert f"\npays {world.payment}:2\n" in out
    assert "  wallet till of Treasury of Exampleland: transit, declared\n" in out
    assert "  written at reserve.toml:13\n" in out
    assert f"\n  bitcoin-cli -chain=regtest getrawtransaction {world.payment} 2 " in out
    assert f"\n  bitcoin-cli -chain=regtest gettxout {world.payment} 2 false\n" in out


def test_why_an_output_and_a_script(world: World, capsys: Captured) -> None:
    assert run(["why", f"{world.mined}:0", "reserve.toml", "--source", world.source]) == 0
    out = capsys.readouterr().out
    assert f"  spent by {world.payment},\n  input 0, in block 3" in out
    assert run(["why", VAULT_ADDRESS, "--source", world.source]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"p2wpkh {VAULT_ADDRESS}\n  wallet vault of Treasury")
    assert "alone there, its\n  hash stands in the header" in out
    assert f"scantxoutset start '[\"addr({VAULT_ADDRESS})\"]'" in out


def test_why_what_is_not_known(world: World, capsys: Captured) -> None:
    for what in ("11" * 32, f"{'11' * 32}:0", f"{world.payment}:1", f"{world.payment}:9", NOWHERE):
        assert run(["why", what, "--source", world.source]) == 3
    out = capsys.readouterr().out
    assert (
        "Up to block 16 of regtest, nothing pays to a watched script or spends from\n  one.\n"
        in out
    )
    assert f"  bitcoin-cli -chain=regtest getrawtransaction {'11' * 32} 2\n" in out
    assert "  It pays 25.00000000 BTC to 51.\n" in out
    assert "  The transaction has only 3 outputs.\n" in out
    assert "  It is in no wallet of this reserve, so nothing was looked for.\n" in out


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("11" * 31, "why.script"),
        ("1" * 63, "why.script"),
        ("51", "why.script"),
        ("02" + "11" * 32, "why.key"),
        ("04" + "11" * 64, "why.key"),
        ("11" * 31 + ":0", "why.txid"),
        ("11" * 32 + ":x", "why.index"),
        ("11" * 32 + ":", "why.index"),
        ("11" * 32 + ":4294967296", "why.index"),
        ("11" * 32 + ":99999999999", "why.index"),
        ("what is this?", "why.nothing"),
        ("a" * 300 + "/\0", "why.nothing"),
    ],
)
def test_why_judges_what_it_is_asked_before_it_reads(
    what: str, code: str, world: World, capsys: Captured
) -> None:
    assert run(["why", what, "--source", "blocks:nothing-there"]) == 2
    assert f"[{code}]" in capsys.readouterr().err


def test_why_without_what_is_a_usage_error(world: World, capsys: Captured) -> None:
    assert run(["why", "reserve.toml", "--source", world.source]) == 2
    assert "reserve.toml is a file or folder. Say first what" in capsys.readouterr().err


def test_why_speaks_of_unspent_coins_only_where_it_told_of_some(
    world: World, capsys: Captured
) -> None:
    said = "What is said of unspent coins"
    assert run(["why", NOWHERE, "--source", world.source]) == 3
    assert said not in capsys.readouterr().out
    assert run(["why", VAULT_ADDRESS, "--source", world.source]) == 0
    assert said in capsys.readouterr().out


def test_why_something_else(world: World, capsys: Captured) -> None:
    assert run(["why", "bc1qqqqsyqcyq5rqwzqfpg9scrgwpugpzysn4v0345", "--source", world.source]) == 2
    assert "[address.network]" in capsys.readouterr().err


def test_why_tells_of_the_document_with_page_and_note(world: World, capsys: Captured) -> None:
    Path("gazette.txt").write_text(f"We hold {VAULT_ADDRESS}.\n")
    Path("list.csv").write_text(f"address,page,note\n{VAULT_ADDRESS},12,the vault\n")
    args = ["init", "made", "--addresses", "list.csv", "--document", "gazette.txt", "-q"]
    assert run(args) == 0
    assert run(["why", VAULT_ADDRESS, "made", "--source", world.source]) == 0
    out = capsys.readouterr().out
    assert "holding, documented\n" in out
    assert "  written at made/addresses.csv:2, page 12, note: the vault\n" in out
    assert "  document document: gazette.txt\n" in out
    assert "\n  SHA-256 " in out
