"""`erario store`: what is kept of what was read, how large it is; and clearing it."""

from __future__ import annotations

from pathlib import Path

import click

from erario.bitcoin.network import NetworkName
from erario.chain.state_folder import default_state_folder
from erario.chain.state_report import clear_state, describe_state
from erario.cli.options import network_option, quiet_option
from erario.cli.printer import Printer, json_line
from erario.cli.show.store import cleared_json, cleared_lines, store_json, store_lines


@click.command(
    epilog="""\b
Examples:
  erario store
  erario store --clear"""
)
@click.option(
    "--state",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Look in DIR, not in ~/.local/state/erario.",
)
@network_option
@click.option("--clear", is_flag=True, help="Remove it, and say what was removed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; errors too.")
@quiet_option
def command(
    *, state: Path | None, network: str | None, clear: bool, as_json: bool, quiet: bool
) -> int:
    """Show what erario keeps of the chains that it has read, and how large that is.

    It only spares reading: whatever is cleared is read again when it is next needed, and no
    answer changes. It tells which scripts were watched to whoever can read it.
    """
    printer = Printer(quiet=quiet, as_json=as_json)
    base = (default_state_folder() if state is None else state).expanduser().absolute()
    if clear:
        networks = tuple(NetworkName) if network is None else (NetworkName(network),)
        removed = clear_state(base, networks)
        if as_json:
            printer.data(json_line(cleared_json(removed)))
        else:
            printer.lines(cleared_lines(base, removed))
        return 0
    kept = [one for one in describe_state(base) if network in {None, one.network.value}]
    if as_json:
        printer.data(json_line(store_json(base, kept)))
    else:
        printer.lines(store_lines(base, kept))
    for one in kept:
        for trouble in one.troubles:
            printer.warn(trouble)
    return 0
