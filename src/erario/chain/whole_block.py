"""Whether one copy of a block is good, by the same kernels that scan the chain."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from erario.bitcoin.errors import BlockFault
from erario.chain.scanner import BLOCK_DTYPE, BlockFileView, scan

_OF_WITNESSES = frozenset(
    {
        BlockFault.COMMITMENT_MISSING,
        BlockFault.COMMITMENT_NONCE,
        BlockFault.COMMITMENT_WRONG,
    }
)


def check_copy(
    view: BlockFileView, offset: int, size: int, *, height: int, segwit_height: int
) -> StrEnum | None:
    """The first fault of the block at `offset` (of its header) in a file, as a block at `height`;
    None where the copy is good."""
    block = np.array([(0, offset, size, height)], dtype=BLOCK_DTYPE)
    result = scan([view], block, (), check_roots=True, segwit_height=segwit_height, threads=1)
    return result.bad[0][1] if result.bad else None


def is_whole_block(raw: bytes) -> bool:
    """Whether `raw` is one whole block with its own Merkle root.

    Its height is not known here, so what only blocks with witnesses must have is not asked.
    """
    view = BlockFileView(name="", data=np.frombuffer(raw, dtype=np.uint8), key=None)
    fault = check_copy(view, 0, len(raw), height=0, segwit_height=0)
    return fault is None or fault in _OF_WITNESSES
