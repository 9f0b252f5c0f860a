"""A process that forks audits on demand, so that hundreds of them cost no import of numba each.

Commands come as lines of JSON on stdin, and answers go as lines to stdout: first the child's
process id, then its exit status. A child asks one question with a store and compares the
answer with what it was told to expect. It may be killed at any instant; the nursery lives on.

Run as `python -m tests.integration.crash_nursery`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from tests.strategies.chains import SCRIPTS
from tests.strategies.stores import TICK, answer

from erario.bitcoin.network import NetworkName
from erario.chain import block_batches, place_store, state_folder
from erario.chain.blocks_source import BlocksSource
from erario.chain.kept_blocks import KeptBlocks
from erario.chain.state_folder import StateFolder

SAME, SAME_BUT_TOLD, DIFFERENT = 0, 10, 1


def main() -> None:
    place_store._TICK_NS = int(0.8 * TICK * 1e9)
    state_folder.LOCK_SECONDS = 20.0
    # One thread: under strace each call that threads wait by would stop the process.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for line in sys.stdin:
        command = json.loads(line)
        if command["state"] is None:
            # Here and not in a child, so that all children have the kernels.
            source = BlocksSource(Path(command["blocks"]), NetworkName.REGTEST)
            answer(source, SCRIPTS[: command["scripts"]])
            _say(SAME)
            continue
        child = os.fork()
        if child == 0:
            os._exit(_child(command))
        _say(child)
        _, status = os.waitpid(child, 0)
        _say(os.waitstatus_to_exitcode(status))


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _child(command: dict) -> int:
    while command["go"] is not None and not Path(command["go"]).exists():
        time.sleep(0.002)
    block_batches.FIRST_BYTES = command["batch"]
    block_batches.SECONDS = command["seconds"]
    blocks, scripts = Path(command["blocks"]), SCRIPTS[: command["scripts"]]
    state = StateFolder(Path(command["state"]), NetworkName.REGTEST)
    source = KeptBlocks(blocks, NetworkName.REGTEST, own=command["own"], state=state)
    same = repr(answer(source, scripts)) == Path(command["expected"]).read_text()
    if not same:
        return DIFFERENT
    return SAME_BUT_TOLD if state.troubles else SAME


if __name__ == "__main__":
    main()
