"""Bitcoin Core's own consensus code, as an oracle: the one place in the tests that calls it.

It aborts the process on misuse and takes trailing bytes in silence, so only whole, sane things go
in. It looks at a clock: headers more than two hours ahead are refused, which erario does not ask.
There are no wheels for CPython 3.14 yet: tests that import this module skip without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from erario.bitcoin.network import NetworkName

pbk = pytest.importorskip("pbk")

_CHAINS = {
    NetworkName.MAIN: pbk.ChainType.MAINNET,
    NetworkName.TESTNET3: pbk.ChainType.TESTNET,
    NetworkName.TESTNET4: pbk.ChainType.TESTNET_4,
    NetworkName.SIGNET: pbk.ChainType.SIGNET,
    NetworkName.REGTEST: pbk.ChainType.REGTEST,
}


class KernelHeaders:
    """A chain of headers in a folder of its own, judged by the kernel."""

    def __init__(self, name: NetworkName, folder: Path) -> None:
        options = pbk.ContextOptions()
        options.set_chainparams(pbk.ChainParameters(_CHAINS[name]))
        self._context = pbk.Context(options)
        settings = pbk.ChainstateManagerOptions(
            self._context, str(folder / "data"), str(folder / "blocks")
        )
        settings.update_block_tree_db_in_memory(True)
        settings.update_chainstate_db_in_memory(True)
        self._manager = pbk.ChainstateManager(settings)

    def accepts(self, header: bytes) -> bool:
        """Whether the kernel takes the header, after the ones that it took before."""
        assert len(header) == 80
        try:
            state = self._manager.process_block_header(pbk.BlockHeader(header))
        except pbk.ProcessBlockHeaderException:
            return False
        return bool(state.validation_mode == pbk.ValidationMode.VALID)


@dataclass(frozen=True)
class KernelTransaction:
    txid: bytes
    raw: bytes
    locktime: int
    inputs: tuple[tuple[bytes, int, int], ...]
    outputs: tuple[tuple[int, bytes], ...]


def kernel_transactions(block: bytes) -> list[KernelTransaction]:
    """What the kernel reads in a whole block."""
    return [_as_value(transaction) for transaction in pbk.Block(block).transactions]


def kernel_transaction(raw: bytes) -> KernelTransaction | None:
    """What the kernel reads in the bytes of a transaction; None where it refuses them.

    Trailing bytes are dropped in silence: compare `raw`.
    """
    try:
        return _as_value(pbk.Transaction(raw))
    except RuntimeError:
        return None


def kernel_content_is_good(block: bytes) -> bool:
    """Whether the kernel's checks of a block without its context pass, proof of work left out."""
    name = pbk.ChainParameters(pbk.ChainType.REGTEST)
    state = pbk.Block(block).check(name.consensus_params, pbk.BlockCheckFlags.MERKLE)
    return bool(state.validation_mode == pbk.ValidationMode.VALID)


def _as_value(transaction: object) -> KernelTransaction:
    return KernelTransaction(
        bytes(transaction.txid),
        bytes(transaction),
        transaction.locktime,
        tuple((bytes(i.out_point.txid), i.out_point.index, i.sequence) for i in transaction.inputs),
        tuple((o.amount, bytes(o.script_pubkey)) for o in transaction.outputs),
    )
