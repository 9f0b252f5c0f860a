"""The run on the README's first screen is one: its lines stand in the real output, in order."""

from __future__ import annotations

import shlex

import pytest
from tests.conftest import ROOT

from erario.cli.main import run


def shown_run() -> tuple[str, list[str]]:
    """The command of the README's run, and the lines that it shows."""
    lines = (ROOT / "README.md").read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("    $ erario "))
    end = next(n for n in range(start, len(lines)) if not lines[n].startswith("    "))
    return lines[start].removeprefix("    $ "), [line[4:] for line in lines[start + 1 : end]]


def test_the_run_of_the_readme_is_real(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command, shown = shown_run()
    monkeypatch.chdir(ROOT)
    assert run(shlex.split(command)[1:]) == 1
    printed = iter(capsys.readouterr().out.splitlines())
    for line in shown:
        assert line == "..." or line in printed, line
