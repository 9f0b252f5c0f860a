"""Descriptors without key arithmetic: the scripts of a branch are hashes of its name and an index.

They answer to what `bitcoin.descriptor` promises, so that derivation is tested in thousands of
indexes at no cost; `combo` gives several scripts an index.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import cast

from erario.bitcoin.descriptor import Descriptor
from erario.bitcoin.values import Script
from erario.errors import Place
from erario.reserve.model import DeclaredDescriptor


def script_at(branch: str, index: int, kind: int = 0) -> Script:
    name = f"{branch}/{index}/{kind}".encode()
    return Script(b"\x00\x14" + hashlib.sha256(name).digest()[:20])


@dataclass(frozen=True)
class FakeBranch:
    name: str
    number: int
    is_ranged: bool = True
    kinds: int = 1

    def scripts(self, start: int, count: int) -> list[tuple[int, Script]]:
        end = start + count if self.is_ranged else 1
        return [
            (index, script_at(self.name, index, kind))
            for index in range(start, end)
            for kind in range(self.kinds)
        ]


@dataclass(frozen=True)
class FakeDescriptor:
    branches: tuple[FakeBranch, ...]


def ranged(*names: str, kinds: int = 1, line: int = 1) -> DeclaredDescriptor:
    """A descriptor with a ranged branch for each name."""
    branches = tuple(FakeBranch(name, n, True, kinds) for n, name in enumerate(names))
    return _declared(FakeDescriptor(branches), line)


def single(name: str, line: int = 1) -> DeclaredDescriptor:
    """A descriptor without range: the script of index 0."""
    return _declared(FakeDescriptor((FakeBranch(name, 0, False),)), line)


def _declared(descriptor: FakeDescriptor, line: int) -> DeclaredDescriptor:
    return DeclaredDescriptor(cast("Descriptor", descriptor), None, Place("reserve.toml", line))
