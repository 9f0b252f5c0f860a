"""HTTP as adapters need it: one answer to one question, bounded in time, bytes and patience.

With `http_wire`, the only module that knows urllib3 (and PySocks, for proxies). Invariant: whatever
a server does, a call ends; it holds at most `most` bytes of answer, counted after decompression,
and sends its headers, credentials included, to the one host that it was made for and nowhere else.
No redirect is followed, no cookie kept, no proxy taken from the environment. Errors name the server
as people know it, never a path or a header.
"""

from __future__ import annotations

import http.client
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, NoReturn

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationParseError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)
from urllib3.exceptions import SSLError as Urllib3SSLError

from erario.chain.ending import Ending
from erario.chain.errors import ChainCode, ServerCode
from erario.chain.http_lanes import Lanes
from erario.chain.http_wire import Bounds, TooManyBytesError, bounds, connections_by
from erario.errors import RequestError, SourceError

TRIES: Final = 4
"""How often a question is asked at most where the connection breaks."""
PATIENCE: Final = 7
"""How often at most where the server wants to be asked later."""
LONGEST_WAIT: Final = 60.0
"""Seconds that a server may ask us to wait; asked for more, we give up and say so."""
_FIRST_WAIT: Final = 0.125
"""Seconds that double with each try."""
_PIECE: Final = 1 << 16
_LEAST_ERROR: Final = 1 << 16
"""An error's own text may be as long, however little was expected."""
_HEADERS: Final = 1 << 18
"""Bytes of status, headers and the frames of chunks beside an answer."""
_WAIT_LATER: Final = frozenset((429, 502, 503, 504))
_LOGIN: Final = frozenset((401, 403, 407))


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer: its status, its whole body, and its headers with names in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Question:
    """All of one question, so that it can be asked again."""

    method: str
    path: str
    body: bytes | None
    most: int
    headers: Mapping[str, str]
    seconds: float


class _Cut(Exception):  # noqa: N818 - a signal within this module
    """The connection could not be had, or broke; another try may do better."""


class HttpClient:
    """Questions to one server. Many threads may ask at once.

    Args:
        base: "http://HOST:PORT/PATH" or "https://..."; paths are put behind it.
        name: who the server is in errors.
        proxy: "socks5h://HOST:PORT", which resolves the host's name too; None for none.
        timeout: seconds for the connection, for an answer to begin, and between its bytes. The
            whole may take as much, and a second more for every `http_wire.SLOWEST` bytes.
        connections: how many questions may be under way at once.
        pause: what waits, in seconds, instead of waiting until that is over or this is closed.

    Raises:
        RequestError: `base` or `proxy` cannot be used.
    """

    def __init__(
        self,
        base: str,
        *,
        name: str,
        proxy: str | None,
        timeout: float,
        connections: int = 8,
        pause: Callable[[float], None] | None = None,
    ) -> None:
        self._name = name
        self._timeout = timeout
        self._ending = Ending(name)
        self._wait = pause
        self._lanes = Lanes(connections)
        self._lock = threading.Lock()
        self._under_way: set[Bounds] = set()
        self._manager = connections_by(proxy, connections)
        try:
            self._pool = self._manager.connection_from_url(base)
            self._path = (urllib3.util.parse_url(base).path or "").rstrip("/")
        except (LocationParseError, ValueError):
            raise RequestError(
                ChainCode.URL_BAD,
                f"the address of {name} cannot be used",
                remedy='Write the source like "esplora+https://HOST/PATH".',
            ) from None

    def get(self, path: str, *, most: int) -> HttpAnswer:
        """The answer to GET, of at most `most` bytes.

        Statuses of 400 and more are given back like others, but for those that ask for
        credentials or for patience.

        Raises:
            SourceError: UNREACHABLE, TIMEOUT, TOO_LARGE, GARBAGE, REDIRECT, CREDENTIALS,
                CERTIFICATE, RATE_LIMITED.
        """
        return self._ask(_Question("GET", path, None, most, {}, self._timeout))

    def post(
        self,
        path: str,
        body: bytes,
        *,
        most: int,
        headers: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> HttpAnswer:
        """The answer to POST; `seconds` is the time it may take to begin instead of `timeout`.

        It is sent again where the connection broke: only for questions that may be asked twice.

        Raises:
            SourceError: as `get`.
        """
        seconds = self._timeout if seconds is None else seconds
        return self._ask(_Question("POST", path, body, most, headers or {}, seconds))

    def pause(self, seconds: float) -> None:
        """Wait between two questions.

        Raises:
            SourceError: this is closed, before or meanwhile (CLOSED).
        """
        if self._wait is None:
            self._ending.pause(seconds)
        else:
            self._wait(seconds)
            self._ending.check()

    def check_open(self) -> None:
        """Go on, while this is not closed.

        Raises:
            SourceError: it is (CLOSED).
        """
        self._ending.check()

    def close(self) -> None:
        """Close all connections, for good: what is under way ends now, whatever thread it is of,
        and all further questions fail."""
        self._ending.end()
        with self._lock:
            under_way = tuple(self._under_way)
        for one in under_way:
            one.cut()
        self._pool.close()
        self._manager.clear()

    def _ask(self, question: _Question) -> HttpAnswer:
        broken = asked = 0
        while True:
            with self._lanes.one(self.pause) as lanes:
                try:
                    answer = self._once(question)
                except _Cut as cut:
                    broken += 1
                    if broken == TRIES:
                        self._fail(
                            ServerCode.UNREACHABLE,
                            f"cannot be reached: {cut}",
                            "Check its address, the network and the proxy; then try again.",
                        )
                    answer = None
            if answer is None:
                self.pause(_FIRST_WAIT * 2**broken)
            elif answer.status in _WAIT_LATER:
                asked += 1
                self._be_patient(answer, asked, lanes)
            else:
                return answer

    def _be_patient(self, answer: HttpAnswer, asked: int, lanes: int) -> None:
        """Note that the server wants to be asked less, for the `asked`-th time; or give up."""
        wait = _retry_after(answer.headers.get("retry-after"))
        if asked == PATIENCE or (wait is not None and wait > LONGEST_WAIT):
            much = "" if wait is None else f", in {min(wait, 1e9):,.0f} seconds"
            self._fail(
                ServerCode.RATE_LIMITED,
                f"wants to be asked later{much} (status {answer.status})",
                "Try again later, ask for fewer addresses, or ask a server of your own.",
            )
        self._lanes.narrow(lanes, _FIRST_WAIT * 2**asked if wait is None else wait)

    def _once(self, question: _Question) -> HttpAnswer:
        """One try.

        Raises:
            _Cut: another may do better.
            SourceError: another would not.
        """
        most = max(question.most, _LEAST_ERROR)
        with self._bounded(Bounds(time.monotonic(), question.seconds, 2 * most + _HEADERS)):
            try:
                response = self._pool.urlopen(
                    question.method,
                    self._path + question.path,
                    question.body,
                    {"Accept-Encoding": "identity", "User-Agent": "erario", **question.headers},
                    retries=False,
                    redirect=False,
                    assert_same_host=False,
                    timeout=urllib3.Timeout(connect=self._timeout, read=question.seconds),
                    preload_content=False,
                    decode_content=False,
                )
                try:
                    return self._read(response, question.most)
                finally:
                    # What was not read to its end cannot carry another question.
                    response.close()
            except TooManyBytesError:
                self._too_large(question.most)
            except HTTPError as error:
                # Whatever broke after we closed it is our doing.
                self._ending.check()
                self._translate(error)

    @contextmanager
    def _bounded(self, bound: Bounds) -> Iterator[None]:
        """Hold what is asked within a bound, and let `close` end it."""
        token = bounds.set(bound)
        with self._lock:
            self._under_way.add(bound)
        try:
            # After it is known to `close`: one of the two sees the other.
            self._ending.check()
            yield
        finally:
            with self._lock:
                self._under_way.discard(bound)
            bounds.reset(token)

    def _read(self, response: urllib3.BaseHTTPResponse, most: int) -> HttpAnswer:
        status = response.status
        headers = {key.lower(): text for key, text in response.headers.items()}
        if 300 <= status < 400:
            self._fail(
                ServerCode.REDIRECT,
                f"sends us elsewhere (status {status}), which is not followed",
                "Find out whether it has moved, and name the new address yourself.",
            )
        if status in _LOGIN:
            self._fail(
                ServerCode.CREDENTIALS,
                f"asks for credentials, or refuses them (status {status})",
                "Check the cookie or login file, or ask a server that answers everybody.",
            )
        if status in _WAIT_LATER:
            return HttpAnswer(status, b"", headers)
        if status >= 400:
            most = max(most, _LEAST_ERROR)
        pieces, size = [], 0
        # Never more than shows that it is too much: the rest may come slowly, or never.
        while piece := response.read(min(_PIECE, most + 1 - size), decode_content=False):
            size += len(piece)
            if size > most:
                self._too_large(most)
            pieces.append(piece)
        coding = headers.get("content-encoding", "identity").strip().lower()
        return HttpAnswer(status, self._unpack(b"".join(pieces), coding, most), headers)

    def _unpack(self, body: bytes, coding: str, most: int) -> bytes:
        """The body without a compression that was not asked for, at most `most` bytes of it."""
        if coding in ("", "identity"):
            return body
        if coding not in ("gzip", "x-gzip", "deflate"):
            self._garbage("packs its answer in a way that was not asked for")
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
        try:
            unpacked = unpacker.decompress(body, most + 1)
        except zlib.error:
            self._garbage("sends a packed answer that does not unpack")
        if len(unpacked) > most:
            self._too_large(most)
        if not unpacker.eof or unpacker.unused_data:
            self._garbage("sends a packed answer that does not end where it should")
        return unpacked

    def _translate(self, error: HTTPError) -> NoReturn:
        """Our error for one of urllib3's."""
        cause = error.args[-1] if error.args else None
        if isinstance(error, ConnectTimeoutError) and not isinstance(error, NewConnectionError):
            self._fail(
                ServerCode.UNREACHABLE,
                "cannot be reached: no answer to the attempt to connect",
                "Check its address, the network and the proxy; then try again.",
            )
        if isinstance(error, NewConnectionError):
            raise _Cut("no connection could be made") from None
        if isinstance(error, ReadTimeoutError):
            self._fail(
                ServerCode.TIMEOUT,
                "hangs, or answers too slowly",
                "Try again, allow more time, or ask another server.",
            )
        if isinstance(error, Urllib3SSLError):
            self._translate_tls(cause)
        if isinstance(error, ProtocolError) and isinstance(
            cause, OSError | http.client.IncompleteRead
        ):
            raise _Cut("the connection broke") from None
        self._garbage("answers with something that is not HTTP")

    def _translate_tls(self, cause: object) -> NoReturn:
        if isinstance(cause, ssl.SSLCertVerificationError):
            self._fail(
                ServerCode.CERTIFICATE,
                f"shows a certificate that is not trusted ({cause.verify_message})",
                "Somebody may stand between you and it. If the certificate is your own, put it "
                "where the system trusts it, or name its file in SSL_CERT_FILE.",
            )
        if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            raise _Cut("the connection broke") from None
        self._garbage("speaks no TLS that can be understood")

    def _too_large(self, most: int) -> NoReturn:
        self._fail(
            ServerCode.TOO_LARGE,
            f"answers with more than the {most:,} bytes that any true answer has",
            "Ask another server.",
        )

    def _garbage(self, what: str) -> NoReturn:
        self._fail(
            ServerCode.GARBAGE,
            what,
            "Ask another server, or check that this address is the right kind of server.",
        )

    def _fail(self, code: ServerCode, what: str, remedy: str) -> NoReturn:
        raise SourceError(code, f"{self._name} {what}", remedy=remedy) from None


def _retry_after(text: str | None) -> float | None:
    """Seconds to wait by a Retry-After header (RFC 9110): seconds, or a date; None for neither."""
    if text is None:
        return None
    text = text.strip()[:40]
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        return max(0.0, (when - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError):
        # Overflow: an offset of ages, or a moment before the year 1 where it counts.
        return None
