"""What block files vouch for, in words, and which heights can be asked of them.

Apart from the sources of block files, since it needs neither numpy nor numba.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from erario.bitcoin.values import Height
from erario.chain.best_chain import BestChain
from erario.chain.errors import ChainCode
from erario.errors import RequestError
from erario.statement.evidence import SourceKind, SourceNote, UnspentWord

_CAVEAT: Final = "A longer chain that these files do not hold would not be seen."
_CAVEAT_OWN: Final = (
    "Only blocks that touch the wallets were held against their headers; that the others hide "
    "no spend is the node's word."
)


def blocks_note(*, own: bool) -> SourceNote:
    """What block files vouch for; `own` where the user says that they are their own node's."""
    return SourceNote(
        kind=SourceKind.BLOCKS,
        own=own,
        word=UnspentWord.OWN_NODE if own else UnspentWord.BLOCKS,
        caveat=_CAVEAT_OWN if own else _CAVEAT,
    )


def refuse_unknown_height(path: Path, best: BestChain, upto: Height) -> None:
    """Make sure that the chain has a block at `upto`.

    Raises:
        RequestError: it has not.
    """
    if not 0 <= upto <= best.tip:
        raise RequestError(
            ChainCode.HEIGHT_UNKNOWN,
            f"the chain of {path.name} has heights 0 to {best.tip}, not {upto}",
            remedy="Ask for a block that it has, or let the node catch up.",
        )
