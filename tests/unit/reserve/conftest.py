"""Writing reserves into folders, and reading their problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from erario.errors import Problem
from erario.reserve.loader import check

Write = Callable[..., Path]
Check = Callable[..., list[tuple[str, int | None, str]]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a reserve.toml and files beside it; gives the folder."""

    def do(text: str, files: Mapping[str, str | bytes] = {}) -> Path:
        for name, content in {"reserve.toml": text, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return tmp_path

    return do


@pytest.fixture
def problems(write: Write) -> Callable[..., tuple[Problem, ...]]:
    """All problems of a reserve that is given as text."""

    def do(text: str, files: Mapping[str, str | bytes] = {}) -> tuple[Problem, ...]:
        return check(write(text, files))

    return do


@pytest.fixture
def found(problems: Callable[..., tuple[Problem, ...]]) -> Check:
    """The same, shortened to code, line and file name."""

    def do(text: str, files: Mapping[str, str | bytes] = {}) -> list[tuple[str, int | None, str]]:
        return [
            (str(p.code).removeprefix("reserve."), p.place.line, Path(p.place.file).name)
            for p in problems(text, files)
        ]

    return do
