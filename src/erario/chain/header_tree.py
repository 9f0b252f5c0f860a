"""The tree of all headers that a source shows, and the branch of it with the most work.

Headers come in any order, children before parents, more than once. Each is judged once, as soon as
it connects to genesis, by every rule of `header_rules`; what comes after an invalid one is invalid.
Invariant: a header is valid only if all its ancestors are, and `best` follows valid ones only.

A node of the tree is an index into flat columns (`header_nodes`), some 150 bytes a header. No
numpy: whoever asks servers needs headers too. Headers that go on from the last one are taken as a
run (`header_run`); each other one costs some six times its hashing.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Final

from erario.bitcoin.difficulty import (
    PERIOD,
    bits_within_period,
    is_settling,
    required_bits,
)
from erario.bitcoin.errors import BitcoinCode, DecodeError
from erario.bitcoin.header import FIELDS, HEADER_SIZE
from erario.bitcoin.header_rules import (
    HeaderFault,
    check_context,
    check_work,
    median_time,
)
from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.values import BlockHash, Height, sha256d
from erario.bitcoin.work import work_of_bits
from erario.chain.best_chain import BestChain
from erario.chain.hash_index import HASH_SIZE
from erario.chain.header_findings import equal_work_finding, invalid_finding
from erario.chain.header_nodes import MARK_EVERY, NONE, HeaderNodes
from erario.chain.header_run import HeaderRun, is_fast_ready
from erario.statement.finding import Finding

_WAITING: Final = 0
_VALID: Final = 1
_INVALID: Final = 2
# Headers that are taken in at once: enough to be quick, few enough to stay in the cache.
_BATCH: Final = 4096
# Headers that may be a run, from which on it pays to gather what the run must keep.
_RUN_FROM: Final = 64


@dataclass(frozen=True, slots=True)
class InvalidHeader:
    """A header that breaks a rule. `height` is None where it does so without its ancestors."""

    block_hash: BlockHash
    height: Height | None
    fault: HeaderFault


class HeaderTree:
    """All headers seen of one network. Genesis is in it from the start."""

    def __init__(self, name: NetworkName) -> None:
        self._network = network(name)
        self._nodes = HeaderNodes(self._network)
        self._states = bytearray()
        # The children that wait for a node to be judged, as a chain: first child, then siblings.
        # A child right behind its parent in the columns needs no link.
        self._children = array("i")
        self._siblings = array("i")
        # Parents that were named but not seen, and the first node that waits for each.
        self._orphans: dict[bytes, int] = {}
        self._waiting = 0
        # By node, since they are judged in another order than they came in.
        self._invalid: dict[int, InvalidHeader] = {}
        self._rivals: list[int] = []
        self._best = 0
        self._best_work = 0
        # The run that ended with this node, to go on with while that is the last one.
        self._run = HeaderRun.from_genesis(self._network)
        self._is_fast = False
        self._run_end = 0
        self._plant(self._network.genesis[:HEADER_SIZE])

    def add(self, header: bytes) -> None:
        """Take in one header of 80 bytes.

        Raises:
            DecodeError: not 80 bytes.
        """
        if len(header) != HEADER_SIZE:
            raise _wrong_size(len(header))
        self.add_many(header)

    def add_many(self, data: bytes | memoryview) -> None:
        """Take in headers of 80 bytes each, one after the other.

        Raises:
            DecodeError: the last one is cut; nothing was taken in.
        """
        if len(data) % HEADER_SIZE:
            raise _wrong_size(len(data) % HEADER_SIZE)
        for start in range(0, len(data), _BATCH * HEADER_SIZE):
            batch = bytes(data[start : start + _BATCH * HEADER_SIZE])
            batch = batch[self._take_run(batch) * HEADER_SIZE :]
            if batch:
                first = len(self._states)
                previous_hashes = self._take_in(batch)
                self._judge(self._connect(first, previous_hashes))

    def best(self) -> BestChain:
        """The branch with the most work; of equal ones that with the lower hash at its tip."""
        headers = bytearray()
        for first, behind in self._nodes.path(self._best):
            headers += self._nodes.headers[first * HEADER_SIZE : behind * HEADER_SIZE]
        return BestChain(self._network.name, headers=bytes(headers), work=self._best_work)

    @property
    def invalid(self) -> tuple[InvalidHeader, ...]:
        """The headers that break a rule, in the order seen; what comes after them is left out."""
        return tuple(self._invalid[node] for node in sorted(self._invalid))

    @property
    def missing_height(self) -> Height | None:
        """The first height without a header, where later headers wait for it; else None."""
        return Height(self._nodes.heights[self._best] + 1) if self._waiting else None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What a reader of the statement should know of the tree: headers that break rules, and
        branches with as much work as the best."""
        found = []
        if self._invalid:
            first, count = self._invalid[min(self._invalid)], len(self._invalid)
            found.append(
                invalid_finding(
                    self._network.name, first.block_hash, first.height, first.fault, count
                )
            )
        if self._rivals:
            nodes, rival = self._nodes, self._rivals[0]
            height, best = nodes.heights[rival], nodes.hash(self._best)
            fork = nodes.fork_height(rival, self._best)
            found.append(
                equal_work_finding(nodes.hash(rival), height, best, fork, len(self._rivals))
            )
        return tuple(found)

    def _plant(self, genesis: bytes) -> None:
        self._take_in(genesis)
        self._states[0] = _VALID
        self._waiting = 0
        self._nodes.settled_bits[0] = self._nodes.bits[0]
        self._best_work = work_of_bits(self._nodes.bits[0])
        self._nodes.works[0] = self._best_work

    def _take_run(self, batch: bytes) -> int:
        """Take in the headers in front that go on from the last node, if it is valid and nothing
        that is here can be their child; how many.

        They are all new: one that is here already would be a child of the last node, or wait for
        one of them.
        """
        last = len(self._states) - 1
        if (
            self._orphans
            or self._states[last] != _VALID
            or self._children[last] != NONE
            or self._nodes.hashes[-HASH_SIZE:] != batch[4 : 4 + HASH_SIZE]
        ):
            return 0
        if not self._is_fast and is_fast_ready(last + len(batch) // HEADER_SIZE):
            self._is_fast = True
            self._run.use_compiled()
        if self._run_end != last:
            if len(batch) < _RUN_FROM * HEADER_SIZE:
                return 0
            self._run = self._nodes.run_from(last, fast=self._is_fast)
        work = self._run.work
        hashes, _ = self._run.take(batch)
        taken = len(hashes) // HASH_SIZE
        self._run_end = last + taken
        if taken:
            work = self._nodes.append_run(batch[: taken * HEADER_SIZE], hashes, work)
            self._states += bytes((_VALID,)) * taken
            links = array("i", [NONE]) * taken
            self._children.extend(links)
            self._siblings.extend(links)
            self._weigh(last + taken, work)
        return taken

    def _take_in(self, batch: bytes) -> list[bytes]:
        """Append the headers that are new; the hashes of their parents, in the same order."""
        rules, headers, hashes = self._network, self._nodes.headers, self._nodes.hashes
        is_new = self._nodes.index.take_in
        add_version, add_time = self._nodes.versions.append, self._nodes.times.append
        add_bits, add_state = self._nodes.bits.append, self._states.append
        previous_hashes = []
        start = 0
        for version, previous, _, time, bits, _ in FIELDS.iter_unpack(batch):
            raw = batch[start : start + HEADER_SIZE]
            start += HEADER_SIZE
            block_hash = sha256d(raw)
            if not is_new(block_hash):
                continue
            previous_hashes.append(previous)
            headers += raw
            hashes += block_hash
            add_version(version)
            add_time(time)
            add_bits(bits)
            fault = check_work(rules, block_hash, bits)
            if fault is None:
                add_state(_WAITING)
            else:
                add_state(_INVALID)
                node = len(self._states) - 1
                self._invalid[node] = InvalidHeader(BlockHash(block_hash), None, fault)
        taken = len(previous_hashes)
        self._waiting += taken - self._states.count(_INVALID, len(self._states) - taken)
        for unknown in (self._nodes.heights, self._nodes.settled_bits):
            unknown.extend([0] * taken)
        for links in (self._nodes.parents, self._children, self._siblings):
            links.extend([NONE] * taken)
        return previous_hashes

    def _connect(self, first: int, previous_hashes: list[bytes]) -> list[int]:
        """Link the nodes from `first` on with their parents; those whose parent is judged."""
        connected = []
        hashes = self._nodes.hashes
        for node, previous in enumerate(previous_hashes, first):
            if self._orphans:
                self._adopt(node)
            if self._states[node] == _INVALID:
                if self._children[node] != NONE:
                    connected.append(node)
                continue
            if hashes[(node - 1) * HASH_SIZE : node * HASH_SIZE] == previous:
                # Mostly the parent is the header before.
                self._nodes.parents[node] = node - 1
                if self._states[node - 1] != _WAITING:
                    connected.append(node)
                continue
            parent = self._nodes.index.find(previous)
            if parent is None:
                self._siblings[node] = self._orphans.get(previous, NONE)
                self._orphans[previous] = node
                continue
            self._nodes.parents[node] = parent
            if self._states[parent] == _WAITING:
                self._siblings[node] = self._children[parent]
                self._children[parent] = node
            else:
                connected.append(node)
        return connected

    def _adopt(self, node: int) -> None:
        """Make the nodes that waited for the hash of this node its children."""
        child = self._orphans.pop(self._nodes.hash(node), NONE)
        while child != NONE:
            behind = self._siblings[child]
            self._nodes.parents[child] = node
            # Children that came in the same batch, before it, may be linked already.
            self._siblings[child] = self._children[node]
            self._children[node] = child
            child = behind

    def _judge(self, connected: list[int]) -> None:
        """Judge nodes whose parents are judged, and all that waited for them."""
        while connected:
            first = connected.pop()
            behind = first + 1
            if self._states[first] == _WAITING:
                behind = self._end_of_run(first)
                self._judge_run(first, behind)
            for node in range(first, behind):
                child = self._children[node]
                while child != NONE:
                    connected.append(child)
                    child = self._siblings[child]

    def _end_of_run(self, first: int) -> int:
        """Behind a node and the waiting ones that follow it, each the child of the one before."""
        parents, states, total = self._nodes.parents, self._states, len(self._states)
        node = first + 1
        while node < total and parents[node] == node - 1 and states[node] == _WAITING:
            node += 1
        return node

    def _judge_run(self, first: int, behind: int) -> None:
        self._waiting -= behind - first
        valid_end = first
        if self._states[self._nodes.parents[first]] == _VALID:
            valid_end = self._check_run(first, behind)
        self._states[first:valid_end] = bytes((_VALID,)) * (valid_end - first)
        self._states[valid_end:behind] = bytes((_INVALID,)) * (behind - valid_end)

    def _check_run(self, first: int, behind: int) -> int:
        """Hold the nodes of a run against the rules; the first invalid one, else `behind`."""
        rules = self._network
        parent = self._nodes.parents[first]
        height = self._nodes.heights[parent]
        last_time, settled = self._nodes.times[parent], self._nodes.settled_bits[parent]
        work = self._nodes.work(parent)
        recent = self._nodes.recent_times(parent)
        median = median_time(recent)
        for node in range(first, behind):
            height += 1
            time, bits = self._nodes.times[node], self._nodes.bits[node]
            if height % PERIOD:
                required = bits_within_period(rules, time, last_time, settled)
            else:
                required = required_bits(rules, height, time, self._nodes.ancestors(parent))
            version = self._nodes.versions[node]
            fault = check_context(rules, height, version, time, bits, required, median, last_time)
            if fault is not None:
                self._invalid[node] = InvalidHeader(self._nodes.hash(node), Height(height), fault)
                behind = node
                break
            recent.append(time)
            median = median_time(recent)
            if bits != settled and is_settling(rules, height, bits):
                settled = bits
            work += work_of_bits(bits)
            self._nodes.heights[node], self._nodes.settled_bits[node] = height, settled
            if node % MARK_EVERY == 0:
                self._nodes.works[node] = work
            parent, last_time = node, time
        if behind > first:
            self._nodes.works[behind - 1] = work
            # Work only grows along a run, so its last node alone can be the best.
            self._weigh(behind - 1, work)
        return behind

    def _weigh(self, node: int, work: int) -> None:
        """Make a valid node the best where it is."""
        if work > self._best_work:
            self._best, self._best_work = node, work
            self._rivals.clear()
        elif work == self._best_work:
            lower, higher = sorted((self._best, node), key=self._nodes.hash_number)
            self._best = lower
            self._rivals.append(higher)


def _wrong_size(size: int) -> DecodeError:
    code = BitcoinCode.DECODE_TRUNCATED if size < HEADER_SIZE else BitcoinCode.DECODE_TRAILING
    return DecodeError(code, f"a block header has 80 bytes, not {size}")
