"""Output descriptors (BIP 380 to 386, 389): a text in, the scripts of its branches out.

A multipath descriptor (`<0;1>`) has one branch for each of its paths. Private keys are refused
in every form and are never part of an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from embit.descriptor import Descriptor as EmbitDescriptor
from embit.descriptor.checksum import add_checksum

from erario.bitcoin.address import read_address
from erario.bitcoin.errors import DescriptorError
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Script


class DescriptorCode(StrEnum):
    """Codes of descriptors that cannot be used."""

    UNREADABLE = "descriptor.unreadable"
    PRIVATE_KEY = "descriptor.private-key"


@dataclass(frozen=True, slots=True)
class Branch:
    """The scripts of one path of a descriptor, by index if it is ranged."""

    number: int
    is_ranged: bool
    _derive: Callable[[int], tuple[Script, ...]] = field(repr=False, compare=False)

    def scripts(self, start: int, count: int) -> list[tuple[int, Script]]:
        """Pairs of index and script from `start` on; a branch without range has index 0 alone."""
        indexes = range(start, start + count) if self.is_ranged else range(start, min(count, 1))
        return [(index, script) for index in indexes for script in self._derive(index)]


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A descriptor: its canonical text with checksum, and its branches."""

    text: str
    network: NetworkName
    branches: tuple[Branch, ...] = field(repr=False, compare=False)


def read_descriptor(text: str, network: NetworkName) -> Descriptor:
    """The descriptor that a text names.

    Raises:
        DescriptorError: it cannot be parsed, is not for this network, or holds a private key.
    """
    body = text.split("#")[0]
    try:
        return _read(body, network)
    except (ValueError, AssertionError, IndexError, TypeError, AttributeError):
        raise DescriptorError(
            DescriptorCode.UNREADABLE,
            "this is no descriptor that can be used",
            remedy="Export the descriptor from the wallet again.",
        ) from None


def _read(body: str, network: NetworkName) -> Descriptor:
    text = add_checksum(body)
    inner = body[body.find("(") + 1 : -1]
    fixed: bytes | None = None
    if body.startswith("addr("):
        fixed = read_address(inner, network)
    elif body.startswith("raw("):
        fixed = bytes.fromhex(inner)
    elif body.startswith("pk(") and len(inner) in {66, 130}:
        key = bytes.fromhex(inner)
        fixed = bytes([len(key)]) + key + b"\xac"
    if fixed is not None:
        script = Script(fixed)
        return Descriptor(text, network, (Branch(0, False, lambda _: (script,)),))
    parsed = EmbitDescriptor.from_string(body)
    if any(key.is_private for key in parsed.keys):
        raise DescriptorError(
            DescriptorCode.PRIVATE_KEY,
            "a descriptor with a private key",
            remedy="Export the public descriptor.",
        )
    branches = []
    for number in range(parsed.num_branches):

        def derive(index: int, number: int = number) -> tuple[Script, ...]:
            return (Script(parsed.derive(index, number).script_pubkey().data),)

        branches.append(Branch(number, parsed.is_wildcard, derive))
    return Descriptor(text, network, tuple(branches))
