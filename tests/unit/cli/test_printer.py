from __future__ import annotations

import io
import json
import sys
from enum import StrEnum
from pathlib import Path

import pytest
from rich.text import Text

from erario.chain.source import Progress
from erario.cli.printer import Printer, error_json, say_problem
from erario.errors import DeclarationError, ErarioError, OutputError, Place, Problem, RequestError


class Code(StrEnum):
    WRONG = "test.wrong"


PLAIN = RequestError(Code.WRONG, "it is wrong", remedy="Make it right.")
PROBLEMS = tuple(
    Problem(Code.WRONG, Place("reserve.toml", line), f"line {line} is wrong", "Change it.")
    for line in (3, 7)
)
DECLARED = DeclarationError(Code.WRONG, PROBLEMS)


class Terminal(io.StringIO):
    """Something that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_an_error_says_what_where_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    Printer().error(PLAIN)
    Printer().error(DECLARED)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "erario: it is wrong [test.wrong]\n"
        "    Make it right.\n"
        "reserve.toml:3: line 3 is wrong [test.wrong]\n"
        "    Change it.\n"
        "reserve.toml:7: line 7 is wrong [test.wrong]\n"
        "    Change it.\n"
    )


def test_under_json_an_error_is_json_on_stdout(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    Printer(as_json=True).error(DECLARED)
    out, err = capsysbinary.readouterr()
    assert err == b""
    assert json.loads(out) == {
        "error": {
            "code": "test.wrong",
            "what": "line 3 is wrong (and 1 more)",
            "place": {"file": "reserve.toml", "line": 3},
            "remedy": "Change it.",
            "problems": [
                {
                    "code": "test.wrong",
                    "what": f"line {line} is wrong",
                    "place": {"file": "reserve.toml", "line": line},
                    "remedy": "Change it.",
                }
                for line in (3, 7)
            ],
        }
    }


def test_json_of_an_error_takes_any_file_name() -> None:
    odd = ErarioError(Code.WRONG, "no", remedy="Rename it.", place=Place("a\udcff\n\x1b"))
    assert json.loads(error_json(odd))["error"]["place"] == {"file": "a\udcff\n\x1b", "line": None}


def test_a_remark_is_for_stderr_and_not_for_the_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    Printer().remark("Wrote \x1b[2Jx.")
    Printer(quiet=True).remark("never seen")
    assert capsys.readouterr() == ("", "Wrote \\x1b[2Jx.\n")


def test_a_file_is_written_whole_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Printer().deliver([Text("a line  ", "bold")], tmp_path / "page.txt")
    Printer().deliver(b"{}\n", tmp_path / "s.json")
    assert (tmp_path / "page.txt").read_bytes() == b"a line\n"
    assert (tmp_path / "s.json").read_bytes() == b"{}\n"
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"Wrote {tmp_path / 'page.txt'}.\nWrote {tmp_path / 's.json'}.\n"
    with pytest.raises(OutputError):
        Printer().deliver(b"", tmp_path / "nowhere" / "s.json")


def test_no_escape_code_leaves_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Printer().lines([Text("KEPT", "bold green")])
    assert capsys.readouterr().out == "KEPT\n"


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(
    variables: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, setting in variables.items():
        monkeypatch.setenv(name, setting)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    Printer().lines([Text("KEPT", "bold green"), Text("[red]x[/] " + "w" * 100)])
    shown = terminal.getvalue()
    assert ("\x1b[" in shown) is coloured
    assert "[red]x[/] " + "w" * 100 in shown


def test_a_bar_is_for_somebody_who_looks_on(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Progress("scanning", 5, 10, "bytes", None)
    monkeypatch.setenv("TERM", "xterm-256color")
    quiet, seen, piped = Terminal(), Terminal(), io.StringIO()
    for stream, silent in ((quiet, True), (seen, False), (piped, False)):
        monkeypatch.setattr(sys, "stderr", stream)
        with Printer(quiet=silent).progress() as report:
            report(step)
    assert quiet.getvalue() == ""
    assert piped.getvalue() == ""
    assert "scanning" in seen.getvalue()


def test_a_problem_in_two_lines() -> None:
    assert say_problem(PROBLEMS[0]) == (
        "reserve.toml:3: line 3 is wrong [test.wrong]\n    Change it."
    )
