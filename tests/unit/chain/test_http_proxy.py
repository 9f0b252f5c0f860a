"""HTTP through a SOCKS proxy: names are resolved by the proxy, and by nobody else (RFC 1928)."""

# ruff: noqa: SIM117 - a client within its server reads better so

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.hostile.http import HttpServer, Question, Reply, Transport, make_certificate

from erario.chain import http
from erario.chain.errors import ServerCode
from erario.chain.http import HttpClient
from erario.errors import SourceError

NAME = "explorer.onion"


class _Proxy(socketserver.BaseRequestHandler):
    """Connects whatever is asked for to one port of this machine."""

    target = 0
    refuse = False
    asked: list[tuple[str, int]]

    def handle(self) -> None:
        client: socket.socket = self.request
        greeting = client.recv(2)
        client.recv(greeting[1])
        client.sendall(b"\x05\x00")
        head = client.recv(4)
        # 3: a name, to be resolved here.
        assert head == b"\x05\x01\x00\x03"
        name = client.recv(client.recv(1)[0])
        self.asked.append((name.decode(), int.from_bytes(client.recv(2), "big")))
        if self.refuse:
            client.sendall(b"\x05\x04\x00\x01" + bytes(6))
            return
        with socket.create_connection(("127.0.0.1", self.target)) as far:
            client.sendall(b"\x05\x00\x00\x01" + bytes(6))
            back = threading.Thread(target=_pass, args=(far, client))
            back.start()
            _pass(client, far)
            back.join()


def _pass(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@contextmanager
def proxy_to(port: int, *, refuse: bool = False) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    asked: list[tuple[str, int]] = []
    handler = type("Proxy", (_Proxy,), {"target": port, "refuse": refuse, "asked": asked})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"socks5h://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def _no_names_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is looked up here tells the name server who is asked."""
    real = socket.getaddrinfo

    def look_up(host: object, *args: object, **options: object) -> object:
        assert host in ("127.0.0.1", None), host
        return real(host, *args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(http, "_FIRST_WAIT", 0.001)


def truth(_question: Question) -> Reply:
    return Reply(b"through")


def ask(base: str, proxy: str, timeout: float = 30) -> bytes:
    client = HttpClient(base, name=NAME, proxy=proxy, timeout=timeout)
    try:
        return client.get("/", most=100).body
    finally:
        client.close()


def test_plain_through_a_proxy() -> None:
    with HttpServer(truth) as server, proxy_to(server.port) as (proxy, asked):
        assert ask(f"http://{NAME}", proxy) == b"through"
    assert asked == [(NAME, 80)]
    assert server.questions[0].headers["host"] == NAME


def test_tls_through_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = make_certificate(tmp_path, NAME)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with HttpServer(truth, certificate=certificate) as server:
        with proxy_to(server.port) as (proxy, asked):
            assert ask(f"https://{NAME}:8443", proxy) == b"through"
    assert asked == [(NAME, 8443)]


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        (Transport.DRIP_BODY, ServerCode.TIMEOUT),
        (Transport.HANG, ServerCode.TIMEOUT),
        (Transport.GIGABYTES, ServerCode.TOO_LARGE),
        (Transport.CUT, ServerCode.UNREACHABLE),
    ],
)
def test_bounds_hold_through_a_proxy(lie: Transport, code: ServerCode) -> None:
    with HttpServer(truth, lie) as server, proxy_to(server.port) as (proxy, _):
        with pytest.raises(SourceError) as caught:
            ask(f"http://{NAME}", proxy, 0.5 if code == ServerCode.TIMEOUT else 30)
    assert caught.value.code == code


def test_a_proxy_that_refuses() -> None:
    with proxy_to(1, refuse=True) as (proxy, asked), pytest.raises(SourceError) as caught:
        ask(f"http://{NAME}", proxy)
    assert caught.value.code == ServerCode.UNREACHABLE
    assert len(asked) == http.TRIES


def test_no_proxy_there() -> None:
    """Never around it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        with pytest.raises(SourceError) as caught:
            ask(f"http://{NAME}", f"socks5h://127.0.0.1:{probe.getsockname()[1]}")
    assert caught.value.code == ServerCode.UNREACHABLE
