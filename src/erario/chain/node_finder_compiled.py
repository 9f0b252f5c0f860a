"""The compiled scanner over blocks in hand. Importing it imports numba."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

import numpy as np

from erario.bitcoin.network import Network
from erario.bitcoin.values import Script
from erario.chain.evidence_builder import build_evidence
from erario.chain.node_blocks import RawBlock
from erario.chain.node_finder import refuse_block
from erario.chain.scanner import BLOCK_DTYPE, BlockFileView, scan
from erario.chain.watch_list import WatchedCoins
from erario.statement.evidence import BlockEvidence

_OUTPOINT: Final = 36


class CompiledFinder:
    """Follows scripts through blocks, compiled.

    Args:
        name: who gives the blocks.
        network: whose rules they follow.
        scripts: those that can never be spent are passed over.
    """

    def __init__(self, name: str, network: Network, scripts: Iterable[Script]) -> None:
        self._name = name
        self._network = network
        self._scripts = tuple(scripts)
        self._coins = WatchedCoins(self._scripts)

    def take_in(self, blocks: Sequence[RawBlock]) -> list[BlockEvidence]:
        """Go on by these blocks; what of them touches the scripts."""
        view = BlockFileView(
            self._name, np.frombuffer(b"".join(raw.data for raw in blocks), np.uint8), None
        )
        sizes = [len(raw.data) for raw in blocks]
        starts = np.cumsum([0, *sizes[:-1]]).tolist()
        rows = zip(starts, sizes, (raw.height for raw in blocks), strict=True)
        placed = np.array([(0, *row) for row in rows], BLOCK_DTYPE)
        known = np.frombuffer(self._coins.names, np.uint8).reshape(-1, _OUTPOINT)
        result = scan(
            [view],
            placed,
            self._scripts,
            check_roots=True,
            segwit_height=self._network.segwit_height,
            known_coins=known,
        )
        for index, fault in result.bad:
            raise refuse_block(self._name, blocks[index], fault)
        index_of = {raw.height: index for index, raw in enumerate(blocks)}
        found = []
        for height in np.unique(result.hits["height"]).tolist():
            index = index_of[height]
            positions = result.hits["position"][result.hits["height"] == height].astype(np.int64)
            built = build_evidence([view], placed[index], blocks[index].header, positions)
            if isinstance(built, StrEnum):
                raise refuse_block(self._name, blocks[index], built)
            found.append(built)
        # All of them touch the scripts: this only notes the coins for the blocks to come.
        self._coins.touching(found)
        return found
