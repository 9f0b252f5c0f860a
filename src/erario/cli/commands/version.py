"""`erario version`."""

from __future__ import annotations

import click

from erario import __version__
from erario.cli.printer import Printer


@click.command(
    epilog="""\b
Example:
  erario version"""
)
def command() -> None:
    """Print the version."""
    Printer().text(f"erario {__version__}\n")
