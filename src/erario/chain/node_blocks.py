"""Blocks of a node as raw bytes, in the order asked, several questions under way at once.

Invariant: each block begins with the header that was verified; what else it says is for
`node_finder` to check. No more than a few batches are held, and a batch is cut so that blocks of
the size seen last fit into it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from erario.bitcoin.block import MAX_WEIGHT
from erario.bitcoin.header import HEADER_SIZE
from erario.bitcoin.values import Height, sha256d, show_hash
from erario.chain.errors import ServerCode
from erario.chain.json_answers import Json, hex_of
from erario.chain.node_rpc import CONNECTIONS, NOT_FOUND, NodeRpc, RpcError
from erario.errors import SourceError

_MISC: Final = -1
"""The number of the refusal where a block was pruned (Bitcoin Core 31.0, rpc/blockchain.cpp)."""
_BATCH_BYTES: Final = 2_000_000
"""Bytes of blocks that a batch is meant to bring."""
_MOST_IN_BATCH: Final = 100
_LARGEST_ANSWER: Final = 2 * MAX_WEIGHT + 1_000
"""Hex digits of the largest block, and what stands around them."""
_LARGEST_BATCH: Final = 16_000_000
_UNDER_WAY: Final = CONNECTIONS + 2


@dataclass(frozen=True, slots=True)
class RawBlock:
    """A block as the node gives it, with the verified header that it begins with."""

    height: Height
    header: bytes
    data: bytes


def read_blocks(
    rpc: NodeRpc, heights: Sequence[Height], header: Callable[[Height], bytes]
) -> Iterator[list[RawBlock]]:
    """The blocks at `heights`, in that order, a batch at a time.

    Args:
        rpc: the node.
        heights: which, in any order.
        header: gives the verified header of a height; called in the caller's thread.

    Raises:
        SourceError: LACKS where the node has pruned one, LIED_BLOCK where it gives another one,
            or it cannot be asked.
    """
    under_way: deque[Future[list[RawBlock]]] = deque()
    size, at = MAX_WEIGHT, 0
    pool = ThreadPoolExecutor(CONNECTIONS, "node-blocks")
    try:
        while at < len(heights) or under_way:
            while at < len(heights) and len(under_way) < _UNDER_WAY:
                count = max(1, min(_MOST_IN_BATCH, _BATCH_BYTES // size))
                wanted = [(height, header(height)) for height in heights[at : at + count]]
                under_way.append(pool.submit(_read_batch, rpc, wanted))
                at += count
            batch = under_way.popleft().result()
            size = max(HEADER_SIZE, *(len(block.data) for block in batch))
            yield batch
    finally:
        # Nobody waits for questions whose answers nobody wants.
        pool.shutdown(wait=False, cancel_futures=True)


def _read_batch(rpc: NodeRpc, wanted: Sequence[tuple[Height, bytes]]) -> list[RawBlock]:
    questions: list[list[Json]] = [[show_hash(sha256d(header)), 0] for _, header in wanted]
    most = min(_LARGEST_BATCH, _LARGEST_ANSWER * len(wanted))
    try:
        answers = rpc.batch("getblock", questions, most=most)
    except SourceError as error:
        if error.code is not ServerCode.TOO_LARGE or len(wanted) == 1:
            raise
        # Blocks have grown since the batch was cut.
        return [block for one in wanted for block in _read_batch(rpc, [one])]
    return [
        _raw_block(rpc, height, header, answer)
        for (height, header), answer in zip(wanted, answers, strict=True)
    ]


def _raw_block(rpc: NodeRpc, height: Height, header: bytes, answer: Json | RpcError) -> RawBlock:
    if isinstance(answer, RpcError):
        if answer.number not in {_MISC, NOT_FOUND}:
            raise answer
        raise SourceError(
            ServerCode.LACKS,
            f"{rpc.name} does not have block {height}: it has pruned it, or has not got it yet",
            remedy="Ask a node that keeps all blocks, or ask your own for its coins: "
            "node://HOST:PORT/coins.",
        )
    data = hex_of(answer, rpc.name, most=MAX_WEIGHT, what=f"block {height}")
    if data[:HEADER_SIZE] != header:
        raise SourceError(
            ServerCode.LIED_BLOCK,
            f"{rpc.name} gives another block than the one at height {height} that was asked for",
            remedy="Ask another node, and look after this one: its data may be damaged.",
        )
    return RawBlock(height, header, data)
