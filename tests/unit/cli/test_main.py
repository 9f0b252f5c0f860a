"""The entry point: exit codes, and what becomes of every error, Ctrl-C and broken pipes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from erario import __version__
from erario.cli import main as entry
from erario.cli.main import COMMANDS, cli, run


def erario(
    *args: str, code: str = "from erario.cli.main import main; main()", **variables: str
) -> subprocess.CompletedProcess[bytes]:
    """The program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *args],
        capture_output=True,
        env={**os.environ, **variables},
        check=False,
        timeout=60,
    )


def fails_with(error: BaseException) -> click.Command:
    def fail() -> None:
        raise error

    return click.Command("audit", callback=fail)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """`audit` raises what nobody foresaw."""
    monkeypatch.setattr(
        entry.LazyGroup, "get_command", lambda *_: fails_with(ZeroDivisionError("1/0"))
    )
    return monkeypatch


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert run(["version"]) == 0
    assert capsys.readouterr() == (f"erario {__version__}\n" * 2, "")


def test_help_names_every_command_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for name, said in COMMANDS.items():
        assert f"  {name}" in out
        assert said in out
    assert "2 could not run, else 1 something failed, else 3 something is" in out
    assert max(len(line) for line in out.splitlines()) <= 80


def test_a_command_that_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["adit"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "No such command 'adit'" in err


def test_no_command_at_all_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    assert "Usage: erario" in capsys.readouterr().err


def test_a_wrong_command_line_under_json_is_json(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    assert run(["check", "--json", "--nonsense"]) == 2
    out, err = capsysbinary.readouterr()
    assert err == b""
    error = json.loads(out)["error"]
    assert error["code"] == "cli.usage"
    assert "--nonsense" in error["what"]
    assert error["remedy"]


def test_what_nobody_foresaw_is_told_without_a_traceback(
    broken: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken.delenv("ERARIO_DEBUG", raising=False)
    assert run(["audit"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "erario: a defect in erario: ZeroDivisionError: 1/0 [cli.unexpected]\n"
        "    Set ERARIO_DEBUG=1 to see where, and tell the authors; no answer was given.\n"
    )


def test_the_traceback_is_there_for_who_asks(
    broken: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken.setenv("ERARIO_DEBUG", "1")
    assert run(["audit"]) == 2
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_what_nobody_foresaw_is_json_too(
    broken: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    broken.delenv("ERARIO_DEBUG", raising=False)
    broken.setattr(entry, "_asks_for_json", lambda _args: True)
    assert run(["audit"]) == 2
    assert json.loads(capsysbinary.readouterr().out)["error"]["code"] == "cli.unexpected"


STOPPED = """
import sys
from erario.cli import main as entry
def stop(args):
    raise KeyboardInterrupt
entry.run = stop
entry.main()
"""


def test_ctrl_c_says_what_is_lost() -> None:
    done = erario(code=STOPPED)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr == (
        b"erario: stopped before it was done; nothing was written [cli.interrupted]\n"
        b"    The next run starts again.\n"
    )


def test_ctrl_c_under_json_is_json() -> None:
    done = erario("audit", "--json", code=STOPPED)
    assert (done.returncode, done.stderr) == (2, b"")
    assert json.loads(done.stdout)["error"]["code"] == "cli.interrupted"


BUSY = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
from erario.cli import main as entry
def run(args):
    with ThreadPoolExecutor() as pool:
        print("busy", flush=True)
        pool.submit(time.sleep, 60).result()
entry.run = run
entry.main()
"""


def test_ctrl_c_does_not_wait_for_threads() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", BUSY], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"busy\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 2
    assert err.count(b"[cli.interrupted]") == 1


GONE = """
import os, sys
reader, writer = os.pipe()
os.close(reader)
os.dup2(writer, 1)
from erario.cli.main import main
main()
"""


@pytest.mark.parametrize("command", ["version", "--version", "--help", "schema"])
def test_a_broken_pipe_is_told_like_any_other_answer_that_did_not_arrive(command: str) -> None:
    done = erario(command, code=GONE)
    assert done.returncode == 2
    assert done.stderr.startswith(b"erario: could not print the answer: Broken pipe [cli.not-")


full_device = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="needs a device that is always full"
)


@full_device
@pytest.mark.parametrize(
    "line", [("version",), ("--version",), ("--help",), ("schema",), ("check", "x", "--json")]
)
def test_an_answer_that_cannot_be_printed_is_an_error(line: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "erario", *line],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert done.returncode == 2
    assert done.stderr.startswith(
        b"erario: could not print the answer: No space left on device [cli.not-printed]\n"
        b"    Check where standard output goes, or write to a file with -o.\n"
    )


@pytest.mark.parametrize("line", ["version", "--help", "schema"])
def test_an_answer_to_a_closed_stream_is_no_answer(line: str) -> None:
    for closed in (">&-", ">&- 2>&-"):
        done = subprocess.run(
            ["/bin/sh", "-c", f"{sys.executable} -m erario {line} {closed}"],
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
        assert done.returncode == 2
        told = b"could not print the answer: standard output is closed" in done.stderr
        assert told is (closed == ">&-")


EARLY = """
import builtins, os, signal
real = builtins.__import__
def slow(name, *args, **kwargs):
    if name == "erario.cli.main":
        os.kill(os.getpid(), signal.SIGINT)
    return real(name, *args, **kwargs)
from erario.cli.start import main
builtins.__import__ = slow
main()
"""


def test_ctrl_c_while_modules_are_imported_has_no_traceback() -> None:
    done = erario("--version", code=EARLY)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"erario: stopped before it was done; nothing was written [cli.")
    assert b"Traceback" not in done.stderr


def test_a_terminal_with_few_characters_gets_escapes() -> None:
    done = erario("check", "ü王", PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C.UTF-8")
    assert done.returncode in {1, 2}
    assert b"\\xfc\\u738b" in done.stdout + done.stderr


HEAVY = ("numpy", "numba", "llvmlite", "embit", "rich.progress", "rich.console", "jsonschema")
COST = """
import sys
from erario.cli.main import run
code = run(sys.argv[2:])
heavy = [name for name in sys.argv[1].split(",") if name in sys.modules]
print("\\nloaded:", heavy, file=sys.stderr)
sys.exit(code)
"""


def test_help_waits_for_nothing_heavy() -> None:
    done = erario(",".join(HEAVY), "--help", code=COST)
    assert done.returncode == 0
    assert done.stderr.endswith(b"loaded: []\n")


def test_every_command_is_there_and_says_what_it_does() -> None:
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        assert command.help
    assert cli.get_command(context, "nothing") is None
