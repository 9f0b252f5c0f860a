"""The difficulty that a block must have: each network's own rule, as pure functions.

mainnet and signet retarget every 2016 blocks. testnet3 and testnet4 also let a block be of the
easiest difficulty if it comes more than 20 minutes after the last. testnet4 (BIP 94) retargets
from the first block of the period, whose difficulty is always a real one. regtest never changes.

The blocks of a period span 2015 gaps while the rule counts 2016: the known off-by-one, kept by
consensus. Rules as Bitcoin Core's pow.cpp.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from erario.bitcoin.network import Network
from erario.bitcoin.work import bits_of_target, target_of_bits

PERIOD: Final = 2016
"""Blocks between retargets."""
SPACING: Final = 600
"""Seconds between blocks that the rule aims at."""
TIMESPAN: Final = PERIOD * SPACING
"""Seconds that a period should take: two weeks."""

Ancestor = Callable[[int], tuple[int, int]]
"""Time and bits of the ancestor at a height."""


def required_bits(network: Network, height: int, time: int, ancestor: Ancestor) -> int:
    """The bits that the block at `height`, with header time `time`, must have.

    Args:
        network: whose rules.
        height: 1 or more.
        time: seconds since 1970, as the header itself says.
        ancestor: gives time and bits of the block's ancestors, heights 0 to `height - 1`.
    """
    last_time, last_bits = ancestor(height - 1)
    if not network.retargets:
        return last_bits
    if height % PERIOD == 0:
        first_time, first_bits = ancestor(height - PERIOD)
        base = first_bits if network.bip94 else last_bits
        return retarget(network, base, last_time - first_time)
    settled = height - 1
    while not is_settling(network, settled, ancestor(settled)[1]):
        settled -= 1
    return bits_within_period(network, time, last_time, ancestor(settled)[1])


def bits_within_period(network: Network, time: int, last_time: int, settled_bits: int) -> int:
    """The bits of a block that does not start a period.

    `settled_bits` are those of the last block before it that `is_settling`.
    """
    if network.min_difficulty_blocks and network.retargets and is_easy_time(time, last_time):
        return network.easiest_bits
    return settled_bits


def is_settling(network: Network, height: int, bits: int) -> bool:
    """Whether blocks after this one take their difficulty from it; not from the easy blocks that
    the test networks let pass within a period."""
    return not network.min_difficulty_blocks or height % PERIOD == 0 or bits != network.easiest_bits


def retarget(network: Network, bits: int, seconds: int) -> int:
    """The bits of a new period, from the `bits` before it and the seconds from the first to the
    last header of the period that ends, which may be negative: header times run backwards.

    Raises:
        ValueError: `bits` are no target; a block with such bits is never valid.
    """
    seconds = min(max(seconds, TIMESPAN // 4), TIMESPAN * 4)
    target = target_of_bits(bits)
    if target is None:
        raise ValueError(f"{bits:#010x} are no difficulty bits")
    return bits_of_target(min(target * seconds // TIMESPAN, network.pow_limit))


def is_easy_time(time: int, last_time: int) -> bool:
    """Whether a block comes so late after the last that the test networks make it easy."""
    return time > last_time + 2 * SPACING
