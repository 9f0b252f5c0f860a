"""Compiling the kernels before they are needed, so that whoever waits is told for what.

numba compiles a kernel when it is first called, once for an installation: some twenty seconds in
all. Later runs load what was kept, in a fraction of a second.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from erario.bitcoin.network import NetworkName, network
from erario.chain.scanner import BLOCK_DTYPE, BlockFileView, list_transactions, scan
from erario.chain.source import Progress, ProgressCallback

STEP: Final = "Preparing the scanner"

_ANY_SCRIPT: Final = b"\x51"


def prepare_scanner(progress: ProgressCallback) -> None:
    """Have the large kernels compiled or loaded, by letting them read a genesis block."""
    progress(Progress(STEP, 0, 0, "kernels"))
    raw = network(NetworkName.MAIN).genesis
    views = [BlockFileView("genesis", np.frombuffer(raw, np.uint8), None)]
    blocks = np.array([(0, 0, len(raw), 0)], BLOCK_DTYPE)
    scan(views, blocks, [_ANY_SCRIPT], check_roots=True, threads=1)
    list_transactions(views, blocks[0])
    progress(Progress(STEP, 1, 1, "kernels"))
