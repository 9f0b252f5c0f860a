"""The URL of a source, taken apart: what stands behind `--source`.

Never a secret in it: URLs stand in command lines, histories and logs. One that cannot be read is
never echoed, since a password may stand anywhere in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from erario.chain.errors import ChainCode
from erario.errors import RequestError

_LONGEST: Final = 2_000
PATH_SCHEMES: Final = ("blocks", "snapshot")
"""Those of the form "scheme:PATH"."""
SERVER_SCHEMES: Final = ("node", "electrum", "electrum+ssl", "esplora+https", "esplora+http")
"""Those of the form "scheme://HOST:PORT/PATH"."""
_SCHEME: Final = re.compile(r"[a-z][a-z+]{0,19}")
_HIDDEN: Final = "(not shown)"
_HERE: Final = {"node": "127.0.0.1"}
"""Who is meant where a URL of the scheme names no host."""


@dataclass(frozen=True, slots=True)
class SourceUrl:
    """A source's URL. For `blocks` and `snapshot` all behind the colon is `path`; for the others
    `host`, `port` (None where it is left out) and `path` as in any URL. `text` is the whole."""

    scheme: str
    host: str
    port: int | None
    path: str
    text: str

    @property
    def authority(self) -> str:
        """Host and port, as they were written: who was asked, for people."""
        return show_authority(self.host, self.port)


def show_authority(host: str, port: int | None) -> str:
    """Host and port as in a URL: addresses of IPv6 in brackets (RFC 3986, section 3.2.2)."""
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


def read_path_url(text: str) -> SourceUrl:
    """A URL of the form "scheme:PATH"."""
    scheme, _, path = text.partition(":")
    return SourceUrl(scheme, "", None, path, text)


def read_server_url(text: str) -> SourceUrl:
    """A URL of the form "scheme://HOST:PORT/PATH"; "node://" alone is a node on this machine.

    Raises:
        RequestError: it is none, or holds a user name, a password, a query or a fragment.
    """
    if len(text) > _LONGEST or not text.isascii() or not text.isprintable():
        raise _bad("the URL of a source is too long, or holds signs that no URL has")
    if "@" in text:
        # Wherever it stands: what cannot be told from a password is taken for one.
        raise RequestError(
            ChainCode.URL_SECRET,
            "the URL of a source holds a user name or a password",
            remedy="Leave it out, and name the file that holds it (--login or --cookie), or put "
            "that into your configuration: command lines are seen by others.",
        )
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or _HERE.get(parts.scheme), parts.port
    except ValueError:
        raise _bad("the URL of a source has no host and port that can be read") from None
    if not host:
        raise _bad("the URL of a source names no host")
    if parts.query or parts.fragment:
        raise _bad("the URL of a source has a query or a fragment, which no source takes")
    return SourceUrl(parts.scheme, host, port, parts.path, text)


def show_url(text: str) -> str:
    """A URL as it may be shown to anybody: without user name and password; of one that cannot be
    read even so, the scheme alone."""
    scheme, _, rest = text.partition(":")
    if scheme in PATH_SCHEMES:
        return text
    if scheme not in SERVER_SCHEMES:
        return _HIDDEN
    plain = f"{scheme}://{rest.rpartition('@')[2]}" if "@" in rest else text
    try:
        return read_server_url(plain).text
    except RequestError:
        return f"{scheme}:{_HIDDEN}"


def show_scheme(text: str) -> str:
    """The scheme of a URL that is none of ours, quoted; where that may be something else, less."""
    scheme, colon, rest = text.partition(":")
    is_plain = colon and "@" not in rest and _SCHEME.fullmatch(scheme)
    return f'"{scheme}:"' if is_plain else "something else"


def _bad(what: str) -> RequestError:
    return RequestError(ChainCode.URL_BAD, what, remedy='Write it like "electrum+ssl://HOST:PORT".')
