"""Connections of urllib3 whose answers are bounded byte by byte.

Invariant: while `bounds` is set, no read from a connection waits longer than what is left of the
answer's time, or takes more bytes than the answer may have, frames and headers included. Only
`http` uses this: the two are all that know urllib3 and PySocks.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, cast

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.contrib.socks import SOCKSConnection, SOCKSHTTPSConnection, SOCKSProxyManager

from erario.chain.proxies import read_proxy

SLOWEST: Final = 10_000
"""Bytes a second, after the first seconds: whoever sends less is taken to hang."""


class TooManyBytesError(Exception):
    """More bytes came than were allowed. No `OSError`, so that urllib3 lets it pass."""


@dataclass(slots=True, eq=False)
class Bounds:
    """What is left of one answer's time and bytes, as they come over the wire."""

    begun: float
    seconds: float
    most: int
    taken: int = 0
    carrier: object = None
    is_cut: bool = False

    def wait(self) -> float:
        """Seconds that the next bytes may take.

        Raises:
            TimeoutError: none are left.
        """
        left = self.begun + self.seconds + self.taken / SLOWEST - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer is too slow")
        if self.is_cut:
            raise TimeoutError("nobody waits for the answer")
        return min(left, self.seconds)

    def cut(self) -> None:
        """End the answer, also where another thread waits for its next bytes."""
        self.is_cut = True
        if isinstance(self.carrier, socket.socket):
            # Not closed: that is for whoever reads. And the plain socket's: TLS would forget its
            # state, which is being read from.
            with suppress(OSError):
                socket.socket.shutdown(self.carrier, socket.SHUT_RDWR)

    def take(self, size: int) -> None:
        """Count bytes that came.

        Raises:
            TooManyBytesError: more than allowed.
        """
        self.taken += size
        if self.taken > self.most:
            raise TooManyBytesError


bounds: ContextVar[Bounds] = ContextVar("bounds")


class _BoundedBytes(io.RawIOBase):
    """A socket's bytes, each read within the bounds of the answer under way.

    Below http.client's reader, since that waits anew for every byte of a header or a chunk.
    """

    def __init__(self, raw: io.RawIOBase, sock: object) -> None:
        super().__init__()
        self._raw = raw
        self._sock = cast("ssl.SSLSocket", sock)
        self._bounds = bounds.get()
        self._bounds.carrier = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object, /) -> int | None:
        self._sock.settimeout(self._bounds.wait())
        size = self._raw.readinto(cast("bytearray", buffer))
        self._bounds.take(size or 0)
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(self, sock: object, *args: object, **options: object) -> None:
        super().__init__(sock, *args, **options)  # type: ignore[arg-type]
        self.fp = io.BufferedReader(_BoundedBytes(self.fp.detach(), sock))


class _Plain(HTTPConnection):
    response_class = _BoundedResponse


class _Tls(HTTPSConnection):
    response_class = _BoundedResponse


class _ProxiedPlain(SOCKSConnection):
    response_class = _BoundedResponse


class _ProxiedTls(SOCKSHTTPSConnection):
    response_class = _BoundedResponse


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _Tls


class _ProxiedPlainPool(HTTPConnectionPool):
    ConnectionCls = _ProxiedPlain


class _ProxiedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _ProxiedTls


def connections_by(proxy: str | None, connections: int) -> urllib3.PoolManager:
    """Where bounded connections come from, as many as `connections` kept open.

    Raises:
        RequestError: `proxy` is not of the form "socks5h://HOST:PORT".
    """
    options = {"maxsize": connections, "num_pools": 1, "ssl_context": ssl.create_default_context()}
    if proxy is None:
        manager = urllib3.PoolManager(**options)  # type: ignore[arg-type]
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
        return manager
    proxied = SOCKSProxyManager(read_proxy(proxy).url, **options)  # type: ignore[arg-type]
    proxied.pool_classes_by_scheme = {"http": _ProxiedPlainPool, "https": _ProxiedTlsPool}
    return proxied
