"""The lock: hashes for all, no index, no address, and the same versions in every file."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_LOCKS = sorted((_ROOT / "requirements").glob("*.txt"))
_PIN = re.compile(r"([a-z0-9-]+)==([^ ]+)(?: ; [^\\]+)? \\")


def pins(path: Path) -> set[tuple[str, str]]:
    """Every (name, version) that a requirements file pins."""
    return set(_PIN.findall(path.read_text()))


@pytest.mark.parametrize("path", _LOCKS, ids=lambda path: path.name)
def test_every_line_is_a_pin_or_a_hash(path: Path) -> None:
    for line in path.read_text().splitlines():
        hashed = re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line)
        assert hashed or _PIN.fullmatch(line) or line.startswith("#"), line
        assert "://" not in line


def test_the_versions_are_the_same_in_every_file() -> None:
    assert [path.name for path in _LOCKS] == [
        "build.txt",
        "dev.txt",
        "electrumx.txt",
        "run.txt",
    ]
    assert pins(_ROOT / "requirements/run.txt") < pins(_ROOT / "requirements/dev.txt")
    assert pins(_ROOT / "requirements/build.txt") < pins(_ROOT / "requirements/dev.txt")


def test_what_the_project_depends_on_is_locked() -> None:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"]]
    wanted += project["project"]["optional-dependencies"]["scan"]
    locked = {name for name, _ in pins(_ROOT / "requirements/run.txt")}
    named = re.compile(r"[A-Za-z0-9-]+")
    for text in wanted:
        match = named.match(text)
        assert match is not None
        assert match[0] in locked
    every = {name for name, _ in pins(_ROOT / "requirements/dev.txt")}
    for text in project["dependency-groups"]["dev"]:
        if isinstance(text, str):
            match = named.match(text)
            assert match is not None
            assert match[0] in every
