"""`Printer`: the one way out. stdout is data, stderr is remarks and progress.

It alone knows whether there is a terminal, whether colour is wanted, whether the run is to be
quiet, and whether the answer is JSON. Text that is not for a terminal is written without a single
escape code, and is the same on every machine.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from erario.cli.clean import clean_lines
from erario.errors import DeclarationError, ErarioError, OutputError, Place, Problem
from erario.files import write_whole

if TYPE_CHECKING:
    from rich.text import Text

    from erario.chain.source import Progress, ProgressCallback


class PrinterCode(StrEnum):
    """Codes of the errors of this module."""

    NOT_PRINTED = "cli.not-printed"


class Printer:
    """Writes answers, remarks and errors where they belong.

    Args:
        quiet: no remarks and no progress on stderr; errors are always told.
        as_json: the answer is JSON, and so are errors, on stdout.
    """

    def __init__(self, *, quiet: bool = False, as_json: bool = False) -> None:
        self.quiet = quiet
        self.as_json = as_json

    def lines(self, lines: Iterable[Text]) -> None:
        """Print lines of text to stdout, coloured on a terminal that wants it."""
        with _stdout() as stdout:
            if _wants_colour():
                _print_coloured(lines)
            else:
                stdout.writelines(f"{line.plain.rstrip()}\n" for line in lines)

    def text(self, text: str) -> None:
        """Print plain text to stdout, with nothing in it that moves a cursor."""
        with _stdout() as stdout:
            stdout.write(clean_lines(text))

    def data(self, data: bytes) -> None:
        """Write bytes to stdout as they are."""
        with _stdout() as stdout:
            stdout.flush()
            stdout.buffer.write(data)

    def deliver(self, answer: bytes | list[Text], output: Path | None) -> None:
        """Print the answer, or write it to a file, whole.

        Raises:
            OutputError: the file could not be written; what was there is untouched.
        """
        if output is not None:
            data = answer if isinstance(answer, bytes) else _plain(answer)
            write_whole(output, data)
            self.remark(f"Wrote {output}.")
        elif isinstance(answer, bytes):
            self.data(answer)
        else:
            self.lines(answer)

    def remark(self, text: str) -> None:
        """Say something beside the answer, unless the run is quiet."""
        if not self.quiet:
            self.complain(text)

    def complain(self, text: str) -> None:
        """Say something on stderr, quiet or not, with nothing in it that moves a cursor."""
        print(clean_lines(text), file=sys.stderr, flush=True)  # noqa: T201

    def warn(self, error: ErarioError) -> None:
        """Tell on stderr, quiet or not, what went wrong beside an answer that is whole."""
        for problem in _problems_of(error):
            self.complain(say_problem(problem))

    def error(self, error: ErarioError) -> None:
        """Tell an error: JSON on stdout where the answer is JSON, else sentences on stderr."""
        if self.as_json:
            self.data(error_json(error))
            return
        problems = _problems_of(error)
        for problem in problems:
            self.complain(say_problem(problem))

    def progress(self) -> AbstractContextManager[ProgressCallback]:
        """What a long step reports to: a bar if a person is looking on, else nothing."""
        if self.quiet or not sys.stderr.isatty():
            return nullcontext(_ignore)
        from erario.cli.progress import Bar  # noqa: PLC0415 - rich.progress is for terminals only

        return Bar()


@contextmanager
def _stdout() -> Iterator[TextIO]:
    """Standard output, flushed at the end: what it cannot take is known here and not at exit.

    Raises:
        BrokenPipeError: whoever read it has gone.
        OutputError: it takes no more, as on a full disk.
    """
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        drop_stdout()
        raise OutputError(
            PrinterCode.NOT_PRINTED,
            f"could not print the answer: {error.strerror or error}",
            remedy="Check where standard output goes, or write to a file with -o.",
        ) from error


def drop_stdout() -> None:
    """Let what is still buffered go nowhere, so that the interpreter can end in peace."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def say_problem(problem: Problem) -> str:
    """One problem in two lines: place, what and code; then the remedy."""
    return f"{problem.place}: {problem.what} [{problem.code}]\n    {problem.remedy}"


def error_json(error: ErarioError) -> bytes:
    """An error as one line of JSON under the key `error`."""
    body: dict[str, object] = {
        "code": str(error.code),
        "what": error.what,
        "place": _place_json(error.place),
        "remedy": error.remedy,
    }
    if isinstance(error, DeclarationError):
        body["problems"] = [problem_json(problem) for problem in error.problems]
    return json_line({"error": body})


def problem_json(problem: Problem) -> dict[str, object]:
    """A problem as a JSON object."""
    return {
        "code": str(problem.code),
        "what": problem.what,
        "place": _place_json(problem.place),
        "remedy": problem.remedy,
    }


def json_line(value: Mapping[str, object]) -> bytes:
    """A JSON object on one line, keys sorted, ASCII only: file names may be any bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii") + b"\n"


def _place_json(place: Place | None) -> dict[str, object] | None:
    return None if place is None else {"file": place.file, "line": place.line}


def _problems_of(error: ErarioError) -> tuple[Problem, ...]:
    if isinstance(error, DeclarationError):
        return error.problems
    place = error.place or Place("erario")
    return (Problem(error.code, place, error.what, error.remedy),)


def _plain(lines: Iterable[Text]) -> bytes:
    text = "".join(f"{line.plain.rstrip()}\n" for line in lines)
    return text.encode("utf-8", "backslashreplace")


def _wants_colour() -> bool:
    """On a terminal, unless NO_COLOR is set to anything or the terminal is dumb."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty()


def _print_coloured(lines: Iterable[Text]) -> None:
    from rich.console import Console  # noqa: PLC0415 - needed on terminals only

    console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
    for line in lines:
        console.print(line, soft_wrap=True)


def _ignore(_progress: Progress) -> None:
    """Where nobody looks on."""
