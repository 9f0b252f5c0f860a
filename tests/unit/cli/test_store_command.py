"""`erario store`, --state, --no-state, and what is said beside an answer."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from erario.cli.main import run

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _settled(world) -> None:
    """Files that were written a moment ago are not kept: they may change again unseen."""
    time.sleep(0.06)


def audit(world, capsys: Captured, *more: str) -> tuple[int, str, str]:
    code = run(["audit", str(world.folder), "--source", world.source, *more])
    return code, *capsys.readouterr()


def test_an_audit_keeps_and_store_shows_and_clears(world, capsys: Captured) -> None:
    plain = audit(world, capsys, "--no-state")
    assert run(["store"]) == 0
    base = Path(os.environ["XDG_STATE_HOME"]) / "erario"
    assert capsys.readouterr().out == f"Nothing is kept in {base}\n"
    assert audit(world, capsys) == plain
    assert audit(world, capsys) == plain
    assert run(["store"]) == 0
    out = capsys.readouterr().out
    assert "regtest" in out
    assert "headers of blocks 0 to 16" in out
    assert "where blocks lie in 1 block file" in out
    assert "2 scripts to block 16: 2 transactions in 2 blocks" in out
    assert run(["store", "--clear"]) == 0
    out = capsys.readouterr().out
    assert out.count("Removed") == 3
    assert not base.exists()
    assert run(["store", "--clear"]) == 0
    assert "Nothing was kept" in capsys.readouterr().out
    assert audit(world, capsys) == plain


def test_the_store_as_json(world, capsys: Captured, tmp_path: Path) -> None:
    state = str(tmp_path / "elsewhere")
    audit(world, capsys, "--state", state)
    assert run(["store", "--state", state, "--json"]) == 0
    (kept,) = json.loads(capsys.readouterr().out)["networks"]
    assert (kept["network"], kept["headers"], kept["block_files"]) == ("regtest", 17, 1)
    assert kept["lists"][0]["scripts"] == 2
    assert run(["store", "--state", state, "--network", "main", "--clear", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"removed": []}
    assert run(["store", "--state", state, "--clear", "--json"]) == 0
    removed = json.loads(capsys.readouterr().out)["removed"]
    assert sum(one["size"] for one in removed) == kept["size"]


@pytest.mark.parametrize("more", [(), ("--json",), ("--csv",), ("-q",)])
def test_a_store_that_cannot_be_written_changes_no_answer(
    world, capsys: Captured, tmp_path: Path, more: tuple[str, ...]
) -> None:
    code, out, err = audit(world, capsys, "--no-state", *more)
    (tmp_path / "file").write_bytes(b"")
    state = ("--state", str(tmp_path / "file" / "state"))
    told = audit(world, capsys, *state, *more)
    assert told[:2] == (code, out)
    assert told[2].startswith(err)
    assert "[store.not-written]" in told[2]
    assert "The answer is whole" in told[2]


def test_a_damaged_store_is_named_beside_the_answer(world, capsys: Captured) -> None:
    code, out, _ = audit(world, capsys)
    path = Path(os.environ["XDG_STATE_HOME"]) / "erario/regtest/matches.sqlite"
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    told = audit(world, capsys)
    assert told[:2] == (code, out)
    assert "[store." in told[2]
    assert audit(world, capsys) == (code, out, "")


SLOWLY = """
import sys, time
from erario.chain import block_batches
from erario.cli.main import main
block_batches.FIRST_BYTES, block_batches.SECONDS = 500, 0.0
read = block_batches.BlockBatches.read
def slowly(self, one, goal):
    for number, batch in enumerate(read(self, one, goal)):
        yield batch
        if number == 3:
            print("reading", file=sys.stderr, flush=True)
            time.sleep(60)
block_batches.BlockBatches.read = slowly
main()
"""


def test_ctrl_c_keeps_what_was_read_and_says_so(world, capsys: Captured) -> None:
    plain = audit(world, capsys, "--no-state")
    args = ["audit", str(world.folder), "--source", world.source]
    with subprocess.Popen(
        [sys.executable, "-c", SLOWLY, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"reading\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert out == b""
    assert b"what was read up to block " in err
    assert b"The next run goes on from there." in err
    assert run(["store"]) == 0
    assert "headers of blocks 0 to 16" in capsys.readouterr().out
    assert audit(world, capsys) == plain
    shutil.rmtree(os.environ["XDG_STATE_HOME"])
