"""`erario schema`: the JSON Schema of a statement."""

from __future__ import annotations

from importlib.resources import files

import click

from erario.cli.printer import Printer


@click.command(
    epilog="""\b
Example:
  erario schema"""
)
def command() -> None:
    """Print the JSON Schema that `erario audit --json` answers to."""
    schema = files("erario.statement").joinpath("statement.schema.json")
    Printer().data(schema.read_bytes())
