"""Which heights can be asked of a chain."""

from __future__ import annotations

from erario.bitcoin.values import Height
from erario.chain.errors import ChainCode
from erario.chain.source import HeaderChain
from erario.errors import RequestError


def refuse_height(name: str, chain: HeaderChain, upto: Height, *, who: str = "node") -> None:
    """Make sure that a chain has a block at `upto`.

    Args:
        name: of the source, for people.
        chain: what it shows.
        upto: what is asked for.
        who: what kind of thing it is that may have to catch up.

    Raises:
        RequestError: it has not.
    """
    if not 0 <= upto <= chain.tip:
        raise RequestError(
            ChainCode.HEIGHT_UNKNOWN,
            f"the chain of {name} has heights 0 to {chain.tip}, not {upto}",
            remedy=f"Ask for a block that it has, or let the {who} catch up.",
        )
