"""A treasury on a small regtest chain, and its signers: what tests of the ceremony start from.

Each wallet is one descriptor over keys of `tests.unit.proof.signers`; each of its first scripts is
paid by the coinbase of one block. Fifteen blocks follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from embit.networks import NETWORKS
from tests.strategies.chains import BTC, GENESIS, Made, coinbase, mine, mine_many, plain_folder
from tests.strategies.evidence import MemorySource
from tests.unit.proof.signers import ORIGIN, ROOTS, sign

import erario
from erario.assess import assess
from erario.auditing import collect
from erario.bitcoin.address import show_address
from erario.bitcoin.descriptor import read_descriptor
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Script
from erario.ceremony.plan import Ceremony
from erario.ceremony.starting import Wanted, start_ceremony
from erario.proof.psbt import Psbt, read_psbt

REGTEST = NetworkName.REGTEST
PURPOSE = "Reserve audit 2026"


def account(number: int) -> str:
    """An extended public key with its origin, of two branches, as test networks write it."""
    root = ROOTS[number]
    key = root.derive(f"m/{ORIGIN}").to_public()
    text = key.to_base58(version=NETWORKS["regtest"]["xpub"])
    return f"[{root.my_fingerprint.hex()}/{ORIGIN}]{text}/<0;1>/*"


A, B, C, D, E = (account(number) for number in range(5))
FINGERPRINTS = [root.my_fingerprint.hex() for root in ROOTS]
VAULT = f"wsh(sortedmulti(2,{A},{B},{C}))"


def scripts_of(descriptor: str, number: int) -> list[Script]:
    """The first scripts of a descriptor's first branch."""
    branch = read_descriptor(descriptor, REGTEST).branches[0]
    return [script for _, script in branch.scripts(0, number)]


@dataclass(frozen=True)
class Treasury:
    """A folder with a reserve and a node's blocks."""

    folder: Path
    blocks: list[Made]
    scripts: list[Script]

    @property
    def source(self) -> str:
        return f"blocks:{self.folder / 'blocks'}"

    @property
    def reserve(self) -> erario.Reserve:
        return erario.load(self.folder)

    def start(self, at: int | None = None, **wanted: object) -> Ceremony:
        """A ceremony over the block with ten others on it."""
        reserve, height = self.reserve, len(self.blocks) - 11 if at is None else at
        evidence = collect(reserve, MemorySource(self.blocks), at=height)
        return start_ceremony(
            reserve, evidence, assess(evidence), Wanted(**{"purpose": PURPOSE, **wanted})
        )


def build(
    folder: Path, wallets: Mapping[str, tuple[str, int]], *, addresses: tuple[str, ...] = ()
) -> Treasury:
    """A treasury of wallets, each a descriptor and how many of its scripts are paid; of those named
    in `addresses` the reserve knows addresses alone."""
    blocks, every = [GENESIS], []
    lines = ["erario = 1", 'network = "regtest"', "", "[holders.treasury]"]
    lines += ['name = "Treasury of Exampleland"', "complete = true"]
    lines += [f"[cosigners.{FINGERPRINTS[0]}]", 'name = "Director"', 'site = "capital"']
    lines += [f"[cosigners.{FINGERPRINTS[1]}]", 'name = "Auditor"']
    for name, (descriptor, number) in wallets.items():
        scripts = scripts_of(descriptor, number)
        every += scripts
        for script in scripts:
            head = coinbase(len(blocks), ((50 * BTC, script),))
            blocks.append(mine(blocks[-1], (), first=head))
        shown = [str(show_address(script, REGTEST)) for script in scripts]
        said = f"addresses = {shown}" if name in addresses else f"descriptors = ['{descriptor}']"
        lines += [f"[wallets.{name}]", said]
    blocks += mine_many(blocks[-1], 15)
    plain_folder(folder / "blocks", blocks[1:])
    (folder / "reserve.toml").write_text("\n".join([*lines, ""]))
    return Treasury(folder, blocks, every)


def signed(psbt: Psbt, *numbers: int) -> list[Psbt]:
    """What each signer sends back."""
    return [read_psbt(raw) for raw in sign(psbt, *numbers)]
