"""`erario why`: what is known of a transaction, an output or an address, and how."""

from __future__ import annotations

from pathlib import Path

import click

from erario.cli.options import Where, path_argument, quiet_option, source_options
from erario.cli.printer import Printer
from erario.cli.request import UNKNOWN, Question, ask, findings_code, load_reserve
from erario.cli.show.why import Case, why_lines
from erario.cli.subject import read_subject


@click.command(
    epilog="""\b
Example:
  erario why \\
      f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16 \\
      reserve.toml --source blocks:~/.bitcoin/blocks"""
)
@click.argument("what", metavar="TXID|OUTPOINT|ADDRESS")
@path_argument
@source_options
@quiet_option
def command(
    *,
    what: str,
    path: Path,
    where: Where,
    quiet: bool,
) -> int:
    """Tell what erario knows of a transaction, an output (TXID:INDEX) or an address, how it
    knows it, and by which commands you can check it on a node of your own.

    Scripts that have no address are asked for in hex. PATH is the reserve. Exits 3 where nothing
    is known.
    """
    printer = Printer(quiet=quiet)
    if _is_there(what):
        raise click.UsageError(
            f"{what} is a file or folder. Say first what you ask about: a TXID, an OUTPOINT or an "
            "ADDRESS; the reserve comes second."
        )
    reserve = load_reserve(path)
    declared = {found.script for wallet in reserve.wallets for found in wallet.scripts}
    subject = read_subject(what, reserve.network, declared)
    evidence, statement = ask(Question(reserve, where), printer)
    lines, known = why_lines(subject, Case(reserve, evidence, statement))
    printer.lines(lines)
    code = findings_code(statement)
    return code if known else code or UNKNOWN


def _is_there(what: str) -> bool:
    try:
        return Path(what).exists()
    except (OSError, ValueError):
        # Too long for a name, or with a zero in it.
        return False
