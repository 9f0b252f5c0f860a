"""`erario schema`: the JSON Schema of a statement, or of a bundle's files."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

import click

from erario.cli.printer import Printer

_SCHEMAS: Final = {
    "statement": ("erario.statement", "statement.schema.json"),
    "bundle": ("erario.bundle", "bundle.schema.json"),
}


@click.command(
    epilog="""\b
Examples:
  erario schema
  erario schema bundle"""
)
@click.argument(
    "name", metavar="[statement|bundle]", type=click.Choice(list(_SCHEMAS)), default="statement"
)
def command(*, name: str) -> None:
    """Print the JSON Schema that `erario audit --json` answers to; with `bundle`, that of the JSON
    files in a bundle."""
    package, file = _SCHEMAS[name]
    Printer().data(files(package).joinpath(file).read_bytes())
