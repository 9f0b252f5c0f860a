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
    if not network.min_difficulty_blocks:
        return last_bits
    if is_easy_time(time, last_time):
        return easiest_bits(network)
    # The last difficulty that a retarget has set: easy blocks since then do not count.
    height -= 1
    while height % PERIOD and last_bits == easiest_bits(network):
        height -= 1
        last_bits = ancestor(height)[1]
    return last_bits


def retarget(network: Network, bits: int, seconds: int) -> int:
    """The bits of a new period, from the `bits` before it and the seconds from the first to the
    last header of the period that ends. May be negative: header times run backwards."""
    seconds = min(max(seconds, TIMESPAN // 4), TIMESPAN * 4)
    target = target_of_bits(bits)
    if target is None:
        raise ValueError(f"{bits:#010x} are no difficulty bits")
    return bits_of_target(min(target * seconds // TIMESPAN, network.pow_limit))


def easiest_bits(network: Network) -> int:
    """The bits of the network's easiest target."""
    return bits_of_target(network.pow_limit)


def is_easy_time(time: int, last_time: int) -> bool:
    """Whether a block comes so late after the last that the test networks make it easy."""
    return time > last_time + 2 * SPACING
