"""How sources are reached: what the user's configuration says of them besides their URL."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a source. Secrets are named by the file that holds them, never given.

    Attributes:
        proxy: a SOCKS proxy as "socks5h://HOST:PORT", which resolves names too; None for none.
        cookie: a node's cookie file.
        login: a file whose first line is "user:password".
        conf: a node's bitcoin.conf.
        pin: for a snapshot, "HEIGHT:BLOCK-HASH:COINS-HASH" in display order, as the user read it
            from their own node; None for the pins that erario carries.
        plain: allow HTTP without TLS to other machines.
        timeout: seconds that one answer may take to begin, and between its bytes.
    """

    proxy: str | None = None
    cookie: Path | None = None
    login: Path | None = None
    conf: Path | None = None
    pin: str | None = None
    plain: bool = False
    timeout: float = 20.0
