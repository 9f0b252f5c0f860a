"""An HTTP server on loopback that carries true answers, or tells one lie of transport in turn.

    with HttpServer(answer) as server:                      the truth
    with HttpServer(answer, Transport.HANG) as server:      one lie, to every question
    HttpServer(answer, Transport.HANG, when=is_asked_for)   to some questions only

`answer` is the application: it takes a `Question` and gives a `Reply`. What it has to say goes over
the wire as it is; the lies here are about the wire. Whatever still hangs ends with the server.
"""

from __future__ import annotations

import gzip
import http.server
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, auto
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

_MIB = 1 << 20


class Transport(StrEnum):
    """What can be wrong with an answer, whatever it says."""

    HANG = auto()
    """The question is read, and nothing is said."""
    HANG_IN_BODY = auto()
    """The half of an answer, and then nothing."""
    DRIP_STATUS = auto()
    """A byte now and then, from the status on: each in time, all of them never."""
    DRIP_BODY = auto()
    DRIP_CHUNKS = auto()
    GIGABYTES = auto()
    """A length of 8 GB, and bytes as fast as they are taken."""
    GIGABYTES_CHUNKED = auto()
    """Chunks without end."""
    GIGABYTES_UNTOLD = auto()
    """No length: all until the connection closes, which never comes."""
    GIGABYTES_OF_HEADERS = auto()
    GIGABYTES_OF_FRAME = auto()
    """The frame of one chunk without end."""
    GIGABYTES_NEGATIVE = auto()
    """A chunk of negative size, which readers take for "until the end"."""
    BOMB = auto()
    """8 MiB of spaces, packed by gzip though nobody asked for that."""
    PACKED_OTHERWISE = auto()
    """A packing that nobody asked for."""
    GARBAGE = auto()
    """Bytes that are no HTTP."""
    GARBAGE_BODY = auto()
    """HTTP around bytes that mean nothing."""
    DEEP_JSON = auto()
    """100,000 opening brackets."""
    CUT = auto()
    """The connection is closed without an answer."""
    CUT_IN_BODY = auto()
    REDIRECT = auto()
    """To `HttpServer.elsewhere`, on the same machine."""
    CREDENTIALS = auto()
    """401, with a realm."""
    FORBIDDEN = auto()
    TOO_MANY = auto()
    """429 for ever, without a word on when to come again."""
    TOO_MANY_FOR_AGES = auto()
    """429, and to come again in a hundred years."""
    UNAVAILABLE = auto()
    """503 for ever."""


@dataclass(frozen=True)
class Question:
    """What was asked; header names in lower case."""

    method: str
    path: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """What is to be answered."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Callable[[Question], Reply]


class HttpServer:
    """Serves from entering to leaving the context.

    Args:
        answer: the application.
        lie: what is done to its answers; None for nothing.
        when: which questions are lied to.
        certificate: a PEM file with key and certificate, to speak TLS.

    Attributes:
        questions: all that were asked, in order.
        elsewhere: the path that `REDIRECT` points to; asked for, the answer is 200.
    """

    elsewhere = "/elsewhere"

    def __init__(
        self,
        answer: Answer,
        lie: Transport | None = None,
        *,
        when: Callable[[Question], bool] = lambda _: True,
        certificate: Path | None = None,
    ) -> None:
        self.questions: list[Question] = []
        self.lie = lie
        self.under_way = self.most_under_way = 0
        if lie is Transport.BOMB:
            _bomb()  # made now: an answer in time is what is tried
        self._answer = answer
        self._when = when
        self._lock = threading.Lock()
        self._over = threading.Event()
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._scheme = "http" if certificate is None else "https"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # The handshake is the handler's: one bad client must not stop the others.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def ask(self, question: Question) -> Reply:
        """What the application says; several questions may be under way."""
        with self._lock:
            self.questions.append(question)
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if question.path == self.elsewhere:
                return Reply(b"you should not be here")
            return self._answer(question)
        finally:
            with self._lock:
                self.under_way -= 1

    def lie_to(self, question: Question) -> Transport | None:
        return self.lie if self.lie is not None and self._when(question) else None

    def wait(self, seconds: float) -> bool:
        """Wait; True once the server is being closed."""
        return self._over.wait(seconds)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is what is tested."""


class _Handler(http.server.BaseHTTPRequestHandler):
    owner: HttpServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        """Nobody reads it."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {key.lower(): text for key, text in self.headers.items()}
        question = Question(self.command, self.path, body, headers)
        lie = self.owner.lie_to(question)
        reply = self.owner.ask(question)
        if lie is None:
            self._send(reply)
            return
        self.close_connection = True
        _LIES[lie](self, reply)

    def _send(self, reply: Reply, *, length: int | None = None) -> None:
        size = len(reply.body) if length is None else length
        self._begin(reply.status, {"Content-Length": str(size), **reply.headers})
        self.wfile.write(reply.body)

    def _begin(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for key, text in headers.items():
            self.send_header(key, text)
        self.end_headers()

    def hang(self, _reply: Reply) -> None:
        self.owner.wait(600)

    def hang_in_body(self, reply: Reply) -> None:
        self._send(
            Reply(reply.body[: len(reply.body) // 2], reply.status), length=len(reply.body) + 1
        )
        self.owner.wait(600)

    def drip_status(self, _reply: Reply) -> None:
        self._drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 60_000)

    def drip_body(self, _reply: Reply) -> None:
        self._begin(200, {"Content-Length": "60000"})
        self._drip(b"1" * 60_000)

    def drip_chunks(self, _reply: Reply) -> None:
        self._begin(200, {"Transfer-Encoding": "chunked"})
        self._drip(b"1\r\n1\r\n" * 10_000)

    def _drip(self, data: bytes) -> None:
        for position in range(len(data)):
            self.wfile.write(data[position : position + 1])
            if self.owner.wait(0.05):
                return

    def gigabytes(self, _reply: Reply) -> None:
        self._begin(200, {"Content-Length": str(8 << 30)})
        self._flood(b"1" * _MIB)

    def gigabytes_chunked(self, _reply: Reply) -> None:
        self._begin(200, {"Transfer-Encoding": "chunked"})
        self._flood(b"10000\r\n" + b"1" * 0x10000 + b"\r\n")

    def gigabytes_untold(self, _reply: Reply) -> None:
        self._begin(200, {"Connection": "close"})
        self._flood(b"1" * _MIB)

    def gigabytes_of_headers(self, _reply: Reply) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        self._flood(b"X-Long: " + b"x" * 1000 + b"\r\n")

    def gigabytes_of_frame(self, _reply: Reply) -> None:
        self._begin(200, {"Transfer-Encoding": "chunked"})
        self._flood(b"0" * _MIB)

    def gigabytes_negative(self, _reply: Reply) -> None:
        self._begin(200, {"Transfer-Encoding": "chunked"})
        self.wfile.write(b"-1\r\n")
        self._flood(b"1" * _MIB)

    def _flood(self, piece: bytes) -> None:
        """The same until the other side goes away: a socket that nobody reads from blocks."""
        while not self.owner.wait(0):
            self.wfile.write(piece)

    def bomb(self, _reply: Reply) -> None:
        self._send(Reply(_bomb(), headers={"Content-Encoding": "gzip"}))

    def packed_otherwise(self, reply: Reply) -> None:
        self._send(Reply(reply.body, reply.status, {"Content-Encoding": "br"}))

    def garbage(self, _reply: Reply) -> None:
        self.wfile.write(bytes(range(256)) * 40)

    def garbage_body(self, _reply: Reply) -> None:
        self._send(Reply(bytes(range(255, -1, -1)) * 2))

    def deep_json(self, _reply: Reply) -> None:
        self._send(Reply(b"[" * 100_000))

    def cut(self, _reply: Reply) -> None:
        """Nothing is said: the connection closes."""

    def cut_in_body(self, reply: Reply) -> None:
        self._send(
            Reply(reply.body[: len(reply.body) // 2], reply.status), length=len(reply.body) + 1
        )

    def redirect(self, _reply: Reply) -> None:
        where = f"{self.owner.url}{self.owner.elsewhere}"
        self._send(Reply(b"moved", 302, {"Location": where}))

    def credentials(self, _reply: Reply) -> None:
        self._send(Reply(b"who?", 401, {"WWW-Authenticate": 'Basic realm="your password"'}))

    def forbidden(self, _reply: Reply) -> None:
        self._send(Reply(b"no", 403))

    def too_many(self, _reply: Reply) -> None:
        self._send(Reply(b"slow down", 429))

    def too_many_for_ages(self, _reply: Reply) -> None:
        self._send(Reply(b"slow down", 429, {"Retry-After": str(100 * 365 * 86_400)}))

    def unavailable(self, _reply: Reply) -> None:
        self._send(Reply(b"busy", 503))


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * 8 * _MIB, 1)


_LIES: dict[Transport, Callable[[_Handler, Reply], None]] = {
    lie: getattr(_Handler, lie.value) for lie in Transport
}


def make_certificate(folder: Path, *names: str, key: str = "ec") -> Path:
    """A PEM file with a key and a certificate that it signed itself, for IP addresses or names.

    It can be trusted by naming it in SSL_CERT_FILE.
    """
    openssl = shutil.which("openssl")
    assert openssl, "install the command openssl"
    whole = folder / f"{key}-{'-'.join(names)}.pem"
    kinds = ",".join(f"{'IP' if each[0].isdigit() else 'DNS'}:{each}" for each in names)
    kind = ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1") if key == "ec" else (key,)
    command = [
        openssl, "req", "-x509", "-nodes", "-days", "30", "-subj", f"/CN={names[0]}",
        "-addext", f"subjectAltName={kinds}", "-newkey", *kind, "-keyout", str(whole) + ".key",
        "-out", str(whole) + ".crt",
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    whole.write_text(
        Path(f"{whole}.key").read_text(encoding="ascii")
        + Path(f"{whole}.crt").read_text(encoding="ascii"),
        encoding="ascii",
    )
    return whole
