"""`erario headers`: all headers from genesis, what is kept of them, and the pins held to them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.strategies.header_servers import FakeServer, pins_of
from tests.strategies.headers import genesis, mine, mine_chain

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import BlockHash, Height, show_hash
from erario.chain import header_check
from erario.chain.header_pins import HeaderPins
from erario.chain.header_store import HeaderStore
from erario.chain.served_chain import open_served_chain
from erario.cli.commands import headers as headers_command
from erario.cli.main import run

REGTEST = NetworkName.REGTEST
CHAIN = [genesis(REGTEST), *mine_chain(70)]
PINS = pins_of(CHAIN, REGTEST, length=20, periods=3)
Captured = pytest.CaptureFixture[str]


class FakeSource:
    """A source over a fake server, as far as the command needs it."""

    def __init__(self, server: FakeServer, state) -> None:
        self._server, self._state = server, state

    def chain(self, progress):
        return open_served_chain(REGTEST, self._server, self._state, progress, pins=PINS)

    def close(self) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeServer:
    server = FakeServer(CHAIN)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(
        headers_command,
        "open_source",
        lambda _url, _name, *, state, access: FakeSource(server, state),
    )
    monkeypatch.setattr(header_check, "header_pins", lambda _: PINS)
    return server


def headers(*more: str) -> int:
    return run(["headers", "--source", "node://127.0.0.1:1", "--network", "regtest", *more])


def test_all_headers_of_block_files(world, capsys: Captured) -> None:
    assert run(["headers", "--source", world.source, "--network", "regtest"]) == 0
    out = capsys.readouterr().out
    assert "17 of regtest, from genesis, keep every rule" in out
    assert "Tip       block 16\n" in out
    assert "none are carried for this network" in out
    assert all(len(line) <= 80 for line in out.splitlines())


def test_all_headers_of_a_server_and_the_pins(server: FakeServer, capsys: Captured) -> None:
    assert headers() == 0
    out = capsys.readouterr().out
    assert "71 of regtest, from genesis, keep every rule" in out
    assert show_hash(server.tip()[1]) in out
    assert "3 of 3 are on this chain" in out
    assert server.asked == 71


def test_the_next_run_fetches_what_is_new(server: FakeServer, capsys: Captured) -> None:
    assert headers() == 0
    server.asked = 0
    server.chain.append(mine(CHAIN[-1], 1296688602 + 600 * 71))
    assert headers() == 0
    assert "72 of regtest" in capsys.readouterr().out
    assert server.asked == 2


def test_json(server: FakeServer, capsys: Captured) -> None:
    assert headers("--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["headers"] == 71
    assert told["tip"] == {"height": 70, "hash": show_hash(server.tip()[1])}
    assert int(told["work"], 16) == 2 * 71
    assert told["enough_work"] is True
    assert told["pins"] == {"known": 3, "held": 3, "against": []}


def test_a_pin_that_the_chain_does_not_have(
    server: FakeServer, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    false = ((BlockHash(bytes(32)), 0x207FFFFF), *PINS.periods[1:])
    pins = HeaderPins(PINS.first_bits, false, ((Height(500), BlockHash(bytes(32))),), PINS.length)
    monkeypatch.setattr(header_check, "header_pins", lambda _: pins)
    assert headers("--json") == 1
    assert json.loads(capsys.readouterr().out)["pins"] == {"known": 4, "held": 2, "against": [19]}
    assert headers() == 1
    assert "another block than the pinned one at height 19" in capsys.readouterr().out


def test_too_little_work(
    server: FakeServer, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Demanding:
        minimum_work = 10**30

        def __getattr__(self, name: str) -> object:
            return getattr(rules, name)

    rules = header_check.network(REGTEST)
    monkeypatch.setattr(header_check, "network", lambda _: Demanding())
    assert headers() == 3
    assert "it proves nothing" in capsys.readouterr().out


def test_a_lie_is_an_error(server: FakeServer, capsys: Captured) -> None:
    server.chain[40] = mine(CHAIN[39], 1296688602 + 600 * 40, works=False)
    assert headers("--json") == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "lied.header-work"


def test_what_came_before_a_failure_is_kept(
    server: FakeServer, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("erario.chain.header_follow._AT_ONCE", 10)
    server.chain[45] = mine(CHAIN[44], 1296688602 + 600 * 45, works=False)
    assert headers() == 2
    server.chain[45], server.asked = CHAIN[45], 0
    assert headers() == 0
    # From the last good one on, block 44, which is looked at once more.
    assert server.asked == 71 - 44
    capsys.readouterr()


def test_kept_headers_are_verified_again(
    server: FakeServer, capsys: Captured, tmp_path: Path
) -> None:
    """A file that somebody wrote, with good checksums, and a header without work in it."""
    false = list(CHAIN[:-1])
    false.append(mine(CHAIN[-2], 1296688602 + 600 * 70, works=False))
    assert headers() == 0
    HeaderStore(tmp_path / "state" / "erario" / "regtest" / "headers.dat").replace(b"".join(false))
    server.chain = false
    assert headers() == 2
    assert "the header of block 70 breaks a rule" in capsys.readouterr().err


def test_one_source_at_a_time(server: FakeServer, capsys: Captured) -> None:
    assert headers("--source", "node://127.0.0.1:2") == 2
    assert "one source at a time" in capsys.readouterr().err
