"""Long scans on a node: one at a time, waited for, and ended when nobody wants them any more.

A node runs one `scantxoutset` and one `scanblocks` at a time, whoever started it. Invariant: only
a scan of ours is ever aborted: one that we have asked for, that the node has had the time to refuse
and has not refused. Where that cannot be told the scan is left to end by itself.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from erario.bitcoin.values import Script
from erario.chain.errors import ServerCode
from erario.chain.json_answers import Json
from erario.chain.node_rpc import BAD_PARAMETER, NodeRpc, RpcError
from erario.errors import ErarioError, SourceError

LARGEST_REQUEST: Final = 16_000_000
"""Bytes of descriptors in one call; a node takes at most 32 MiB (Bitcoin Core, httpserver.cpp)."""
REFUSAL_SECONDS: Final = 0.2
"""A refusal has come by then: the node looks whether a scan runs before all else."""
_LOOK_SECONDS: Final = 1.0
_BUSY_PAUSE: Final = 1.0
_BUSY_TRIES: Final = 120
_ABORT_SECONDS: Final = 2.0
_ABORT_PAUSE: Final = 0.05
_ABORTS: Final = 40
_ODD_REFUSALS: Final = 3
_LEAST_STATUS: Final = 8_000_000


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """A scan to run.

    Attributes:
        method: "scanblocks" or "scantxoutset".
        parameters: what follows "start".
        most: bytes that its answer may have.
        seconds: how long it may take.
    """

    method: str
    parameters: tuple[Json, ...]
    most: int
    seconds: float


def raw_descriptors(scripts: Sequence[Script]) -> list[list[Json]]:
    """The descriptors of scripts, as many lists as requests are needed."""
    chunks: list[list[Json]] = []
    room = 0
    for script in scripts:
        text = f"raw({script.hex()})"
        room -= len(text) + 4
        if not chunks or room < 0:
            chunks.append([])
            room = LARGEST_REQUEST
        chunks[-1].append(text)
    return chunks


def scripts_of(descriptors: list[Json]) -> frozenset[Script]:
    """The scripts that `raw_descriptors` has put into one of its lists."""
    return frozenset(Script(bytes.fromhex(str(text)[4:-1])) for text in descriptors)


def refuse_aborted(name: str) -> SourceError:
    """What is raised where no scan comes to its end."""
    return SourceError(
        ServerCode.REFUSED,
        f"each scan of {name} is aborted by somebody else",
        remedy="Ask again when nobody does.",
    )


def status(rpc: NodeRpc, request: ScanRequest) -> Json:
    """What the node says of the scan that runs, whoever started it; None where none does."""
    # It names all blocks that were found so far.
    return rpc.call(request.method, "status", most=max(request.most, _LEAST_STATUS))


class NodeScans:
    """The scans of one node, one after the other. `close` ends the one that runs."""

    def __init__(self, rpc: NodeRpc) -> None:
        self._rpc = rpc
        self._running: _Running | None = None

    def close(self) -> None:
        """End the scan that is under way, from another thread than the one that waits for it."""
        if self._running is not None:
            self._running.give_up()

    def run(self, request: ScanRequest, looking: Callable[[], None]) -> Json:
        """The result of a scan.

        Args:
            request: what to scan.
            looking: called every second; what it raises ends the scan.

        Raises:
            SourceError: TIMEOUT where it takes too long, REFUSED where somebody else's scan does
                not end, or the node cannot be asked.
        """
        odd = 0
        for _ in range(_BUSY_TRIES):
            if status(self._rpc, request) is None:
                self._running = _Running(self._rpc, request)
                try:
                    return self._running.result(looking)
                except RpcError as error:
                    odd += 1
                    # Somebody was faster; or it is the parameters that are wrong.
                    if error.number != BAD_PARAMETER or odd == _ODD_REFUSALS:
                        raise
                finally:
                    self._running = None
            looking()
            self._rpc.pause(_BUSY_PAUSE)
        raise SourceError(
            ServerCode.REFUSED,
            f"{self._rpc.name} is busy with a {request.method} that somebody else has started",
            remedy="Wait until it has ended, and try again.",
        )


class _Running:
    """A scan of ours. It is asked for in a thread of its own, which nothing waits for."""

    def __init__(self, rpc: NodeRpc, request: ScanRequest) -> None:
        self._rpc = rpc
        self._request = request
        self._begun = time.monotonic()
        self._seen = self._begun
        self._given_up = threading.Lock()
        self._answered = threading.Event()
        self._answers: queue.SimpleQueue[Json | SourceError] = queue.SimpleQueue()
        threading.Thread(target=self._ask, name="node-scan", daemon=True).start()

    def result(self, looking: Callable[[], None]) -> Json:
        """Wait for the answer."""
        try:
            while True:
                try:
                    answer = self._answers.get(timeout=_LOOK_SECONDS)
                except queue.Empty:
                    self._look()
                    looking()
                else:
                    break
        except BaseException:
            self.give_up()
            raise
        if isinstance(answer, SourceError):
            raise answer
        return answer

    def give_up(self) -> None:
        """Abort the scan if it is ours for certain, and let go of whoever waits for it."""
        if not self._given_up.acquire(blocking=False):
            return
        left = self._begun + REFUSAL_SECONDS - time.monotonic()
        if self._answered.wait(max(0.0, left)):
            return
        self._answers.put(self._timeout("was no longer asked for"))
        try:
            rpc = self._rpc.another(_ABORT_SECONDS)
            try:
                # A node forgets what it is told while it still reads the descriptors.
                for _ in range(_ABORTS):
                    running = rpc.call(self._request.method, "abort")
                    if not running or self._answered.wait(_ABORT_PAUSE):
                        break
            finally:
                rpc.close()
        except ErarioError:
            # The node is gone, and its scan with it; or it ends by itself.
            return

    def _ask(self) -> None:
        request = self._request
        answer: Json | SourceError
        try:
            answer = self._rpc.call(
                request.method,
                "start",
                *request.parameters,
                most=request.most,
                # Whoever waits in `result` gives up before.
                seconds=request.seconds + self._rpc.timeout,
            )
        except SourceError as error:
            answer = error
        self._answered.set()
        self._answers.put(answer)

    def _look(self) -> None:
        """Whether the node still scans, within the time that it has."""
        now = time.monotonic()
        if status(self._rpc, self._request) is not None:
            self._seen = now
        if now - self._begun > self._request.seconds or now - self._seen > self._rpc.timeout:
            raise self._timeout("does not end")

    def _timeout(self, what: str) -> SourceError:
        return SourceError(
            ServerCode.TIMEOUT,
            f"the {self._request.method} of {self._rpc.name} {what}",
            remedy="Try again when the node has less to do, or ask another source.",
        )
