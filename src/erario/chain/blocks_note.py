"""What block files vouch for, in words.

Apart from the sources of block files, since it needs neither numpy nor numba.
"""

from __future__ import annotations

from typing import Final

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
