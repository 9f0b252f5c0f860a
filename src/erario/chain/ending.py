"""Whether somebody has had enough of a source: then nothing more is asked, and pauses end at once.

Work on a source is done in threads that nobody can interrupt. Whoever closes it says so here; the
threads look before each question, and wait here instead of sleeping.
"""

from __future__ import annotations

import threading
from typing import NoReturn

from erario.chain.errors import ServerCode
from erario.errors import SourceError


class Ending:
    """Open until somebody ends it. Any thread may do so, more than once.

    Args:
        name: who is asked.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._ended = threading.Event()

    def end(self) -> None:
        """Nothing more is to be asked."""
        self._ended.set()

    @property
    def is_ended(self) -> bool:
        """Whether nothing more is to be asked."""
        return self._ended.is_set()

    def check(self) -> None:
        """Go on, while nobody has ended it.

        Raises:
            SourceError: somebody has (CLOSED).
        """
        if self._ended.is_set():
            self._fail()

    def pause(self, seconds: float) -> None:
        """Wait, and go on while nobody has ended it.

        Raises:
            SourceError: somebody has, before or meanwhile (CLOSED).
        """
        if self._ended.wait(seconds):
            self._fail()

    def _fail(self) -> NoReturn:
        raise SourceError(
            ServerCode.CLOSED,
            f"{self._name} is no longer asked, since it was closed",
            remedy="Open the source again to ask it.",
        )
