"""The chain that a folder had in an earlier run, and new blocks on top of it.

Judging all headers of a chain takes seconds; most runs only find some more blocks on the old tip.
That plain case is recognised here: all blocks of the old chain are still there, what lay beside it
lies beside it still, and all that is new follows the old tip, one after the other, and breaks no
rule. Whatever is not as plain is left to the tree of all headers, so that the chain and what there
is to tell of it are the same as without a store.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from erario.bitcoin.difficulty import required_bits
from erario.bitcoin.header import FIELDS, HEADER_SIZE
from erario.bitcoin.header_rules import MEDIAN_SPAN, check_context, check_work, median_time
from erario.bitcoin.network import network
from erario.bitcoin.values import Height, sha256d
from erario.bitcoin.work import work_of_bits
from erario.chain.best_chain import BestChain
from erario.chain.block_copies import block_hashes
from erario.chain.block_index import BlockIndex
from erario.chain.folder_chain import FolderChain, garbage_findings, unfinished_tip
from erario.chain.hash_index import HASH_SIZE
from erario.chain.kept_folder import EarlierChain
from erario.statement.finding import FindingCode

_MOST_STALE: Final = 10_000
"""A node that has run for years has some hundreds of blocks beside its chain."""
_PARENT: Final = slice(4, 36)

Numbers = npt.NDArray[np.signedinteger[Any]]


def stale_blocks(index: BlockIndex, best: BestChain, chosen: Numbers) -> bytes | None:
    """The hashes of the blocks beside a chain, 32 bytes each; None where they are too many.

    `chosen` are the first records of blocks 1 to the tip.
    """
    beside = _beside(index, best, chosen)
    return index.hashes[beside].tobytes() if len(beside) <= _MOST_STALE else None


def follow_chain(earlier: EarlierChain, index: BlockIndex) -> FolderChain | None:
    """The earlier chain with what is new on top of it; None where that is not all."""
    best = earlier.best
    if earlier.is_same:
        return FolderChain(index, best, earlier.findings)
    chosen = index.first_of(block_hashes(best, Height(1)))
    beside = _beside(index, best, chosen)
    is_plain = all(found.code is FindingCode.CHAIN_GARBAGE for found in earlier.findings)
    if earlier.stale is None or not is_plain or len(beside) > _MOST_STALE or -1 in chosen:
        return None
    added = _added(index, beside, earlier.stale, best.block_hash(Height(0)))
    extended = None if added is None else extend_chain(best, added)
    if extended is None or unfinished_tip(index, extended) >= 0:
        return None
    chosen = np.concatenate((chosen, index.first_of(block_hashes(extended, Height(best.tip + 1)))))
    return FolderChain(index, extended, garbage_findings(index), chosen)


def extend_chain(best: BestChain, added: Mapping[bytes, bytes]) -> BestChain | None:
    """The chain with these headers on top of it, all of them; None where they do not follow it in
    one line, or one breaks a rule.

    Args:
        best: the chain so far.
        added: headers by the hash of the block before.
    """
    rules = network(best.network)
    new, work = bytearray(), best.work
    last_hash: bytes = best.block_hash(best.tip)

    def ancestor(height: int) -> tuple[int, int]:
        above = height - best.tip - 1
        headers, place = (best.headers, height) if above < 0 else (new, above)
        _, _, _, time, bits, _ = FIELDS.unpack_from(headers, place * HEADER_SIZE)
        return time, bits

    for height in range(best.tip + 1, best.tip + 1 + len(added)):
        header = added.get(last_hash)
        if header is None:
            return None
        version, _, _, time, bits, _ = FIELDS.unpack(header)
        last_hash = sha256d(header)
        recent = [ancestor(low)[0] for low in range(max(0, height - MEDIAN_SPAN), height)]
        required = required_bits(rules, height, time, ancestor)
        fault = check_work(rules, last_hash, bits) or check_context(
            rules, height, version, time, bits, required, median_time(recent), recent[-1]
        )
        if fault is not None:
            return None
        new += header
        work += work_of_bits(bits)
    return BestChain(best.network, headers=b"".join((best.headers, new)), work=work)


def _added(
    index: BlockIndex, beside: npt.NDArray[np.int64], stale: bytes, genesis: bytes
) -> dict[bytes, bytes] | None:
    """The headers of blocks that are neither on the chain nor were beside it, by their parents;
    None where those that were beside it may have moved."""
    left = {stale[i : i + HASH_SIZE] for i in range(0, len(stale), HASH_SIZE)}
    added: dict[bytes, bytes] = {}
    hashes, old_parents = set(), set()
    for number in beside.tolist():
        header, block_hash = index.header(number), index.block_hash(number)
        if block_hash in left:
            left.remove(block_hash)
            old_parents.add(header[_PARENT])
        else:
            added[header[_PARENT]] = header
            hashes.add(block_hash)
    # One that waits for its parent, or hangs on what is new, may make another branch the best.
    hang = all(parent == genesis or index.first(parent) >= 0 for parent in old_parents)
    if left or len(added) < len(hashes) or old_parents & hashes or not hang:
        return None
    return added


def _beside(index: BlockIndex, best: BestChain, chosen: Numbers) -> npt.NDArray[np.int64]:
    """The first record of each block that is not on a chain, whose first records are `chosen`."""
    is_on = np.zeros(len(index.records), np.bool_)
    is_on[chosen[chosen >= 0]] = True
    genesis = index.first(best.block_hash(Height(0)))
    if genesis >= 0:
        is_on[genesis] = True
    return index.firsts[~is_on[index.firsts]]
