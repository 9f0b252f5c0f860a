"""`erario`: the group, the entry point, and what becomes of every error.

Exit codes are a promise: 2 could not run (an unexpected exception too), else 1 something failed,
else 3 something is unknown, else 0. Commands are imported when they are asked for, so that help
and checks do not wait for what a scan needs.
"""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
import traceback
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Final, NoReturn

import click

from erario import __version__
from erario.cli.hiding import refuse_secrets
from erario.cli.interrupt import Interrupter
from erario.cli.kept import say_kept
from erario.cli.printer import Printer, is_about_stdout, not_printed
from erario.errors import ErarioError, RequestError

COULD_NOT_RUN: Final = 2
COMMANDS: Final = {
    "init": "Write a reserve file to start from.",
    "check": "Report every problem of a reserve file.",
    "audit": "Audit a reserve, or a plain list, against the chain.",
    "coins": "List the coins behind the figures.",
    "history": "List the movements behind the figures.",
    "why": "Tell what is known of a transaction, an output or an address.",
    "bundle": "Write one file with the statement and all its evidence.",
    "verify": "Verify a bundle, offline from the file alone.",
    "sources": "Show the sources that can be asked, and what each shows and learns.",
    "headers": "Verify every header from genesis on, and the pins by them.",
    "message": "Verify a signed message (BIP-322), or make one.",
    "prove": "Have the keys of a reserve sign a message; gather the proofs.",
    "store": "Show what is kept of what was read, or clear it.",
    "schema": "Print the JSON Schema of a statement.",
    "version": "Print the version.",
}
DEBUG: Final = "ERARIO_DEBUG"


class CliCode(StrEnum):
    """Codes of the errors that the command line itself raises."""

    USAGE = "cli.usage"
    INTERRUPTED = "cli.interrupted"
    UNEXPECTED = "cli.unexpected"


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is asked for, and not for help."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of commands in the group's own help."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The commands in the order in which people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of this name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"erario.cli.commands.{cmd_name}")
        command = module.command
        return command if isinstance(command, click.Command) else None


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "terminal_width": 80},
    epilog="""\b
Exit codes: 2 could not run, else 1 something failed, else 3 something is
unknown, else 0.

\b
Example:
  erario audit reserve.toml --source blocks:~/.bitcoin/blocks""",
)
@click.version_option(__version__, prog_name="erario", message="%(prog)s %(version)s")
def cli() -> None:
    """Audit what a reserve says it holds against the Bitcoin chain.

    A reserve is a file, reserve.toml, in which one or more holders declare wallets and public
    claims. erario reads the blocks of a node, checks them, and answers every claim.
    """


def run(args: list[str]) -> int:
    """Run one command line and return its exit code; only Ctrl-C comes through."""
    printer = Printer(as_json=_asks_for_json(args))
    try:
        refuse_secrets(args)
        with cli.make_context("erario", list(args)) as context:
            code = cli.invoke(context)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except Exception as error:  # noqa: BLE001 - the one place where nothing may get past
        _tell(error, printer)
        return COULD_NOT_RUN
    return code if isinstance(code, int) else 0


def main() -> NoReturn:
    """The entry point of the command `erario`."""
    args = sys.argv[1:]
    # Values hold no cycles, and hundreds of thousands of them would have the collector look often:
    # that took a seventh of an audit of as many scripts.
    gc.set_threshold(200_000, 20, 100)
    interrupter = Interrupter(lambda: _tell_interrupted(args), COULD_NOT_RUN)
    try:
        _mend_streams()
        interrupter.watch()
        # Until here whoever started us may have had a handler of its own; see start.py.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = run(args)
        # The answer is out: there is nothing left to stop.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:
        interrupter.leave()
    sys.exit(code)


def _tell_interrupted(args: list[str]) -> None:
    kept = say_kept()
    error = RequestError(
        CliCode.INTERRUPTED,
        f"stopped before it was done; {kept or 'nothing was written'}",
        remedy="The next run goes on from there." if kept else "The next run starts again.",
    )
    Printer(as_json=_asks_for_json(args)).error(error)


def _asks_for_json(args: list[str]) -> bool:
    return "--json" in (args[: args.index("--")] if "--" in args else args)


def _tell(error: Exception, printer: Printer) -> None:
    """What became of the run, by the kind of its error."""
    if isinstance(error, click.ClickException):
        _refuse(error, printer)
    elif isinstance(error, ErarioError):
        printer.error(error)
    elif isinstance(error, OSError) and is_about_stdout(error):
        # Help and version are printed by click, which knows nothing of our printer.
        printer.error(not_printed(error))
    else:
        _explain(error, printer)


def _refuse(error: click.ClickException, printer: Printer) -> None:
    """A command line that cannot be parsed."""
    if not printer.as_json:
        said = io.StringIO()
        error.show(said)
        printer.complain(said.getvalue().rstrip("\n"))
        return
    usage = RequestError(CliCode.USAGE, error.format_message(), remedy="See erario --help.")
    printer.error(usage)


def _explain(error: Exception, printer: Printer) -> None:
    """An exception that nobody foresaw."""
    if os.environ.get(DEBUG):
        printer.complain(traceback.format_exc())
    told = RequestError(
        CliCode.UNEXPECTED,
        f"a defect in erario: {type(error).__name__}: {error}",
        remedy=f"Set {DEBUG}=1 to see where, and tell the authors; no answer was given.",
    )
    printer.error(told)


def _mend_streams() -> None:
    """Streams that take any character, also where the locale has few or they are closed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # Its number must be taken, or a file that is opened next would get it. An answer that
            # goes nowhere is no answer: what stands in for stdout cannot be written to.
            mode = "r" if name == "stdout" else "w"
            nowhere = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - for good
            setattr(sys, name, nowhere)
        else:
            stream.reconfigure(errors="backslashreplace")
