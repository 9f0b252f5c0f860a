"""A connection to an Electrum server: sockets, TLS, SOCKS and lines, and nothing of the protocol.

The one module that touches sockets and certificates; their exceptions stop here. Invariant: a
line is bounded in bytes, and time runs against whoever sends too slowly, whether nothing comes
(`timeout`) or a byte now and then (`_LEAST_RATE`).

A certificate is pinned the first time that it is seen (`certificate_pins`). Another one is taken
only if an authority that this machine trusts has signed it for that host, as servers with such
certificates renew them every few weeks.
"""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from erario.chain.certificate_pins import CertificatePins, fingerprint_of
from erario.chain.errors import ServerCode
from erario.chain.proxies import read_proxy
from erario.chain.source_url import show_authority
from erario.errors import SourceError

_AT_ONCE: Final = 1 << 16
_LEAST_RATE: Final = 8_192
"""Bytes a second below which an answer that has begun is given up; Tor gives ten times as many."""
_MOST_SECONDS: Final = 600.0
"""What one answer may take, however well it comes."""
_SLOW_REMEDY: Final = (
    'Try again later, allow more time (the key "timeout" of the source in your configuration), or '
    "ask another server."
)
_UNREACHABLE_REMEDY: Final = "Check its address and your connection, or ask another server."


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is, and how it is reached.

    Attributes:
        host: name or address, without brackets.
        port: its port.
        tls: whether it speaks TLS.
        proxy: a SOCKS proxy as "socks5h://HOST:PORT", which also resolves the name; None for none.
        timeout: seconds that it may be silent.
    """

    host: str
    port: int
    tls: bool
    proxy: str | None
    timeout: float

    @property
    def name(self) -> str:
        """Host and port, for people."""
        return show_authority(self.host, self.port)


class Wire:
    """An open connection. `open_wire` makes one."""

    def __init__(self, plain: socket.socket, name: str, timeout: float) -> None:
        self._socket = plain
        self._name = name
        self._timeout = timeout
        self._buffer = bytearray()
        self._looked_at = 0
        self._since = time.monotonic()

    def send(self, data: bytes) -> None:
        """Send it all; little enough that it fits the buffers on the way.

        Raises:
            SourceError: it does not go out.
        """
        try:
            self._socket.settimeout(self._timeout)
            self._socket.sendall(data)
        except TimeoutError:
            raise self._silent() from None
        except OSError as error:
            raise self._cut(error) from None

    def expect(self) -> None:
        """Time runs from now on: something was asked, or an answer has come."""
        self._since = time.monotonic()

    def line(self, most: int) -> bytes:
        """The next line, without its end.

        Raises:
            SourceError: it is longer than `most` bytes, does not come, or the connection is cut.
        """
        while (end := self._buffer.find(b"\n", self._looked_at)) < 0:
            self._looked_at = len(self._buffer)
            if self._looked_at > most:
                raise self._too_long(most)
            self._buffer += self._receive()
        if end > most:
            raise self._too_long(most)
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._looked_at = 0
        return line

    def cut(self) -> None:
        """End it from another thread: whoever waits for a line hears that it was cut."""
        # Not closed: that is for whoever reads. And the plain socket's: TLS would forget its
        # state, which is being read from.
        with suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of it."""
        self._socket.close()

    def _receive(self) -> bytes:
        # What has come of this line buys time; lines before it do not.
        allowed = self._timeout + min(len(self._buffer) / _LEAST_RATE, _MOST_SECONDS)
        left = self._since + allowed - time.monotonic()
        if left <= 0:
            raise self._silent()
        try:
            self._socket.settimeout(min(left, self._timeout))
            data = self._socket.recv(_AT_ONCE)
        except TimeoutError:
            raise self._silent() from None
        except OSError as error:
            raise self._cut(error) from None
        if not data:
            raise SourceError(
                ServerCode.UNREACHABLE,
                f"{self._name} has cut the connection",
                remedy=_UNREACHABLE_REMEDY,
            )
        return data

    def _silent(self) -> SourceError:
        return SourceError(
            ServerCode.TIMEOUT,
            f"{self._name} hangs, or is too slow for its answer ever to come",
            remedy=_SLOW_REMEDY,
        )

    def _cut(self, error: OSError) -> SourceError:
        return SourceError(
            ServerCode.UNREACHABLE,
            f"the connection to {self._name} broke: {_reason(error)}",
            remedy=_UNREACHABLE_REMEDY,
        )

    def _too_long(self, most: int) -> SourceError:
        return SourceError(
            ServerCode.TOO_LARGE,
            f"{self._name} sends more than {most:,} bytes where no true answer has as many",
            remedy="Ask another server.",
        )


def open_wire(address: Address, pins: CertificatePins) -> Wire:
    """Connect to a server.

    Raises:
        RequestError: the proxy is none.
        SourceError: it does not answer, or has another certificate than before.
    """
    plain = _connect(address)
    if not address.tls:
        return Wire(plain, address.name, address.timeout)
    secured = _secure(plain, address, _trusting())
    fingerprint = _fingerprint(secured)
    known = pins.known(address.name)
    if known not in {None, fingerprint}:
        secured.close()
        secured = _reconnect_renewed(address, pins, fingerprint)
        fingerprint = _fingerprint(secured)
    if known != fingerprint:
        pins.pin(address.name, fingerprint)
    return Wire(secured, address.name, address.timeout)


def _reconnect_renewed(address: Address, pins: CertificatePins, seen: str) -> ssl.SSLSocket:
    """A connection to a server whose new certificate an authority has signed."""
    context = ssl.create_default_context()
    try:
        return _secure(_connect(address), address, context)
    except SourceError as error:
        if error.code != ServerCode.CERTIFICATE:
            raise
        raise SourceError(
            ServerCode.CERTIFICATE,
            f"{address.name} shows another certificate than before, and no authority vouches for "
            f"it: SHA-256 {seen}, where {pins.known(address.name)} is known",
            remedy="Somebody may stand between you and it. Ask whoever runs it for the "
            f"fingerprint; if it is the new one, {pins.forgetting}.",
        ) from None


def _connect(address: Address) -> socket.socket:
    try:
        if address.proxy is None:
            return socket.create_connection((address.host, address.port), address.timeout)
        return _connect_by_proxy(address, address.proxy)
    except TimeoutError:
        raise SourceError(
            ServerCode.TIMEOUT,
            f"{address.name} does not answer",
            remedy=_SLOW_REMEDY,
        ) from None
    except (OSError, UnicodeError) as error:
        # UnicodeError: a host name with an empty or overlong part.
        raise SourceError(
            ServerCode.UNREACHABLE,
            f"{address.name} cannot be reached: {_reason(error)}",
            remedy=_UNREACHABLE_REMEDY,
        ) from None


def _connect_by_proxy(address: Address, proxy: str) -> socket.socket:
    import socks  # type: ignore[import-untyped]  # noqa: PLC0415 - only who has a proxy needs it

    where = read_proxy(proxy)
    plain: socket.socket = socks.socksocket()
    try:
        # Names are resolved by the proxy: a look-up of our own would tell who is asked.
        plain.set_proxy(socks.SOCKS5, where.host, where.port, rdns=True)  # type: ignore[attr-defined]
        plain.settimeout(address.timeout)
        plain.connect((address.host, address.port))
    except BaseException:
        plain.close()
        raise
    return plain


def _trusting() -> ssl.SSLContext:
    """TLS that asks no authority: who the server is, is seen by its pin."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _secure(plain: socket.socket, address: Address, context: ssl.SSLContext) -> ssl.SSLSocket:
    try:
        plain.settimeout(address.timeout)
        return context.wrap_socket(plain, server_hostname=address.host)
    except TimeoutError:
        plain.close()
        raise SourceError(
            ServerCode.TIMEOUT,
            f"{address.name} hangs in the TLS handshake",
            remedy="Use electrum:// if it speaks no TLS at this port, or ask another server.",
        ) from None
    except ssl.SSLCertVerificationError as error:
        plain.close()
        raise SourceError(
            ServerCode.CERTIFICATE,
            f"no authority vouches for the certificate of {address.name}: {error.verify_message}",
            remedy="Ask another server.",
        ) from None
    except (OSError, ValueError) as error:
        plain.close()
        raise SourceError(
            ServerCode.UNREACHABLE,
            f"{address.name} makes no TLS connection: {_reason(error)}",
            remedy="Use electrum:// if it speaks no TLS at this port, or ask another server.",
        ) from None


def _fingerprint(secured: ssl.SSLSocket) -> str:
    return fingerprint_of(secured.getpeercert(binary_form=True) or b"")


def _reason(error: Exception) -> str:
    reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error)
    return str(reason)[:200]
