"""`Printer`: the one way out. stdout is data, stderr is remarks and progress.

It alone knows whether there is a terminal, whether colour is wanted, whether the run is to be
quiet, and whether the answer is JSON. Text that is not for a terminal is written without a single
escape code, and is the same on every machine. No message leaves with a private key in it.
"""

from __future__ import annotations

import errno
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from erario.cli.clean import clean_lines
from erario.cli.hiding import hide
from erario.errors import DeclarationError, ErarioError, OutputError, Place, Problem
from erario.files import write_whole

if TYPE_CHECKING:
    from rich.text import Text

    from erario.chain.source import Progress, ProgressCallback


_NOT_WRITTEN: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EPIPE, errno.EBADF}


class PrinterCode(StrEnum):
    """Codes of the errors of this module."""

    NOT_PRINTED = "cli.not-printed"
    NO_OUTPUT = "cli.no-output"


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
            stdout.write(clean_lines(hide(text)))

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
        print(clean_lines(hide(text)), file=sys.stderr, flush=True)  # noqa: T201

    def warn(self, error: ErarioError) -> None:
        """Tell on stderr, quiet or not, what went wrong beside an answer that is whole."""
        for problem in _problems_of(error):
            self.complain(say_problem(problem))

    def error(self, error: ErarioError) -> None:
        """Tell an error: JSON on stdout where the answer is JSON, else sentences on stderr."""
        if self.as_json and error.code is not PrinterCode.NOT_PRINTED:
            try:
                self.data(error_json(error))
            except OutputError as not_printed:
                self.warn(not_printed)
            else:
                return
        self.warn(error)

    def progress(self) -> AbstractContextManager[ProgressCallback]:
        """What a long step reports to: a bar if a person is looking on, else nothing."""
        if self.quiet or not sys.stderr.isatty():
            return nullcontext(_ignore)
        from erario.cli.progress import Bar  # noqa: PLC0415 - rich.progress is for terminals only

        return Bar()


def check_output(output: Path | None) -> None:
    """Refuse a file that an answer cannot be written to, before hours go into the answer.

    Raises:
        OutputError: its folder is not there or may not be written to, or it is no plain file.
    """
    if output is None:
        return
    try:
        trouble = _trouble_of(output)
    except (OSError, ValueError) as error:
        trouble = f"{error.strerror if isinstance(error, OSError) else error}"
    if trouble:
        raise OutputError(
            PrinterCode.NO_OUTPUT,
            f"nothing can be written here: {trouble}",
            remedy="Give -o a file in a folder that exists and that you may write to.",
            place=Place(str(output)),
        )


def _trouble_of(output: Path) -> str | None:
    folder = output.parent
    if not folder.is_dir():
        return f"there is no folder {folder}"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"the folder {folder} may not be written to"
    # A file is replaced as a whole, which would do away with a device or a pipe.
    if output.exists() and not output.is_file():
        return "it is no plain file"
    return None


@contextmanager
def _stdout() -> Iterator[TextIO]:
    """Standard output, flushed at the end: what it cannot take is known here and not at exit.

    Raises:
        OutputError: it takes no more: a full disk, a reader who has gone, a closed stream.
    """
    try:
        yield sys.stdout
        sys.stdout.flush()
    except OSError as error:
        raise not_printed(error) from error


def is_about_stdout(error: OSError) -> bool:
    """Whether an error that names no file is one of writing, as click meets it printing help."""
    if error.filename is not None:
        return False
    return isinstance(error, io.UnsupportedOperation) or error.errno in _NOT_WRITTEN


def not_printed(error: OSError) -> OutputError:
    """The error of an answer that stdout did not take; what is still buffered is dropped."""
    _drop_stdout()
    return OutputError(
        PrinterCode.NOT_PRINTED,
        f"could not print the answer: {error.strerror or 'standard output is closed'}",
        remedy="Check where standard output goes, or write to a file with -o.",
    )


def _drop_stdout() -> None:
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
        "what": hide(error.what),
        "place": _place_json(error.place),
        "remedy": hide(error.remedy),
    }
    if isinstance(error, DeclarationError):
        body["problems"] = [problem_json(problem) for problem in error.problems]
    return json_line({"error": body})


def problem_json(problem: Problem) -> dict[str, object]:
    """A problem as a JSON object."""
    return {
        "code": str(problem.code),
        "what": hide(problem.what),
        "place": _place_json(problem.place),
        "remedy": hide(problem.remedy),
    }


def json_line(value: Mapping[str, object]) -> bytes:
    """A JSON object on one line, keys sorted, ASCII only: file names may be any bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii") + b"\n"


def _place_json(place: Place | None) -> dict[str, object] | None:
    return None if place is None else {"file": hide(place.file), "line": place.line}


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
