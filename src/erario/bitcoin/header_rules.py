"""The rules for a header: proof of work, difficulty, time and version.

All of them are functions of the header and its ancestors. Whether a header lies in the future is
not asked: that needs a clock, and a chain that was built once stays what it is. Rules as Bitcoin
Core's validation.cpp (CheckBlockHeader, ContextualCheckBlockHeader); BIP 34, 66, 65, 94, 113.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from erario.bitcoin.difficulty import PERIOD
from erario.bitcoin.network import Network
from erario.bitcoin.work import target_of_bits

MEDIAN_SPAN: Final = 11
"""Headers that the median time past is taken over."""
MAX_TIMEWARP: Final = 600
"""Seconds by which the first block of a period may be earlier than the one before (BIP 94)."""


class HeaderFault(StrEnum):
    """The rule that a header breaks."""

    BITS_INVALID = "header.bits-invalid"
    WORK_MISSING = "header.work-missing"
    BITS_WRONG = "header.bits-wrong"
    TIME_TOO_OLD = "header.time-too-old"
    TIMEWARP = "header.timewarp"
    VERSION_TOO_OLD = "header.version-too-old"
    PARENT_INVALID = "header.parent-invalid"


def check_work(network: Network, block_hash: bytes, bits: int) -> HeaderFault | None:
    """What is wrong with a header's proof of work, by itself. `block_hash` in internal order."""
    target = target_of_bits(bits)
    if target is None or target > network.pow_limit:
        return HeaderFault.BITS_INVALID
    if int.from_bytes(block_hash, "little") > target:
        return HeaderFault.WORK_MISSING
    return None


def check_context(  # noqa: PLR0917 - called for each header, and keywords cost a third
    network: Network,
    height: int,
    version: int,
    time: int,
    bits: int,
    required: int,
    median_time_past: int,
    last_time: int,
) -> HeaderFault | None:
    """The first rule, in Bitcoin Core's order, that a header breaks after its ancestors.

    Args:
        network: whose rules.
        height: of the header, 1 or more.
        version: signed.
        time: of the header.
        bits: of the header.
        required: what `difficulty.required_bits` gives.
        median_time_past: over the eleven headers before.
        last_time: of the header before.
    """
    if bits != required:
        return HeaderFault.BITS_WRONG
    if time <= median_time_past:
        return HeaderFault.TIME_TOO_OLD
    if network.bip94 and height % PERIOD == 0 and time < last_time - MAX_TIMEWARP:
        return HeaderFault.TIMEWARP
    if version < least_version(network, height):
        return HeaderFault.VERSION_TOO_OLD
    return None


def least_version(network: Network, height: int) -> int:
    """The lowest version that a block at `height` may have."""
    if height >= network.bip65_height:
        return 4
    if height >= network.bip66_height:
        return 3
    return 2 if height >= network.bip34_height else -(1 << 31)


def median_time(times: Iterable[int]) -> int:
    """The median time past of the eleven headers with these times (BIP 113); of fewer, where the
    chain has no more. Of an even number it is the upper one."""
    ordered = sorted(times)
    return ordered[len(ordered) // 2]
