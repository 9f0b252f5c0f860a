"""Many questions to an Electrum server under way at once, matched to their answers by number.

JSON-RPC 2.0, one message a line. A window bounds how many questions are under way: few enough that
they fit the buffers on the way, so that sending never waits for reading. It shrinks when answers
get slow, since servers drop in silence what they could not work on within half a minute; and when
the server hangs up or says that it was asked too much. It grows again while all goes well.

Invariant: each question has one answer, or the whole call fails. A cut connection is opened again,
and what was not answered asked again, as long as that brings answers, and until somebody closes the
session: that ends what is under way, in whatever thread.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from erario.chain.electrum_wire import Wire
from erario.chain.ending import Ending
from erario.chain.errors import ServerCode
from erario.chain.history_server import Counted
from erario.chain.json_answers import Json, quote, read_json
from erario.errors import SourceError

WINDOW: Final = 100
PAUSES: tuple[float, ...] = (0.25, 1.0, 4.0)
"""Seconds before asking again after it has brought no answer."""
LIMIT_PAUSE: float = 2.0
"""Seconds before asking again after a limit was reached; twice as many with each in a row."""
_MOST_LIMITS: Final = 5
_SLOW_SECONDS: Final = 8.0
_WELL: Final = 4
"""Windows of answers in good time, before it is tried with twice as many."""
_MOST_UNASKED: Final = 1_000
"""Notifications and answers to nothing between two answers."""
_PADDING: Final = 1 << 20
"""ElectrumX pads what it sends to a power of two with spaces in the last line."""
_MOST_TOTAL: Final = 256 << 20
_EXCESSIVE: Final = frozenset((-101, -102))
"""Too much was asked of the server, or it is busy (aiorpcX 0.25.0, jsonrpc.py)."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the server answered instead of a result. `words` are its own, made safe to print."""

    code: int
    words: str


@dataclass(frozen=True, slots=True)
class Call:
    """A question: a method of the protocol, and its arguments in order."""

    method: str
    arguments: tuple[Json, ...] = ()


Answer: TypeAlias = "Json | Refusal"


@dataclass(slots=True)
class _Asked:
    """Calls, what was answered so far by index, and how much of it there was."""

    calls: Sequence[Call]
    most: int
    total: int
    counted: Counted
    answers: dict[int, Answer] = field(default_factory=dict)
    size: int = 0


class ElectrumSession:
    """A server that may be asked. Connections come and go within.

    Args:
        connect: opens a connection.
        greet: says hello on a new one.
        name: who is asked.
    """

    def __init__(
        self,
        connect: Callable[[], Wire],
        greet: Callable[[ElectrumSession], None],
        name: str,
    ) -> None:
        self.name: Final = name
        self._connect = connect
        self._greet = greet
        self._wire: Wire | None = None
        self._ending = Ending(name)
        self._asking = threading.Lock()
        self._window = WINDOW
        self._well = 0
        self._number = 0

    def ask(
        self,
        calls: Sequence[Call],
        *,
        most: int,
        total: int = _MOST_TOTAL,
        counted: Counted = lambda _: None,
    ) -> list[Answer]:
        """The answers to `calls`, in their order.

        Args:
            calls: the questions.
            most: bytes that an answer may have.
            total: bytes that all may have together.
            counted: called with the number of answers so far.

        Raises:
            SourceError: the server cannot be reached, is too slow, or answers with garbage; or
                the session is closed.
        """
        try:
            with self._asking:
                return self._ask(_Asked(calls, most, total, counted))
        finally:
            if self._ending.is_ended:
                # Whoever closed it left the connection to us.
                self.close()

    def _ask(self, asked: _Asked) -> list[Answer]:
        fruitless = limits = 0
        while len(asked.answers) < len(asked.calls):
            before = len(asked.answers)
            try:
                self._exchange(self._opened(), asked)
            except SourceError as error:
                self._hang_up()
                # Whatever broke after somebody closed it is our doing.
                self._ending.check()
                fruitless = 0 if len(asked.answers) > before else fruitless + 1
                if error.code == ServerCode.RATE_LIMITED:
                    limits = limits + 1 if fruitless else 1
                    if limits > _MOST_LIMITS:
                        raise
                    pause = LIMIT_PAUSE * 2 ** (limits - 1)
                elif error.code == ServerCode.UNREACHABLE and fruitless <= len(PAUSES):
                    pause = PAUSES[max(fruitless - 1, 0)]
                elif error.code == ServerCode.TIMEOUT and not fruitless:
                    pause = 0.0
                else:
                    raise
                self._shrink()
                self._ending.pause(pause)
        return [asked.answers[index] for index in range(len(asked.calls))]

    def greeting(self, call: Call, *, most: int) -> Answer:
        """The answer to one question on the connection as it is: no other one is opened.

        Raises:
            SourceError: as `ask`.
        """
        asked = _Asked([call], most, _MOST_TOTAL, lambda _: None)
        if self._wire is not None:
            self._exchange(self._wire, asked)
        return asked.answers[0]

    def close(self) -> None:
        """Let go of the connection, for good: what is under way ends now, though an attempt to
        connect by its own bound, and all further questions fail."""
        self._ending.end()
        wire = self._wire
        if wire is not None:
            wire.cut()
        # Where a question is under way, whoever asks it lets go once it has ended.
        if self._asking.acquire(blocking=False):
            try:
                self._hang_up()
            finally:
                self._asking.release()

    def _hang_up(self) -> None:
        """Let go of the connection; the next question opens another one."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def _opened(self) -> Wire:
        self._ending.check()
        if self._wire is None:
            self._wire = self._connect()
            # After it is known to `close`: one of the two sees the other.
            self._ending.check()
            self._greet(self)
        return self._wire

    def _exchange(self, wire: Wire, asked: _Asked) -> None:
        """Ask on one connection until all is answered."""
        left = [index for index in range(len(asked.calls)) if index not in asked.answers]
        left.reverse()
        under_way: dict[int, tuple[int, float]] = {}
        wire.expect()
        unasked = 0
        while left or under_way:
            self._send_more(wire, asked, left, under_way)
            message = self._message(wire, asked)
            number = message.get("id")
            place = under_way.pop(number, None) if type(number) is int else None
            if place is None:
                unasked += 1
                self._refuse_unasked(message, unasked)
                continue
            index, since = place
            asked.answers[index] = self._answer(message)
            asked.counted(len(asked.answers))
            unasked = 0
            wire.expect()
            if time.monotonic() - since > _SLOW_SECONDS:
                self._shrink()
            else:
                self._grow()

    def _shrink(self) -> None:
        self._window = max(1, self._window // 2)
        self._well = 0

    def _grow(self) -> None:
        self._well += 1
        if self._well >= _WELL * self._window:
            self._window = min(WINDOW, 2 * self._window)
            self._well = 0

    def _send_more(
        self,
        wire: Wire,
        asked: _Asked,
        left: list[int],
        under_way: dict[int, tuple[int, float]],
    ) -> None:
        # By halves of the window, not one by one: each sending costs a packet.
        if len(under_way) > self._window // 2:
            return
        lines = []
        now = time.monotonic()
        while left and len(under_way) < self._window:
            index = left.pop()
            self._number += 1
            under_way[self._number] = index, now
            call = asked.calls[index]
            request = {
                "jsonrpc": "2.0",
                "id": self._number,
                "method": call.method,
                "params": call.arguments,
            }
            lines.append(json.dumps(request, separators=(",", ":")).encode() + b"\n")
        if lines:
            wire.send(b"".join(lines))

    def _message(self, wire: Wire, asked: _Asked) -> dict[str, Json]:
        line = wire.line(asked.most + max(asked.most, _PADDING))
        asked.size += len(line)
        if asked.size > asked.total + _PADDING:
            raise self._error(
                ServerCode.TOO_LARGE,
                f"answers with more than {asked.total:,} bytes in all",
                "Ask for fewer scripts, or ask another server.",
            )
        message = read_json(line, self.name)
        if not isinstance(message, dict):
            raise self._error(
                ServerCode.GARBAGE,
                "answers with JSON that is no message",
                "Check that this address is an Electrum server's.",
            )
        return message

    def _answer(self, message: dict[str, Json]) -> Answer:
        error = message.get("error")
        if error is None:
            return message.get("result")
        code, words = _read_error(error)
        if code in _EXCESSIVE:
            raise self._limited(words)
        return Refusal(code, words)

    def _refuse_unasked(self, message: dict[str, Json], number: int) -> None:
        """Pass over a message that answers nothing, but not for ever."""
        error = message.get("error")
        if error is not None:
            code, words = _read_error(error)
            if code in _EXCESSIVE:
                raise self._limited(words)
        if number > _MOST_UNASKED:
            raise self._error(
                ServerCode.ENDLESS,
                "sends messages without end that answer nothing",
                "Ask another server.",
            )

    def _limited(self, words: str) -> SourceError:
        return self._error(
            ServerCode.RATE_LIMITED,
            f'will not answer more questions for now: "{words}"',
            "Wait an hour, ask for fewer scripts, or ask a server without such limits.",
        )

    def _error(self, code: ServerCode, what: str, remedy: str) -> SourceError:
        return SourceError(code, f"{self.name} {what}", remedy=remedy)


def _read_error(error: Json) -> tuple[int, str]:
    """The code and the words of an error; servers have been seen to send words only."""
    code: Json = 0
    words: Json = error
    if isinstance(error, dict):
        code, words = error.get("code"), error.get("message")
    return (
        code if type(code) is int else 0,
        quote(words) if isinstance(words, str) else "",
    )
