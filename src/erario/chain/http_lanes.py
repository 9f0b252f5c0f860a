"""How many questions to a server by HTTP are under way together, as it bears them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Lanes:
    """How many questions may be under way at once: fewer each time the server asks for patience."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._busy = 0
        self._later = 0.0
        self._changed = threading.Condition()

    @contextmanager
    def one(self, pause: Callable[[float], None]) -> Iterator[int]:
        """Hold one lane, once there is one, and not before the server wants to be asked; gives
        how many there are."""
        with self._changed:
            self._changed.wait_for(lambda: self._busy < self._most)
            self._busy += 1
            most = self._most
            wait = self._later - time.monotonic()
        try:
            if wait > 0:
                pause(wait)
            yield most
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify()

    def narrow(self, seen: int, wait: float) -> None:
        """Half as many from now on as there were when the question was put, so that those which
        were under way together count once; and none for `wait` seconds."""
        with self._changed:
            self._most = min(self._most, max(1, seen // 2))
            self._later = max(self._later, time.monotonic() + wait)
