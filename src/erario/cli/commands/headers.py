"""`erario headers`: all headers from genesis, by every rule, and the pins held against them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from erario.bitcoin.network import NetworkName
from erario.chain.header_check import check_headers
from erario.chain.header_keeping import WholeHeaders
from erario.chain.sources import open_source
from erario.chain.state_folder import default_state_folder
from erario.cli.configuration import choose_sources
from erario.cli.options import (
    access_options,
    network_option,
    quiet_option,
    read_access,
    sources_option,
)
from erario.cli.printer import Printer, json_line
from erario.cli.request import FAILED, UNKNOWN
from erario.cli.show.headers import header_json, header_lines


@click.command(
    epilog="""\b
Examples:
  erario headers --source blocks:~/.bitcoin/blocks
  erario headers --source node://127.0.0.1:8332"""
)
@sources_option
@network_option
@access_options
@click.option(
    "--state",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the headers in DIR, not in ~/.local/state/erario.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON; errors too.")
@quiet_option
def command(
    *,
    sources: tuple[str, ...],
    network: str | None,
    state: Path | None,
    as_json: bool,
    quiet: bool,
    **access: object,
) -> int:
    """Fetch all block headers, verify them from genesis on, and check erario's pins by them.

    Other commands link old blocks to pins, hashes that came with erario. Whoever trusts no pin
    runs this once: the headers are kept, and later commands go on from them.

    Exits 1 where the chain has another block than a pinned one, 3 where it has less work than the
    network's chain must have, 0 otherwise.
    """
    printer = Printer(quiet=quiet, as_json=as_json)
    name = NetworkName(network or NetworkName.MAIN)
    chosen = choose_sources(sources, name, own=False, access=read_access(access))
    if len(chosen) > 1:
        raise click.UsageError("Headers are verified for one source at a time: give one --source.")
    folder = WholeHeaders(default_state_folder() if state is None else state, name)
    opened = open_source(chosen[0].url, name, state=folder, access=chosen[0].access)
    with closing(opened) as source, printer.progress() as progress:
        check = check_headers(source.chain(progress), progress)
    if as_json:
        printer.data(json_line(header_json(name, check)))
    else:
        printer.lines(header_lines(name, check))
    for trouble in folder.troubles:
        printer.warn(trouble)
    if check.against:
        return FAILED
    return 0 if check.enough_work else UNKNOWN
