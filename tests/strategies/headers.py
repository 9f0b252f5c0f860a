"""Header chains to test with, mined on regtest or without proof of work, and slow twins to judge.

`SlowChain` is the plain twin of the difficulty rule: one chain, forward only.
`SlowTree` is the plain twin of `HeaderTree`: a dict of headers, every question answered by walking
to genesis, rules written out once more. `short_periods` makes periods of eight blocks, so that
small examples have retargets in them.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from erario.bitcoin import difficulty, header_rules
from erario.bitcoin.network import Network, NetworkName, network
from erario.bitcoin.work import bits_of_target, target_of_bits
from erario.chain import header_nodes, header_run, header_tail, header_tree, pinned_headers

REGTEST_BITS = 0x207FFFFF


def sha256d(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def genesis(name: NetworkName) -> bytes:
    return network(name).genesis[:80]


def header(
    previous: bytes, time: int, bits: int, *, version: int = 0x20000000, tag: int = 0
) -> bytes:
    """A header after the header `previous`, with no regard to work."""
    root = tag.to_bytes(32, "little")
    return struct.pack("<i32s32sIII", version, sha256d(previous), root, time, bits, 0)


def mine(
    previous: bytes,
    time: int,
    bits: int = REGTEST_BITS,
    *,
    version: int = 0x20000000,
    tag: int = 0,
    works: bool = True,
) -> bytes:
    """A header with regtest's proof of work, two tries on average; or surely without it."""
    made = header(previous, time, bits, version=version, tag=tag)
    for nonce in range(1 << 32):
        tried = made[:76] + nonce.to_bytes(4, "little")
        if (int.from_bytes(sha256d(tried), "little") <= (0x7FFFFF << 232)) is works:
            return tried
    raise AssertionError("no nonce in 32 bits")


def mine_chain(count: int, *, spacing: int = 600, tag: int = 0) -> list[bytes]:
    """Regtest headers 1 to `count`."""
    made = [genesis(NetworkName.REGTEST)]
    time = int.from_bytes(made[0][68:72], "little")
    for height in range(1, count + 1):
        made.append(mine(made[-1], time + spacing * height, tag=tag))
    return made[1:]


@contextmanager
def without_work() -> Iterator[None]:
    """Chains of any network without proof of work: only that one rule is off."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (header_tree, header_run):
            patch.setattr(module, "check_work", lambda _rules, _hash, _bits: None)
        patch.setattr(header_run, "_meet", lambda _hashes, _target: True)
        patch.setattr(pinned_headers, "_meets", lambda _hash, _target: True)
        # Compiled code knows of no patches.
        for module in (header_tree, header_tail):
            patch.setattr(module, "is_fast_ready", lambda _count: False)
        yield


@contextmanager
def short_periods(length: int = 8) -> Iterator[None]:
    """Difficulty periods of a few blocks."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (
            difficulty,
            header_rules,
            header_tree,
            header_nodes,
            header_run,
            header_tail,
        ):
            patch.setattr(module, "PERIOD", length)
        patch.setattr(difficulty, "TIMESPAN", length * 600)
        yield


class SlowChain:
    """The plain twin of `required_bits`: goes forward with the period's own difficulty, never walks back.

    Targets are turned into bits through the bytes of the number, as OpenSSL's MPI format has them.
    """

    def __init__(self, rules: Network, first_time: int, first_bits: int) -> None:
        self.rules = rules
        self.blocks = [(first_time, first_bits)]
        self.period_bits = first_bits

    def next_bits(self, time: int) -> int:
        height = len(self.blocks)
        last_time, last_bits = self.blocks[-1]
        if height % 2016:
            easy = self.rules.min_difficulty_blocks and time - last_time > 20 * 60
            return self.to_bits(self.rules.pow_limit) if easy else self.period_bits
        base = self.period_bits if self.rules.bip94 else last_bits
        week = 7 * 24 * 60 * 60
        spent = last_time - self.blocks[-2016][0]
        spent = min(spent, 8 * week)
        spent = max(spent, week / 2)
        return self.to_bits(
            min(self.to_target(base) * int(spent) // (2 * week), self.rules.pow_limit)
        )

    def add(self, time: int) -> None:
        bits = self.next_bits(time)
        if len(self.blocks) % 2016 == 0:
            self.period_bits = bits
        self.blocks.append((time, bits))

    @staticmethod
    def to_bits(target: int) -> int:
        data = target.to_bytes(33, "big").lstrip(b"\0")
        if data[0] >= 0x80:
            data = b"\0" + data
        return int.from_bytes(bytes((len(data),)) + (data + b"\0\0")[:3], "big")

    @staticmethod
    def to_target(bits: int) -> int:
        data = bits.to_bytes(4, "big")
        return int.from_bytes((data[1:] + bytes(data[0]))[: data[0]], "big")


class SlowTree:
    """What `HeaderTree` should say, found the slow way."""

    def __init__(self, name: NetworkName, *, period: int = 2016, work: bool = True) -> None:
        self.rules = network(name)
        self.period = period
        self.work = work
        self.root = genesis(name)
        self.headers = {sha256d(self.root): self.root}

    def add(self, raw: bytes) -> None:
        self.headers.setdefault(sha256d(raw), raw)

    def path(self, raw: bytes) -> list[bytes] | None:
        """From genesis to a header; None where a header is missing."""
        path = [raw]
        while path[-1] != self.root:
            parent = self.headers.get(path[-1][4:36])
            if parent is None:
                return None
            path.append(parent)
        return path[::-1]

    def is_valid(self, path: list[bytes]) -> bool:
        return all(self.holds(path[: height + 1]) for height in range(1, len(path)))

    def holds(self, path: list[bytes]) -> bool:
        """Whether the last header of a path keeps the rules after the others."""
        version, _, _, time, bits, _ = struct.unpack("<i32s32sIII", path[-1])
        height = len(path) - 1
        target = target_of_bits(bits)
        if target is None or target > self.rules.pow_limit:
            return not self.work and bits == self.needed(path)
        if self.work and int.from_bytes(sha256d(path[-1]), "little") > target:
            return False
        if bits != self.needed(path):
            return False
        before = [int.from_bytes(raw[68:72], "little") for raw in path[:-1]]
        recent = sorted(before[-11:])
        if time <= recent[len(recent) // 2]:
            return False
        if self.rules.bip94 and height % self.period == 0 and time < before[-1] - 600:
            return False
        floors = [
            (self.rules.bip65_height, 4),
            (self.rules.bip66_height, 3),
            (self.rules.bip34_height, 2),
        ]
        return all(version >= least for start, least in floors if height >= start)

    def needed(self, path: list[bytes]) -> int:
        """The bits that the last header of a path needs."""
        height = len(path) - 1
        times = [int.from_bytes(raw[68:72], "little") for raw in path]
        bits = [int.from_bytes(raw[72:76], "little") for raw in path]
        if not self.rules.retargets:
            return bits[0]
        first = (height - 1) // self.period * self.period
        if height % self.period:
            late = times[height] > times[height - 1] + 1200
            easy = self.rules.min_difficulty_blocks and late
            return bits_of_target(self.rules.pow_limit) if easy else bits[first]
        base = bits[first] if self.rules.bip94 else bits[height - 1]
        full = self.period * 600
        spent = min(max(times[height - 1] - times[first], full // 4), full * 4)
        return bits_of_target(min(target_of_bits(base) * spent // full, self.rules.pow_limit))

    def best(self) -> list[bytes]:
        """The valid path with the most work, of equal ones the one with the lower hash."""
        paths = [path for raw in self.headers.values() if (path := self.path(raw))]
        valid = [path for path in paths if self.is_valid(path)]
        return max(valid, key=lambda path: (self.work_of(path), -self.number(path[-1])))

    def work_of(self, path: list[bytes]) -> int:
        return sum(
            (1 << 256) // (target_of_bits(int.from_bytes(raw[72:76], "little")) + 1) for raw in path
        )

    @staticmethod
    def number(raw: bytes) -> int:
        return int.from_bytes(sha256d(raw), "little")
