"""Rules that speak of several wallets at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from erario.bitcoin.address import show_address
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Script
from erario.errors import Place
from erario.reserve.model import Wallet
from erario.reserve.problems import ProblemCode, Problems, show

LOOKED_AT: Final = 20
"""Indexes of each branch that are compared here; the audit compares the rest."""


def check_scripts(wallets: Iterable[Wallet], network: NetworkName, problems: Problems) -> None:
    """Report every script that stands in two wallets, or twice in one.

    Coins on it would count twice, or nobody could say whose they are.
    """
    seen: dict[Script, tuple[str, Place]] = {}
    for wallet in wallets:
        for script, place in _scripts(wallet):
            other, first = seen.setdefault(script, (wallet.id, place))
            if first == place and other == wallet.id:
                continue
            name = show_address(script, network) or f"the script {script.hex()[:80]}"
            if other == wallet.id:
                problems.add(
                    ProblemCode.REPEATED_SCRIPT,
                    place,
                    f"{name} stands in the wallet already, at {first}",
                    "Remove one of the two.",
                )
            else:
                problems.add(
                    ProblemCode.SAME_SCRIPT,
                    place,
                    f"{name} also belongs to the wallet {show(other)}, at {first}",
                    "Leave it in the wallet that it belongs to.",
                )


def _scripts(wallet: Wallet) -> Iterator[tuple[Script, Place]]:
    for declared in wallet.scripts:
        yield declared.script, declared.place
    for described in wallet.descriptors:
        for branch in described.descriptor.branches:
            for _, script in branch.scripts(0, LOOKED_AT):
                yield script, described.place
