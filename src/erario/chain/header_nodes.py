"""The nodes of a tree of headers, as flat columns.

A node is an index into them, and its parent is another one. Work is noted for one node in a
thousand, and for the ends of runs; that of the others is counted from there.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterator
from typing import Final

from erario.bitcoin.difficulty import PERIOD, Ancestor, is_settling
from erario.bitcoin.header_rules import MEDIAN_SPAN
from erario.bitcoin.network import Network
from erario.bitcoin.values import BlockHash
from erario.bitcoin.work import work_of_bits
from erario.chain.hash_index import HASH_SIZE, HashIndex
from erario.chain.header_run import (
    BITS_WORD,
    TIME_WORD,
    VERSION_WORD,
    HeaderRun,
    column,
    sum_work,
)

NONE: Final = -1
"""No node."""
MARK_EVERY: Final = 1024
"""Nodes from one whose work is noted to the next."""


class HeaderNodes:
    """The columns. `settled_bits` are those that a block after the node takes, unless it starts a
    period; `works` is cumulative; heights, settled bits and works are known of valid nodes only."""

    def __init__(self, rules: Network) -> None:
        self._network = rules
        self.headers = bytearray()
        self.hashes = bytearray()
        self.index = HashIndex(self.hashes)
        self.parents = array("i")
        self.heights = array("I")
        self.versions = array("i")
        self.times = array("I")
        self.bits = array("I")
        self.settled_bits = array("I")
        self.works: dict[int, int] = {}

    def run_from(self, node: int, *, fast: bool) -> HeaderRun:
        """What goes on from a valid node."""
        height = self.heights[node]
        return HeaderRun(
            self._network,
            height=height,
            last_hash=self.hash(node),
            last_bits=self.bits[node],
            times=self.recent_times(node),
            settled=self.settled_bits[node],
            period=self.ancestors(node)(height - height % PERIOD),
            work=self.work(node),
            fast=fast,
        )

    def append_run(self, headers: bytes, hashes: bytes, work: int) -> int:
        """Append valid nodes, each the child of the one before, to all columns.

        Args:
            headers: 80 bytes each.
            hashes: of these; none of them is here already.
            work: cumulative, up to the last node.

        Returns:
            The same up to the new last one.
        """
        rules, count = self._network, len(hashes) // HASH_SIZE
        last = len(self.parents) - 1
        height = self.heights[last] + 1
        self.headers += headers
        self.hashes += hashes
        self.index.take_over()
        self.parents.extend(range(last, last + count))
        self.heights.extend(range(height, height + count))
        self.versions.extend(column(headers, VERSION_WORD, signed=True))
        self.times.extend(column(headers, TIME_WORD))
        bits = column(headers, BITS_WORD)
        self.bits.extend(bits)
        if rules.min_difficulty_blocks and rules.retargets:
            settled = self.settled_bits[last]
            for at, found in enumerate(bits, height):
                if found != settled and is_settling(rules, at, found):
                    settled = found
                self.settled_bits.append(settled)
        else:
            self.settled_bits.extend(bits)
        for start in range(0, count, MARK_EVERY):
            some = bits[start : start + MARK_EVERY]
            work += sum_work(some)
            self.works[last + start + len(some)] = work
        return work

    def work(self, node: int) -> int:
        """Cumulative work up to a valid node."""
        work = 0
        while node not in self.works:
            work += work_of_bits(self.bits[node])
            node = self.parents[node]
        return work + self.works[node]

    def recent_times(self, node: int) -> deque[int]:
        """The times that the median after a node is taken over, oldest first."""
        recent: deque[int] = deque(maxlen=MEDIAN_SPAN)
        while node != NONE and len(recent) < MEDIAN_SPAN:
            recent.appendleft(self.times[node])
            node = self.parents[node]
        return recent

    def ancestors(self, node: int) -> Ancestor:
        """Time and bits of a node and its ancestors, asked for from the top down or up."""

        def ancestor(height: int) -> tuple[int, int]:
            found = node
            for _ in range(self.heights[node] - height):
                found = self.parents[found]
            return self.times[found], self.bits[found]

        return ancestor

    def path(self, node: int) -> Iterator[tuple[int, int]]:
        """The path from genesis to a node as stretches of the columns: first node, and
        the one behind the last."""
        stretches = []
        while node != NONE:
            behind = node + 1
            while self.parents[node] == node - 1 and node:
                node -= 1
            stretches.append((node, behind))
            node = self.parents[node]
        return reversed(stretches)

    def hash(self, node: int) -> BlockHash:
        """The hash of a node."""
        return BlockHash(bytes(self.hashes[node * HASH_SIZE : (node + 1) * HASH_SIZE]))

    def hash_number(self, node: int) -> int:
        """The same as the number that is held against a target."""
        return int.from_bytes(self.hash(node), "little")

    def fork_height(self, one: int, other: int) -> int:
        """The height of the last node that the branches of two nodes have in common."""
        nodes = [one, other]
        while nodes[0] != nodes[1]:
            nodes.sort(key=self.heights.__getitem__)
            nodes[1] = self.parents[nodes[1]]
        return self.heights[nodes[0]]
