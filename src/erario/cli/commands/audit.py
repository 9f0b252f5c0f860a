"""`erario audit`: what is really there, and what each public claim comes to."""

from __future__ import annotations

from pathlib import Path

import click
from rich.text import Text

from erario.cli.options import (
    Where,
    check_proofs_within,
    format_options,
    network_option,
    one_format,
    path_argument,
    proofs_option,
    proofs_within_option,
    since_option,
    source_options,
)
from erario.cli.printer import Printer, check_output
from erario.cli.request import (
    Question,
    ask,
    claim_places,
    exit_code,
    is_plain_list,
    load_proofs,
    load_reserve,
    remark_doubts,
)
from erario.cli.saving import save_reserve
from erario.cli.show.spreadsheet import scripts_csv
from erario.cli.show.statement import View, statement_lines
from erario.reserve.model import Reserve
from erario.reserve.plain_list import reserve_from_list
from erario.statement.codec import statement_json
from erario.statement.model import Statement


@click.command(
    epilog="""\b
Examples:
  erario audit reserve.toml --source blocks:~/.bitcoin/blocks --at 2025-04-03
  erario audit list.txt --holds "> 6100 BTC" --at 2025-04-03 \\
      --source blocks:~/.bitcoin/blocks"""
)
@path_argument
@source_options
@since_option
@proofs_option
@proofs_within_option
@click.option("--scripts/--no-scripts", default=None, help="List every script, or none.")
@click.option(
    "--holds", metavar="CLAIM", help='For a plain list: what it is said to hold, "> 6100 BTC".'
)
@click.option("--within", metavar="AMOUNT", help='For --holds "~ ...": how far off, "0.5 BTC".')
@click.option(
    "--document",
    type=click.Path(path_type=Path, dir_okay=False),
    help="For a plain list: a file in which each address occurs.",
)
@network_option
@click.option(
    "--save",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="For a plain list: write the reserve that it stands for.",
)
@format_options
def command(
    *,
    path: Path,
    where: Where,
    since: str | None,
    proofs: tuple[Path, ...],
    proofs_within: int | None,
    scripts: bool | None,
    holds: str | None,
    within: str | None,
    document: Path | None,
    network: str | None,
    save: Path | None,
    as_json: bool,
    as_csv: bool,
    output: Path | None,
    quiet: bool,
) -> int:
    """Audit the reserve at PATH against the chain.

    PATH is a reserve file, a folder that holds a reserve.toml, or a plain list of addresses, one a
    line. For a plain list, --at is the moment of the claim as well as the cut-off.

    --csv has a row for each script, and neither claims nor the roll-forward; findings that are no
    pass are told on stderr.

    Exits 1 where a claim is broken or a check failed, 3 where something is unknown, 0 otherwise.
    """
    one_format(as_json=as_json, as_csv=as_csv)
    check_output(output)
    if within is not None and holds is None:
        raise click.UsageError("--within goes with --holds.")
    check_proofs_within(proofs_within, proofs)
    printer = Printer(quiet=quiet, as_json=as_json)
    if is_plain_list(path):
        claims = [] if holds is None else [(holds, where.at, within)]
        reserve, files = reserve_from_list(path, network=network, document=document, claims=claims)
        if save is not None:
            for written in save_reserve(save, files, force=False):
                printer.remark(f"Wrote {written}.")
    elif any(given is not None for given in (holds, within, document, network, save)):
        raise click.UsageError(
            "--holds, --within, --document, --network and --save are for a plain list; "
            f"{path} is a reserve, which says such things itself."
        )
    else:
        reserve = load_reserve(path)
    given = load_proofs(proofs, reserve.network)
    _, statement = ask(Question(reserve, where, since, given, proofs_within), printer)
    answer = render(statement, reserve, scripts=scripts, as_json=as_json, as_csv=as_csv)
    printer.deliver(answer, output)
    if as_csv:
        remark_doubts(statement, printer)
    return exit_code(statement)


def render(
    statement: Statement,
    reserve: Reserve,
    *,
    scripts: bool | None,
    as_json: bool,
    as_csv: bool,
) -> bytes | list[Text]:
    """A statement as it was asked for."""
    if as_json:
        return statement_json(statement) + b"\n"
    if as_csv:
        return scripts_csv(statement)
    return statement_lines(statement, View(claim_places(reserve), scripts))
