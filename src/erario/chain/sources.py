"""Sources by their URL: what stands behind `--source`.

    blocks:PATH     a node's blocks folder, or a file of blocks

Importing this module costs nothing: numpy and numba come in only once a source is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from erario.bitcoin.network import NetworkName
from erario.chain.errors import ChainCode
from erario.chain.source import ChainSource
from erario.errors import RequestError


def open_source(url: str, network: NetworkName, *, own: bool = False) -> ChainSource:
    """The source that `url` names, asked about `network`.

    Args:
        url: scheme and path, as in "blocks:/home/me/.bitcoin/blocks".
        network: the network whose chain is wanted.
        own: the user says that the source is their own, so its word is taken (DESIGN: existence).

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
    return opener(rest, network, own)


def _open_blocks(path: str, network: NetworkName, own: bool) -> ChainSource:  # noqa: FBT001
    try:
        from erario.chain.blocks_source import BlocksSource  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _SCAN_EXTRA:
            raise
        raise RequestError(
            ChainCode.EXTRA_MISSING,
            f"reading block files needs {error.name}, which is not installed",
            remedy='Install it with: pip install "erario[scan]"',
        ) from error
    return BlocksSource(path, network, own=own)


_SCAN_EXTRA: Final = frozenset({"numpy", "numba", "llvmlite"})
_SCHEMES: Final[dict[str, Callable[[str, NetworkName, bool], ChainSource]]] = {
    "blocks": _open_blocks
}
