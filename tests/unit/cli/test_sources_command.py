"""`erario sources`: what is said of each source, and of public servers."""

from __future__ import annotations

import json
import re

import pytest
from tests.unit.cli.conftest import World

from erario.cli.main import run
from erario.cli.public_servers import public_servers

Captured = pytest.CaptureFixture[str]


def test_block_files_are_told(world: World, capsys: Captured) -> None:
    assert run(["sources", "--source", world.source, "--network", "regtest"]) == 0
    out = capsys.readouterr().out
    assert "Shows    every coin and every spend" in out
    assert "Learns   nothing" in out


def test_one_that_does_not_answer_fails_and_the_others_are_told(
    world: World, capsys: Captured
) -> None:
    line = ["sources", "--source", world.source, "--source", "blocks:nowhere"]
    assert run([*line, "--network", "regtest"]) == 1
    out = capsys.readouterr().out
    assert "does not answer" in out
    assert "Learns   nothing" in out
    assert run([*line, "--network", "regtest", "--json"]) == 1
    good, bad = json.loads(capsys.readouterr().out)["sources"]
    assert (good["answers"], bad["answers"]) == (True, False)
    assert bad["error"]["code"] == "source.path-missing"


def test_all_that_are_configured_are_asked(world: World, capsys: Captured) -> None:
    file = world.folder / ".config" / "erario" / "sources.toml"
    file.parent.mkdir(parents=True)
    file.write_text('use = []\n[sources.mine]\nurl = "blocks:blocks"\nnetwork = "regtest"\n')
    assert run(["sources"]) == 0
    assert capsys.readouterr().out.startswith("mine ")


def test_configured_sources_are_used_by_audits(world: World, capsys: Captured) -> None:
    file = world.folder / ".config" / "erario" / "sources.toml"
    file.parent.mkdir(parents=True)
    table = '[sources.mine]\nurl = "blocks:blocks"\nnetwork = "regtest"\n'
    file.write_text(f'use = ["mine"]\n{table}')
    assert run(["audit", "-q"]) == 0
    by_default = capsys.readouterr().out
    assert run(["audit", "-q", "--source", "mine"]) == 0
    assert capsys.readouterr().out == by_default
    assert run(["audit", "-q", "--source", world.source]) == 0
    assert capsys.readouterr().out == by_default


def test_several_sources_agree(world: World, capsys: Captured) -> None:
    both = ["--source", world.source, "--source", "blocks:.bitcoin/blocks"]
    assert run(["audit", "-q", *both]) == 0
    assert "2 were asked and held against each other: they agree" in " ".join(
        capsys.readouterr().out.split()
    )


def test_no_source_says_where_to_get_one(world: World, capsys: Captured) -> None:
    assert run(["audit", "-q"]) == 2
    assert "erario sources --suggest" in capsys.readouterr().err


def test_public_servers_are_suggested_with_what_they_learn(capsys: Captured) -> None:
    assert run(["sources", "--suggest"]) == 0
    out = capsys.readouterr().out
    assert "learns which addresses you ask about" in out
    for one in public_servers():
        assert f"--source {one.url}" in out
        assert re.fullmatch(r"(electrum\+ssl|esplora\+https)://[a-z0-9.:/-]+", one.url)
    assert run(["sources", "--suggest", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["servers"]) == len(public_servers())


@pytest.mark.parametrize(
    "url", ["electrum+ssl://me:hunter2@host:50002", "electrum+ssl:/me:hunter2@host", "me:hunter2@h"]
)
def test_a_password_in_a_url_is_shown_nowhere(url: str, capsys: Captured) -> None:
    for more in ([], ["--json"]):
        assert run(["sources", "--source", url, *more]) in (1, 2)
        told = capsys.readouterr()
        assert "hunter2" not in told.out + told.err
