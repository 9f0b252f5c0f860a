"""Where the command `erario` starts: Ctrl-C ends it in peace also while modules are imported.

Imports nothing of erario or click before it listens.
"""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Final, NoReturn

_STOPPED: Final = (
    b"erario: stopped before it was done; nothing was written [cli.interrupted]\n"
    b"    The next run starts again.\n"
)


def main() -> NoReturn:
    """The entry point: listen, import the rest, run it."""
    signal.signal(signal.SIGINT, _leave)
    from erario.cli.main import main as run  # noqa: PLC0415 - this is what takes time

    run()


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    os.write(2, _STOPPED)
    os._exit(2)
