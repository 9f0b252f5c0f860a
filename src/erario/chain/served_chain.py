"""The verified header chain of a server that is asked for headers.

`open_served_chain` gives the `HeaderChain` that a source over a node or a server builds on. All
headers from genesis on are fetched and held against every rule; what the server cannot show to be
so is a lie, told by its code.
"""

from __future__ import annotations

from typing import Final

from erario.bitcoin.header import HEADER_SIZE
from erario.bitcoin.header_rules import HeaderFault
from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.values import Height, show_hash
from erario.chain.best_chain import BestChain
from erario.chain.errors import ServerCode
from erario.chain.header_tree import HeaderTree
from erario.chain.history_server import HeaderServer
from erario.chain.source import HeaderChain, Progress, ProgressCallback
from erario.chain.state_folder import StateFolder
from erario.errors import SourceError

STEP: Final = "Fetching headers"
_AT_ONCE: Final = 2016
_CODES: Final = {
    HeaderFault.BITS_INVALID: ServerCode.LIED_WORK,
    HeaderFault.WORK_MISSING: ServerCode.LIED_WORK,
    HeaderFault.BITS_WRONG: ServerCode.LIED_DIFFICULTY,
    HeaderFault.TIME_TOO_OLD: ServerCode.LIED_TIME,
    HeaderFault.TIMEWARP: ServerCode.LIED_TIME,
    HeaderFault.VERSION_TOO_OLD: ServerCode.LIED_VERSION,
}


def open_served_chain(
    name: NetworkName, server: HeaderServer, state: StateFolder | None, progress: ProgressCallback
) -> HeaderChain:
    """The chain that a server follows, verified.

    Args:
        name: the network that it should be of.
        server: who is asked.
        state: where headers are kept for the next time, or None.
        progress: told of headers while they come in.

    Raises:
        SourceError: the server cannot be asked, or lies.
    """
    tip, tip_hash = server.tip()
    genesis = network(name).genesis[:HEADER_SIZE]
    tree = HeaderTree(name)
    for start in range(0, tip + 1, _AT_ONCE):
        data = server.headers(Height(start), min(_AT_ONCE, tip + 1 - start))
        if start == 0 and data[:HEADER_SIZE] != genesis:
            raise SourceError(
                ServerCode.OTHER_NETWORK,
                f"{server.name} is not on {name}",
                remedy="Name the network that it serves, or ask another server.",
            )
        tree.add_many(data)
        for bad in tree.invalid:
            raise _lie(server, _CODES[bad.fault], f"header {show_hash(bad.block_hash)} is bad")
        progress(Progress(STEP, start + len(data) // HEADER_SIZE, tip + 1, "headers"))
    chain = tree.best()
    if tree.missing_height is not None:
        raise _lie(server, ServerCode.LIED_LINK, f"header {tree.missing_height} does not follow")
    if (chain.tip, chain.block_hash(chain.tip)) != (tip, tip_hash):
        raise _lie(server, ServerCode.LIED_TIP, "its tip is not the end of its headers")
    return chain


def stored_chain(name: NetworkName, state: StateFolder) -> BestChain | None:
    """The chain that the kept headers alone show; None where too few are kept."""
    with state.session() as session:
        headers = session.headers.headers
    if not headers:
        return None
    tree = HeaderTree(name)
    tree.add_many(headers)
    return tree.best()


def _lie(server: HeaderServer, code: ServerCode, what: str) -> SourceError:
    return SourceError(
        code,
        f"{server.name} lies: {what}",
        remedy="Ask another server, and tell whoever runs this one.",
    )
