"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from erario.chain.access import Access
from erario.statement.evidence import MAX_PROOF_DAYS

Command = TypeVar("Command", bound=Callable[..., object])

NETWORKS = ("main", "testnet3", "testnet4", "signet", "regtest")


def combine(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several decorators as one, the first on top."""

    def decorate(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


path_argument = click.argument("path", default=".", type=click.Path(path_type=Path))
"""PATH: a reserve file, or a folder that holds a reserve.toml; default this folder."""


sources_option = click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="URL|NAME",
    help="Where to look: blocks:DIR, node://HOST:PORT, electrum+ssl://HOST:PORT, "
    "esplora+https://HOST/PATH, snapshot:FILE, or a configured name. May be given several times: "
    "all are asked, and held against each other.",
)

access_options = combine(
    click.option(
        "--proxy",
        metavar="URL",
        help="Reach other machines through socks5h://HOST:PORT, as of Tor.",
    ),
    click.option(
        "--cookie",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help="The node's cookie file [default: where the node puts it].",
    ),
    click.option(
        "--login",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help='A file that holds "user:password" of the node.',
    ),
    click.option(
        "--pin",
        metavar="HEIGHT:BLOCK:COINS",
        help="What your own node's gettxoutsetinfo says of a snapshot.",
    ),
    click.option("--plain", is_flag=True, help="Allow HTTP without TLS to other machines."),
)
"""How sources are reached, before what is configured; `read_access` makes a value of it."""

_source_options = combine(
    sources_option,
    click.option(
        "--own",
        is_flag=True,
        help="The one source is your own node, its blocks, or a server over it: take its word for "
        "what was not spent.",
    ),
    click.option(
        "--at",
        metavar="CUTOFF",
        help="Close on this height, block hash, day or instant [default: the tip].",
    ),
    access_options,
    click.option(
        "--state",
        metavar="DIR",
        type=click.Path(path_type=Path, file_okay=False),
        help="Keep what is read in DIR, not in ~/.local/state/erario.",
    ),
    click.option("--no-state", is_flag=True, help="Keep nothing, and use nothing that is kept."),
)


@dataclass(frozen=True, slots=True)
class Where:
    """Which sources to ask, how, at which cut-off, and what to keep of it."""

    sources: tuple[str, ...]
    own: bool
    at: str | None
    access: Access
    state: Path | None
    no_state: bool


def source_options(command: Callable[..., object]) -> Callable[..., object]:
    """The options that say where to look, given to the command as one `where`."""

    @wraps(command)
    def with_where(
        *,
        sources: tuple[str, ...],
        own: bool,
        at: str | None,
        state: Path | None,
        no_state: bool,
        **others: Any,  # noqa: ANN401 - each command has its own
    ) -> object:
        access = read_access(others)
        for name in _ACCESS:
            del others[name]
        return command(where=Where(sources, own, at, access, state, no_state), **others)

    return _source_options(with_where)


def read_access(given: Mapping[str, Any]) -> Access:
    """How sources are reached, from the values of `access_options`."""
    return Access(**{name: given[name] for name in _ACCESS})


_ACCESS: Final = ("proxy", "cookie", "login", "pin", "plain")


proofs_option = click.option(
    "--proofs",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Control proofs, as erario prove finish writes them; may be given several times.",
)

proofs_within_option = click.option(
    "--proofs-within",
    metavar="DAYS",
    type=click.IntRange(1, MAX_PROOF_DAYS),
    help="Control proofs more than DAYS old at the cut-off do not count [default: all do, or as "
    "the bundle says].",
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


def check_proofs_within(within: int | None, proofs: Sequence[Path]) -> None:
    """Refuse an age of proofs where no proofs are given.

    Raises:
        click.UsageError: there are none.
    """
    if within is not None and not proofs:
        raise click.UsageError("--proofs-within goes with --proofs.")


def one_format(*, as_json: bool, as_csv: bool) -> None:
    """Refuse two formats at once.

    Raises:
        click.UsageError: both were asked for.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv cannot be combined.")
