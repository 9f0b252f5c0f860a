"""Killed at any instant, and at every single write: the next run answers as an undisturbed one.

A nursery forks audits of a small chain that keeps what it reads batch by batch. They are killed by
SIGKILL after random moments, then at each system call that writes, by strace; and each of these
calls is made to fail for a full disk. After every one of them an audit that is left alone must give
the answer of one without a store, with nothing to tell about damage.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.integration.crash_nursery import SAME, SAME_BUT_TOLD
from tests.strategies.chains import SCRIPTS
from tests.strategies.stores import World, answer

from erario.bitcoin.network import NetworkName
from erario.chain.blocks_source import BlocksSource

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("crash")]

IN_CI = os.environ.get("CI") == "true"
KILLS = 300 if IN_CI else 40
EVERY = 1 if IN_CI else 7
EVERY_FULL = 3 if IN_CI else 15
"""Which of the writes are tried: all, or one in so many."""
WRITES = (
    "write,pwrite64,writev,pwritev,fsync,fdatasync,ftruncate,truncate,rename,renameat,renameat2,"
    "unlink,unlinkat,mkdir,mkdirat"
)
ROOT = Path(__file__).resolve().parents[2]


class Nursery:
    """The process that forks audits, and the world that they read."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.expected = folder / "expected"
        self.go = folder / "go"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.crash_nursery"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def settle(self) -> None:
        """Write the world, and learn the answer that every run must give."""
        self.world.write()
        source = BlocksSource(self.world.blocks, NetworkName.REGTEST)
        self.expected.write_text(repr(answer(source, SCRIPTS[:6])))

    def start(self, *, hold: bool = False, warm: bool = False, batch: int = 1200) -> int:
        """Fork an audit; its process id. `hold`: it waits until the file `go` is there. `warm`:
        no audit, and no fork: the kernels are loaded."""
        command = {
            "go": str(self.go) if hold else None, "batch": batch, "seconds": 0.0 if batch < 2000 else 60.0,
            "blocks": str(self.world.blocks), "state": None if warm else str(self.world.state),
            "scripts": 6, "expected": str(self.expected), "own": False,
        }  # fmt: skip
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._read()

    def end(self) -> int:
        """The exit status of the audit that was started last."""
        return self._read()

    def run(self) -> int:
        """An audit that is left alone."""
        self.start(batch=4000)
        return self.end()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    # In memory where that can be had: a process that dies leaves the same behind, and a disk's
    # fsync takes most of the time.
    memory = Path("/dev/shm")
    folder = tmp_path_factory.mktemp("crash")
    if os.access(memory, os.W_OK):
        folder = Path(tempfile.mkdtemp(prefix="erario-crash-", dir=memory))
    nursery = Nursery(folder)
    nursery.world.grow(30)
    nursery.settle()
    assert nursery.start(warm=True) == SAME
    yield nursery
    nursery.close()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def strace() -> str:
    found = shutil.which("strace")
    if found is None:
        if IN_CI:
            pytest.fail("strace is not installed")
        pytest.skip("strace is not installed")
    return found


def forget(nursery: Nursery) -> None:
    shutil.rmtree(nursery.world.state, ignore_errors=True)


def test_killed_at_random_instants(nursery: Nursery) -> None:
    chance = random.Random(9)
    # Once unmeasured: the first audit of an installation compiles for a minute, and no later one.
    assert nursery.run() == SAME
    forget(nursery)
    began = time.monotonic()
    nursery.start()
    assert nursery.end() == SAME
    usual = time.monotonic() - began
    killed = 0
    for number in range(KILLS):
        if number % 3 == 0:
            forget(nursery)
        if number % 4 == 1:
            nursery.world.reorganise(chance.randint(1, 12))
            nursery.settle()
        child = nursery.start()
        time.sleep(chance.uniform(0, 1.2 * usual))
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        killed += nursery.end() == -signal.SIGKILL
        # Now and then twice in a row, before anybody repairs anything.
        if number % 5:
            assert nursery.run() == SAME
    assert nursery.run() == SAME
    assert killed > KILLS // 4


@pytest.mark.parametrize("is_warm", [False, True], ids=["empty", "reorganised"])
def test_killed_at_every_write(nursery: Nursery, strace: str, is_warm: bool) -> None:
    for call, count in _prepare(nursery, strace, is_warm=is_warm).items():
        for number in range(1, count + 1, EVERY):
            _start_over(nursery)
            inject = f"inject={call}:signal=KILL:when={number}"
            assert _traced(nursery, strace, "-e", inject) == -signal.SIGKILL, inject
            assert nursery.run() == SAME, inject


@pytest.mark.parametrize("is_warm", [False, True], ids=["empty", "reorganised"])
def test_a_disk_that_is_full_from_any_write_on(
    nursery: Nursery, strace: str, is_warm: bool
) -> None:
    for call, count in _prepare(nursery, strace, is_warm=is_warm).items():
        for number in range(1, count + 1, EVERY_FULL):
            _start_over(nursery)
            inject = f"inject={call}:error=ENOSPC:when={number}+"
            assert _traced(nursery, strace, "-e", inject) in {SAME, SAME_BUT_TOLD}, inject
            assert nursery.run() == SAME, inject


def _prepare(nursery: Nursery, strace: str, *, is_warm: bool) -> dict[str, int]:
    """A state to start from each time, and which writes a run makes from there, how many of each:
    strace counts them by their names."""
    forget(nursery)
    if is_warm:
        assert nursery.run() == SAME
        nursery.world.reorganise(8)
        nursery.settle()
    else:
        nursery.world.state.mkdir()
    before = nursery.world.folder / "before"
    shutil.rmtree(before, ignore_errors=True)
    shutil.copytree(nursery.world.state, before)
    log = nursery.world.folder / "strace.txt"
    assert _traced(nursery, strace, "-o", str(log)) == SAME
    calls = Counter(re.findall(r"^(?:\d+ +)?(\w+)\(", log.read_text(), re.MULTILINE))
    assert calls["pwrite64"] > 20
    assert calls["fdatasync"] + calls["fsync"] > 5
    return dict(calls)


def _start_over(nursery: Nursery) -> None:
    forget(nursery)
    shutil.copytree(nursery.world.folder / "before", nursery.world.state)


def _traced(nursery: Nursery, strace: str, *options: str) -> int:
    """The exit status of an audit under strace."""
    nursery.go.unlink(missing_ok=True)
    child = nursery.start(hold=True, batch=4000)
    tracer = subprocess.Popen(
        [strace, "-f", "-p", str(child), "-e", f"trace={WRITES}", *options],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert tracer.stderr is not None
    first = tracer.stderr.readline()
    assert "attached" in first, first
    nursery.go.touch()
    status = nursery.end()
    tracer.stderr.close()
    tracer.wait()
    return status
