"""Whether a server has gone over to another branch since its headers were verified.

That alone excuses a server whose proofs no longer fit: a liar that merely names other tips must not
be able to talk itself out of a lie. So the other branch is shown by blocks with their work.
"""

from __future__ import annotations

from typing import Final

from erario.bitcoin.header import HEADER_SIZE
from erario.bitcoin.values import Height, sha256d
from erario.bitcoin.work import target_of_bits
from erario.chain.header_store import common_headers
from erario.chain.header_tail import work_of_headers
from erario.chain.history_server import HeaderServer
from erario.chain.pinned_headers import leads
from erario.chain.source import HeaderChain
from erario.errors import SourceError

_DEEPEST: Final = 100
"""Blocks: no chain has been seen to change further back."""
_BITS: Final = slice(72, 76)


def shows_other_branch(server: HeaderServer, chain: HeaderChain, upto: Height) -> bool:
    """Whether the server shows another block at `upto` than the verified chain has, on a branch
    that leads there from that chain and has about its work."""
    start = max(0, upto - _DEEPEST)
    try:
        theirs = server.headers(Height(start), upto + 1 - start)
        ours = b"".join(chain.header(Height(at)) for at in range(start, upto + 1))
    except SourceError:
        return False
    common = common_headers(ours, theirs) * HEADER_SIZE
    if len(theirs) != len(ours) or not 0 < common < len(ours):
        return False
    more = theirs[common:]
    is_linked = leads(theirs, sha256d(theirs[-HEADER_SIZE:]))
    # A quarter: what the difficulty may fall by where a period ends in between.
    return (
        is_linked
        and _has_work(more)
        and 4 * work_of_headers(more) >= work_of_headers(ours[common:])
    )


def _has_work(headers: bytes) -> bool:
    for at in range(0, len(headers), HEADER_SIZE):
        raw = headers[at : at + HEADER_SIZE]
        target = target_of_bits(int.from_bytes(raw[_BITS], "little"))
        if target is None or int.from_bytes(sha256d(raw), "little") > target:
            return False
    return True
