"""A server of somebody else's as a child process, on loopback, that is gone when its test is."""

from __future__ import annotations

import socket
import subprocess
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

STOP_SECONDS = 120.0


class Child(ABC):
    """A program that `start` runs as `_process`. Use as a context manager."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._launch()
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop it, by force if it does not listen, and wait until it is gone."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @abstractmethod
    def _launch(self) -> None:
        """Set `_process` to a new one."""

    @abstractmethod
    def _wait(self) -> None:
        """Return once it answers; raise if it never will."""


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens on; all held open at once, so that they differ."""
    probes = [socket.socket() for _ in range(number)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
