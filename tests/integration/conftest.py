"""Real nodes for the tests that need one.

Without a bitcoind these tests are skipped; with `CI=true` they fail, because a check that silently
did not run proves nothing.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.node import Node

_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def bitcoind() -> str:
    """The path of a bitcoind."""
    command = [_ROOT / "scripts" / "get-bitcoind", "--offline"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode == 0:
        return found.stdout.strip()
    if os.environ.get("CI") == "true":
        pytest.fail(found.stderr)
    pytest.skip(found.stderr)


@pytest.fixture
def node(bitcoind: str, tmp_path: Path) -> Iterator[Node]:
    """A node with an empty chain."""
    folder = tmp_path / "node"
    folder.mkdir()
    with Node(bitcoind, folder) as node:
        yield node
