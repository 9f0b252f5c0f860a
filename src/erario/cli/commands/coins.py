"""`erario coins`: the coins behind the figures."""

from __future__ import annotations

from pathlib import Path

import click

from erario.cli.options import Where, format_options, one_format, path_argument, source_options
from erario.cli.printer import Printer, check_output
from erario.cli.request import (
    Question,
    ask,
    check_wallets,
    findings_code,
    load_reserve,
    remark_doubts,
)
from erario.cli.show.coins import coin_lines
from erario.cli.show.records import coins_json
from erario.cli.show.spreadsheet import coins_csv


@click.command(
    epilog="""\b
Example:
  erario coins reserve.toml --source blocks:~/.bitcoin/blocks --wallet vault"""
)
@path_argument
@source_options
@click.option("--wallet", "wallets", multiple=True, metavar="ID", help="Only this wallet's.")
@click.option("--spent", is_flag=True, help="Those that are spent or lost as well.")
@format_options
def command(
    *,
    path: Path,
    where: Where,
    wallets: tuple[str, ...],
    spent: bool,
    as_json: bool,
    as_csv: bool,
    output: Path | None,
    quiet: bool,
) -> int:
    """List the coins of the reserve at PATH: those unspent at the cut-off."""
    one_format(as_json=as_json, as_csv=as_csv)
    check_output(output)
    printer = Printer(quiet=quiet, as_json=as_json)
    reserve = load_reserve(path)
    check_wallets(reserve, wallets)
    _, statement = ask(Question(reserve, where), printer)
    coins = [
        coin
        for coin in statement.coins
        if (spent or coin.unspent) and (not wallets or coin.wallet in wallets)
    ]
    if as_json:
        printer.deliver(coins_json(coins, statement), output)
    elif as_csv:
        printer.deliver(coins_csv(coins, statement), output)
        remark_doubts(statement, printer)
    else:
        printer.deliver(coin_lines(coins, statement), output)
    return findings_code(statement)
