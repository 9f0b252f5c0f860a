"""`erario sources`: which sources there are, whether they answer, what they show and learn."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import click

from erario.bitcoin.network import NetworkName
from erario.chain.source import HasTip
from erario.chain.sources import open_source
from erario.chain.state_folder import default_state_folder
from erario.cli.configuration import (
    ChosenSource,
    choose_sources,
    load_configuration,
    reach_with,
)
from erario.cli.options import (
    access_options,
    network_option,
    quiet_option,
    read_access,
    sources_option,
)
from erario.cli.printer import Printer, json_line
from erario.cli.public_servers import public_servers
from erario.cli.request import FAILED
from erario.cli.show.sources import (
    Probed,
    probed_json,
    probed_lines,
    suggested_json,
    suggested_lines,
)
from erario.errors import ErarioError


@click.command(
    epilog="""\b
Examples:
  erario sources --suggest
  erario sources --source blocks:~/.bitcoin/blocks"""
)
@sources_option
@click.option("--suggest", is_flag=True, help="Name public servers, and what using one reveals.")
@network_option
@access_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON; errors too.")
@quiet_option
def command(
    *,
    sources: tuple[str, ...],
    suggest: bool,
    network: str | None,
    as_json: bool,
    quiet: bool,
    **access: object,
) -> int:
    """Ask the sources given, or all that are configured, whether they answer.

    For each: its tip by its own word, how long it took, what it can show and what it cannot, and
    what it learns about whoever asks. Exits 1 where one does not answer.
    """
    printer = Printer(quiet=quiet, as_json=as_json)
    if suggest:
        servers = public_servers()
        if as_json:
            printer.data(json_line(suggested_json(servers)))
        else:
            printer.lines(suggested_lines(servers))
        return 0
    name = NetworkName(network or NetworkName.MAIN)
    reached = read_access(access)
    configuration = load_configuration()
    chosen = [one for one in configuration.sources.values() if network in {None, one.network}]
    if sources or not chosen:
        # An empty configuration is told as everywhere.
        chosen = choose_sources(sources, name, own=False, access=reached)
    else:
        chosen = reach_with(chosen, reached, configuration.file)
    with ThreadPoolExecutor(len(chosen)) as pool:
        probed = list(pool.map(lambda one: _probe(one, name), chosen))
    if as_json:
        printer.data(json_line(probed_json(probed)))
    else:
        printer.lines(probed_lines(probed))
    return FAILED if any(one.error is not None for one in probed) else 0


def _probe(one: ChosenSource, network: NetworkName) -> Probed:
    started = time.monotonic()
    try:
        # With what is kept, so that a server is known by the certificate that it had.
        opened = open_source(
            one.url,
            one.network or network,
            own=one.own,
            state=default_state_folder(),
            access=one.access,
        )
        with closing(opened) as source:
            note = source.notes()[0]
            tip = source.tip() if isinstance(source, HasTip) else None
    except ErarioError as error:
        return Probed(one, None, None, None, error)
    seconds = time.monotonic() - started
    return Probed(one, note, tip, seconds if tip else None, None)
