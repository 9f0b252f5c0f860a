"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., object])

NETWORKS = ("main", "testnet3", "testnet4", "signet", "regtest")


def combine(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several decorators as one, the first on top."""

    def decorate(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def _only_one(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> str:
    """The one value of an option of which click alone would silently take the last."""
    if len(given) > 1:
        raise click.BadParameter("give one source; several are not read together.")
    return given[0]


path_argument = click.argument("path", default=".", type=click.Path(path_type=Path))
"""PATH: a reserve file, or a folder that holds a reserve.toml; default this folder."""


source_options = combine(
    click.option(
        "--source",
        required=True,
        multiple=True,
        callback=_only_one,
        metavar="blocks:DIR",
        help="The blocks folder of a node, or one file of blocks.",
    ),
    click.option(
        "--own",
        is_flag=True,
        help="The folder is of your own node: check only the blocks that matter.",
    ),
    click.option(
        "--at",
        metavar="CUTOFF",
        help="Close on this height, block hash, day or instant [default: the tip].",
    ),
    click.option(
        "--state",
        metavar="DIR",
        type=click.Path(path_type=Path, file_okay=False),
        help="Keep what is read in DIR, not in ~/.local/state/erario.",
    ),
    click.option("--no-state", is_flag=True, help="Keep nothing, and use nothing that is kept."),
)

since_option = click.option(
    "--since", metavar="CUTOFF", help="Open the roll-forward at this cut-off."
)

quiet_option = click.option(
    "-q", "--quiet", is_flag=True, help="No progress and no remarks on stderr."
)

format_options = combine(
    click.option("--json", "as_json", is_flag=True, help="Print canonical JSON; errors too."),
    click.option("--csv", "as_csv", is_flag=True, help="Print CSV."),
    click.option(
        "-o",
        "--output",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write the answer to FILE, whole or not at all.",
    ),
    quiet_option,
)

network_option = click.option(
    "--network",
    type=click.Choice(NETWORKS),
    help="The network, where the addresses leave it open.",
)


def one_format(*, as_json: bool, as_csv: bool) -> None:
    """Refuse two formats at once.

    Raises:
        click.UsageError: both were asked for.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv cannot be combined.")
