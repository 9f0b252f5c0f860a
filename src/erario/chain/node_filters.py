"""Which blocks matter, by the word of a node's compact filters (BIP 158): `scanblocks`.

A filter holds the scripts of a block's outputs and of the coins that it spends, so that spends are
told too. It may name blocks that do not matter, which costs a look; what it leaves out is not
found, and that it leaves out nothing is the node's word. Asked in windows of heights, since a node
looks at an abort only now and then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from erario.bitcoin.values import BlockHash, Height, Script
from erario.chain.errors import ServerCode
from erario.chain.json_answers import Json, hash_of, member
from erario.chain.node_scan import NodeScans, ScanRequest, raw_descriptors, refuse_aborted
from erario.chain.node_server import NodeServer
from erario.chain.source import HeaderChain
from erario.errors import SourceError

_FIRST_WINDOW: Final = 2_000
_LARGEST_WINDOW: Final = 20_000
_SMALLEST_WINDOW: Final = 100
_SOME: Final = 1_000
"""Scripts up to which a block costs a node about the same."""
_QUICK: Final = 1.0
_SLOW: Final = 5.0
_WINDOW_SECONDS: Final = 600.0
_BYTES_EACH: Final = 100
_TRIES: Final = 4
_PAUSE: Final = 0.5


@dataclass(frozen=True, slots=True)
class FilterQuestion:
    """Whose filters are asked, and about what.

    Attributes:
        server: the node, whose filters reach `upto`.
        scans: its scans.
        chain: the verified headers.
        upto: the last height of interest.
    """

    server: NodeServer
    scans: NodeScans
    chain: HeaderChain
    upto: Height


def matching_heights(
    question: FilterQuestion, scripts: Sequence[Script], told: Callable[[int], None]
) -> list[Height]:
    """The heights from 1 on whose blocks may touch `scripts`, by the node's filters.

    Args:
        question: as above.
        scripts: none of them empty: filters do not hold that one.
        told: called with how many blocks times requests are done.

    Raises:
        SourceError: UNSETTLED where the node left the chain meanwhile, LIED_BLOCK where it names
            blocks that are not on it.
    """
    refuse_moved(question.server, question.chain, question.upto)
    found: set[Height] = set()
    done = 0
    for descriptors in raw_descriptors(scripts):
        at, size = 1, max(_SMALLEST_WINDOW, _FIRST_WINDOW // (1 + len(descriptors) // _SOME))
        while at <= question.upto:
            window = range(at, min(question.upto, at + size - 1) + 1)
            begun = time.monotonic()
            found.update(_matching(question, window, descriptors, told, done))
            spent = time.monotonic() - begun
            if spent < _QUICK:
                size = min(2 * size, _LARGEST_WINDOW)
            elif spent > _SLOW:
                size = max(size // 2, _SMALLEST_WINDOW)
            done += len(window)
            at = window.stop
            told(done)
    refuse_moved(question.server, question.chain, question.upto)
    return sorted(found)


def refuse_moved(server: NodeServer, chain: HeaderChain, upto: Height) -> None:
    """Make sure that the node's chain still has the block at `upto`.

    Raises:
        SourceError: UNSETTLED: it has not.
    """
    if not _is_on_chain(server, chain, upto):
        raise SourceError(
            ServerCode.UNSETTLED,
            f"{server.name} has left the chain that it was on when its headers were read",
            remedy="Ask again: blocks were reorganised meanwhile.",
        )


def _is_on_chain(server: NodeServer, chain: HeaderChain, upto: Height) -> bool:
    return server.hashes(range(upto, upto + 1)) == [chain.block_hash(upto)]


def _matching(
    question: FilterQuestion,
    window: range,
    descriptors: list[Json],
    told: Callable[[int], None],
    done: int,
) -> list[Height]:
    """The heights of the blocks that the node names, all of them on the verified chain."""
    name = question.server.name
    for _ in range(_TRIES):
        answer = _scan(question, window, descriptors, lambda: told(done))
        finished = member(answer, "completed", bool, name)
        found = _heights(question, window, answer) if finished else None
        if found is not None:
            return found
        # The chain or its filters move; or somebody has aborted the scan.
        question.server.rpc.pause(_PAUSE)
    if not finished:
        raise refuse_aborted(name)
    refuse_moved(question.server, question.chain, question.upto)
    raise SourceError(
        ServerCode.LIED_BLOCK,
        f"{name} names blocks between {window[0]} and {window[-1]} that are not on its chain",
        remedy="Ask another node, and look after this one: its filters may be damaged.",
    )


def _scan(
    question: FilterQuestion, window: range, descriptors: list[Json], looking: Callable[[], None]
) -> Json:
    request = ScanRequest(
        "scanblocks",
        (descriptors, window[0], window[-1]),
        most=_BYTES_EACH * (len(window) + 10),
        seconds=_WINDOW_SECONDS,
    )
    return question.scans.run(request, looking)


def _heights(question: FilterQuestion, window: range, answer: Json) -> list[Height] | None:
    """The heights of the blocks that are named; None where one is not on the verified chain."""
    name = question.server.name
    covers = (member(answer, "from_height", int, name), member(answer, "to_height", int, name))
    if covers != (window[0], window[-1]):
        return None
    named = member(answer, "relevant_blocks", list, name)
    hashes = list(dict.fromkeys(BlockHash(hash_of(one, name)) for one in named))
    found = []
    for block_hash, height in zip(hashes, question.server.heights(hashes), strict=True):
        if height is None or height not in window:
            return None
        if question.chain.block_hash(height) != block_hash:
            return None
        found.append(height)
    return found
