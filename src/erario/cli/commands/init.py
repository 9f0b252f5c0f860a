"""`erario init`: a reserve file to start from."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from erario.cli.options import network_option, quiet_option
from erario.cli.printer import Printer
from erario.cli.saving import save_reserve
from erario.reserve.plain_list import reserve_from_list
from erario.reserve.starter import starter
from erario.reserve.wallet_exports import reserve_from_export

FILE = click.Path(path_type=Path, dir_okay=False)


def _only_one(
    _context: click.Context, option: click.Parameter, given: tuple[Path, ...]
) -> Path | None:
    """The one file of an option of which click alone would silently take the last."""
    if len(given) > 1:
        raise click.BadParameter(
            f"give {option.opts[0]} once: each file makes a reserve of its own; their wallets can "
            "be put together by hand."
        )
    return given[0] if given else None


@click.command(
    epilog="""\b
Examples:
  erario init new
  erario init from-list --addresses list.txt --holder Exampleland"""
)
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option(
    "--addresses",
    type=FILE,
    multiple=True,
    callback=_only_one,
    help="A list of addresses, one a line, or a CSV with a column `address`.",
)
@click.option(
    "--document", type=FILE, help="With --addresses: a file in which each address occurs."
)
@click.option(
    "--descriptors",
    type=FILE,
    multiple=True,
    callback=_only_one,
    help="What a wallet exports: Bitcoin Core's listdescriptors, a descriptor list, BSMS, "
    "Sparrow, Coldcard.",
)
@network_option
@click.option("--holder", metavar="NAME", help="Who holds, by name.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@quiet_option
def command(
    *,
    folder: Path,
    addresses: Path | None,
    document: Path | None,
    descriptors: Path | None,
    network: str | None,
    holder: str | None,
    force: bool,
    quiet: bool,
) -> None:
    """Write a reserve.toml to DIR: a commented one, or one made from what you have.

    Addresses alone are `inferred`: somebody concludes that they are the holder's. With --document
    they are `documented`. Nothing that is there is overwritten without --force.
    """
    if addresses is not None and descriptors is not None:
        raise click.UsageError("--addresses and --descriptors cannot be combined.")
    if document is not None and addresses is None:
        raise click.UsageError("--document goes with --addresses.")
    if addresses is not None:
        _, files = reserve_from_list(addresses, network=network, document=document, title=holder)
    elif descriptors is not None:
        _, files = reserve_from_export(descriptors, network=network, title=holder)
    elif network is not None or holder is not None:
        raise click.UsageError("--network and --holder go with --addresses or --descriptors.")
    else:
        files = starter()
    written = save_reserve(folder, files, force=force)
    if not quiet:
        printer = Printer()
        typed = shlex.quote(str(folder))
        for path in written:
            printer.text(f"Wrote {path}.\n")
        printer.text(
            f"Next: correct {written[-1]}, then run\n"
            f"    erario check {typed}\n"
            f"    erario audit {typed} --source blocks:~/.bitcoin/blocks\n"
        )
