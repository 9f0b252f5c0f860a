"""Sources by their URL: what stands behind `--source`.

    blocks:PATH     a node's blocks folder, or a file of blocks

Importing this module costs nothing: numpy and numba come in only once a source is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from erario.bitcoin.network import NetworkName
from erario.chain.errors import ChainCode
from erario.chain.source import ChainSource
from erario.chain.state_folder import StateFolder
from erario.errors import RequestError


def open_source(
    url: str,
    network: NetworkName,
    *,
    own: bool = False,
    state: StateFolder | Path | str | None = None,
) -> ChainSource:
    """The source that `url` names, asked about `network`.

    Args:
        url: scheme and path, as in "blocks:/home/me/.bitcoin/blocks".
        network: the network whose chain is wanted.
        own: the user says that the source is their own, so its word is taken; see
            docs/explanation/axes.md.
        state: the folder in which what was read is kept for the next time, such as
            `state_folder.default_state_folder()`; None keeps nothing. The answers are the same.

    Raises:
        RequestError: no such scheme, nothing at the path, or the extra it needs is not installed.
        SourceError: it cannot be looked at.
    """
    scheme, _, rest = url.partition(":")
    opener = _SCHEMES.get(scheme)
    if opener is None or not rest:
        raise RequestError(
            ChainCode.SCHEME_UNKNOWN,
            f"{url} names no source that erario knows",
            remedy=f"Use one of: {', '.join(f'{known}:PATH' for known in _SCHEMES)}.",
        )
    if isinstance(state, str | Path):
        state = StateFolder(Path(state), network)
    return opener(rest, network, own, state)


def _open_blocks(
    path: str,
    network: NetworkName,
    own: bool,  # noqa: FBT001
    state: StateFolder | None,
) -> ChainSource:
    for package in _SCAN_EXTRA:
        # Looked for, not imported: where all was read before, only numpy is needed.
        if find_spec(package) is None:
            raise RequestError(
                ChainCode.EXTRA_MISSING,
                f"reading block files needs {package}, which is not installed",
                remedy='Install it with: pip install "erario[scan]"',
            )
    if state is None:
        from erario.chain.blocks_source import BlocksSource  # noqa: PLC0415

        return BlocksSource(path, network, own=own)
    from erario.chain.kept_blocks import KeptBlocks  # noqa: PLC0415

    return KeptBlocks(path, network, own=own, state=state)


_SCAN_EXTRA: Final = ("numpy", "numba", "llvmlite")
_SCHEMES: Final[dict[str, Callable[[str, NetworkName, bool, StateFolder | None], ChainSource]]] = {
    "blocks": _open_blocks
}
