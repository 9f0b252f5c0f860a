"""Sources by their URL: what stands behind `--source`.

    blocks:PATH                  a node's blocks folder, or a file of blocks
    node://HOST:PORT             a node, by RPC
    electrum+ssl://HOST:PORT     an Electrum server; electrum:// without TLS
    esplora+https://HOST/PATH    a block explorer's API; esplora+http:// to this machine
    snapshot:FILE                a UTXO snapshot

Importing this module costs nothing: what a source needs comes in only once it is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Final

from erario.bitcoin.network import NetworkName
from erario.chain.access import Access
from erario.chain.errors import ChainCode
from erario.chain.scan_extra import missing_package
from erario.chain.source import ChainSource
from erario.chain.source_url import (
    PATH_SCHEMES,
    SourceUrl,
    read_path_url,
    read_server_url,
    show_scheme,
)
from erario.chain.state_folder import StateFolder
from erario.errors import RequestError


def open_source(
    url: str,
    network: NetworkName,
    *,
    own: bool = False,
    state: StateFolder | Path | str | None = None,
    access: Access | None = None,
) -> ChainSource:
    """The source that `url` names, asked about `network`.

    Args:
        url: as above, such as "blocks:/home/me/.bitcoin/blocks".
        network: the network whose chain is wanted.
        own: the user says that the source is their own, so its word is taken; see
            docs/explanation/axes.md.
        state: the folder in which what was read is kept for the next time, such as
            `state_folder.default_state_folder()`; None keeps nothing. The answers are the same.
        access: how it is reached, beyond its URL.

    Raises:
        RequestError: no such scheme, nothing at the path, or the extra it needs is not installed.
        SourceError: it cannot be looked at.
    """
    scheme, _, rest = url.partition(":")
    opener = _SCHEMES.get(scheme)
    if opener is None or not rest:
        raise RequestError(
            ChainCode.SCHEME_UNKNOWN,
            f"a source that begins with {show_scheme(url)} is none that erario knows",
            remedy=f"Use one of: {', '.join(SCHEME_FORMS)}.",
        )
    if isinstance(state, str | Path):
        state = StateFolder(Path(state), network)
    parsed = read_path_url(url) if scheme in PATH_SCHEMES else read_server_url(url)
    return opener(parsed, network, own, state, access or Access())


def _open_blocks(
    url: SourceUrl,
    network: NetworkName,
    own: bool,  # noqa: FBT001
    state: StateFolder | None,
    _access: Access,
) -> ChainSource:
    _need_scan_extra("reading block files")
    if state is None:
        from erario.chain.blocks_source import BlocksSource  # noqa: PLC0415

        return BlocksSource(url.path, network, own=own)
    from erario.chain.kept_blocks import KeptBlocks  # noqa: PLC0415

    return KeptBlocks(url.path, network, own=own, state=state)


def _open_snapshot(
    url: SourceUrl,
    network: NetworkName,
    own: bool,  # noqa: FBT001
    state: StateFolder | None,
    access: Access,
) -> ChainSource:
    _need_scan_extra("reading a UTXO snapshot")
    from erario.chain.snapshot_source import open_snapshot  # noqa: PLC0415

    return open_snapshot(url, network, own, state, access)


def _need_scan_extra(what: str) -> None:
    package = missing_package()
    if package is not None:
        raise RequestError(
            ChainCode.EXTRA_MISSING,
            f"{what} needs {package}, which is not installed",
            remedy='Install it with: pip install "erario[scan]"',
        )


Opener = Callable[[SourceUrl, NetworkName, bool, "StateFolder | None", Access], ChainSource]


def _imported(module: str, name: str) -> Opener:
    """The opener of that name, whose module is imported once it is called."""

    def open_it(
        url: SourceUrl,
        network: NetworkName,
        own: bool,  # noqa: FBT001
        state: StateFolder | None,
        access: Access,
    ) -> ChainSource:
        opener: Opener = getattr(import_module(module), name)
        return opener(url, network, own, state, access)

    return open_it


_SCHEMES: Final[dict[str, Opener]] = {
    "blocks": _open_blocks,
    "node": _imported("erario.chain.node_source", "open_node"),
    "electrum": _imported("erario.chain.electrum", "open_electrum"),
    "electrum+ssl": _imported("erario.chain.electrum", "open_electrum"),
    "esplora+https": _imported("erario.chain.esplora", "open_esplora"),
    "esplora+http": _imported("erario.chain.esplora", "open_esplora"),
    "snapshot": _open_snapshot,
}
SCHEME_FORMS: Final = (
    "blocks:PATH",
    "node://HOST:PORT",
    "electrum://HOST:PORT",
    "electrum+ssl://HOST:PORT",
    "esplora+https://HOST/PATH",
    "esplora+http://HOST:PORT/PATH",
    "snapshot:FILE",
)
