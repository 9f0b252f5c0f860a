"""How much work a proof asks for, told before it is done.

A proof is a stranger's. Legacy signatures hash the whole transaction each, so a few hundred
kilobytes could keep an engine busy for hours; and btclib runs scripts in Python, up to a dozen
times. What asks for more than any honest proof is inconclusive, since nobody here looked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from erario.proof.messages import SignedInput
from erario.proof.scripts import CHECKS, operations
from erario.proof.unwrapping import Kind, Unwrapped, unwrap

MOST_HASHED: Final = 20_000_000
"""For the kernel: inputs hashed for signature checks; a thousand P2PKH coins take a million."""
MOST_RUN: Final = 500_000
"""For btclib: bytes of scripts, and inputs hashed; a tapscript of a thousand keys takes 54,000."""
MOST_COUNTED: Final = 5_000_000
"""For counting the keys of all inputs, in the same units: some twenty seconds at most."""

_MULTISIG: Final = frozenset((0xAE, 0xAF))
_MOST_CHECKS: Final = 201
"""Of a script that is no tapscript (Bitcoin Core, MAX_OPS_PER_SCRIPT)."""
_CHECK: Final = 20
"""What a check costs beyond hashing, in inputs hashed."""
_SPENT: Final = 2
"""What each input of a transaction costs a run that is made anew, in inputs hashed."""
_COPIED: Final = 2_000
"""Bytes of a transaction that are made and parsed at the cost of an input hashed."""


class TooMuchWorkError(Exception):
    """Counting keys would take too long; never leaves this room."""


class Allowance:
    """The work that counting keys may still take, over all inputs of a transaction."""

    def __init__(self) -> None:
        self._left = MOST_COUNTED

    def take(self, cost: int = _CHECK) -> None:
        """Take the cost of one more run, or of one check without more.

        Raises:
            TooMuchWorkError: there is not so much left.
        """
        self._left -= cost
        if self._left < 0:
            raise TooMuchWorkError


def is_too_much_to_hash(inputs: Sequence[SignedInput]) -> bool:
    """Whether the kernel would hash for too long: only what has many inputs can."""
    if len(inputs) == 1:
        return False
    hashed = 0
    for spend in inputs:
        parts = unwrap(spend)
        if parts is None:
            hashed += _MOST_CHECKS * len(inputs)
        elif parts.kind is Kind.LEGACY:
            hashed += _checks(parts) * len(inputs)
    return hashed > MOST_HASHED


def cost_to_run(parts: Unwrapped, inputs: int) -> int:
    """What an input costs btclib, in the units of `MOST_RUN`."""
    each = inputs if parts.kind is Kind.LEGACY else 0
    return len(parts.script) + _checks(parts) * (each + _CHECK)


def cost_to_run_again(parts: Unwrapped, inputs: int, size: int) -> int:
    """What it costs to run one input in a changed transaction of so many inputs and bytes."""
    return cost_to_run(parts, inputs) + _SPENT * inputs + size // _COPIED


def _checks(parts: Unwrapped) -> int:
    """Signature checks that the script can ask for, each multisig as twenty."""
    codes = [code for code, _ in operations(parts.script)]
    checks = sum(20 if code in _MULTISIG else code in CHECKS for code in codes)
    return checks if parts.kind is Kind.TAPSCRIPT else min(checks, _MOST_CHECKS)
