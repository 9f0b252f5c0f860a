"""The one form of a proxy: "socks5h://HOST:PORT", which looks names up itself.

Other kinds look names up on this machine, and so tell the name server who is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from erario.chain.errors import ChainCode
from erario.chain.source_url import show_authority
from erario.errors import RequestError

_SCHEME = "socks5h"


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where a SOCKS 5 proxy is; `host` without brackets."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """In the form in which it was read, without anything else."""
        return f"{_SCHEME}://{show_authority(self.host, self.port)}"


def read_proxy(text: str) -> Proxy:
    """The proxy that "socks5h://HOST:PORT" names.

    Raises:
        RequestError: another form, as one with a user name or without a port.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    is_plain = text.isascii() and text.isprintable() and "@" not in text
    if not (is_plain and host and port) or parts.scheme != _SCHEME or _rest(text):
        raise RequestError(
            ChainCode.ACCESS_BAD,
            # Not echoed: it may hold a password.
            "the proxy is not one that erario can use",
            remedy='Write it as "socks5h://HOST:PORT", such as socks5h://127.0.0.1:9050 for Tor.',
        )
    return Proxy(host, port)


def _rest(text: str) -> str:
    """What stands behind host and port, but for one slash."""
    parts = urlsplit(text)
    return f"{parts.path.removeprefix('/')}{parts.query}{parts.fragment}"
