"""`erario history`: the movements behind the figures."""

from __future__ import annotations

from pathlib import Path

import click

from erario.cli.options import (
    Where,
    format_options,
    one_format,
    path_argument,
    since_option,
    source_options,
)
from erario.cli.printer import Printer, check_output
from erario.cli.request import (
    Question,
    ask,
    check_wallets,
    findings_code,
    load_reserve,
    remark_doubts,
)
from erario.cli.show.history import (
    booked_entries,
    history_lines,
    is_after_opening,
    running_balances,
)
from erario.cli.show.records import movements_json
from erario.cli.show.spreadsheet import movements_csv


@click.command(
    epilog="""\b
Example:
  erario history reserve.toml --source blocks:~/.bitcoin/blocks \\
      --since 2025-01-01"""
)
@path_argument
@source_options
@since_option
@click.option("--wallet", "wallets", multiple=True, metavar="ID", help="Only this wallet's.")
@format_options
def command(
    *,
    path: Path,
    where: Where,
    since: str | None,
    wallets: tuple[str, ...],
    as_json: bool,
    as_csv: bool,
    output: Path | None,
    quiet: bool,
) -> int:
    """List the movements of the reserve at PATH, in order, with each wallet's balance."""
    one_format(as_json=as_json, as_csv=as_csv)
    check_output(output)
    printer = Printer(quiet=quiet, as_json=as_json)
    reserve = load_reserve(path)
    check_wallets(reserve, wallets)
    _, statement = ask(Question(reserve, where, since), printer)
    booked = [
        (movement, entry)
        for movement, entry in booked_entries(statement)
        if is_after_opening(movement, entry, statement, reserve)
        and (not wallets or entry.wallet in wallets)
    ]
    balances = running_balances(statement)
    if as_json:
        printer.deliver(movements_json(booked, statement), output)
    elif as_csv:
        printer.deliver(movements_csv(booked, balances), output)
        remark_doubts(statement, printer)
    else:
        lines = history_lines(booked, balances, statement)
        printer.deliver(lines, output)
    return findings_code(statement)
