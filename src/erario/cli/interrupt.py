"""Ctrl-C that stops at once, also where Python would wait.

Python raises `KeyboardInterrupt` only between two steps of the main thread, and leaving a pool of
threads waits for them: a compiler or a long window of a scan would hold the person up. So a thread
of its own hears of the signal too, gives the orderly way a moment, and then ends the process.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Final, NoReturn

GRACE: Final = 0.5
"""Seconds that the orderly way has: it removes temporary files and the progress bar."""
_SHOW_CURSOR: Final = "\r\x1b[2K\x1b[?25h"


class Interrupter:
    """Ends the process on Ctrl-C, telling once that it did.

    Args:
        tell: says what is lost.
        code: the exit code.
    """

    def __init__(self, tell: Callable[[], None], code: int) -> None:
        self._tell = tell
        self._code = code
        self._turn = threading.Lock()

    def watch(self) -> None:
        """Start to listen; only in the main thread, and once in a process."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        threading.Thread(target=self._listen, args=(reader,), daemon=True).start()

    def leave(self) -> NoReturn:
        """Tell, and end the process without waiting for its threads."""
        # Never released: whoever comes second waits here until the process is gone.
        self._turn.acquire()
        self._tell()
        os._exit(self._code)

    def _listen(self, reader: int) -> None:
        while os.read(reader, 1) != bytes([signal.SIGINT]):
            pass
        time.sleep(GRACE)
        if self._turn.acquire(blocking=False):
            self._turn.release()
            if sys.stderr.isatty():
                # The bar is still there: its line is cleared, and the cursor it hid comes back.
                sys.stderr.write(_SHOW_CURSOR)
            self.leave()
